"""How far a change of the embedding model has come, while it is under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.document_progress import EVERY
from pages.parts.escape import plain
from pages.parts.i18n import _, told
from rag import embedding, library

if TYPE_CHECKING:
    from rag.deps import Deps


def switch_pace(deps: Deps, subject: str) -> float | None:
    """Seconds between two looks while documents wait to be embedded with another model; None when none does."""
    return EVERY if embedding.switch(deps, subject) and library.busy(deps, subject) else None


def switch_notice(deps: Deps, subject: str) -> None:
    """What is being filled in, what serves until then, and what it waits for; nothing when the wanted model serves."""
    switch = embedding.switch(deps, subject)
    if switch is None:
        return
    names = {"wanted": plain(switch.wanted), "serving": plain(switch.serving), "done": f"{switch.done:,}", "total": f"{switch.total:,}"}
    if switch.serving:
        text = _("Embedding with {wanted}: {done} of {total} documents; until then {serving} serves.").format(**names)
    else:
        text = _("Embedding with {wanted}: {done} of {total} documents; until then only words are searched for.").format(**names)
    st.caption(f"{text} {plain(told(switch.error))}" if switch.error else text)
