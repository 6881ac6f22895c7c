"""The fakes keep the contracts that they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from rag.errors import TransientProviderError
from rag.providers import Answerer, BlockEnd, Cite, Embedder, Reranker, Situator, Text, Usage
from rag.providers.fake import FakeAnswerer, FakeEmbedder, FakeReranker, FakeSituator
from tests.passages import passage

PASSAGES = [
    passage("Sales rose.", "Costs fell.", title="One"),
    passage(title="Two"),
    passage("利润上升。", title="Three"),
]


def test_each_fake_is_what_the_application_asks_for():
    embedder: Embedder = FakeEmbedder()
    reranker: Reranker = FakeReranker()
    situator: Situator = FakeSituator()
    answerer: Answerer = FakeAnswerer()
    assert len({embedder.name, reranker.name, situator.name, answerer.name}) == 4
    assert reranker.recipient is situator.recipient is answerer.recipient is None


@pytest.mark.parametrize("dimensions", [32, 384])
def test_vectors_are_unit_length_also_of_empty_text(dimensions):
    embedder = FakeEmbedder(dimensions=dimensions)
    vectors = embedder.embed_documents(["Sales rose.", "", "利润上升"])
    assert vectors.shape == (3, dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert np.array_equal(embedder.embed_query("Sales rose."), vectors[0])


def test_texts_with_common_words_are_nearer():
    embedder = FakeEmbedder()
    near, far = embedder.embed_documents(["Sales in Europe rose sharply.", "利润上升"])
    query = embedder.embed_query("sales in Europe")
    assert query @ near > query @ far + 0.3


def test_no_texts_give_no_vectors():
    assert FakeEmbedder().embed_documents([]).shape == (0, 384)


def test_the_reranker_scores_in_input_order():
    scores = FakeReranker().rerank("Did sales rise in Europe?", ["Costs fell.", "Sales in Europe did rise."])
    assert scores[1] > scores[0]


def test_the_situator_answers_every_chunk_and_fails_where_told():
    contexts = list(FakeSituator(errors={1: "overloaded"}).situate("\nAnnual report\nMore.", [(0, "a"), (1, "b"), (2, "c")]))
    assert [(context.ord, bool(context.text), context.error) for context in contexts] == [
        (0, True, ""),
        (1, False, "overloaded"),
        (2, True, ""),
    ]
    assert "Annual report" in contexts[0].text


def test_the_situator_can_fail_for_good_in_the_middle():
    contexts = FakeSituator(failure=TransientProviderError("gone")).situate("Letter", [(0, "a"), (1, "b")])
    assert next(contexts).ord == 0
    with pytest.raises(TransientProviderError, match="gone"):
        next(contexts)


def test_the_answerer_quotes_and_cites_what_it_quotes():
    events = list(FakeAnswerer().stream("Question?", PASSAGES, []))
    cites = [event for event in events if isinstance(event, Cite)]
    assert [(cite.passage, cite.first, cite.last, cite.quote) for cite in cites] == [(0, 0, 1, "Sales rose."), (2, 0, 1, "利润上升。")]
    assert "".join(event.text for event in events if isinstance(event, Text)) == "Sales rose. 利润上升。 "
    assert sum(isinstance(event, BlockEnd) for event in events) == 2
    assert isinstance(events[-1], Usage)


def test_the_answerer_plays_its_script_word_by_word():
    script = (Text(text="Sales did rise "), Cite(passage=0, first=0, last=1, quote="Sales rose."), BlockEnd())
    answerer = FakeAnswerer(script=script)
    events = list(answerer.stream("Question?", PASSAGES, []))
    assert [event.text for event in events if isinstance(event, Text)] == ["Sales ", "did ", "rise "]
    assert events[-3:-1] == list(script[1:])
    assert not answerer.is_extract


def test_the_answerer_can_fail_after_it_began():
    events = []
    with pytest.raises(TransientProviderError):
        events.extend(FakeAnswerer(failure=TransientProviderError("gone")).stream("Question?", PASSAGES, []))
    assert any(isinstance(event, Text) for event in events)
