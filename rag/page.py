"""One page as read: what is told of it, and its words, packed for the database and for the process that arranges them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rag.words import Sheet, Word


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page, and how far its text can be trusted."""

    number: int  # from 1
    label: str  # as printed in the document's own numbering: "iv", "12"
    width: float  # PDF points, as displayed
    height: float
    source: Literal["text", "ocr", "none"]
    note: str  # why there is no text, or what is odd about it
    turned: int = 0  # degrees clockwise that bring its text upright
    confidence: float | None = None  # of text recognition, 0 to 1
    marks: tuple[str, ...] = ()  # of: empty, garbled, rotated, unreadable, doubtful


@dataclass(frozen=True, kw_only=True)
class PageDraft:
    """A page with its words. These stay packed: whoever keeps or sends them has no need to look inside."""

    page: Page
    words: bytes  # its sheets, by `packed`

    @property
    def sheets(self) -> tuple[Sheet, ...]:
        return unpacked(self.words)

    def pack(self) -> bytes:
        """As one row of the database holds it."""
        return json.dumps(asdict(self.page), ensure_ascii=False).encode() + b"\n" + self.words

    @classmethod
    def unpack(cls, kept: bytes) -> PageDraft:
        page, _, words = kept.partition(b"\n")
        record: dict[str, Any] = json.loads(page)
        return cls(page=Page(**{**record, "marks": tuple(record["marks"])}), words=words)


def packed(sheets: Iterable[Sheet]) -> bytes:
    """JSON, for it may come from a process that a hostile file took over; compressed quickly, to a third."""
    records = [{name: getattr(sheet, name) for name in sheet.__dataclass_fields__} for sheet in sheets]
    text = json.dumps(records, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode("utf-8", "replace"), 1)


def unpacked(words: bytes) -> tuple[Sheet, ...]:
    records = json.loads(zlib.decompress(words))
    return tuple(_sheet(**record) for record in records)


def _sheet(*, words: list[Any], strokes: Iterable[Any] = (), **rest: Any) -> Sheet:
    return Sheet(**rest, words=tuple(Word(*word) for word in words), strokes=tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in strokes))
