"""Any LangChain document compressor as a reranker."""

from __future__ import annotations

import pytest

from rag.errors import PermanentProviderError, SettingsError, TransientProviderError
from rag.providers.langchain_reranker import CompressorReranker

HERE = "tests.unit.compressors"
TEXTS = ["Sales fell.", "Sales in Europe rose by ten per cent.", "The board met.", "Sales rose slightly."]


def order(scores):
    return sorted(range(len(scores)), key=lambda place: -scores[place])


def test_stated_scores_decide_and_what_was_left_out_comes_last_as_it_was():
    scores = CompressorReranker(f"{HERE}:Longest?top_n=2").rerank("sales", TEXTS)
    assert order(scores) == [1, 3, 0, 2]
    assert scores[1] == len(TEXTS[1])


def test_without_scores_the_order_decides():
    assert order(CompressorReranker(f"{HERE}:Shortest").rerank("Sales in Europe", TEXTS)) == [0, 3, 1, 2]


def test_fields_are_given_as_they_are_in_a_query_string():
    assert CompressorReranker(f"{HERE}:Longest?top_n=1&least=0.5").rerank("sales", TEXTS)[1] == len(TEXTS[1]) + 0.5


def test_nothing_is_asked_when_there_is_nothing_to_rank():
    assert CompressorReranker(f"{HERE}:Unreachable").rerank("sales", []) == []


def test_it_counts_as_remote_under_the_name_of_its_class():
    reranker = CompressorReranker(f"{HERE}:Longest?top_n=2")
    assert reranker.name == reranker.recipient == "Longest"


def test_a_compressor_that_returns_other_texts_is_refused():
    with pytest.raises(PermanentProviderError, match="none of the passages"):
        CompressorReranker(f"{HERE}:Inventive").rerank("sales", TEXTS)


def test_its_own_errors_are_translated():
    with pytest.raises(TransientProviderError, match="Unreachable could not be reached"):
        CompressorReranker(f"{HERE}:Unreachable").rerank("sales", TEXTS)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("no.such.module:Class", "cannot be imported"),
        (f"{HERE}:Missing", "cannot be imported"),
        ("nothing", "cannot be imported"),
        (f"{HERE}:NoCompressor", "no LangChain BaseDocumentCompressor"),
        (f"{HERE}:Keyed", "could not be set up"),
        (f"{HERE}:Longest?top_n=many", "could not be set up"),
    ],
)
def test_what_cannot_be_built_is_a_wrong_setting(target, told):
    with pytest.raises(SettingsError, match=told):
        CompressorReranker(target)
