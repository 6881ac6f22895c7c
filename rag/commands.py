"""What each command of the command line does: the same calls the pages make. JSON on stdout, sentences on stderr."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from db import migrate as migrations
from db.documents import Status
from rag import (
    answer,
    backup,
    chosen,
    conversation,
    embedding,
    intake,
    jobs,
    library,
    listening,
    operating,
    search,
    shelf_commands,
    tracing,
)
from rag.deps import opened
from rag.errors import QuestionError, QuestionSetError
from rag.output import count, dump, note, say
from rag.settings import Settings, forget_libpq
from rag.trace import Stage


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run the command that `arguments` name; the exit code. Raises SituateError, DatabaseRefused, DatabaseAway, BrokenPipeError."""
    command: Callable[[Settings, argparse.Namespace], int] = {
        "serve": _serve,
        "web": _serve,
        "worker": _worker,
        "migrate": _migrate,
        "backup": backup.save,
        "restore": backup.restore,
        "doctor": operating.examine,
        "stats": operating.stats,
        "ingest": intake.ingest,
        **dict.fromkeys(("pause", "resume", "cancel", "retry"), operating.steer),
        "search": _search,
        "ask": _ask,
        "list": _list,
        "delete": _delete,
        **shelf_commands.COMMANDS,
        "embedders": _embedders,
        "situate": _situate,
        "evaluate": _evaluate,
    }[arguments.command]
    forget_libpq(embedded=not settings.database_url)
    with tracing.exported(settings):
        return command(settings, arguments)


def _serve(settings: Settings, arguments: argparse.Namespace) -> int:
    from rag.serve import serve

    port = settings.port if arguments.port is None else arguments.port
    return serve(settings, port=port, worker=arguments.command == "serve")


def _worker(settings: Settings, _: argparse.Namespace) -> int:
    with opened(settings, lasting=True) as deps, listening.watched(deps):
        jobs.defer_everyones_fills(deps)
        jobs.run_worker(deps)
    return 0


def _migrate(settings: Settings, _: argparse.Namespace) -> int:
    if settings.database_url:
        applied = migrations.migrate(settings.database_url)
        say(f"Applied: {', '.join(applied)}." if applied else "The database is up to date.")
        return 0
    with opened(settings):
        say("The embedded database is up to date.")
    return 0


def _search(settings: Settings, arguments: argparse.Namespace) -> int:
    with opened(settings) as deps:
        result = search.search(
            deps,
            settings.subject,
            conversation.check_question(arguments.question),
            selection=chosen.selection(deps, arguments.collection, arguments.document),
            top=arguments.top,
            stage=Stage(arguments.stage),
        )
    for remark in result.trace.notes:
        note(remark)
    if arguments.json:
        dump([hit.as_json() for hit in result.hits])
        return 0
    for hit in result.hits:
        where = ", ".join(f"{stage.value} {standing.rank}" for stage, standing in hit.stages.items())
        say(f"{hit.rank:3}. {hit.document}, p. {hit.chunk.first_page}  {hit.chunk.heading}  ({where})")
        say(f"     {' '.join(hit.chunk.text.split())[:200]}")
    return 0


def _ask(settings: Settings, arguments: argparse.Namespace) -> int:
    with opened(settings) as deps:
        question = conversation.check_question(arguments.question)
        selection = chosen.selection(deps, arguments.collection)
        *_, last = answer.answer(deps, settings.subject, question, selection=selection)
    for remark in last.notes:
        note(remark)
    told = "".join(f"{part.text}{''.join(f'[{n}]' for n in part.citations)}" for part in last.parts)
    if arguments.json:
        dump(_answer_json(last, told))
        return 0
    if last.is_extract and not last.abstained:
        say("Extract: the best matching sentences, quoted. No model wrote this.")
        say()
    for line in (told.strip() or "The documents do not seem to hold an answer.").splitlines():
        say(line)
    for citation in last.citations:
        say()
        say(f"[{citation.number}] {citation.filename}, p. {citation.page}: {' '.join(citation.quote.split())}")
    return 0


def _answer_json(progress: answer.Progress, told: str) -> dict[str, Any]:
    return {
        "answer": told.strip(),
        "citations": [
            {"number": c.number, "document": c.filename, "page": c.page, "quote": c.quote, "boxes": [list(box) for box in c.boxes]}
            for c in progress.citations
        ],
        "abstained": progress.abstained,
        "model": progress.model,
        "usage": asdict(progress.usage) if progress.usage else None,
    }


def _evaluate(settings: Settings, arguments: argparse.Namespace) -> int:
    from rag import evaluate, ladder_table, question_files, question_sets

    if arguments.json and not arguments.json.parent.is_dir():
        raise QuestionSetError(f"{arguments.json} cannot be written: its folder does not exist.")  # said before the work, not after
    found = question_sets.chosen(
        question_files.load(arguments.set), language=arguments.language, limit=arguments.limit, sample=arguments.sample
    )
    with opened(settings) as deps:
        plan = evaluate.plan(
            deps,
            settings.subject,
            found,
            contexts=[question_sets.Context(name) for name in arguments.context or ()],
            stages=[Stage(name) for name in arguments.stage or ()],
            spend=arguments.spend,
        )
        progress = ladder_table.Progress()
        try:
            measured = evaluate.run(deps, settings.subject, plan, progress=progress)
        finally:
            progress.end()
    groups = measured.group(arguments.by) if arguments.by else {}
    for line in [*ladder_table.lines(measured), *(line for name, part in groups.items() for line in ["", name, *ladder_table.rows(part)])]:
        say(line)
    if arguments.json:
        told = measured.as_json() | ({"by": {name: part.as_json() for name, part in groups.items()}} if groups else {})
        arguments.json.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return 0


def _list(settings: Settings, arguments: argparse.Namespace) -> int:
    with opened(settings) as deps:
        chosen.selection(deps, arguments.collection)
        found = library.documents(deps, settings.subject, collection=arguments.collection)
    rows: list[dict[str, Any]] = [
        {
            "document": d.filename,
            "collection": d.collection,
            "version": d.version,
            "status": d.status.value,
            "stage": d.stage or None,
            "done": d.done,
            "total": d.total,
            "pages": d.page_count,
            "chunks": d.n_chunks,
            "situated": d.situated,
            "unsituated": d.unsituated or None,
            "error": d.error or None,
            "note": d.note or None,
        }
        for d in found
    ]
    if arguments.json:
        dump(rows)
    else:
        for row in rows:
            far = f", {row['stage']} {row['done']:,} of {row['total']:,}" if row["total"] else ""
            told = row["error"] or f"{count(row['pages'], 'page')}{far}. {row['note'] or ''}".strip()
            version = f" (version {row['version']})" if row["version"] > 1 else ""
            say(f"{row['status']:9} {row['collection']}/{row['document']}{version}: {told}")
    return 0


def _embedders(settings: Settings, arguments: argparse.Namespace) -> int:
    with opened(settings) as deps:
        if arguments.drop:
            embedding.drop(deps, arguments.drop)
            say(f"Dropped the vectors of {arguments.drop}.")
            return 0
        wanted = embedding.wanted(deps, settings.subject).name
        switch = embedding.switch(deps, settings.subject)
        models = embedding.models(deps, settings.subject)
    serving = switch.serving if switch else wanted
    for model in models:
        state = " (serves)" if model.name == serving else " (being filled in)" if model.name == wanted else ""
        say(f"{model.name}{state}: {model.documents} of {count(model.of, 'document')}, {model.dimensions} dimensions")
    if switch and switch.error:
        note(f"{wanted} is not filled in: {switch.error}")
    return 0


def _situate(settings: Settings, arguments: argparse.Namespace) -> int:
    with opened(settings) as deps:
        wanted = chosen.named(deps, arguments.collection, arguments.names)
        ready = [d for d in wanted if d.status is Status.READY]
        if unready := sorted({d.filename for d in wanted} - {d.filename for d in ready}):
            raise QuestionError(f"Not ready yet: {', '.join(unready)}.")
        for document in ready:
            library.situate_again(deps, settings.subject, document.id)
    if arguments.json:
        dump({"queued": len(ready)})
    else:
        say(f"Queued {count(len(ready), 'document')}; a worker situates what has no context by the present model.")
    return 0


def _delete(settings: Settings, arguments: argparse.Namespace) -> int:
    with opened(settings) as deps:
        wanted = chosen.named(deps, arguments.collection, arguments.names)
        deleted = sum(library.delete(deps, settings.subject, document.id) for document in wanted)  # of two versions, the first takes both
    if arguments.json:
        dump({"deleted": deleted})
    else:
        say(f"Deleted {count(deleted, 'document')}.")
    return 0
