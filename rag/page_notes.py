"""What a person should know of a document's pages before trusting answers from it, in a line (pure). Each page's own note says more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from rag.page import Page

RANGES = 6  # told of one kind of page; further ones are counted


def note(pages: Sequence[Page]) -> str:
    """The note of a document that can be asked: nothing, when all its pages hold readable text."""
    numbers = {kind: [page.number for page in pages if _kind(page) == kind] for kind in ("lost", "bare", "recognised", "empty")}
    sentences = []
    if lost := numbers["lost"]:
        sentences.append(f"{'Page' if len(lost) == 1 else 'Pages'} {_ranges(lost)} could not be read.")
    if bare := numbers["bare"]:
        sentences.append(f"Page {bare[0]} has no text." if len(bare) == 1 else f"Pages {_ranges(bare)} have no text.")
    if seen := numbers["recognised"]:
        said = (
            f"Page {seen[0]} was read by text recognition." if len(seen) == 1 else f"Pages {_ranges(seen)} were read by text recognition."
        )
        sentences.append(said)
    if empty := numbers["empty"]:
        sentences.append(f"Page {empty[0]} is empty." if len(empty) == 1 else f"Pages {_ranges(empty)} are empty.")
    return " ".join(sentences)


def why_nothing(pages: Sequence[Page]) -> str:
    """Why a document without a word of text failed, and what to do."""
    where = "on its only page" if len(pages) == 1 else f"on any of its {len(pages):,} pages"
    kinds = Counter(map(_kind, pages))
    if kinds["empty"] == len(pages):
        return f"Nothing stands {where}. Check that this is the file you meant."
    if kinds["lost"]:
        (reason, _), *_ = Counter(page.note for page in pages if _kind(page) == "lost").most_common(1)
        return f"Nothing could be read {where}. {reason}"
    return f"No text was found {where}, by text recognition neither. If there is some, scan it again, larger or sharper."


def _kind(page: Page) -> Literal["lost", "empty", "recognised", "bare", "text"]:
    if page.source == "none" and {"unreadable", "garbled"} & set(page.marks):
        return "lost"
    if "empty" in page.marks:
        return "empty"
    if page.source == "ocr":
        return "recognised"
    return "bare" if page.source == "none" else "text"


def _ranges(numbers: Sequence[int]) -> str:
    """4-9, 12; or 1, 3, 5, 7, 9, 11 and 94 more."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    told = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges[:RANGES])
    more = sum(b - a + 1 for a, b in ranges[RANGES:])
    return f"{told} and {more} more" if more else told
