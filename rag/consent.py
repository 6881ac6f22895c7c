"""Whether text may leave this machine: asked once for each model and what it is used for. A key in the environment alone is no consent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from db import Connection, as_subject
from db import usage as rows
from db.usage import Consent
from rag.deps import Deps

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


def granted(deps: Deps, subject: str) -> Granted:
    """What has been agreed to for this subject."""
    with as_subject(deps.pool, subject) as connection:
        found = rows.consents(connection)
    return Granted(
        consents=frozenset((c.recipient, c.model, c.purpose) for c in found),
        operators=frozenset(name.casefold() for name in deps.settings.granted),
    )


def first_allowed(models: Iterable[M], allowed: Granted, purpose: Purpose) -> M | None:
    """The first model, in order of preference, that runs here or was agreed to for this purpose."""
    return next((model for model in models if allowed.covers(model, purpose)), None)


def outstanding(deps: Deps, subject: str) -> list[Request]:
    """Models that are configured and not agreed to yet, each with all it would be used for."""
    allowed = granted(deps, subject)
    asked: dict[tuple[str, str], list[Purpose]] = {}
    used: list[tuple[Purpose, Sequence[Model]]] = [
        (Purpose.SITUATE, deps.situators),
        (Purpose.EMBED, deps.preferred[:1]),  # those of earlier settings serve where they were agreed to
        (Purpose.ANSWER, deps.answerers),
        (Purpose.RERANK, deps.rerankers),
    ]
    for purpose, models in used:
        for model in models:
            if model.recipient is not None and not allowed.covers(model, purpose):
                asked.setdefault((model.recipient, model_name(model)), []).append(purpose)
    return [Request(recipient=recipient, model=model, purposes=tuple(p)) for (recipient, model), p in asked.items()]


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
