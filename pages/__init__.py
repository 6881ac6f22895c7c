"""The frame around every page: its configuration, the sign-in guard, navigation, and what all pages need.

Streamlit runs a deep link such as /documents without app.py, so each page calls frame() itself, first of all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.escape import plain
from pages.parts.i18n import _, told
from pages.parts.state import page_state
from pages.parts.subject import subject_of
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
    st.set_page_config(page_title=f"{title} · Situate", page_icon=_asset("mark.svg"), layout="wide", initial_sidebar_state=260)
    st.logo(_asset("logo.svg"), size="large", icon_image=_asset("mark.svg"))
    choose = json.dumps(_("Choose files"), ensure_ascii=False)  # a CSS string; Streamlit's own button speaks English only
    st.html(f"<style>{_asset('page.css')}:root {{ --situate-choose: {choose}; }}</style>")
    _navigation()
    try:
        deps = process.provided()
    except LookupError as error:
        st.error(plain(told(str(error))), icon=":material/error:")
        st.stop()
    return Frame(deps=deps, subject=subject_of(deps))


def _asset(name: str) -> str:
    return files("pages.parts").joinpath(name).read_text(encoding="utf-8")


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
        inspected = page_state().inspected
        st.page_link(
            "pages/inspector.py",
            label=_("Inspector"),
            icon=":material/manage_search:",
            query_params=inspected.parameters if inspected else None,
        )
        st.page_link("pages/evaluation.py", label=_("Evaluation"), icon=":material/monitoring:")
        st.page_link("pages/usage.py", label=_("Usage"), icon=":material/payments:")
        st.page_link("pages/settings.py", label=_("Settings"), icon=":material/tune:")
