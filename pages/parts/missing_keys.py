"""Which providers' keys are there, and how to add or change one. No key is shown here, or taken: they stay in the environment."""

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
    """A line for each provider; opened, it says what its key would bring, and what to write where."""
    brings = {
        "Anthropic": _("Claude writes the answers, and the contexts of the passages."),
        "Cohere": _("Cohere puts the passages in order."),
        "Voyage": _("Voyage puts the passages in order."),
    }
    file = plain(str(Path(DOTENV).absolute()))
    for key in choices.keys(deps.settings):
        label = _("{recipient}: the key is set") if key.present else _("{recipient}: no key")
        icon = ":material/check_circle:" if key.present else ":material/key_off:"
        with st.expander(label.format(recipient=key.recipient), icon=icon):
            st.markdown(_("Situate read it when it started. To change it:") if key.present else brings[key.recipient])
            st.markdown(
                _("On the machine that runs Situate, write this line with a key of your own into its environment, or into {file}:").format(
                    file=file
                )
            )
            st.code(f"{key.variable}=your-key", language=None)
            st.markdown(
                _("Then stop Situate with Ctrl-C and start it again with `make run`; workers on other machines need the same.")
                + " "
                + _("A key alone sends nothing: you are asked first, with the price.")
            )
    st.caption(_("Keys are never entered in this page, shown in it, or stored in the database."))
