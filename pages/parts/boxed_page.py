"""A page of a document with boxes drawn on it, and what turns to the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.i18n import _
from pages.parts.page_image import SCALE, boxed
from pages.parts.page_turner import page_turner
from rag import library

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pages.parts.state import Box
    from rag.deps import Deps
    from rag.library import Chunk


def boxed_page(
    deps: Deps,
    subject: str,
    document_id: int,
    *,
    page: int,
    home: int,
    boxes: Sequence[Box],
    pale: bool,
    key: str,
    on_turn: Callable[[int], None],
) -> None:
    """Draw the page turned to; `home` is where the passage begins. Raises DocumentGone, UnreadableDocument."""
    document = library.document(deps, subject, document_id)
    page_turner(page, document.page_count, key=key, on_turn=on_turn, home=home)
    here = tuple(box for box in boxes if box[0] == page)
    png = library.page_image(deps, subject, document_id, page, scale=SCALE)
    st.image(boxed(png, here, pale=pale), width="stretch", alt=_("Page {page} of {file}").format(page=page, file=document.filename))


def boxes_of(chunks: Sequence[Chunk]) -> tuple[Box, ...]:
    """Those of every sentence."""
    return tuple(box for chunk in chunks for sentence in chunk.sentences for box in sentence.boxes)
