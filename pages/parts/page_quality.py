"""What is worth knowing of a page before one trusts answers from it, and how many pages of a document are of each kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from db.documents import Page
from pages.parts.i18n import _, plural, told

DOUBTFUL = frozenset({"unreadable", "garbled", "doubtful", "empty"})  # marks of pages that are worth a look


def page_told(page: Page) -> list[str]:
    """The sentences about a page, the weightiest first; none for one that simply holds text."""
    said = [told(page.note)] if page.note else []
    if not said and page.source == "none":
        said.append(_("This page could not be read.") if "unreadable" in page.marks else _("This page has no text."))
    if page.source == "none" and "empty" not in page.marks:
        said.append(_("Questions cannot find what stands on it."))
    if page.source == "ocr":
        said.append(recognised_told(page.confidence))
    if page.source == "ocr" and "garbled" in page.marks:
        said.append(_("The file's own text made no sense here, so its picture was read."))
    if "doubtful" in page.marks:
        said.append(_("Some of it may be misread: compare it with the picture."))
    if page.turned:
        said.append(_("It was turned by {degrees}° to be read.").format(degrees=page.turned))
    return said


def recognised_told(confidence: float | None) -> str:
    """That a page was read from its picture, and how sure that reading is."""
    if confidence is None:
        return _("Read by text recognition.")
    return _("Read by text recognition, confidence {confidence}.").format(confidence=f"{confidence:.2f}")


def kind_of(page: Page) -> str:
    """In a word or two, as lists and thumbnails show it; "" for a page that simply holds text."""
    names = {"unreadable": _("unreadable"), "empty": _("empty"), "doubtful": _("hard to read"), "garbled": _("garbled")}
    for mark, name in names.items():
        if mark in page.marks:
            return name
    if page.source == "none":
        return _("no text")
    return _("recognised") if page.source == "ocr" else ""


def doubtful(pages: Iterable[Page]) -> list[Page]:
    """The pages that are worth a look, empty ones last: a blank page is seldom a loss."""
    found = [page for page in pages if page.source == "none" or DOUBTFUL & set(page.marks)]
    return sorted(found, key=lambda page: "empty" in page.marks)


def kinds_told(pages: Sequence[Page]) -> list[str]:
    """How many pages are of each kind; kinds that no page is of are left out."""
    without = sum(page.source == "none" and not DOUBTFUL & set(page.marks) for page in pages)
    n = {mark: sum(mark in page.marks for page in pages) for mark in ("doubtful", "garbled", "rotated", "empty", "unreadable")}
    n |= {"text": sum(page.source == "text" for page in pages), "ocr": sum(page.source == "ocr" for page in pages), "none": without}
    told_of = {
        "text": plural("{n} with text", "{n} with text", n["text"]),
        "ocr": plural("{n} recognised", "{n} recognised", n["ocr"]),
        "doubtful": plural("{n} hard to read", "{n} hard to read", n["doubtful"]),
        "garbled": plural("{n} garbled", "{n} garbled", n["garbled"]),
        "rotated": plural("{n} turned", "{n} turned", n["rotated"]),
        "empty": plural("{n} empty", "{n} empty", n["empty"]),
        "none": plural("{n} without text", "{n} without text", n["none"]),
        "unreadable": plural("{n} unreadable", "{n} unreadable", n["unreadable"]),
    }
    return [sentence for kind, sentence in told_of.items() if n[kind]]
