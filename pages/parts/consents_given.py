"""To whom text may be sent, and taking that back."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.escape import plain
from pages.parts.guard import attempt
from pages.parts.i18n import _
from pages.parts.money import day
from rag import consent
from rag.consent import Purpose

if TYPE_CHECKING:
    from rag.deps import Deps


def consents_given(deps: Deps, subject: str) -> None:
    """Each model that was agreed to, since when and for what; then what the operator agreed to for everyone."""
    used = {
        Purpose.ANSWER: _("writes answers"),
        Purpose.EMBED: _("indexes documents"),
        Purpose.RERANK: _("orders passages"),
        Purpose.SITUATE: _("situates passages"),
    }
    found = consent.given(deps, subject)
    for (recipient, model), group in groupby(found, key=lambda c: (c.recipient, c.model)):
        given = list(group)
        purposes = ", ".join(used[Purpose(c.purpose)] for c in given)
        since = day(min(c.granted_at for c in given).date())
        with st.container(horizontal=True, vertical_alignment="center", key=f"given-{recipient}-{model}"):
            st.markdown(
                _("**{model}** at {recipient}: {purposes}. Allowed on {day}.").format(
                    model=plain(model), recipient=plain(recipient), purposes=purposes, day=plain(since)
                ),
                width="stretch",
            )
            st.button(_("Withdraw"), key=f"withdraw-{recipient}-{model}", on_click=_withdraw, args=(deps, subject, recipient, model))
    if deps.settings.granted:
        names = plain(", ".join(sorted(deps.settings.granted)))
        st.caption(_("Allowed for everyone by the operator (SITUATE\\_CONSENT): {names}").format(names=names))
    if not found and not deps.settings.granted:
        st.caption(_("No text may leave this machine."))


def _withdraw(deps: Deps, subject: str, recipient: str, model: str) -> None:
    with attempt():
        consent.withdraw(deps, subject, recipient, model)
