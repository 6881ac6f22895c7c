"""A document's note tells what a person should know of its pages, and nothing else."""

from __future__ import annotations

import pytest

from rag import page_notes
from rag.page import Page


def page(number: int, source: str = "text", *marks: str, note: str = "") -> Page:
    return Page(number=number, label=str(number), width=595, height=842, source=source, note=note, marks=marks)  # type: ignore[arg-type]


def test_pages_that_read_well_are_not_worth_a_word() -> None:
    assert page_notes.note([page(1), page(2, "text", "rotated")]) == ""


def test_each_kind_of_page_is_told_once_with_ranges() -> None:
    pages = [
        page(1),
        *(page(n, "none", "unreadable") for n in (2, 3, 4)),
        page(5, "none", "garbled"),
        page(6, "none"),
        page(7, "ocr", "doubtful"),
        page(8, "ocr", "garbled"),
        page(9, "none", "empty"),
    ]
    assert page_notes.note(pages) == (
        "Pages 2-5 could not be read. Page 6 has no text. Pages 7-8 were read by text recognition. Page 9 is empty."
    )


def test_many_ranges_are_counted_rather_than_listed() -> None:
    assert page_notes.note([page(n, "none" if n % 2 else "text", *(["empty"] if n % 2 else [])) for n in range(1, 201)]) == (
        "Pages 1, 3, 5, 7, 9, 11 and 94 more are empty."
    )


@pytest.mark.parametrize(
    ("pages", "told"),
    [
        ([page(1, "none", "empty")], "Nothing stands on its only page."),
        ([page(n, "none", "empty") for n in range(1, 1_200)], "on any of its 1,199 pages"),
        (
            [page(1, "none", "unreadable", note="It was slow."), page(2, "none"), page(3, "none", "unreadable", note="It was slow.")],
            "Nothing could be read on any of its 3 pages. It was slow.",
        ),
        ([page(1, "none", "empty"), page(2, "none")], "No text was found on any of its 2 pages"),
    ],
)
def test_a_document_without_text_is_told_why(pages: list[Page], told: str) -> None:
    assert told in page_notes.why_nothing(pages)
