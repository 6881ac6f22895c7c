"""A question's answer: rewrite, search, stream, verify. Nothing uncertain leaves here as a citation (rag.draft)."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from db import as_subject
from db.conversations import Citation, Part
from db.documents import Selection
from rag import consent, instruments, search, usage
from rag.consent import Purpose
from rag.deadline import within
from rag.deps import Deps
from rag.draft import Draft
from rag.errors import ProviderError
from rag.history import kept
from rag.outage import outlast
from rag.providers import Answerer, BlockEnd, Cite, Meter, Text, Turn, Usage
from rag.reading import Stretch, stretches
from rag.support import supported
from rag.trace import Result
from rag.whole import whole_documents

log = logging.getLogger(__name__)

STEP = 0.15  # seconds between two looks at a growing answer
AT_ONCE = min(max(4, os.cpu_count() or 1), 8)  # questions that are searched for; well below the connections of a pool
REWRITING = 10.0  # seconds that making a follow-up stand alone may take; then the question is searched for as it is

# What runs on this machine does not come sooner when all of it is begun at once: of many questions the first would be answered as late as the
# last. What a remote model writes takes no turn.
_turns = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """An answer as far as it has come. `citations` are numbered in order of appearance; parts refer to them by number."""

    parts: tuple[Part, ...] = ()
    citations: tuple[Citation, ...] = ()
    model: str = ""
    is_extract: bool = False
    asked: str = ""  # what was searched for, where that is not the question itself
    left_out: int = 0  # earlier questions that the model was not told
    whole: bool = False  # it read the documents whole; nothing was searched
    abstained: bool = False  # finished, and nothing in it rests on the documents
    dropped: int = 0  # claims that did not stand in the stored text
    notes: tuple[str, ...] = ()
    trace: dict[str, Any] | None = None  # as rag.trace.Trace.as_json, "passages" and "whole"; set on the first step only
    finished: bool = False
    usage: Usage | None = None


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What an answer is made from."""

    stretches: tuple[Stretch, ...]
    trace: dict[str, Any]
    notes: tuple[str, ...] = ()
    holds: bool = True  # whether there is an answer in it to be quoted; a model that writes sees for itself
    whole: bool = False


def answer(
    deps: Deps,
    subject: str,
    question: str,
    *,
    selection: Selection,
    history: Sequence[Turn] = (),
    message_id: int | None = None,
    asked: str | None = None,
    whole: bool = False,
) -> Iterator[Progress]:
    """Yield the answer as it grows: first with the sources and no text, last with `finished`.

    `history` is all that was said before; as much of it as is sensible is told. `asked` is the question in the words it is searched for; by
    default a follow-up is rewritten. `whole`: the documents are read whole, where they still can be. Raises NothingToSearch,
    ProviderError, db.DatabaseAway; what was yielded before stays true.
    """
    answerer = consent.serving(deps, subject, Purpose.ANSWER)
    meter = partial(_keep_usage, deps, subject, message_id)
    with ExitStack() as turn:
        read = _read_whole(deps, subject, selection, answerer, asked or question) if whole else None
        if read is None:
            notes: tuple[str, ...] = ("The documents could not be read whole any more, so they were searched.",) if whole else ()
            if asked is None:
                asked, note = _standalone(answerer, question, history, partial(meter, "rewrite"))
                notes += note
            turn.enter_context(_turns)
            result = search.search(deps, subject, asked, selection=selection, top=deps.settings.passages, message_id=message_id)
            read = _read_found(result, notes, holds=not answerer.is_extract or supported(asked, result, deps.embedder.rarity).holds)
        if not answerer.is_extract:
            turn.close()
        asked = asked or question
        told, left_out = kept(history)
        progress = Progress(
            model=answerer.name,
            is_extract=answerer.is_extract,
            asked="" if asked == question else asked,
            left_out=0 if answerer.is_extract else left_out,  # what quotes is told nothing of what was said
            whole=read.whole,
            notes=read.notes,
            trace=read.trace,
        )
        yield progress
        yield from _written(answerer, asked, read, told, replace(progress, trace=None), partial(meter, "answer"))


def _written(answerer: Answerer, asked: str, read: _Read, told: Sequence[Turn], progress: Progress, meter: Meter) -> Iterator[Progress]:
    """The answer as it is written."""
    billed: Usage | None = None
    shown = time.monotonic()
    draft = Draft(read.stretches, is_extract=answerer.is_extract)
    try:
        with closing(_events(answerer, asked, read, told)) as events:
            for event in events:
                if isinstance(event, Usage):
                    billed = event
                    continue
                draft.take(event)
                if time.monotonic() - shown >= STEP:
                    yield _grown(progress, draft)
                    shown = time.monotonic()
    except ProviderError:
        yield _grown(progress, draft)  # what was written is kept
        raise
    finally:  # also when a person stops the answer in the middle
        if billed is not None:
            meter(billed)
    draft.end_block()
    yield replace(_grown(progress, draft), abstained=not draft.citations, finished=True, usage=billed)


def _standalone(answerer: Answerer, question: str, history: Sequence[Turn], meter: Meter) -> tuple[str, tuple[str, ...]]:
    """The question as it is to be searched for; a note where a follow-up could not be made to stand alone."""
    if not history:
        return question, ()
    try:
        with instruments.call(answerer.recipient, answerer.name, "rewrite") as call:
            return within(REWRITING, answerer.name, partial(answerer.standalone, question, history, call.metering(meter))), ()
    except ProviderError as error:
        log.info("a follow-up is searched for as it is: %s", error)
        return question, (f"The question was searched for as it is, without what was said before. {error}",)


def _read_found(result: Result, notes: tuple[str, ...], *, holds: bool) -> _Read:
    read = tuple(stretches(result.hits))
    trace = {**result.trace.as_json(result.hits), "passages": [[hit.rank for hit in stretch.hits] for stretch in read]}
    return _Read(stretches=read, trace=trace, notes=(*notes, *result.trace.notes), holds=holds)


def _read_whole(deps: Deps, subject: str, selection: Selection, answerer: Answerer, question: str) -> _Read | None:
    documents = whole_documents(deps, subject, selection, answerer)
    return None if documents is None else _Read(stretches=documents.stretches, trace=documents.trace(question), whole=True)


def _events(answerer: Answerer, question: str, read: _Read, history: Sequence[Turn]) -> Generator[Text | Cite | BlockEnd | Usage]:
    if not read.holds:
        return
    with instruments.call(answerer.recipient, answerer.name, "answer") as call:
        for event in answerer.stream(question, [stretch.passage for stretch in read.stretches], history, keep=read.whole):
            if isinstance(event, Usage):
                call.billed(event)
            yield event


def _grown(progress: Progress, draft: Draft) -> Progress:
    return replace(progress, parts=draft.parts(), citations=tuple(draft.citations), dropped=draft.dropped)


def _keep_usage(deps: Deps, subject: str, message_id: int | None, purpose: str, billed: Usage) -> None:
    def keep() -> None:
        with as_subject(deps.pool, subject) as connection:
            usage.keep(deps, connection, billed, purpose=purpose, message_id=message_id)

    outlast(keep)
