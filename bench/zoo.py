"""A folder of odd PDFs taken in at one go by a real worker: what became of each, and what the worker's processes needed.

    python -m bench.zoo FOLDER [--json OUT]

FOLDER may hold MANIFEST.csv with the columns `file` and `kinds`; each file counts under its first kind. Everything in it is uploaded as the
page would do it (what is no PDF is refused there), then one worker works the queue off. Prints kind x verdict, each sentence with its count, the longest
time a document was at work, how often the worker ended, and the peak of resident memory: of the worker, and of it with its children.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from db import embedded, migrate, open_pool
from db.documents import Status
from rag import library
from rag.deps import Deps, build
from rag.errors import UploadError
from rag.settings import Settings

SUBJECT = "local"
OVER = {Status.READY, Status.FAILED}


class Watch(threading.Thread):
    """Peaks of resident memory of a process, and of it with all below it, looked at ten times a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.process = psutil.Process(pid)
        self.own = self.family = self.child = 0
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.wait(0.1):
            with suppress(psutil.NoSuchProcess):
                own = self.process.memory_info().rss
                below = []
                for child in self.process.children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        below.append(child.memory_info().rss)
                self.own, self.child = max(self.own, own), max([self.child, *below])
                self.family = max(self.family, own + sum(below))


def kinds(folder: Path) -> dict[str, str]:
    """The first kind that the manifest says of each file."""
    manifest = folder / "MANIFEST.csv"
    if not manifest.exists():
        return {}
    with manifest.open(encoding="utf-8", newline="") as lines:
        return {row["file"]: row["kinds"].split(";")[0] or "plain" for row in csv.DictReader(lines)}


@dataclass
class Tally:
    """What became of the files."""

    kinds: dict[str, str]
    verdicts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    sentences: Counter[str] = field(default_factory=Counter)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, verdict: str, sentence: str, **more: Any) -> None:
        kind = self.kinds.get(name, "plain")
        self.verdicts[kind][verdict] += 1
        if verdict in {"failed", "refused"}:
            self.sentences[sentence.replace(name, "FILE")] += 1
        self.rows.append({"file": name, "kind": kind, "verdict": verdict, "sentence": sentence, **more})


def upload(deps: Deps, files: list[Path], tally: Tally) -> dict[int, str]:
    """Names of the files that were stored, by document."""
    stored: dict[int, str] = {}
    for path in files:
        try:
            taken = library.upload(deps, SUBJECT, filename=path.name, content=path.read_bytes())
        except UploadError as error:
            tally.add(path.name, "refused", str(error))
            continue
        if taken.duplicate:
            tally.add(path.name, "duplicate", stored[taken.document_id])
        else:
            stored[taken.document_id] = path.name
    return stored


def work_off(deps: Deps, home: Path, waiting: dict[int, str]) -> tuple[Watch, int]:
    """Let one worker at a time run until every document has ended; the peaks of memory, and how often a worker ended by itself."""
    command = [sys.executable, "-m", "rag.cli", "worker"]
    environment = {"SITUATE_HOME": str(home), "PATH": "/usr/bin:/bin"}
    worker = subprocess.Popen(command, env=environment)
    watch, ends = Watch(worker.pid), 0
    watch.start()
    while any(d.status not in OVER for d in library.documents(deps, SUBJECT) if d.id in waiting):
        if worker.poll() is not None:
            ends += 1
            worker = subprocess.Popen(command, env=environment)
            watch.process = psutil.Process(worker.pid)
        time.sleep(0.5)
    watch.stopping.set()
    watch.join()
    worker.terminate()
    worker.wait(60)
    return watch, ends


def run(folder: Path, home: Path) -> dict[str, Any]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != "MANIFEST.csv")
    tally = Tally(kinds(folder))
    server = embedded.start(home)
    try:
        migrate.migrate(server.url)
        with open_pool(server.url) as pool:
            deps = build(Settings(home=home), pool=pool, url=server.url)
            began = time.monotonic()
            waiting = upload(deps, files, tally)
            watch, ends = work_off(deps, home, waiting)
            seconds = time.monotonic() - began
            for document in library.documents(deps, SUBJECT):
                verdict = "failed" if document.status is Status.FAILED else "ready with notes" if document.note else "ready"
                stages = document.seconds_by_stage
                worked = round(sum(stages.values()) or document.seconds, 2)
                tally.add(
                    waiting[document.id], verdict, document.error or document.note, pages=document.page_count, chunks=document.n_chunks,
                    seconds=worked, stages=stages,
                )  # fmt: skip
    finally:
        server.leave()
    return {
        "files": len(files),
        "seconds": round(seconds, 1),
        "worker_ends": ends,
        "rss_mib": {"worker": watch.own >> 20, "largest child": watch.child >> 20, "worker and children": watch.family >> 20},
        "verdicts": {kind: dict(counts) for kind, counts in sorted(tally.verdicts.items())},
        "sentences": dict(tally.sentences.most_common()),
        "rows": tally.rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="situate-") as folder:
        Path(folder).chmod(0o711)
        result = run(given.folder, Path(folder) / "home")
    columns = ("ready", "ready with notes", "failed", "refused", "duplicate")
    print(" | ".join(("kind", *columns)))
    total: Counter[str] = Counter()
    for kind, counts in result["verdicts"].items():
        total += Counter(counts)
        print(" | ".join((kind, *(str(counts.get(column, 0)) for column in columns))))
    print(" | ".join(("all", *(str(total[column]) for column in columns))))
    for sentence, count in result["sentences"].items():
        print(f"{count:4} {sentence}")
    longest = sorted((row for row in result["rows"] if "seconds" in row), key=lambda row: -row["seconds"])[:5]
    print("longest:", ", ".join(f"{row['file']} {row['seconds']} s of {row['pages']} pages" for row in longest))
    print(
        f"{result['files']} files, {total.total()} verdicts, {result['seconds']} s; the worker ended {result['worker_ends']} times; RSS peak in MiB: {result['rss_mib']}"
    )
    if given.json:
        given.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
