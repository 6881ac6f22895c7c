"""The language of the pages, kept for the person, and their colours, kept by the browser."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.guard import attempt
from pages.parts.i18n import _
from pages.parts.state import page_state
from rag.preferences import prefer, preferences

if TYPE_CHECKING:
    from rag.deps import Deps

PATHS = ("", "chat", "documents", "inspector", "evaluation", "usage", "settings")  # of the pages
KEY = "choose-language"

_THEMES = st.components.v2.component(
    "situate.themes",
    html='<div class="label"></div><div class="themes" role="group"></div>',
    css=files("pages.parts").joinpath("themes.css").read_text(encoding="utf-8"),
    js=files("pages.parts").joinpath("themes.js").read_text(encoding="utf-8"),
)


def appearance(deps: Deps, subject: str) -> None:
    """Two choices, each with what it falls back to."""
    with st.container(border=True, key="appearance"):
        languages = {"": _("As the browser says"), "en": "English", "zh": "简体中文"}
        held = preferences(deps, subject).language
        st.session_state[KEY] = held if held in languages else ""
        st.segmented_control(
            _("Language"), languages, key=KEY, format_func=languages.__getitem__, on_change=_speak, args=(deps, subject), required=True
        )
        st.caption(_("Kept with your documents: it holds in every browser."))
        names = {"System": _("As the system says"), "Light": _("Light"), "Dark": _("Dark")}
        _THEMES(key="themes", data={"names": names, "label": _("Colours"), "paths": PATHS})
        st.caption(_("Kept by this browser, which loads the page anew."))


def _speak(deps: Deps, subject: str) -> None:
    with attempt():
        chosen = str(st.session_state[KEY] or "")
        prefer(deps, subject, language=chosen)
        page_state().language = chosen
