"""What each command of the command line does: the same calls the pages make. JSON on stdout, sentences on stderr."""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from db import migrate as migrations
from db.documents import Document, Selection, Situating, Status
from rag import answer, conversation, doctor, embedding, jobs, library, search, shelf_commands
from rag.deps import Deps, opened
from rag.errors import DocumentGone, QuestionError, QuestionSetError, UploadError
from rag.output import count, dump, note, say
from rag.settings import Settings
from rag.trace import Stage

POLL = 0.5  # seconds between two looks at documents being ingested


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run the command that `arguments` name; the exit code. Raises SituateError, DatabaseRefused, DatabaseAway, BrokenPipeError."""
    command: Callable[[Settings, argparse.Namespace], int] = {
        "serve": _serve,
        "worker": _worker,
        "migrate": _migrate,
        "doctor": _doctor,
        "ingest": _ingest,
        "search": _search,
        "ask": _ask,
        "list": _list,
        "delete": _delete,
        **shelf_commands.COMMANDS,
        "embedders": _embedders,
        "situate": _situate,
        "evaluate": _evaluate,
    }[arguments.command]
    return command(settings, arguments)


def _serve(settings: Settings, arguments: argparse.Namespace) -> int:
    from rag.serve import serve

    return serve(settings, port=settings.port if arguments.port is None else arguments.port)


def _worker(settings: Settings, _: argparse.Namespace) -> int:
    with opened(settings) as deps:
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


def _doctor(settings: Settings, _: argparse.Namespace) -> int:
    healthy = True
    for check in doctor.examine(settings):
        healthy = healthy and check.passed
        say(f"{'ok   ' if check.passed else 'FAULT'} {check.name}: {check.finding}")
    return 0 if healthy else 1


# --- ingest -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Taken:
    """A file that was given to `ingest` and is stored."""

    path: Path
    duplicate: bool
    began: float  # time.monotonic()


def _ingest(settings: Settings, arguments: argparse.Namespace) -> int:
    with opened(settings) as deps:
        waiting: dict[int, list[_Taken]] = {}
        clean = True
        for path in _pdfs(arguments.paths):
            began = time.monotonic()
            try:
                taken = _take(deps, path, arguments.collection or library.DEFAULT_COLLECTION)
            except (UploadError, DocumentGone, OSError) as error:
                clean = False
                told = f"{path} cannot be read: {error.strerror}." if isinstance(error, OSError) else str(error)
                _report_ingested(arguments, path, "failed", None, time.monotonic() - began, error=told)
                continue
            waiting.setdefault(taken.document_id, []).append(_Taken(path=path, duplicate=taken.duplicate, began=began))
        clean = _all_ready(deps, arguments, waiting) and clean
        for sentence in doctor.waiting_for_consent(deps, settings.subject):
            note(f"{sentence[0].upper()}{sentence[1:]}.")
        return 0 if clean else 1


def _take(deps: Deps, path: Path, collection: str) -> library.Upload:
    """Store a file; what one that is stored already lacks is tried again. Raises UploadError, DocumentGone, OSError."""
    if path.is_dir():
        raise UploadError(f"{path} holds no PDF.")
    subject = deps.settings.subject
    taken = library.upload(deps, subject, filename=path.name, content=path.read_bytes(), collection=collection)
    if taken.duplicate:
        stored = library.document(deps, subject, taken.document_id)
        if stored.status is Status.FAILED:
            library.retry(deps, subject, stored.id)
        elif stored.status is Status.READY and stored.situated < stored.n_chunks:  # for want of a yes, perhaps, that is there by now
            library.situate_again(deps, subject, stored.id)
    return taken


def _pdfs(paths: Iterable[Path]) -> Iterator[Path]:
    """Files as given; of folders, the PDFs below them in order, or the folder itself when it holds none."""
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix.lower() == ".pdf" and p.is_file()) or [path]
        else:
            yield path


def _all_ready(deps: Deps, arguments: argparse.Namespace, waiting: dict[int, list[_Taken]]) -> bool:
    """Report each file when its document has ended; whether all are ready.

    Works on the queue itself, beside any worker that runs elsewhere, and in the main thread: there Ctrl-C reaches the worker's event loop,
    which gives the work back. A second thread looks and reports.
    """
    stopping = threading.Event()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="report") as helper:
        try:
            reported: Future[bool] = helper.submit(_report_ended, deps, arguments, waiting, stopping)
            while waiting and not reported.done():
                jobs.run_worker(deps, wait=False)
                time.sleep(POLL)
            return reported.result()
        except KeyboardInterrupt:
            note("Stopped. What was taken is kept; a worker, or the next ingest, goes on with it.")
            raise
        finally:
            stopping.set()


def _report_ended(deps: Deps, arguments: argparse.Namespace, waiting: dict[int, list[_Taken]], stopping: threading.Event) -> bool:
    clean = True
    while True:
        busy = library.busy(deps, deps.settings.subject)  # looked up first: a job ends after its document
        found = {d.id: d for d in library.documents(deps, deps.settings.subject) if d.id in waiting}
        for document_id in sorted(waiting):
            document = found.get(document_id)
            if document and _goes_on(document, busy):
                continue
            for taken in waiting.pop(document_id):
                ready = document is not None and document.status is Status.READY
                clean = clean and ready
                status = ("duplicate" if taken.duplicate else "ready") if ready else "failed"
                error = document.error if document else "The document was deleted before it was ready."
                _report_ingested(arguments, taken.path, status, document, time.monotonic() - taken.began, error=error)
        if not waiting or stopping.wait(POLL):
            return clean


def _goes_on(document: Document, busy: set[int]) -> bool:
    """Whether it is worth waiting for: a batch may take a day, and the document can be asked meanwhile."""
    at_work = document.id in busy or document.status not in {Status.READY, Status.FAILED}
    return at_work and document.situating is not Situating.BATCHED


def _report_ingested(
    arguments: argparse.Namespace, path: Path, status: str, document: Document | None, seconds: float, error: str = ""
) -> None:
    pages, chunks = (document.page_count, document.n_chunks) if document else (0, 0)
    seconds = round(document.seconds if status == "ready" and document else seconds, 2)
    if arguments.json:
        name = document.filename if document else library.clean_name(path.name)
        told = {"file": str(path), "document": name, "status": status, "pages": pages, "chunks": chunks, "seconds": seconds}
        dump({**told, "error": error or None})
    else:
        size = f"{count(pages, 'page')}, {count(chunks, 'passage')}, {seconds} s"
        say(f"{status:9} {path}: {error or size}")


# --- the others -------------------------------------------------------------------------------------------------------------


def _selection(deps: Deps, collection: str | None, names: list[str] | None = None) -> Selection:
    """The documents a command is about. Raises QuestionError naming what does not exist."""
    subject = deps.settings.subject
    collections = None
    if collection is not None:
        collections = tuple(c.id for c in library.collections(deps, subject) if c.name == collection)
        if not collections:
            raise QuestionError(f"There is no collection named {collection}.")
    documents = None
    if names:
        known = library.documents(deps, subject, collection=collection)
        documents = tuple(d.id for d in known if d.filename in names)
        if missing := sorted(set(names) - {d.filename for d in known}):
            raise QuestionError(f"There is no document named {', '.join(missing)}. `situate list` names them all.")
    return Selection(collections=collections, documents=documents)


def _search(settings: Settings, arguments: argparse.Namespace) -> int:
    with opened(settings) as deps:
        result = search.search(
            deps,
            settings.subject,
            conversation.check_question(arguments.question),
            selection=_selection(deps, arguments.collection, arguments.document),
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
        selection = _selection(deps, arguments.collection)
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
        _selection(deps, arguments.collection)
        found = library.documents(deps, settings.subject, collection=arguments.collection)
    rows: list[dict[str, Any]] = [
        {
            "document": d.filename,
            "collection": d.collection,
            "status": d.status.value,
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
            told = row["error"] or f"{count(row['pages'], 'page')}. {row['note'] or ''}".strip()
            say(f"{row['status']:9} {row['collection']}/{row['document']}: {told}")
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
        wanted = _selection(deps, arguments.collection, arguments.names).documents or ()
        chosen = [d for d in library.documents(deps, settings.subject) if d.id in wanted]
        ready = [d for d in chosen if d.status is Status.READY]
        if unready := sorted({d.filename for d in chosen} - {d.filename for d in ready}):
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
        chosen = _selection(deps, arguments.collection, arguments.names).documents or ()
        deleted = sum(
            library.delete(deps, settings.subject, document_id) for document_id in chosen
        )  # of two versions, the first takes both
    if arguments.json:
        dump({"deleted": deleted})
    else:
        say(f"Deleted {count(deleted, 'document')}.")
    return 0
