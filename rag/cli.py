"""The command line: the same calls the pages make. JSON on stdout, logs and sentences on stderr."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from db import DatabaseAway, DatabaseRefused, migrate
from db.documents import Document, Selection, Status
from rag import answer, conversation, doctor, jobs, library, search
from rag.deps import Deps, opened
from rag.errors import QuestionError, SituateError, UploadError
from rag.settings import Settings, load

POLL = 0.5  # seconds between two looks at documents being ingested


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 when all went well, 1 when something did not, 2 for wrong usage."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("procrastinate", "httpx", "httpx2", "psycopg.pool", "unstructured"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        settings = load()
        return int(arguments.run(settings, arguments))
    except (SituateError, DatabaseRefused, DatabaseAway) as error:
        print(f"situate: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="situate", description="Chat with your own PDFs; every claim opens its page.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run the web application, a worker, and the embedded database")
    serve.add_argument("--port", type=int, help="the port to listen on (default: SITUATE_PORT or 8501)")
    serve.set_defaults(run=_serve)
    commands.add_parser("worker", help="index documents until stopped").set_defaults(run=_worker)
    commands.add_parser("migrate", help="bring the database up to date").set_defaults(run=_migrate)
    commands.add_parser("doctor", help="check the installation and say what to do").set_defaults(run=_doctor)

    ingest = commands.add_parser("ingest", help="upload PDFs and wait until each is ready or failed")
    ingest.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a PDF, or a folder of them")
    ingest.set_defaults(run=_ingest)
    find = commands.add_parser("search", help="show what a question retrieves")
    find.add_argument("question")
    find.add_argument("--document", action="append", metavar="NAME", help="only this file; may be repeated")
    find.add_argument("--top", type=int, default=20)
    find.add_argument("--stage", choices=[stage.value for stage in search.Stage], default=search.Stage.RERANKED.value)
    find.set_defaults(run=_search)
    ask = commands.add_parser("ask", help="answer a question, with checked citations")
    ask.add_argument("question")
    ask.set_defaults(run=_ask)
    listing = commands.add_parser("list", help="list the documents")
    listing.set_defaults(run=_list)
    delete = commands.add_parser("delete", help="delete documents and all that came from them")
    delete.add_argument("names", nargs="+", metavar="NAME", help="file name, as list shows it")
    delete.set_defaults(run=_delete)
    for command in (ingest, find, ask, listing, delete):
        command.add_argument("--collection", metavar="NAME")
        command.add_argument("--json", action="store_true", help="machine-readable output")
    return parser


def _serve(settings: Settings, arguments: argparse.Namespace) -> int:
    from rag.serve import serve

    return serve(settings, port=settings.port if arguments.port is None else arguments.port)


def _worker(settings: Settings, _: argparse.Namespace) -> int:
    with opened(settings) as deps:
        jobs.run_worker(deps)
    return 0


def _migrate(settings: Settings, _: argparse.Namespace) -> int:
    if settings.database_url:
        applied = migrate.migrate(settings.database_url)
        print(f"Applied: {', '.join(applied)}." if applied else "The database is up to date.")
        return 0
    with opened(settings):
        print("The embedded database is up to date.")
    return 0


def _doctor(settings: Settings, _: argparse.Namespace) -> int:
    healthy = True
    for check in doctor.examine(settings):
        healthy = healthy and check.passed
        print(f"{'ok   ' if check.passed else 'FAULT'} {check.name}: {check.finding}")
    return 0 if healthy else 1


def _ingest(settings: Settings, arguments: argparse.Namespace) -> int:
    with opened(settings) as deps:
        waiting: dict[int, tuple[Path, float]] = {}
        clean = True
        for path in _pdfs(arguments.paths):
            began = time.monotonic()
            try:
                taken = library.upload(
                    deps,
                    settings.subject,
                    filename=path.name,
                    content=path.read_bytes(),
                    collection=arguments.collection or library.DEFAULT_COLLECTION,
                )
            except (UploadError, OSError) as error:
                clean = False
                told = str(error) if isinstance(error, UploadError) else f"{path} cannot be read: {error.strerror}."
                _report_ingested(arguments, path, "failed", None, time.monotonic() - began, error=told)
                continue
            if taken.duplicate:
                existing = library.document(deps, settings.subject, taken.document_id)
                _report_ingested(arguments, path, "duplicate", existing, time.monotonic() - began)
            else:
                waiting[taken.document_id] = (path, began)
        for document in _finished(deps, set(waiting)):
            path, began = waiting[document.id]
            clean = clean and document.status is Status.READY
            status = "ready" if document.status is Status.READY else "failed"
            _report_ingested(arguments, path, status, document, time.monotonic() - began, error=document.error)
    return 0 if clean else 1


def _pdfs(paths: Iterable[Path]) -> Iterator[Path]:
    """Files as given; of folders, the PDFs below them in order."""
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix.lower() == ".pdf" and p.is_file())
        else:
            yield path


def _finished(deps: Deps, waiting: set[int]) -> Iterator[Document]:
    """Yield each document once it is ready, failed or deleted; works on the queue itself, beside any worker that runs elsewhere."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="worker") as helper:
        working = helper.submit(jobs.run_worker, deps, wait=False)
        while waiting:
            busy = library.busy(deps, deps.settings.subject)  # looked up first: a job ends after its document
            found = {d.id: d for d in library.documents(deps, deps.settings.subject) if d.id in waiting}
            for document in sorted(found.values(), key=lambda d: d.id):
                if document.id not in busy and document.status in {Status.READY, Status.FAILED}:
                    waiting.discard(document.id)
                    yield document
            waiting &= set(found)
            if working.done():
                working.result()
                working = helper.submit(jobs.run_worker, deps, wait=False)
            time.sleep(POLL)


def _report_ingested(
    arguments: argparse.Namespace, path: Path, status: str, document: Document | None, seconds: float, error: str = ""
) -> None:
    report = {
        "file": str(path),
        "document": document.filename if document else library.clean_name(path.name),
        "status": status,
        "pages": document.page_count if document else 0,
        "chunks": document.n_chunks if document else 0,
        "seconds": round(document.seconds if status == "ready" and document else seconds, 2),
        "error": error or None,
    }
    if arguments.json:
        print(json.dumps(report, ensure_ascii=False), flush=True)
    else:
        told = error or f"{report['pages']} pages, {report['chunks']} passages, {report['seconds']} s"
        print(f"{status:9} {path}: {told}", flush=True)


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
            stage=search.Stage(arguments.stage),
        )
    for note in result.trace.notes:
        print(f"situate: {note}", file=sys.stderr)
    if arguments.json:
        print(json.dumps([hit.as_json() for hit in result.hits], ensure_ascii=False))
        return 0
    for hit in result.hits:
        where = ", ".join(f"{stage.value} {standing.rank}" for stage, standing in hit.stages.items())
        print(f"{hit.rank:3}. {hit.document}, p. {hit.chunk.first_page}  {hit.chunk.heading}  ({where})")
        print(f"     {' '.join(hit.chunk.text.split())[:200]}")
    return 0


def _ask(settings: Settings, arguments: argparse.Namespace) -> int:
    with opened(settings) as deps:
        question = conversation.check_question(arguments.question)
        selection = _selection(deps, arguments.collection)
        *_, last = answer.answer(deps, settings.subject, question, selection=selection)
    for note in last.notes:
        print(f"situate: {note}", file=sys.stderr)
    told = "".join(f"{part.text}{''.join(f'[{n}]' for n in part.citations)}" for part in last.parts)
    if arguments.json:
        print(json.dumps(_answer_json(last, told), ensure_ascii=False))
        return 0
    if last.is_extract and not last.abstained:
        print("Extract: the best matching sentences, quoted. No model wrote this.\n")
    print(told.strip() or "The documents do not seem to hold an answer.")
    for citation in last.citations:
        print(f"\n[{citation.number}] {citation.filename}, p. {citation.page}: {' '.join(citation.quote.split())}")
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


def _list(settings: Settings, arguments: argparse.Namespace) -> int:
    with opened(settings) as deps:
        found = library.documents(deps, settings.subject, collection=arguments.collection)
    rows = [
        {
            "document": d.filename,
            "collection": d.collection,
            "status": d.status.value,
            "pages": d.page_count,
            "chunks": d.n_chunks,
            "error": d.error or None,
            "note": d.note or None,
        }
        for d in found
    ]
    if arguments.json:
        print(json.dumps(rows, ensure_ascii=False))
    else:
        for row in rows:
            told = row["error"] or f"{row['pages']} pages. {row['note'] or ''}"
            print(f"{row['status']:9} {row['collection']}/{row['document']}: {told}")
    return 0


def _delete(settings: Settings, arguments: argparse.Namespace) -> int:
    with opened(settings) as deps:
        chosen = _selection(deps, arguments.collection, arguments.names).documents or ()
        for document_id in chosen:
            library.delete(deps, settings.subject, document_id)
    deleted = len(chosen)
    print(json.dumps({"deleted": deleted}) if arguments.json else f"Deleted {deleted} document{'s' * (deleted != 1)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
