"""The offer to read the chosen documents whole instead of searching them, with its price. Off until a reader turns it on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.escape import plain
from pages.parts.i18n import _, plural
from pages.parts.money import dollars, tokens
from pages.parts.state import page_state
from rag import consent, whole
from rag.consent import Purpose

if TYPE_CHECKING:
    from db.documents import Selection
    from pages.parts.scope import Scope
    from rag.deps import Deps


def whole_offer(deps: Deps, subject: str, selection: Selection, scope: Scope) -> None:
    """Draw it, where there is one. It is worked out anew when another model serves, and for another scope or what becomes ready of it."""
    served = consent.serving(deps, subject, Purpose.ANSWER)
    key = served.recipient, served.name, selection, scope.ready
    latest = page_state().whole_offer
    if not latest.is_for(key):
        st.session_state["whole"] = False  # a yes to one offer is none to another
    offer = latest.get(key, partial(whole.offer, deps, subject, selection))
    if offer is None:
        return
    label = plural("Read {n} document whole", "Read {n} documents whole", offer.documents)
    if offer.recipient is None:
        st.toggle(label, key="whole")
        return
    price = _("(about {first}, then {again} a question)").format(first=dollars(offer.first), again=dollars(offer.again))
    told = _("{model} at {recipient} is sent all of it, about {tokens} tokens, instead of what a search finds. {minutes} minutes after the last question it costs the first price again.")  # fmt: skip
    told = told.format(model=offer.model, recipient=offer.recipient, tokens=tokens(offer.tokens), minutes=offer.minutes)
    st.toggle(f"{label} {plain(price)}", key="whole", help=plain(told))


def is_chosen() -> bool:
    """Whether the next question is to be asked of whole documents."""
    return bool(st.session_state.get("whole"))


def model() -> str:
    """The model that the offer named, as far as one was drawn."""
    offer = page_state().whole_offer.held
    return offer[1].model if offer and offer[1] else ""
