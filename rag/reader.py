"""The child process that reads a PDF: pages -> words, told page by page; then all words -> elements (``python -m rag.reader`` under rag.pdf).

It opens ./document.pdf and tells what it is. Asked to "read" pages, it tells each as soon as it is read; where one needs text recognition, its
picture lies beside the document, and the next page is begun at the parent's word, so that pictures do not pile up. Asked to "arrange", it makes elements of the
words in ./words, of pages read by earlier processes too. PDFium is not thread-safe; one process reads one document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
from pypdfium2 import raw

from rag import pictures
from rag.confined import DOCUMENT, WORDS, Channel, Limits, picture_of, serve
from rag.glyphs import Styles, sheets_of
from rag.legibility import Need, needs_recognition
from rag.page import Page, packed, unpacked
from rag.pdfium import open_document
from rag.words import Bookmark, Sheet, clean

_OVERLAID = {raw.FPDF_ANNOT_WIDGET, raw.FPDF_ANNOT_FREETEXT}  # what a person filled in or wrote onto the page


def bookmarks_of(document: pdfium.PdfDocument) -> list[Bookmark]:
    found = []
    try:
        for entry in document.get_toc(max_depth=8):
            target = entry.get_dest()
            page = target.get_index() if target else None
            title = clean(entry.get_title())
            if page is not None and title:
                found.append(Bookmark(title=" ".join(title.split()), level=entry.level, page=page + 1))
    except pdfium.PdfiumError:
        return found  # a broken outline costs its remaining entries, not the document
    return found


def metadata_of(document: pdfium.PdfDocument, key: str) -> str:
    try:
        return " ".join(clean(document.get_metadata_value(key)).split())
    except (pdfium.PdfiumError, UnicodeDecodeError):
        return ""


def label_of(document: pdfium.PdfDocument, index: int) -> str:
    try:
        return clean(document.get_page_label(index)) or str(index + 1)
    except (pdfium.PdfiumError, UnicodeDecodeError):
        return str(index + 1)


def opened(document: pdfium.PdfDocument, index: int) -> Any:
    """A page, with what was filled in or written onto it made part of its content."""
    page = document[index]
    kinds = set()
    for at in range(raw.FPDFPage_GetAnnotCount(page)):
        note = raw.FPDFPage_GetAnnot(page, at)
        kinds.add(raw.FPDFAnnot_GetSubtype(note))
        raw.FPDFPage_CloseAnnot(note)
    if kinds & _OVERLAID and raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY) == raw.FLATTEN_SUCCESS:
        page.close()
        page = document[index]
    return page


def turn_of(sheets: list[Sheet]) -> int:
    """Degrees clockwise that bring most of a page's words upright."""
    counts = [sum(len(sheet.words) for sheet in sheets if sheet.turn == turn) for turn in range(4)]
    return 90 * counts.index(max(counts))


def _too_large(found: pictures.TooLarge, limits: Limits) -> str:
    return f"The page holds a picture of {found.megapixels:,} megapixels; the limit is {limits.megapixels:,} (SITUATE_MAX_MEGAPIXELS)."


def read_page(document: pdfium.PdfDocument, number: int, limits: Limits, picture: Path | None) -> tuple[Page, list[Sheet], Need]:
    """A page, its words where they make sense, and why to read it from its picture, which is drawn then if one is asked for."""
    page = Page(number=number, label=label_of(document, number - 1), width=0.0, height=0.0, source="none", note="")
    try:
        shown = opened(document, number - 1)
        width, height = shown.get_size()
        page = replace(page, width=round(width, 2), height=round(height, 2))
        sheets = sheets_of(shown, number, Styles(), limits)
    except pdfium.PdfiumError:
        return replace(page, note="The page is damaged and could not be read.", marks=("unreadable",)), [], ""
    except pictures.TooLarge as found:
        return replace(page, note=_too_large(found, limits), marks=("unreadable",)), [], ""
    words = [word for sheet in sheets for word in sheet.words]
    need: Need = ""
    too_large = ""
    try:
        need = needs_recognition(words, width, height, lambda: pictures.ink(shown, limits))
        if need and picture:
            pictures.draw(shown, limits, picture)
    except pictures.TooLarge as found:
        too_large = _too_large(found, limits)
    if need == "garbled":
        sheets, page = [], replace(page, note=too_large or "The page's fonts do not say which characters they show.", marks=("garbled",))
    elif words:
        turned = turn_of(sheets)
        page = replace(page, source="text", note=too_large, turned=turned, marks=("rotated",) if turned else ())
    elif too_large:
        page = replace(page, note=too_large, marks=("unreadable",))
    elif need:
        page = replace(page, note="The page has no text; it may be a scan or a picture.")
    else:
        page = replace(page, note="Nothing stands on the page.", marks=("empty",))
    return page, sheets, "" if too_large else need


def arranged(document: pdfium.PdfDocument) -> bytes:
    """The elements of all words handed in, as JSON."""
    from rag import layout

    with Path(WORDS).open("rb") as file:  # packed sheets, each after its length in four bytes
        sheets = chain.from_iterable(unpacked(file.read(int.from_bytes(size))) for size in iter(lambda: file.read(4), b""))
        elements = layout.elements(list(sheets), bookmarks_of(document))
    return json.dumps([vars_of(element) for element in elements], ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def vars_of(element: Any) -> dict[str, Any]:
    """The fields of a layout.Element; not dataclasses.asdict, which would copy each of the many spans deeply."""
    return {name: getattr(element, name) for name in element.__slots__}


def requests(channel: Channel) -> Iterator[dict[str, Any]]:
    while request := channel.hear():
        yield request


def work(channel: Channel, limits: Limits) -> None:
    document = open_document(Path(DOCUMENT), limits)
    channel.tell(
        "opened",
        page_count=len(document),
        title=metadata_of(document, "Title"),
        author=metadata_of(document, "Author"),
        bookmarks=[asdict(bookmark) for bookmark in bookmarks_of(document)],
    )
    for request in requests(channel):
        if request["kind"] == "arrange":
            channel.tell("arranged", arranged(document))
            continue
        for number in request["pages"]:
            picture = Path(picture_of(number)) if request["pictures"] else None
            page, sheets, need = read_page(document, number, limits, picture)
            channel.tell("page", packed(sheets), page=asdict(page), need=need)
            if need and picture and channel.hear() is None:
                return


if __name__ == "__main__":
    serve(work)
