"""Neighbours among the hits are read as one passage, and every sentence of it is still cited from its own chunk."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from db.chunks import Chunk, Sentence
from rag.draft import citation, verify
from rag.providers import Cite
from rag.reading import MOST, Stretch, stretches
from rag.trace import Hit


def hit(rank: int, ord_: int, *, document: int = 1, heading: str = "", context: str = "") -> Hit:
    """A chunk of two sentences on the page of its own number, each with a box of its own."""
    one, two = f"Chunk {ord_} begins.", f"Chunk {ord_} ends."
    sentences = (
        Sentence(start=0, end=len(one), boxes=((ord_ + 1, 72.0, 700.0, 300.0, 712.0),)),
        Sentence(start=len(one) + 1, end=len(one) + 1 + len(two), boxes=((ord_ + 1, 72.0, 680.0, 300.0, 692.0),)),
    )
    chunk = Chunk(
        collection_id=1,
        document_id=document,
        ord=ord_,
        heading=heading,
        text=f"{one} {two}",
        context=context,
        context_by="structural",
        structural="",
        first_page=ord_ + 1,
        last_page=ord_ + 1,
        sentences=sentences,
    )
    return Hit(rank=rank, document=f"{document}.pdf", title="", chunk=chunk, stages={})


def ords(read: list[Stretch]) -> list[list[int]]:
    return [[hit.chunk.ord for hit in stretch.hits] for stretch in read]


def test_neighbours_are_read_in_the_documents_order_at_the_place_of_the_best() -> None:
    assert ords(stretches([hit(1, 9), hit(2, 5), hit(3, 2), hit(4, 4), hit(5, 6)])) == [[9], [4, 5, 6], [2]]


def test_a_hit_between_two_others_joins_them() -> None:
    assert ords(stretches([hit(1, 4), hit(2, 2), hit(3, 3)])) == [[2, 3, 4]]


def test_neighbours_by_number_in_two_documents_stay_apart() -> None:
    assert ords(stretches([hit(1, 4), hit(2, 5, document=2)])) == [[4], [5]]


def test_a_long_run_is_cut_into_passages_around_its_best_hits() -> None:
    run = [3, 4, 2, 8, 5, 6, 7, 9]
    assert ords(stretches([hit(rank, ord_) for rank, ord_ in enumerate(run, start=1)])) == [[2, 3, 4, 5, 6], [7, 8, 9]]


@given(st.lists(st.tuples(st.integers(1, 2), st.integers(0, 15)), unique=True, max_size=20))
def test_no_hit_is_lost_or_read_twice(keys: list[tuple[int, int]]) -> None:
    hits = [hit(rank, ord_, document=document) for rank, (document, ord_) in enumerate(keys, start=1)]

    read = stretches(hits)

    assert sorted(h.rank for stretch in read for h in stretch.hits) == list(range(1, len(hits) + 1))
    assert all(len(stretch.hits) <= MOST for stretch in read)
    assert all(b.chunk.ord == a.chunk.ord + 1 for stretch in read for a, b in zip(stretch.hits, stretch.hits[1:], strict=False))
    best = [min(h.rank for h in stretch.hits) for stretch in read]
    assert best == sorted(best)


def test_headings_and_contexts_that_neighbours_share_are_told_once() -> None:
    read = stretches(
        [
            hit(1, 1, heading="Results", context="Of 2031."),
            hit(2, 2, heading="Results", context="Of 2031, table 4."),
            hit(3, 3, heading="Notes"),
        ]
    )
    (passage,) = [stretch.passage for stretch in read]

    assert passage.about == [("Section", "Results"), ("Context", "Of 2031."), ("Context", "Of 2031, table 4."), ("Section", "Notes")]
    assert passage.source == "1.pdf, pp. 2-4"


def test_a_sentence_of_a_joined_passage_is_cited_from_its_own_chunk() -> None:
    read = stretches([hit(1, 7), hit(2, 6), hit(3, 8)])

    (quote,) = verify(Cite(passage=0, first=5, last=6, quote="Chunk 8 ends."), read)
    cited = citation(quote, number=1)

    assert (cited.document_id, cited.ord, cited.page, cited.quote) == (1, 8, 9, "Chunk 8 ends.")
    assert cited.boxes == ((9, 72.0, 680.0, 300.0, 692.0),)


def test_a_claim_that_runs_from_one_chunk_into_the_next_is_cited_from_both() -> None:
    read = stretches([hit(1, 6), hit(2, 7)])

    quotes = verify(Cite(passage=0, first=1, last=3, quote="Chunk 6 ends. Chunk 7 begins."), read)

    assert [(q.hit.chunk.ord, q.text) for q in quotes] == [(6, "Chunk 6 ends."), (7, "Chunk 7 begins.")]
    assert [citation(q, number=1).page for q in quotes] == [7, 8]


def test_a_claim_beyond_the_end_of_a_joined_passage_is_none() -> None:
    read = stretches([hit(1, 6), hit(2, 7)])
    assert verify(Cite(passage=0, first=3, last=5, quote="Chunk 7 ends."), read) == []
