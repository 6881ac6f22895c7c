"""What calls were billed for: kept as they happen, each with its price on that day, and added up for people."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from db import Connection, as_subject
from db import usage as rows
from db.usage import By, Spending
from rag import instruments
from rag.deps import Deps
from rag.providers import Usage

__all__ = ["By", "Spending"]


def keep(
    deps: Deps, connection: Connection, usage: Usage, *, purpose: str, document_id: int | None = None, message_id: int | None = None
) -> None:
    """Note one call in the caller's transaction. `purpose` is answer, embed, rerank, rewrite or situate."""
    cost = deps.prices.cost(usage)
    instruments.billed(usage, cost, purpose)
    rows.add_usage(
        connection, purpose=purpose, **asdict(usage), **(asdict(cost) if cost else {}), document_id=document_id, message_id=message_id
    )


def spending(deps: Deps, subject: str, by: By, *, since: datetime | None = None, limit: int = 1000) -> list[Spending]:
    """The subject's usage added up, the latest first."""
    with as_subject(deps.pool, subject) as connection:
        return rows.spending(connection, by, since=since, limit=limit)


def of_answer(deps: Deps, subject: str, message_id: int) -> Spending | None:
    """What one answer was billed for, its reranking included; None when nothing was."""
    with as_subject(deps.pool, subject) as connection:
        return next(iter(rows.spending(connection, By.ANSWER, messages=[message_id])), None)
