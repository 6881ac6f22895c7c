"""The fakes keep the contracts that they stand for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rag.errors import TransientProviderError
from rag.providers import Answerer, BlockEnd, Cite, Embedder, Prompt, Reranker, Situator, Text, Usage
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


def test_the_situator_writes_where_it_stands_and_fails_where_told():
    asked = Prompt(system="", prefix="<document>\nAnnual report\nMore.\n</document>", suffix="<chunk>Sales rose.</chunk>", most_tokens=100)
    situator = FakeSituator(faults={"Sales": "It declined."})
    written = situator.write(replace(asked, suffix="<chunk>Costs fell.</chunk>"))
    assert ("Annual report" in written.text, written.fault, written.usage.input_tokens > 0) == (True, "", True)
    assert situator.write(asked).fault == "It declined."
    with pytest.raises(TransientProviderError, match="gone"):
        FakeSituator(failure=TransientProviderError("gone")).write(asked)


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
