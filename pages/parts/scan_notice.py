"""That a source was read from a scan: its words are a program's reading of a picture, and the picture decides."""

from __future__ import annotations

from pages.parts.i18n import _
from pages.parts.state import Answer, Found


def scanned_numbers(read: Answer) -> list[int]:
    """The citations whose page was read from its picture."""
    return [c.number for c in read.citations if c.document_id is not None and (c.document_id, c.page) in read.scanned]


def is_scanned(read: Answer, found: Found) -> bool:
    """Whether a page of it was read from its picture."""
    return any((found.document_id, page) in read.scanned for page in range(found.first_page, found.last_page + 1))


def scan_told(numbers: list[int]) -> str:
    """As it is said below an answer that cites such pages; "" where none is cited."""
    if not numbers:
        return ""
    listed = ", ".join(map(str, numbers))
    return _("Read from a scan: {numbers}. Check the picture.").format(numbers=listed)
