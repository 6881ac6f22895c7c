"""A model only claims what it cites; a claim becomes a citation when it stands in the stored text."""

from __future__ import annotations

import pytest

from db.chunks import Chunk, Sentence
from rag.draft import citation, verify
from rag.providers import Cite
from rag.reading import Stretch
from rag.trace import Hit

TEXT = "Revenue rose to 5 million.  Costs fell.\n净利润增长了。成本下降。"
SPANS = [(0, 26), (28, 39), (40, 47), (47, 52)]


def hit() -> Hit:
    sentences = tuple(Sentence(start=a, end=b, boxes=((3 + i, 72.0, 700.0 - i, 300.0, 712.0 - i),)) for i, (a, b) in enumerate(SPANS))
    chunk = Chunk(
        collection_id=1,
        document_id=7,
        ord=4,
        heading="Results",
        text=TEXT,
        context="About a company.",
        context_by="structural",
        structural="About a company.",
        first_page=3,
        last_page=6,
        sentences=sentences,
    )
    return Hit(rank=1, document="report.pdf", title="Report", chunk=chunk, stages={})


READ = [Stretch(hits=(hit(),))]


def test_a_claim_that_stands_in_its_sentences_becomes_a_citation_with_their_boxes() -> None:
    (quote,) = verify(Cite(passage=0, first=0, last=2, quote="Revenue rose to 5 million. Costs fell."), READ)
    cited = citation(quote, number=1)
    assert cited.quote == "Revenue rose to 5 million.  Costs fell."
    assert cited.page == 3
    assert [box[0] for box in cited.boxes] == [3, 4]


def test_chinese_without_spaces_is_verified() -> None:
    (quote,) = verify(Cite(passage=0, first=2, last=4, quote="净利润增长了。成本下降。"), READ)
    assert quote.text == "净利润增长了。成本下降。"


@pytest.mark.parametrize(
    "claim",
    [
        Cite(passage=1, first=0, last=1, quote="Revenue rose to 5 million."),
        Cite(passage=-1, first=0, last=1, quote="Revenue rose to 5 million."),
        Cite(passage=0, first=0, last=5, quote="Revenue rose to 5 million."),
        Cite(passage=0, first=1, last=1, quote="Costs fell."),
        Cite(passage=0, first=-1, last=1, quote="Costs fell."),
        Cite(passage=0, first=0, last=1, quote="Revenue rose to 6 million."),
        Cite(passage=0, first=1, last=2, quote="Revenue rose to 5 million."),
        Cite(passage=0, first=0, last=1, quote=""),
        Cite(passage=0, first=0, last=1, quote="About a company."),
    ],
    ids=[
        "no such passage",
        "negative passage",
        "beyond the end",
        "empty range",
        "negative start",
        "altered",
        "elsewhere",
        "no quote",
        "context",
    ],
)
def test_a_claim_that_does_not_stand_there_is_dropped(claim: Cite) -> None:
    assert verify(claim, READ) == []


def test_an_answerer_reads_each_sentence_as_it_is_stored() -> None:
    read = READ[0].passage
    assert read.sentences == ("Revenue rose to 5 million.", "Costs fell.", "净利润增长了。", "成本下降。")
    assert read.source == "report.pdf, pp. 3-6"
