"""Asking, once and calmly, whether text may be sent to a remote model, and again when its price passes the limit."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.escape import plain
from pages.parts.guard import attempt
from pages.parts.i18n import _, plural
from pages.parts.money import dollars, tokens
from pages.parts.state import page_state
from rag import consent, estimates, library
from rag.consent import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rag.consent import Request
    from rag.deps import Deps
    from rag.estimates import Quote


def consent_notice(deps: Deps, subject: str) -> None:
    """Each model that is configured and not agreed to yet: who runs it, what it would receive, at what price, and what happens otherwise."""
    state = page_state()
    asked = [(f"{r.recipient}-{r.model}", r) for r in consent.outstanding(deps, subject)]
    asked = [(key, request) for key, request in asked if key not in state.not_now]
    for key, request in asked:
        offers = estimates.offers(deps, subject, request)
        names = {"recipient": plain(request.recipient), "model": plain(request.model)}
        told = ["**" + _("May Situate send text to {recipient}, for {model}?").format(**names) + "**"]
        told += [f"{_sent(purpose)}  \n{plain(_priced(deps, purpose, quote))}" for purpose, quote in offers.items()]
        documents = offers[Purpose.SITUATE].document_ids if Purpose.SITUATE in offers else ()
        with _box(told, key=f"consent-{key}"):
            st.button(_("Not now"), key=f"not-now-{key}", on_click=state.not_now.add, args=(key,))
            st.button(_("Allow"), type="primary", key=f"allow-{key}", on_click=_allow, args=(deps, subject, request, documents))
    if asked:
        st.caption(_("A key is set, but a key alone is no consent. Until you allow it, nothing is sent there."))


def price_notice(deps: Deps, subject: str) -> None:
    """Documents that wait, un-sent, because situating them would cost more than is spent without asking."""
    waiting = estimates.held(deps, subject)
    state = page_state()
    if waiting is None or "price" in state.not_now:
        return
    situator, quote = waiting
    asked = plural("Situate {n} document, at a price?", "Situate {n} documents, at a price?", len(quote.document_ids))
    amounts = _("{model} at {recipient}: {amounts}").format(
        model=consent.model_name(situator), recipient=situator.recipient, amounts=_amounts(quote)
    )
    limit = _("More than {limit} a day is not spent without asking. Meanwhile they can be asked as they are.")
    told = [f"**{plain(asked)}**", plain(amounts), plain(limit.format(limit=dollars(deps.settings.ask_above_usd)))]
    with _box(told, key="consent-price"):
        st.button(_("Not now"), key="not-now-price", on_click=state.not_now.add, args=("price",))
        st.button(_("Situate them"), type="primary", key="agree-price", on_click=_agree, args=(deps, subject, quote.document_ids))


@contextmanager
def _box(told: list[str], *, key: str) -> Iterator[None]:
    """What is told, and beside it, or below where there is no room, the buttons that the caller draws."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=key):
        st.markdown("  \n".join(told), width="stretch")
        with st.container(horizontal=True, width="content"):
            yield


def _sent(purpose: Purpose) -> str:
    told = {
        Purpose.ANSWER: _("your questions and the passages found for them, to write answers"),
        Purpose.EMBED: _("whole documents and your questions, to compare them by meaning"),
        Purpose.RERANK: _("your questions and the passages found for them, to order the passages"),
        Purpose.SITUATE: _("whole documents, to write a context for each passage"),
    }
    return told[purpose]


def _priced(deps: Deps, purpose: Purpose, quote: Quote) -> str:
    """What is expected to be sent and billed."""
    if purpose is Purpose.EMBED:
        return _("Now: {amounts}.").format(amounts=_amounts(quote))
    if purpose is not Purpose.SITUATE:
        if quote.price is None:
            return _("About {tokens} tokens a question; its price is not known.").format(tokens=tokens(quote.sent))
        return _("About {price} a question.").format(price=dollars(quote.price))
    now = _("Now: {amounts}.").format(amounts=_amounts(quote)) if quote.document_ids else _("No document waits for it now.")
    if quote.price is None:
        return now + " " + _("To be told prices, add the model to {path}.").format(path=deps.prices.own)
    later = _("Later documents follow by themselves, up to {limit} a day; beyond that you are asked again.")
    return now + " " + later.format(limit=dollars(deps.settings.ask_above_usd))


def _amounts(quote: Quote) -> str:
    amounts = [
        plural("{n} document", "{n} documents", len(quote.document_ids)),
        plural("{n} page", "{n} pages", quote.pages),
        plural("about {n} call", "about {n} calls", quote.calls),
        _("about {tokens} tokens").format(tokens=tokens(quote.sent + quote.written)),
        _("price not known") if quote.price is None else _("about {price}").format(price=dollars(quote.price)),
    ]
    return " · ".join(amounts)


def _allow(deps: Deps, subject: str, request: Request, documents: tuple[int, ...]) -> None:
    with attempt():
        library.allow(deps, subject, request.recipient, request.model, documents=documents)


def _agree(deps: Deps, subject: str, documents: tuple[int, ...]) -> None:
    with attempt():
        library.agree_to_price(deps, subject, documents)
