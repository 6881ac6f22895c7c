"""The frame around every page: its configuration, the sign-in guard, navigation, and what all pages need.

Streamlit runs a deep link such as /documents without app.py, so each page calls frame() itself, first of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.escape import plain
from pages.parts.i18n import _, told
from pages.parts.state import page_state
from rag import process

if TYPE_CHECKING:
    from rag.deps import Deps


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Whom a page is drawn for, and with what."""

    deps: Deps
    subject: str


def frame(title: str) -> Frame:
    """Configure the page, let in who may come in, draw the navigation. Stops the page, with a sentence, where nothing can be shown."""
    st.set_page_config(page_title=f"{title} · Situate", page_icon=":material/find_in_page:", layout="wide")
    st.html(f"<style>{files('pages.parts').joinpath('page.css').read_text(encoding='utf-8')}</style>")
    _navigation()
    try:
        deps = process.provided()
    except LookupError as error:
        st.error(plain(told(str(error))), icon=":material/error:")
        st.stop()
    return Frame(deps=deps, subject=_subject(deps))


def _subject(deps: Deps) -> str:
    """Who is signed in. With sign-in off (there is none yet) everyone who reaches this address is the one subject."""
    return deps.settings.subject


def _navigation() -> None:
    conversation_id = page_state().conversation_id
    with st.sidebar:
        st.page_link(
            "pages/chat.py",
            label=_("Chat"),
            icon=":material/forum:",
            query_params={"c": str(conversation_id)} if conversation_id else None,
        )
        st.page_link("pages/documents.py", label=_("Documents"), icon=":material/description:")
