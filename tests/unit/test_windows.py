"""Cutting a document into windows: nothing lost, sizes bounded, sections kept together where they can be."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.windows import OUTLINE, WINDOW, outline, tokens, windows


@dataclass(frozen=True, kw_only=True)
class Piece:
    ord: int
    heading: str
    text: str


def of(*sizes: int, headings: tuple[str, ...] = ()) -> list[Piece]:
    """Chunks of about so many tokens."""
    return [Piece(ord=at, heading=headings[at] if headings else "", text="seven c " * (size * 7 // 16)) for at, size in enumerate(sizes)]


chunk_sizes = st.lists(st.one_of(st.integers(1, 400), st.integers(1, 9_000)), max_size=120)
paths = st.lists(st.sampled_from(["A", "B", "C"]), max_size=3).map(" > ".join)


@st.composite
def documents(draw: st.DrawFn) -> list[Piece]:
    sizes = draw(chunk_sizes)
    headings = sorted(draw(st.lists(paths, min_size=len(sizes), max_size=len(sizes))))
    return of(*sizes, headings=tuple(headings))


@given(documents(), st.sampled_from([None, 512, 1024, 4096]))
def test_every_chunk_is_in_exactly_one_window_and_in_order(chunks: list[Piece], cacheable: int | None) -> None:
    cut = windows(chunks, cacheable=cacheable)
    assert [ord_ for window in cut for ord_ in window.ords] == [chunk.ord for chunk in chunks]
    assert all(window.ords for window in cut)
    assert all(chunks[ord_].text in window.text for window in cut for ord_ in window.ords)


@given(documents(), st.sampled_from([None, 512, 4096]))
def test_a_window_is_bounded_unless_it_is_one_long_chunk(chunks: list[Piece], cacheable: int | None) -> None:
    for window in windows(chunks, cacheable=cacheable):
        headings = 10 * len(window.ords)  # each stands once more at the window's beginning, and tokens of parts round up
        assert window.tokens <= WINDOW + headings or len(window.ords) == 1


@given(documents())
def test_a_window_too_short_to_be_cached_has_no_neighbour_with_room_for_it(chunks: list[Piece]) -> None:
    cut = windows(chunks, cacheable=1024)
    for one, other in itertools.pairwise(cut):
        if min(one.tokens, other.tokens) < 1024 - 50:
            assert one.tokens + other.tokens > WINDOW - 200


@given(st.lists(st.integers(50, 400), min_size=1, max_size=400), st.sampled_from([512, 4096]))
def test_chunks_of_the_usual_size_give_windows_that_can_be_cached(sizes: list[int], cacheable: int) -> None:
    cut = windows(of(*sizes), cacheable=cacheable)
    if len(cut) > 1:
        assert sum(window.tokens < cacheable for window in cut) <= (1 if cacheable > WINDOW // 4 else 0)


def test_a_document_that_fits_is_its_own_window() -> None:
    (window,) = windows(of(*[250] * 30), cacheable=512)
    assert len(window.ords) == 30


def test_a_long_document_is_cut_where_its_outermost_sections_change() -> None:
    headings = tuple(f"Part {at // 22} > Section {at // 7}" for at in range(66))
    cut = windows(of(*[250] * 66, headings=headings), cacheable=512)
    assert [window.ords[0] for window in cut] == [0, 22, 44]


def test_a_section_path_stands_where_it_begins_and_at_the_head_of_each_window() -> None:
    cut = windows(of(*[300] * 60, headings=("Notes > Note 1",) * 60), cacheable=512)
    assert len(cut) > 1
    assert all(window.text.startswith("Notes > Note 1\n") and window.text.count("Note 1") == 1 for window in cut)


@pytest.mark.parametrize("count", [40, 400, 4_000])
def test_an_outline_stays_short_however_long_the_document(count: int) -> None:
    headings = tuple(f"Chapter {at // 40} > Section {at // 4} > Paragraph {at}" for at in range(count))
    chunks = of(*[250] * count, headings=headings)
    cut = windows(chunks, cacheable=512)
    told = outline(chunks, cut)
    assert "Chapter 0" in told
    assert tokens(told) <= OUTLINE * 1.03
    assert count < 400 or tokens(told) > OUTLINE / 2


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("The board met four times during the year and approved the budget.", 12, 22),
        ("公司董事会在报告期内召开了四次会议，审议通过了年度预算。", 20, 36),
        ("Совет директоров собирался четыре раза.", 14, 24),
        ("1,234,567 | 89.5 | 2023", 8, 16),
        ("", 0, 0),
    ],
)
def test_tokens_are_counted_by_script(text: str, low: int, high: int) -> None:
    assert low <= tokens(text) <= high


@given(st.text(), st.text())
def test_tokens_add_up(one: str, other: str) -> None:
    assert 0 <= tokens(one) + tokens(other) - tokens(one + other) <= 1
