"""Which of the configured models serves, and whether text may be sent to it.

Leave is asked for once for each model and what it is used for; a key in the environment alone is no consent. A person may choose among what
is configured (rag.preferences); a choice that was not agreed to yet serves nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol, TypeVar, overload

from db import Connection, as_subject
from db import usage as rows
from db.usage import Consent
from rag import preferences
from rag.deps import Deps
from rag.preferences import NONE, Preferences
from rag.providers import Answerer, Embedder, Reranker, Situator

__all__ = ["Consent"]


class Purpose(StrEnum):
    """What a model is used for, and with it what it receives."""

    ANSWER = "answer"  # questions, and the passages found for them
    RERANK = "rerank"  # the same
    SITUATE = "situate"  # whole documents
    EMBED = "embed"  # whole documents, and questions


class Model(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def recipient(self) -> str | None: ...


M = TypeVar("M", bound=Model)


@dataclass(frozen=True, kw_only=True)
class Granted:
    """What a subject and this installation's operator have agreed to."""

    consents: frozenset[tuple[str, str, str]]  # recipient, model, purpose: the subject's own
    operators: frozenset[str]  # recipients, or recipient/model, for everyone and for every purpose; in lower case

    def covers(self, model: Model, purpose: Purpose) -> bool:
        """Whether text may be sent to this model; always to one that runs here."""
        if model.recipient is None:
            return True
        name = model_name(model)
        theirs = {model.recipient.casefold(), f"{model.recipient}/{name}".casefold()}
        return (model.recipient, name, purpose.value) in self.consents or not theirs.isdisjoint(self.operators)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A consent that is still to be asked for."""

    recipient: str
    model: str
    purposes: tuple[Purpose, ...]


def model_name(model: Model) -> str:
    """A model's own name, without the version of its prompts."""
    return model.name.partition("/situate-")[0]


@overload
def serving(deps: Deps, subject: str, purpose: Literal[Purpose.ANSWER]) -> Answerer: ...
@overload
def serving(deps: Deps, subject: str, purpose: Literal[Purpose.EMBED]) -> Embedder: ...
@overload
def serving(deps: Deps, subject: str, purpose: Literal[Purpose.RERANK]) -> Reranker | None: ...
@overload
def serving(deps: Deps, subject: str, purpose: Literal[Purpose.SITUATE]) -> Situator | None: ...
def serving(deps: Deps, subject: str, purpose: Purpose) -> Model | None:
    """The model that serves: the chosen one, else the first by the settings, of those that run here or were agreed to for this purpose.

    An embedder has yet to cover the documents that are asked (rag.embedding).
    """
    found = allowed(deps, subject, purpose)
    if not found and purpose in {Purpose.ANSWER, Purpose.EMBED}:
        raise LookupError("the models that answer and that embed must end with one that runs here")
    return found[0] if found else None


@overload
def allowed(deps: Deps, subject: str, purpose: Literal[Purpose.EMBED]) -> list[Embedder]: ...
@overload
def allowed(deps: Deps, subject: str, purpose: Purpose) -> Sequence[Model]: ...
def allowed(deps: Deps, subject: str, purpose: Purpose) -> Sequence[Model]:
    """The models that run here or were agreed to for this purpose, by preference: the first serves."""
    with as_subject(deps.pool, subject) as connection:
        may, choices = granted(deps, connection), preferences.read(connection)
    return [model for model in by_preference(deps, choices, purpose) if may.covers(model, purpose)]


def by_preference(deps: Deps, choices: Preferences, purpose: Purpose) -> list[Model]:
    """The chosen model, where it is configured, before those that serve unless another is chosen; none where none was chosen."""
    models = by_settings(deps, purpose)
    name = chosen_name(choices, purpose)
    if name == NONE and purpose in {Purpose.RERANK, Purpose.SITUATE}:
        return []
    first = [model for model in configured(deps, purpose) if model_name(model) == name][:1]
    return [*first, *(model for model in models if model not in first)]


def by_settings(deps: Deps, purpose: Purpose) -> Sequence[Model]:
    """Those that serve unless another is chosen, by preference."""
    match purpose:
        case Purpose.ANSWER:
            return deps.answerers
        case Purpose.RERANK:
            return deps.rerankers
        case Purpose.SITUATE:
            return deps.situators
        case Purpose.EMBED:
            return (*deps.preferred, deps.embedder)


def configured(deps: Deps, purpose: Purpose) -> Sequence[Model]:
    """All that may be chosen among, those that serve by themselves first."""
    others: dict[Purpose, Sequence[Model]] = {Purpose.ANSWER: deps.other_answerers, Purpose.EMBED: deps.other_embedders}
    return [*by_settings(deps, purpose), *others.get(purpose, ())]


def chosen_name(choices: Preferences, purpose: Purpose) -> str:
    """What was chosen for a purpose; "" when nothing was."""
    names = {
        Purpose.ANSWER: choices.answerer,
        Purpose.EMBED: choices.embedder,
        Purpose.RERANK: choices.reranker,
        Purpose.SITUATE: choices.situator,
    }
    return names[purpose]


def outstanding(deps: Deps, subject: str) -> list[Request]:
    """Models that are wanted and not agreed to yet, each with all it would be used for."""
    with as_subject(deps.pool, subject) as connection:
        may, choices = granted(deps, connection), preferences.read(connection)
    asked: dict[tuple[str, str], list[Purpose]] = {}
    for purpose in (Purpose.SITUATE, Purpose.EMBED, Purpose.ANSWER, Purpose.RERANK):
        models = by_preference(deps, choices, purpose)
        # embedders of earlier settings serve where they were agreed to; what would serve only in place of a choice is not asked for
        only_first = purpose is Purpose.EMBED or any(model_name(m) == chosen_name(choices, purpose) for m in models)
        for model in models[:1] if only_first else models:
            if model.recipient is not None and not may.covers(model, purpose):
                asked.setdefault((model.recipient, model_name(model)), []).append(purpose)
    return [Request(recipient=recipient, model=model, purposes=tuple(p)) for (recipient, model), p in asked.items()]


def granted(deps: Deps, connection: Connection) -> Granted:
    """What has been agreed to for the subject of the caller's transaction."""
    return Granted(
        consents=frozenset((c.recipient, c.model, c.purpose) for c in rows.consents(connection)),
        operators=frozenset(name.casefold() for name in deps.settings.granted),
    )


def grant(connection: Connection, request: Request) -> None:
    """The subject of the caller's transaction agrees."""
    for purpose in request.purposes:
        rows.grant(connection, recipient=request.recipient, model=request.model, purpose=purpose.value)


def given(deps: Deps, subject: str) -> list[Consent]:
    """The subject's own consents."""
    with as_subject(deps.pool, subject) as connection:
        return rows.consents(connection)


def withdraw(deps: Deps, subject: str, recipient: str, model: str) -> None:
    """The subject no longer agrees that anything is sent to this model."""
    with as_subject(deps.pool, subject) as connection:
        rows.withdraw(connection, recipient=recipient, model=model)
