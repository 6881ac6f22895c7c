"""Whether text may leave this machine. A key in the environment alone is no consent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from db import as_subject
from db import usage as rows
from rag.deps import Deps


class Model(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def recipient(self) -> str | None: ...


M = TypeVar("M", bound=Model)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A consent that is still to be asked for."""

    recipient: str
    models: tuple[str, ...]
    purposes: tuple[str, ...]  # answer, rerank, situate


def granted(deps: Deps, subject: str) -> frozenset[str]:
    """To whom text may be sent for this subject, in lower case: what he agreed to, and what the operator agreed to for everyone."""
    with as_subject(deps.pool, subject) as connection:
        return frozenset(name.casefold() for name in deps.settings.granted | rows.recipients(connection))


def first_allowed(models: Iterable[M], allowed: frozenset[str]) -> M | None:
    """The first model, in order of preference, that runs here or whose recipient has been agreed to."""
    return next((m for m in models if m.recipient is None or m.recipient.casefold() in allowed), None)


def outstanding(deps: Deps, subject: str) -> list[Request]:
    """Recipients that are configured and not agreed to yet."""
    allowed = granted(deps, subject)
    asked: dict[str, tuple[list[str], list[str]]] = {}
    for purpose, models in (("answer", deps.answerers), ("rerank", deps.rerankers), ("situate", deps.situators)):
        for model in models:
            if model.recipient is not None and model.recipient.casefold() not in allowed:
                names, purposes = asked.setdefault(model.recipient, ([], []))
                names.append(model.name.partition("/")[0])  # without the version of its prompt
                purposes.append(purpose)
    return [Request(recipient=r, models=tuple(dict.fromkeys(n)), purposes=tuple(p)) for r, (n, p) in asked.items()]


def withdraw(deps: Deps, subject: str, recipient: str) -> None:
    """The subject no longer agrees."""
    with as_subject(deps.pool, subject) as connection:
        rows.withdraw(connection, recipient)
