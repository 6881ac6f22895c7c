"""Whether what was found holds an answer is told from how near it is and from what of the question it says."""

from __future__ import annotations

import pytest

from db.chunks import Chunk
from rag.providers.e5 import E5
from rag.support import CALIBRATED, ENOUGH, signs, supported
from rag.trace import Hit, Result, Stage, Standing, Trace

OPENED = "Acme Mining opened the copper mine at Northport in 1887."
WORKERS = "Acme Mining had 1,200 workers at the copper mine in 1890."
RARITY = E5().rarity
QUESTION = "When did Acme Mining open the copper mine at Northport?"


def found(question: str, *texts: str, nearness: float | None = None, embedder: str = CALIBRATED) -> Result:
    """What a search would return; `nearness` None: nothing was embedded."""
    hits = []
    for place, said in enumerate(texts):
        chunk = Chunk(
            collection_id=1,
            document_id=1,
            ord=place,
            heading="",
            text=said,
            context="",
            context_by="structural",
            structural="",
            first_page=1,
            last_page=1,
            sentences=(),
        )
        stages = {} if nearness is None else {Stage.DENSE: Standing(rank=place + 1, score=nearness)}
        hits.append(Hit(rank=place + 1, document="a.pdf", title="", chunk=chunk, stages=stages))
    dense = () if nearness is None else tuple((hit.key, nearness) for hit in hits)
    trace = Trace(
        question=question,
        terms=(),
        phrases=(),
        excluded=(),
        chunks=len(texts),
        stages={Stage.DENSE: dense} if dense else {},
        seconds={},
        embedder=embedder if dense else "",
        reranker="",
    )
    return Result(hits=tuple(hits), trace=trace)


def holds(question: str, *texts: str, nearness: float | None = None, embedder: str = CALIBRATED) -> bool:
    return supported(question, found(question, *texts, nearness=nearness, embedder=embedder), RARITY).holds


def test_the_weights_are_those_of_the_built_in_embedder() -> None:
    assert E5.name == CALIBRATED


def test_near_passages_that_say_what_is_asked_hold_an_answer() -> None:
    assert holds(QUESTION, OPENED, WORKERS, nearness=0.92)


def test_passages_that_lack_the_name_hold_none() -> None:
    assert not holds("When did Birch Foods open the bakery at Southend?", OPENED, WORKERS, nearness=0.84)


def test_something_else_altogether_is_not_held() -> None:
    assert not holds("How do I bake bread?", OPENED, WORKERS, nearness=0.76)


def test_nothing_found_holds_nothing() -> None:
    told = supported(QUESTION, found(QUESTION), RARITY)
    assert (told.score, told.holds) == (0.0, False)


@pytest.mark.parametrize("nearness", [None, 0.31])
def test_without_a_calibrated_embedder_the_words_decide(nearness: float | None) -> None:
    """Cosines of other models are on other scales: 0.31 may be near."""
    assert holds(QUESTION, OPENED, WORKERS, nearness=nearness, embedder="another model")
    assert not holds("How do I bake bread?", OPENED, WORKERS, nearness=nearness, embedder="another model")


def test_across_languages_no_word_can_match_so_nearness_decides() -> None:
    assert holds("矿山是什么时候开放的？", OPENED, WORKERS, nearness=0.84)
    assert not holds("如何烤面包？", OPENED, WORKERS, nearness=0.78)


def test_a_chinese_question_is_told_from_chinese_passages() -> None:
    passages = ("华夏娱乐有限公司成立于2001年5月，注册地为上海。", "公司在2010年于上海证券交易所上市。")
    assert holds("华夏娱乐有限公司的注册地在哪里？", *passages, nearness=0.93)
    assert not holds("农业发展有限公司的主要产品是什么？", *passages, nearness=0.88)


def test_a_name_that_is_missing_weighs_more_than_a_common_word_that_is() -> None:
    texts = [f"The revenue of the year is told in note {n}." for n in range(20)]
    common, rare = (signs(question, found(question, *texts), RARITY).said for question in ("show the revenue", "the revenue of Zanzibar"))
    assert common > rare


def test_how_a_question_is_put_hardly_counts() -> None:
    asked = [signs(f"{put} the copper mine at Northport", found("", OPENED), RARITY).said for put in ("", "how much did they get from")]
    assert asked[0] - asked[1] < 0.15


def test_of_a_library_about_one_company_its_name_still_counts() -> None:
    """Each passage holds it, and so it is rare among them no more."""
    texts = [f"Acme Mining dug {n} tons of ore." for n in range(20)]
    asked = "How much did Acme Mining receive?"
    assert signs(asked, found(asked, *texts), RARITY).said > 0.5


def test_the_score_grows_with_each_sign() -> None:
    scores = [supported(QUESTION, found(QUESTION, OPENED, nearness=n), RARITY).score for n in (0.7, 0.8, 0.9)]
    assert scores == sorted(scores)
    silent = supported(QUESTION, found(QUESTION, "Nothing.", nearness=0.86), RARITY).score
    assert supported(QUESTION, found(QUESTION, OPENED, nearness=0.86), RARITY).score > silent
    assert 0 < ENOUGH < 1


def test_a_name_that_no_dictionary_has_is_found_by_its_parts() -> None:
    asked = "公司共有多少名守塔人？"
    assert signs(asked, found(asked, "人员成本增长百分之三。公司共有二百一十二名守塔人、三十一名机械师。"), RARITY).said > 0.6


def test_a_question_of_common_words_is_weighed_evenly() -> None:
    assert signs("of the?", found("of the?", "The end of it."), RARITY).said == 1.0


def test_a_question_without_words_is_not_supported() -> None:
    assert not holds("???", OPENED, nearness=0.7)
