"""Contextual retrieval: a model situates a published document's chunks; they stay findable with their structural contexts meanwhile.

Every answer is stored as it arrives, with what it cost, so nothing is paid for twice and a crash repeats at most the calls in flight. A
round asks for what is missing, publishes what there is, and says what is left: a chunk that failed keeps the context it has.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from db import as_subject
from db import documents as document_rows
from db.documents import Situating, Status
from rag import batching, consent, estimates, publication
from rag.calls import SUMMARY, Call, Round
from rag.consent import Purpose
from rag.contexts import MOST_FAULTS, Contexts, load
from rag.deps import Deps
from rag.errors import PermanentProviderError, PriceNotAgreed, TransientProviderError
from rag.plan import Plan, document_title, plan
from rag.providers import Written
from rag.publication import Pulse

LOOK = 60.0  # seconds between two looks at a batch


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What is left after a round."""

    again: float | None = None  # seconds after which another round is worth while, at the least; None: nothing would come of it
    progressed: bool = False  # something was stored, or a batch is under way


def situate(deps: Deps, subject: str, document_id: int, *, pulse: Pulse = lambda: None) -> Outcome:
    """One round over a ready document. Does nothing where no model may read it.

    Raises DocumentGone, DatabaseAway, and whatever `pulse` raises, with every answer stored that had arrived.
    """
    began = time.monotonic()
    document = publication.load(deps, subject, document_id)
    situator = consent.serving(deps, subject, Purpose.SITUATE)
    if document.status is not Status.READY:
        return Outcome()
    if situator is None:
        if document.situating in {Situating.WORKING, Situating.WAITING, Situating.BATCHED, Situating.HELD}:
            with as_subject(deps.pool, subject) as connection:
                document_rows.end_situating(connection, document_id, "No model may read it at present.")
        return Outcome()
    contexts = load(deps, subject, document, situator)
    held: set[int] = set()  # chunks in a batch that the provider works on
    pause: TransientProviderError | None = None
    try:
        if situator.batches is not None:
            held = batching.collect(contexts, situator.batches, pulse=pulse)
        ahead = plan(
            contexts.chunks,
            title=document_title(document.title, document.filename),
            language=document.language,
            cacheable=situator.cacheable,
            written=contexts.settled | held,
        )
        if ahead.waiting and contexts.refusal is None:
            estimates.check(deps, subject, document_id, situator)
            _begin(contexts)
            summary = _summary(contexts, ahead, pulse=pulse)
            if situator.batches is not None and 0 < deps.settings.batch_above < len(ahead.waiting) + len(held):
                batching.submit(contexts, situator.batches, ahead, summary)
                held |= set(ahead.waiting)
            else:
                _call(contexts, ahead, summary, pulse=pulse)
    except TransientProviderError as error:
        pause = error
    except (PermanentProviderError, PriceNotAgreed) as error:
        contexts.refusal = error
    _publish(contexts, began=began, pulse=pulse)
    return _outcome(contexts, held, pause)


def _begin(contexts: Contexts) -> None:
    with as_subject(contexts.deps.pool, contexts.subject) as connection:
        publication.still_there(
            document_rows.enter_stage(connection, contexts.document.id, "situating", len(contexts.chunks), done=len(contexts.written))
        )
    contexts.note(Situating.WORKING)


def _summary(contexts: Contexts, ahead: Plan, *, pulse: Pulse) -> str:
    """The summary of a long document, made once; "" where none is needed, or where the model would not write one. Raises ProviderError."""
    while ahead.outline and not contexts.summary.text and contexts.summary.attempts < MOST_FAULTS:
        for answer in Round(contexts.write, [[Call(ord=SUMMARY, prompt=ahead.summary_prompt())]], pulse=pulse):
            if not isinstance(answer.result, Written):
                raise answer.result
            contexts.keep_summary(answer.result)
    return contexts.summary.text if ahead.outline else ""


def _call(contexts: Contexts, ahead: Plan, summary: str, *, pulse: Pulse) -> None:
    """Ask for every waiting chunk, and store each answer as it arrives. Raises ProviderError."""
    windows = [[Call(ord=ord_, prompt=p) for ord_, p in ahead.prompts(window, summary).items()] for window in ahead.windows]
    for answer in Round(contexts.write, windows, pulse=pulse):
        contexts.keep([(answer.call.ord, answer.result)])


def _publish(contexts: Contexts, *, began: float, pulse: Pulse) -> None:
    """Put new contexts, their vectors and postings in place, in one transaction; whatever stands already is not embedded again."""
    deps, subject, document = contexts.deps, contexts.subject, contexts.document
    situated = contexts.situated
    if situated == contexts.chunks:
        with as_subject(deps.pool, subject) as connection:
            document_rows.leave_stages(connection, document.id, seconds=0)
        return
    with as_subject(deps.pool, subject) as connection:
        publication.still_there(document_rows.enter_stage(connection, document.id, "publishing", len(situated)))
    publication.draft_vectors(deps, subject, document, situated, pulse=pulse)
    publication.publish(deps, subject, document, situated, seconds=time.monotonic() - began)


def _outcome(contexts: Contexts, held: set[int], pause: TransientProviderError | None) -> Outcome:
    """Note what is left, and why."""
    missing = len(contexts.chunks) - len(contexts.settled)
    if held:
        contexts.note(Situating.BATCHED)
        return Outcome(again=LOOK, progressed=True)
    if contexts.refusal is not None:
        contexts.note(Situating.HELD if isinstance(contexts.refusal, PriceNotAgreed) else Situating.ENDED, str(contexts.refusal))
        return Outcome()
    if missing:
        contexts.note(Situating.WAITING, str(pause or contexts.reason))
        return Outcome(again=(pause and pause.retry_after) or 0.0, progressed=contexts.stored > 0)
    contexts.note(Situating.ENDED, next((row.error for row in contexts.rows.values() if row.error), ""))
    return Outcome()
