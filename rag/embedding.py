"""Which embedder serves. Several may have vectors side by side; a question goes to the first that covers every document it is asked of.

The local embedder's vectors are always kept, so there is always a whole index: for whoever has not agreed to a remote one, while a remote
one is being filled in, when its provider is away, and to go back to. See docs/decisions/0018-embedders-side-by-side.md.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from db import as_subject
from db import vectors as rows
from db.documents import Selection
from db.vectors import Model
from rag import consent, instruments, usage
from rag.consent import Purpose
from rag.deadline import within
from rag.deps import Deps
from rag.errors import ProviderError, SettingsError
from rag.providers import Embedder, Usage

log = logging.getLogger(__name__)

QUESTION_SECONDS = 5.0  # for a remote embedder; then the next one that covers the documents takes its place


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question's vector, and whose it is; nothing when no embedder could be asked."""

    embedder: str = ""
    model: int = 0  # its number in the database
    vector: NDArray[np.float32] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Switch:
    """An embedder that does not cover all documents yet, and the one that serves until it does."""

    wanted: str
    serving: str  # "" when none covers all: then only words are searched for
    done: int  # documents it covers
    total: int
    error: str  # why the last document could not be filled; "" when it could


def allowed(deps: Deps, subject: str) -> list[Embedder]:
    """The embedders that text may be sent to, by preference. The local one is always among them, and last unless it was chosen."""
    return consent.allowed(deps, subject, Purpose.EMBED)


def kept(deps: Deps, subject: str) -> list[Embedder]:
    """Those whose vectors a document of this subject gets when it is published: the wanted one, the serving one, and the local one."""
    embedders = allowed(deps, subject)
    covering = _covering(deps, subject, embedders, Selection())
    serving = next((e for e in embedders if e.name in covering), deps.embedder)
    return list({e.name: e for e in (embedders[0], serving, deps.embedder)}.values())


def wanted(deps: Deps, subject: str) -> Embedder:
    """The one that is to serve."""
    return allowed(deps, subject)[0]


def switch(deps: Deps, subject: str) -> Switch | None:
    """How far a switch has come; None when the wanted embedder covers every document."""
    embedders = allowed(deps, subject)
    with as_subject(deps.pool, subject) as connection:
        models = {model.name: model for model in rows.models(connection)}
        covering = rows.covering(connection, Selection(), [e.name for e in embedders])
        error = rows.error(connection, embedders[0].name)
    total = max((model.of for model in models.values()), default=0)
    if not total or embedders[0].name in covering:
        return None
    model = models.get(embedders[0].name)
    return Switch(
        wanted=embedders[0].name,
        serving=next((e.name for e in embedders if e.name in covering), ""),
        done=model.documents if model else 0,
        total=total,
        error=error,
    )


def models(deps: Deps, subject: str) -> list[Model]:
    """Every model with vectors here, and how many of the subject's documents it covers."""
    with as_subject(deps.pool, subject) as connection:
        return rows.models(connection)


def drop(deps: Deps, name: str) -> None:
    """Delete a model's vectors, everyone's. Raises SettingsError for one that is unknown, is to serve, or serves somebody still."""
    with as_subject(deps.pool, deps.settings.subject) as connection:
        found = {model.name: model for model in rows.models(connection)}
        subjects = rows.subjects(connection)
    if name not in found:
        raise SettingsError(f"No model named {name} has vectors here. `situate embedders` names them all.")
    for subject in subjects:
        if name in {e.name for e in kept(deps, subject)}:
            raise SettingsError(f"{name} serves, or is to serve. Choose another embedder first, and wait until it has taken over.")
    for subject in subjects:
        with as_subject(deps.pool, subject) as connection:
            rows.forget(connection, found[name].id)
    with as_subject(deps.pool, deps.settings.subject) as connection:
        rows.drop_model(connection, found[name].id)


def question(deps: Deps, subject: str, text: str, selection: Selection, *, message_id: int | None = None) -> Question:
    """The question's vector by the first embedder that covers the selection. One that fails gives way to the next, and the notes say so."""
    embedders = allowed(deps, subject)
    covering = _covering(deps, subject, embedders, selection)
    serving = [e for e in embedders if e.name in covering]
    if not serving:
        return Question(notes=("The documents' vectors are not complete yet, so only the words of the question were searched for.",))
    failures: list[tuple[str, str]] = []
    for embedder in serving:
        try:
            vector = _asked(embedder, text, partial(_keep_bill, deps, subject, message_id))
        except ProviderError as error:
            log.info("a question could not be embedded: %s", error)
            failures.append((embedder.name, str(error)))
        else:
            notes = tuple(f"{name} did not answer, so {embedder.name} searched in its place. {told}" for name, told in failures)
            return Question(embedder=embedder.name, model=covering[embedder.name], vector=vector, notes=notes)
    name, told = failures[-1]
    return Question(notes=(f"{name} did not answer, so only the words of the question were searched for. {told}",))


def _asked(embedder: Embedder, text: str, meter: partial[None]) -> NDArray[np.float32]:
    if embedder.recipient is None:
        return embedder.embed_query(text, meter)
    with instruments.call(embedder.recipient, embedder.name, "embed") as call:
        return within(QUESTION_SECONDS, embedder.name, partial(embedder.embed_query, text, call.metering(meter)))


def _covering(deps: Deps, subject: str, embedders: Sequence[Embedder], selection: Selection) -> dict[str, int]:
    with as_subject(deps.pool, subject) as connection:
        return rows.covering(connection, selection, [e.name for e in embedders])


def _keep_bill(deps: Deps, subject: str, message_id: int | None, billed: Usage) -> None:
    with as_subject(deps.pool, subject) as connection:
        usage.keep(deps, connection, billed, purpose="embed", message_id=message_id)
