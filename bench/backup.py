"""Saving a library and restoring it: bytes, seconds, and whether what comes back answers with a citation that opens.

    python -m bench.backup --home SITUATE_HOME [--question QUESTION] [--json OUT]
    python -m bench.backup FOLDER... [--question QUESTION] [--json OUT]

The first saves an embedded library that is there, and changes nothing in it; the second makes one of the PDFs in the folders first. It is
restored into an empty embedded home of its own, where the question is asked again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from db import archives, dumps, embedded, migrate, open_pool
from db.documents import Selection, Status
from db.embedded_files import packaged_programs
from rag import answer, jobs, library, originals, page_images
from rag.deps import Deps, build
from rag.settings import Settings

SUBJECT = "local"
QUESTION = "What was the total revenue, and how did it change from the year before?"


@contextmanager
def served(home: Path, *, models: bool = True) -> Iterator[tuple[embedded.Server, Deps | None]]:
    server = embedded.start(home)
    try:
        if not models:
            yield server, None
            return
        migrate.migrate(server.url)
        with open_pool(server.url) as pool:
            # the reranker would go as deep as its seconds allow
            settings = Settings(home=home, situator="none", reranker="none", answerer="extract")
            yield server, build(settings, pool=pool, url=server.url)
    finally:
        server.leave()


def make(home: Path, folders: list[Path]) -> None:
    with served(home) as (_, deps):
        assert deps is not None
        for folder in folders:
            for file in sorted(folder.rglob("*.pdf")):
                library.upload(deps, SUBJECT, filename=file.name, content=file.read_bytes(), collection=folder.name)
        while library.busy(deps, SUBJECT):
            jobs.run_worker(deps, wait=False)


def asked(deps: Deps, question: str) -> dict[str, Any]:
    """One answer, and everything that its citations rest on opened."""
    began = time.monotonic()
    *_, last = answer.answer(deps, SUBJECT, question, selection=Selection())
    seconds = time.monotonic() - began
    names = {document.id: document for document in library.documents(deps, SUBJECT)}
    told = []
    for citation in last.citations:
        document = names[citation.document_id]
        content = originals.original(deps, SUBJECT, document.id)
        told.append(
            {
                "document": document.filename,
                "page": citation.page,
                "quote": citation.quote,
                "boxes": [list(box) for box in citation.boxes],
                "picture": hashlib.sha256(page_images.page_image(deps, SUBJECT, document.id, citation.page)).hexdigest(),
                "file": hashlib.sha256(content).hexdigest(),
            }
        )
    return {"seconds": seconds, "citations": told}


def measure(home: Path, question: str, folder: Path) -> dict[str, Any]:
    programs = packaged_programs()
    file = folder / "library.situate"
    with served(home) as (server, deps):
        assert deps is not None
        before = asked(deps, question)
        size = sum(document.size for document in library.documents(deps, SUBJECT))
        ready = sum(document.status is Status.READY for document in library.documents(deps, SUBJECT))
        began = time.monotonic()
        rows = dumps.dump(server.superuser_url, file, programs=programs)
        saved = time.monotonic() - began
    began = time.monotonic()
    held = archives.count(archives.open_archive(file, programs))
    read_back = time.monotonic() - began
    with served(folder / "elsewhere", models=False) as (server, _):
        began = time.monotonic()
        done = dumps.restore(server.url, file, programs=programs)
        restored = time.monotonic() - began
        began = time.monotonic()
        dumps.restore(server.url, file, programs=programs, replace=True)
        replaced = time.monotonic() - began
    with served(folder / "elsewhere") as (_, deps):
        assert deps is not None
        after = asked(deps, question)
    return {
        "documents": rows["documents"],
        "ready": ready,
        "pages": rows["pages"],
        "passages": rows["chunks"],
        "originals_mb": size / 1e6,
        "file_mb": file.stat().st_size / 1e6,
        "ratio": file.stat().st_size / max(size, 1),
        "save_seconds": saved,
        "read_back_seconds": read_back,
        "restore_seconds": restored,
        "replace_seconds": replaced,
        "same_rows": held == rows == done.rows,
        "citations": len(after["citations"]),
        "same_citations": bool(after["citations"]) and after["citations"] == before["citations"],
        "answer_seconds": [before["seconds"], after["seconds"]],
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--question", default=QUESTION)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if bool(given.folders) == bool(given.home):
        parser.error("give folders of PDFs, or --home")
    folder = Path(tempfile.mkdtemp(prefix="situate-"))
    folder.chmod(0o711)
    try:
        home = given.home or folder / "made"
        if given.folders:
            make(home, given.folders)
        told = measure(home, given.question, folder)
    finally:
        shutil.rmtree(folder)
    for name, value in told.items():
        sys.stdout.write(f"{name:18} {value:,.2f}\n" if isinstance(value, float) else f"{name:18} {value}\n")
    if given.json:
        given.json.write_text(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
