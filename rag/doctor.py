"""What an operator checks first: settings, database, models, queue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from db import DatabaseAway, DatabaseRefused, as_subject
from db import jobs as job_rows
from rag.deps import opened
from rag.errors import SettingsError
from rag.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Check:
    name: str
    passed: bool
    finding: str  # what was found, and for a fault what to do


def examine(settings: Settings) -> Iterator[Check]:
    """Check one thing after another; stops at a fault that hides the rest."""
    yield Check(name="home", passed=True, finding=str(settings.home))
    try:
        with opened(settings) as deps:
            where = "DATABASE_URL" if settings.database_url else "embedded"
            yield Check(name="database", passed=True, finding=f"{where}, migrated, row-level security binds the role")
            vector = deps.embedder.embed_query("ready?")
            yield Check(
                name="embedder", passed=len(vector) == deps.embedder.dimensions, finding=f"{deps.embedder.name}, {len(vector)} dimensions"
            )
            for purpose, models in (("answers", deps.answerers), ("reranking", deps.rerankers), ("situating", deps.situators)):
                names = " else ".join(f"{m.name}{' (with consent)' if m.recipient else ''}" for m in models)
                yield Check(name=purpose, passed=True, finding=names or "none")
            with as_subject(deps.pool, settings.subject) as connection:
                state = job_rows.queue_state(connection)
            finding = f"{state.waiting} waiting, {state.working} being worked on, {state.workers} workers alive"
            if state.waiting and not state.workers:
                finding += ". Start one: situate worker"
            yield Check(name="queue", passed=bool(state.workers) or not state.waiting, finding=finding)
    except (DatabaseRefused, DatabaseAway) as error:
        yield Check(name="database", passed=False, finding=str(error))
    except SettingsError as error:
        yield Check(name="settings", passed=False, finding=str(error))
