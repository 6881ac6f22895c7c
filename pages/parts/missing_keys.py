"""Which providers' keys are there, and how to add those that are not. No key is shown here, or taken: they stay in the environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.escape import plain
from pages.parts.i18n import _
from rag import choices
from rag.settings import DOTENV

if TYPE_CHECKING:
    from rag.deps import Deps


def missing_keys(deps: Deps) -> None:
    """A line for each key that is set, and for each that is not, what it would bring and the line to write."""
    brings = {
        "Anthropic": _("Claude writes the answers, and the contexts of the passages."),
        "Cohere": _("Cohere puts the passages in order."),
        "Voyage": _("Voyage puts the passages in order."),
    }
    for key in choices.keys(deps.settings):
        if key.present:
            told = _("{variable} is set.").format(variable=plain(key.variable))
            st.markdown(f":material/check_circle: {told}")
            continue
        with st.expander(_("{recipient}: no key").format(recipient=key.recipient), icon=":material/key_off:"):
            st.markdown(brings[key.recipient])
            file = plain(str(Path(DOTENV).absolute()))
            st.markdown(_("On the machine that runs Situate, write this line with a key of your own into {file}:").format(file=file))
            st.code(f"{key.variable}=your-key", language=None)
            st.markdown(
                _("Then stop Situate with Ctrl-C and start it again with `make run`; workers on other machines need the same.")
                + " "
                + _("A key alone sends nothing: you are asked first, with the price.")
            )
    st.caption(_("Keys are never entered in this page, shown in it, or stored in the database."))
