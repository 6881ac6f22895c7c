"""`situate ingest`: files and folders in, a line for each as it ends, and a summary."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from db.documents import Document, Situating, Status
from rag import doctor, jobs, library, progress
from rag.deps import Deps, opened
from rag.errors import DocumentGone, UploadError
from rag.output import count, dump, note, say
from rag.settings import Settings

POLL = 0.5  # seconds between two looks at the documents
ENDED = {Status.READY, Status.FAILED, Status.PAUSED}


@dataclass(frozen=True, kw_only=True)
class _Taken:
    """A file that is stored."""

    path: Path
    duplicate: bool
    began: float  # time.monotonic()


@dataclass(kw_only=True)
class _Report:
    """What became of the files, told as they end."""

    json: bool
    files: int = 0
    told: Counter[str] = field(default_factory=Counter)  # files by status
    noted: int = 0  # ready, with a note
    sentences: Counter[str] = field(default_factory=Counter)  # why files failed, without their names

    def tell(self, path: Path, status: str, document: Document | None, seconds: float, error: str = "") -> None:
        pages, chunks = (document.page_count, document.n_chunks) if document else (0, 0)
        remark = document.note if document and not error else ""
        seconds = round(document.seconds if status == "ready" and document else seconds, 2)
        name = document.filename if document else library.clean_name(path.name)
        self.told[status] += 1
        self.noted += bool(remark)
        if error:
            self.sentences[error.replace(str(path), "*").replace(name, "*")] += 1
        self._clear()
        if self.json:
            told = {"file": str(path), "document": name, "status": status, "pages": pages, "chunks": chunks, "seconds": seconds}
            dump({**told, "error": error or None, "note": remark or None})
        else:
            size = f"{count(pages, 'page')}, {count(chunks, 'passage')}, {seconds} s"
            say(f"{status:9} {path}: {error or f'{size}. {remark}'.strip(' .')}")

    def go_on(self, overall: progress.Overall) -> None:
        """One line on a terminal, written over."""
        if not sys.stderr.isatty():
            return
        left = "" if overall.seconds_left is None else f", {_span(overall.seconds_left)} left"
        pages = f"{overall.pages_done:,} of {count(overall.pages_total, 'page')}"
        print(f"\r\x1b[K{self.told.total():,} of {count(self.files, 'file')}, {pages}{left}", end="", file=sys.stderr, flush=True)  # noqa: T201

    def summarise(self) -> None:
        self._clear()
        if self.files < 2:
            return
        parts = [f"{number:,} {status}" for status, number in self.told.most_common()]
        note(f"{count(self.files, 'file')}: {', '.join(parts)}{f'; {self.noted:,} with a note' if self.noted else ''}.")
        for sentence, number in self.sentences.most_common():
            note(f"{number:5,} x {sentence}")

    def _clear(self) -> None:
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)  # noqa: T201 - the line of go_on


def _span(seconds: float) -> str:
    """About how long."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 90 else f"about {minutes / 60:.1f} h"


def ingest(settings: Settings, arguments: argparse.Namespace) -> int:
    """Take the files and wait until each has ended; 1 unless all are ready."""
    report = _Report(json=arguments.json)
    with opened(settings) as deps:
        waiting: dict[int, list[_Taken]] = {}
        for path, name in _pdfs(arguments.paths):
            began = time.monotonic()
            report.files += 1
            try:
                taken = _take(deps, path, name, arguments.collection or library.DEFAULT_COLLECTION)
            except (UploadError, DocumentGone, OSError) as error:
                told = f"{path} cannot be read: {error.strerror}." if isinstance(error, OSError) else str(error)
                report.tell(path, "failed", None, time.monotonic() - began, error=told)
                continue
            waiting.setdefault(taken.document_id, []).append(_Taken(path=path, duplicate=taken.duplicate, began=began))
        _work(deps, report, waiting)
        report.summarise()
        for sentence in doctor.waiting_for_consent(deps, settings.subject):
            note(f"{sentence[0].upper()}{sentence[1:]}.")
    return 1 if report.sentences else 0


def _take(deps: Deps, path: Path, name: str, collection: str) -> library.Upload:
    """Store a file; what one that is stored already lacks is tried again. Raises UploadError, DocumentGone, OSError."""
    if path.is_dir():
        raise UploadError(f"{path} holds no PDF.")
    subject = deps.settings.subject
    taken = library.upload(deps, subject, filename=name, content=path.read_bytes(), collection=collection)
    if taken.duplicate:
        stored = library.document(deps, subject, taken.document_id)
        if stored.status is Status.FAILED:
            library.retry(deps, subject, stored.id)
        elif stored.status is Status.PAUSED:
            progress.resume(deps, subject, [stored.id])
        elif stored.status is Status.READY and stored.situated < stored.n_chunks:  # for want of a yes, perhaps, that is there by now
            library.situate_again(deps, subject, stored.id)
    return taken


def _pdfs(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Files as given, by their names; of folders, the PDFs below them in order, by their places, or the folder itself when it holds none."""
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix.lower() == ".pdf" and p.is_file())
            yield from ((p, p.relative_to(path).as_posix()) for p in found or [path])
        else:
            yield path, path.name


def _work(deps: Deps, report: _Report, waiting: dict[int, list[_Taken]]) -> None:
    """Report each file when its document has ended.

    Works on the queue itself until then, beside any worker that runs elsewhere, and in the main thread: there Ctrl-C reaches the worker's
    event loop, which gives the work back. A second thread looks and reports.
    """
    stopping = threading.Event()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="report") as helper:
        try:
            reported: Future[None] = helper.submit(_report_ended, deps, report, waiting, stopping)
            if waiting:
                jobs.run_worker(deps, until=reported.done)
            reported.result()
        except KeyboardInterrupt:
            note("Stopped. What was taken is kept; a worker, or the next ingest, goes on with it.")
            raise
        finally:
            stopping.set()


def _report_ended(deps: Deps, report: _Report, waiting: dict[int, list[_Taken]], stopping: threading.Event) -> None:
    subject = deps.settings.subject
    while waiting:
        busy = library.busy(deps, subject)  # looked up first: a job ends after its document
        found = {d.id: d for d in library.documents(deps, subject) if d.id in waiting}
        for document_id in sorted(waiting):
            document = found.get(document_id)
            if document and _goes_on(document, busy):
                continue
            for taken in waiting.pop(document_id):
                status, error = _outcome(document, taken)
                report.tell(taken.path, status, document, time.monotonic() - taken.began, error=error)
        report.go_on(progress.overall(deps, subject))
        if waiting and stopping.wait(POLL):
            return


def _outcome(document: Document | None, taken: _Taken) -> tuple[str, str]:
    """Status and sentence."""
    if document is None:
        return "failed", "The document was deleted, or a newer version took its place, before it was ready."
    if document.status is Status.PAUSED:
        return "paused", "The work on it was paused; `situate resume` lets it go on."
    if document.status is not Status.READY:
        return "failed", document.error
    return ("duplicate" if taken.duplicate else "ready"), ""


def _goes_on(document: Document, busy: set[int]) -> bool:
    """Whether it is worth waiting for: a batch may take a day, and the document can be asked meanwhile."""
    at_work = document.id in busy or document.status not in ENDED
    return at_work and document.situating is not Situating.BATCHED
