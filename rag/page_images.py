"""Pages as pictures, for every session of this process: each drawn once, and kept as long as all that are kept stay within a bound."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import BoundedSemaphore, Condition

from db import as_subject
from db import documents as document_rows
from db.documents import Page
from rag import pdf
from rag.deps import Deps
from rag.errors import DocumentGone
from rag.originals import original_parts

WIDTH = 1000  # pixels: sharp in a pane beside an answer
USUAL_SCALE = 1.6  # pixels per point, for a page that could not be read, whose size is not known
MOST_BYTES = 64 << 20  # kept; a page of text takes some 0.2 MB at that width
AT_ONCE = 3  # processes that draw


class Pictures:
    """What was drawn, the most recently used of it."""

    def __init__(self, most_bytes: int, at_once: int = AT_ONCE) -> None:
        self._most_bytes = most_bytes
        self._at_once = BoundedSemaphore(at_once)
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._bytes = 0
        self._drawing: set[Hashable] = set()
        self._changed = Condition()

    def get(self, key: Hashable, draw: Callable[[], bytes]) -> bytes:
        """The picture of this key; drawn where it is not kept, once however many ask. What `draw` raises is for the one who waited for it."""
        with self._changed:
            self._changed.wait_for(lambda: key not in self._drawing)
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            self._drawing.add(key)
        try:
            with self._at_once:
                picture = draw()
            self._keep(key, picture)
        finally:
            with self._changed:
                self._drawing.discard(key)
                self._changed.notify_all()
        return picture

    def _keep(self, key: Hashable, picture: bytes) -> None:
        with self._changed:
            self._kept[key] = picture
            self._bytes += len(picture)
            while self._bytes > self._most_bytes:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= len(dropped)


_pictures = Pictures(MOST_BYTES)


def page_image(deps: Deps, subject: str, document_id: int, number: int, *, width: int = WIDTH) -> bytes:
    """A PNG of a page, upright as displayed, `width` pixels wide. Raises DocumentGone, UnreadableDocument, db.DatabaseAway.

    The subject's right to see it is checked each time, also when it was drawn for someone else.
    """
    with as_subject(deps.pool, subject) as connection:
        shown = document_rows.page(connection, document_id, number)
        file = document_rows.digest(connection, document_id)  # not its number, which a restored library may give to another
    if shown is None:
        raise DocumentGone
    scale = width / shown.width if shown.width else USUAL_SCALE

    def draw() -> bytes:
        return pdf.render(original_parts(deps, subject, document_id), number, scale=scale, limits=deps.settings.limits)

    return _pictures.get((file, number, width), draw)


def page(deps: Deps, subject: str, document_id: int, number: int) -> Page:
    """What is known of a page. Raises DocumentGone, also where there is no such page."""
    with as_subject(deps.pool, subject) as connection:
        found = document_rows.page(connection, document_id, number)
    if found is None:
        raise DocumentGone
    return found
