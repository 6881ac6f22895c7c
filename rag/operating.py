"""The commands of whoever keeps an installation: the queue stopped and set going, counters, and what is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from db import as_subject
from db import stuck as stuck_rows
from db.documents import Status
from rag import chosen, doctor, library, progress, worker
from rag.deps import Deps, opened
from rag.errors import QuestionError
from rag.output import count, dump, note, say
from rag.settings import Settings

_DONE = {"pause": "Paused", "resume": "Resumed", "cancel": "Cancelled", "retry": "Queued again"}


def steer(settings: Settings, arguments: argparse.Namespace) -> int:
    """`situate pause`, `resume`, `cancel` and `retry`: documents by name, or all that it applies to. Raises QuestionError."""
    acts: dict[str, Callable[[Deps, str, Sequence[int] | None], int]] = {
        "pause": progress.pause,
        "resume": progress.resume,
        "cancel": progress.cancel,
        "retry": _retry,
    }
    if bool(arguments.names) == arguments.all:
        raise QuestionError(f"Name the documents to {arguments.command}, or give --all.")
    with opened(settings) as deps:
        ids = None if arguments.all else [d.id for d in chosen.named(deps, arguments.collection, arguments.names)]
        if arguments.all and arguments.collection:
            chosen.selection(deps, arguments.collection)
            ids = [d.id for d in library.documents(deps, settings.subject, collection=arguments.collection)]
        changed = acts[arguments.command](deps, settings.subject, ids)
    if arguments.json:
        dump({_DONE[arguments.command].lower().replace(" ", "_"): changed})
    else:
        say(f"{_DONE[arguments.command]} {count(changed, 'document')}.")
    if ids and changed < len(ids) and not arguments.all:
        note(f"To {arguments.command} does not apply to {count(len(ids) - changed, 'other document')}, as `situate list` shows.")
    return 0


def _retry(deps: Deps, subject: str, ids: Sequence[int] | None) -> int:
    if ids is None:
        return progress.retry_failed(deps, subject)
    failed = [d for d in library.documents(deps, subject) if d.id in ids and d.status is Status.FAILED]
    for document in failed:
        library.retry(deps, subject, document.id)
    return len(failed)


def stats(settings: Settings, arguments: argparse.Namespace) -> int:
    """`situate stats`: counters, cheap enough to be asked for every few seconds."""
    with opened(settings) as deps, as_subject(deps.pool, settings.subject) as connection:
        told = stuck_rows.counters(connection, worker.STALLED)
    if arguments.json:
        dump(told)
        return 0
    for name, value in told.items():
        say(f"{name}: {', '.join(f'{k} {v:,}' for k, v in value.items()) or 'none' if isinstance(value, dict) else f'{value:,}'}")
    return 0


def examine(settings: Settings, arguments: argparse.Namespace) -> int:
    """`situate doctor`: one line a check; with --mend what is stuck is freed."""
    checks = []
    for check in doctor.examine(settings, mend=arguments.mend):
        checks.append(check)
        if not arguments.json:
            say(f"{'ok   ' if check.passed else 'FAULT'} {check.name}: {check.finding}")
    if arguments.json:
        dump([{"check": check.name, "passed": check.passed, "finding": check.finding} for check in checks])
    return 0 if all(check.passed for check in checks) else 1
