"""Two browsers upload the same files at once; documents are deleted while they are taken in; a new version comes while questions are asked.

    python -m bench.rush [--files 30] [--json OUT]

All against one `situate serve` in a home of its own, with the models everyone starts with. Prints what the database holds after each.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
from playwright.sync_api import Browser, sync_playwright
from psycopg import sql

from bench.faults import report
from db import embedded, open_pool
from db.documents import Selection, Status
from rag import library
from rag.deps import Deps, build
from rag.search import search
from rag.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

SUBJECT = "local"
TABLES = (
    "files",
    "pages",
    "chunks",
    "contexts",
    "vectors",
    "vector_drafts",
    "postings",
    "page_drafts",
    "summaries",
    "estimates",
    "batches",
)


def held(url: str) -> dict[str, Any]:
    """Documents by state, those that share bytes, and rows by table of documents that are gone or of the given state."""
    with psycopg.connect(url) as connection:
        states: dict[str, int] = dict(connection.execute("select status, count(*) from documents group by 1 order by 1").fetchall())
        twice = connection.execute(
            "select count(*) - count(distinct (collection_id, sha256)) from documents where status <> 'superseded'"
        ).fetchone()
        orphans = {
            table: _count(connection, "t left join documents d on d.id = t.document_id where d.id is null", table) for table in TABLES
        }
        drafts = {table: _count(connection, "", table) for table in ("page_drafts", "vector_drafts")}
        uneven = connection.execute(
            """select count(*) from documents d where status = 'ready' and (
                   n_chunks <> (select count(*) from chunks c where c.document_id = d.id)
                or n_chunks <> (select count(*) from vectors v where v.document_id = d.id)
                or n_chunks <> (select count(distinct x >> 40) from postings p, unnest(ps) x where p.document_id = d.id))"""
        ).fetchone()
        old = connection.execute(
            """select count(*) from documents d where status = 'superseded' and (n_chunks > 0
                or exists (select from vectors v where v.document_id = d.id) or exists (select from postings p where p.document_id = d.id))"""
        ).fetchone()
        jobs = connection.execute(
            "select count(*) from procrastinate_jobs where status in ('todo', 'doing') and args ? 'document_id'"
        ).fetchone()
    return {
        "documents": states,
        "stored twice": twice[0] if twice else -1,
        "rows without a document": {table: n for table, n in orphans.items() if n},
        "drafts left": {table: n for table, n in drafts.items() if n},
        "ready, but not whole": uneven[0] if uneven else -1,
        "superseded, but searchable": old[0] if old else -1,
        "jobs left": jobs[0] if jobs else -1,
    }


def _count(connection: psycopg.Connection[Any], rest: LiteralString, table: str) -> int:
    row = connection.execute(sql.SQL("select count(*) from {} {}").format(sql.Identifier(table), sql.SQL(rest))).fetchone()
    return row[0] if row else -1


@contextmanager
def served(home: Path, **settings: str) -> Iterator[str]:
    """The address of an application of its own."""
    command = [sys.executable, "-m", "rag.cli", "serve", "--port", "0"]
    environment = {"SITUATE_HOME": str(home), "PATH": "/usr/bin:/bin", **settings}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        found = re.search(r"http://\S+", running.stdout.readline())
        assert found
        try:
            yield found[0]
        finally:
            running.terminate()


def until_ended(deps: Deps) -> float:
    began = time.monotonic()
    while library.busy(deps, SUBJECT) or any(d.status in {Status.QUEUED, Status.WORKING} for d in library.documents(deps, SUBJECT)):
        time.sleep(0.2)
    return time.monotonic() - began


def two_browsers(browser: Browser, address: str, files: list[tuple[str, bytes]]) -> list[str]:
    """Each window is given all files, one right after the other; what each then says."""
    windows = [browser.new_context(viewport={"width": 1280, "height": 900}).new_page() for _ in range(2)]
    for window in windows:
        window.goto(f"{address}/documents")
    inputs = [window.locator('[data-testid="stFileUploader"] input[type="file"]').first for window in windows]
    for chosen in inputs:
        chosen.wait_for(state="attached")
    payload: Any = [{"name": name, "mimeType": "application/pdf", "buffer": content} for name, content in files]
    for chosen in inputs:
        chosen.set_input_files(payload)
    said = []
    for window in windows:
        told = window.get_by_text(re.compile("files? stored|here already")).first
        told.wait_for(timeout=120_000)
        said.append(told.inner_text())
    return said


def delete_meanwhile(deps: Deps, files: list[tuple[str, bytes]]) -> int:
    """All are uploaded anew, with other bytes; every other one is deleted while the worker is busy with them, the first ones first."""
    taken = [library.upload(deps, SUBJECT, filename=f"deleted-{name}", content=content + b"\n%").document_id for name, content in files]
    deleted = 0
    for document_id in taken[::2]:
        while library.document(deps, SUBJECT, document_id).status is Status.QUEUED:
            time.sleep(0.01)
        deleted += library.delete(deps, SUBJECT, document_id)
    return deleted


def version_meanwhile(deps: Deps) -> Counter[str]:
    """Questions one after the other while version 2 takes the place of version 1; which of them each found."""
    name = "tariff.pdf"
    library.upload(deps, SUBJECT, filename=name, content=report("the old tariff", 30))
    until_ended(deps)
    found: Counter[str] = Counter()
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            hits = search(
                deps, SUBJECT, "Which observation of the tariff was made at station 12 in calm weather?", selection=Selection()
            ).hits
            texts = {hit.chunk.document_id: hit.chunk.text for hit in hits if "tariff" in hit.chunk.text}
            kinds = {"old" if "old tariff" in text else "new" for text in texts.values()}
            found["both" if len(kinds) > 1 else kinds.pop() if kinds else "neither"] += 1

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(1.0)
    library.upload(deps, SUBJECT, filename=name, content=report("the new tariff", 30))
    until_ended(deps)
    time.sleep(1.0)
    done.set()
    asking.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=30)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    files = [(f"report-{n:02}.pdf", report(f"report {n}", 3 + n % 5)) for n in range(given.files)]
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="situate-") as folder:
        Path(folder).chmod(0o711)
        home = Path(folder) / "home"
        with served(home) as address:
            server = embedded.start(home)
            with open_pool(server.url) as pool:
                deps = build(Settings(home=home, reranker="none"), pool=pool, url=server.url)
                with sync_playwright() as playwright:
                    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
                    said = two_browsers(browser, address, files)
                    browser.close()
                result["two browsers"] = {"said": said, "seconds": round(until_ended(deps), 1), **held(server.superuser_url)}
                deleted = delete_meanwhile(deps, files)
                until_ended(deps)
                result["delete during ingest"] = {"deleted": deleted, **held(server.superuser_url)}
                found = version_meanwhile(deps)
                result["new version during questions"] = {"questions found": dict(found), **held(server.superuser_url)}
            server.leave()
    print(json.dumps(result, indent=2, ensure_ascii=False))
    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
