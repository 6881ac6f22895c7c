"""The child process that reads a whole PDF: PDFium's characters -> words -> elements -> JSON (``python -m rag.reader`` under rag.pdf).

A page that fails is kept, with a note, and the others are read. PDFium is not thread-safe; one process reads one document.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pypdfium2 as pdfium

from rag import layout
from rag.glyphs import Styles, sheets_of
from rag.pdfium import open_document, serve
from rag.words import Bookmark, Sheet, clean

_UNREADABLE = 0.3  # share of a page's characters without a meaning beyond which its fonts are held to be undecodable


def readable(sheets: list[Sheet]) -> bool:
    """Whether the fonts of a page give characters with a meaning (not private-use, replacement or unassigned ones)."""
    text = "".join(word.text for sheet in sheets for word in sheet.words)
    lost = sum(1 for char in text if char == "\ufffd" or "\ue000" <= char <= "\uf8ff" or char >= "\U000f0000")
    return lost <= _UNREADABLE * len(text)


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


def read(content: bytes) -> bytes:
    """A document as JSON: title, author, bookmarks, pages, elements."""
    document = open_document(content)
    pages: list[dict[str, Any]] = []
    sheets: list[Sheet] = []
    for index in range(len(document)):
        record: dict[str, Any] = {"number": index + 1, "label": label_of(document, index), "source": "text", "note": ""}
        record["width"], record["height"] = 0.0, 0.0
        try:
            page = document[index]
            record["width"], record["height"] = (round(side, 2) for side in page.get_size())
            found = sheets_of(page, index + 1, Styles())
            page.close()
        except pdfium.PdfiumError:
            record |= {"source": "none", "note": "The page is damaged and could not be read."}
        else:
            if not found:
                record |= {"source": "none", "note": "The page has no text; it may be a scan or a picture."}
            elif not readable(found):
                record |= {"source": "none", "note": "The page's fonts do not say which characters they show."}
            else:
                sheets += found
        pages.append(record)
    bookmarks = bookmarks_of(document)
    result = {
        "title": metadata_of(document, "Title"),
        "author": metadata_of(document, "Author"),
        "bookmarks": [asdict(bookmark) for bookmark in bookmarks],
        "pages": pages,
        "elements": [vars_of(element) for element in layout.elements(sheets, bookmarks)],
    }
    return json.dumps(result, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def vars_of(element: layout.Element) -> dict[str, Any]:
    """The element's fields; not dataclasses.asdict, which would copy each of the many spans deeply."""
    return {name: getattr(element, name) for name in element.__slots__}


if __name__ == "__main__":
    serve(read)
