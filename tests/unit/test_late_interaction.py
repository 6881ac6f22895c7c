"""Late interaction orders passages by how well each word of the question is met."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from rag.providers.late_interaction import LateInteraction, score

if TYPE_CHECKING:
    from rag.providers import Reranker
    from rag.providers.e5 import E5

EYE = np.eye(3, dtype=np.float32)


@pytest.fixture
def reranker(e5: E5) -> Reranker:
    return LateInteraction(e5)


def test_each_token_of_the_question_meets_its_nearest_token() -> None:
    passage = np.array([[2, 0, 0], [3, 4, 0]], np.float32)
    assert score(EYE[:2], np.ones(2, np.float32), passage) == pytest.approx((1 + 0.8) / 2)


def test_a_rare_token_counts_for_more() -> None:
    weights = np.array([1, 3], np.float32)
    assert score(EYE[:2], weights, EYE[:1]) == pytest.approx(1 / 4)
    assert score(EYE[:2], weights, EYE[1:2]) == pytest.approx(3 / 4)


def test_a_passage_without_tokens_scores_nothing() -> None:
    assert score(EYE, np.ones(3, np.float32), np.zeros((0, 3), np.float32)) == 0


def test_the_passage_that_answers_scores_best(reranker: Reranker) -> None:
    scores = reranker.rerank(
        "Which bank issued the letter of credit?",
        [
            "The harvest was late because of the rain, and prices rose.",
            "The letter of credit was issued by Meridian Bank on 4 May.",
            "A letter was sent to the harbour master.",
        ],
    )
    assert len(scores) == 3
    assert np.argmax(scores) == 1


def test_a_chinese_passage_that_answers_scores_best(reranker: Reranker) -> None:
    scores = reranker.rerank(
        "公司何时任命了新的首席执行官？", ["公司注册地为上海。", "二零二一年一月，公司任命张伟为新的首席执行官。", "公司完成了债务重组。"]
    )
    assert np.argmax(scores) == 1


def test_scores_come_in_the_order_of_the_texts_and_do_not_depend_on_it(reranker: Reranker) -> None:
    texts = ["Trees lose their leaves in autumn.", "The engine was repaired twice.", "Autumn was warm."]
    assert reranker.rerank("When do leaves fall?", texts) == reranker.rerank("When do leaves fall?", texts[::-1])[::-1]


def test_the_end_of_a_long_passage_counts(reranker: Reranker) -> None:
    filler = "The weather was mild and nothing much happened that day. " * 60
    plain, told = reranker.rerank("Where is the treasure buried?", [filler, filler + "The treasure is buried under the lighthouse."])
    assert told > plain


@pytest.mark.parametrize("question", ["", "   ", "???"])
def test_a_question_without_words_still_gets_a_score_for_every_text(reranker: Reranker, question: str) -> None:
    scores = reranker.rerank(question, ["One.", "", "Three."])
    assert len(scores) == 3
    assert all(np.isfinite(scores))


def test_no_texts_give_no_scores(reranker: Reranker) -> None:
    assert reranker.rerank("Anything?", []) == []


def test_it_sends_nothing_away_and_asks_to_be_joined_with_the_fused_score(reranker: Reranker) -> None:
    assert reranker.recipient is None
    assert reranker.joins_fusion
