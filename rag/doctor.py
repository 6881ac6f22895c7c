"""What an operator checks first: settings, database, models, queue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from db import DatabaseAway, DatabaseRefused, as_subject
from db import jobs as job_rows
from rag import consent, embedding, estimates, stuck, worker
from rag.consent import Purpose
from rag.deps import Deps, opened
from rag.errors import ProviderError, SettingsError
from rag.estimates import Quote
from rag.output import count
from rag.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Check:
    name: str
    passed: bool
    finding: str  # what was found, and for a fault what to do


def _embedder(deps: Deps, subject: str) -> Check:
    """The one that is to serve, tried; while it does not cover all documents, how far it has come."""
    wanted = embedding.wanted(deps, subject)
    try:
        finding = f"{wanted.name}, {len(wanted.embed_query('ready?'))} dimensions"
    except ProviderError as error:
        return Check(name="embedder", passed=False, finding=f"{wanted.name}: {error}")
    switch = embedding.switch(deps, subject)
    if switch is None:
        return Check(name="embedder", passed=True, finding=finding)
    meanwhile = f"until then {switch.serving} serves" if switch.serving else "until then only words are searched for"
    finding += f"; it covers {switch.done} of {switch.total} documents, {meanwhile}"
    return Check(name="embedder", passed=not switch.error, finding=f"{finding}. {switch.error}" if switch.error else finding)


def examine(settings: Settings, *, mend: bool = False) -> Iterator[Check]:
    """Check one thing after another, and with `mend` free what is stuck; stops at a fault that hides the rest."""
    yield Check(name="home", passed=True, finding=str(settings.home))
    try:
        with opened(settings) as deps:
            where = "DATABASE_URL" if settings.database_url else "embedded"
            yield Check(name="database", passed=True, finding=f"{where}, migrated, row-level security binds the role")
            yield _embedder(deps, settings.subject)
            for purpose, models in (("answers", deps.answerers), ("reranking", deps.rerankers), ("situating", deps.situators)):
                names = " else ".join(f"{m.name}{' (with consent)' if m.recipient else ''}" for m in models)
                yield Check(name=purpose, passed=True, finding=names or "none")
            for sentence in waiting_for_consent(deps, settings.subject):
                yield Check(name="consent", passed=True, finding=sentence)
            with as_subject(deps.pool, settings.subject) as connection:
                state = job_rows.queue_state(connection, worker.STALLED)
            waiting = state.waiting + state.scheduled
            finding = f"{waiting} waiting, {state.working} being worked on, {state.workers} workers alive"
            if waiting and not state.workers:
                finding += ". Start one: situate worker"
            yield Check(name="queue", passed=bool(state.workers) or not waiting, finding=finding)
            yield from _stuck(deps, settings.subject, mend=mend)
    except (DatabaseRefused, DatabaseAway) as error:
        yield Check(name="database", passed=False, finding=str(error))
    except SettingsError as error:
        yield Check(name="settings", passed=False, finding=str(error))


def _stuck(deps: Deps, subject: str, *, mend: bool) -> Iterator[Check]:
    for finding in stuck.findings(deps, subject):
        if finding.mend is None:
            yield Check(name="stuck", passed=False, finding=finding.told)
        elif mend:
            finding.mend()
            yield Check(name="stuck", passed=True, finding=f"{finding.told}. Mended")
        else:
            yield Check(name="stuck", passed=False, finding=f"{finding.told}. To free it now: situate doctor --mend")


def waiting_for_consent(deps: Deps, subject: str) -> Iterator[str]:
    """What is not sent because nobody has agreed to it, what it would cost, and how to agree where there is no page. Raises DatabaseAway."""
    for request in consent.outstanding(deps, subject):
        told = [f"{purpose.value}: {_amounts(purpose, quote)}" for purpose, quote in estimates.offers(deps, subject, request).items()]
        yield (
            f"nothing is sent to {request.model} of {request.recipient} before you agree ({'; '.join(told)}). "
            f"Agree in the page, or set SITUATE_CONSENT={request.recipient}/{request.model}"
        )
    if waiting := estimates.held(deps, subject):
        _, quote = waiting
        yield (
            f"to be situated, {count(len(quote.document_ids), 'document')} must wait for a yes to the price ({_amounts(Purpose.SITUATE, quote)}); the limit is "
            f"${deps.settings.ask_above_usd} a day. Agree on the documents page, or raise SITUATE_ASK_ABOVE_USD and ingest them again"
        )


def _amounts(purpose: Purpose, quote: Quote) -> str:
    price = "price not known" if quote.price is None else f"about ${quote.price:.2g}" if quote.price < 1 else f"about ${quote.price:.2f}"
    if purpose in {Purpose.ANSWER, Purpose.RERANK}:
        return f"{price} a question"
    documents, pages = count(len(quote.document_ids), "document"), count(quote.pages, "page")
    return f"{documents}, {pages}, about {count(quote.calls, 'call')} and {quote.sent + quote.written:,} tokens, {price}"
