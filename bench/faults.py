"""kill -9 of worker, parser, recogniser and Postgres, at stage boundaries and at random moments, while documents are taken in.

    python -m bench.faults [--documents 20] [--moments 30] [--seed 1] [--json OUT]

The same documents, two scans among them, are first taken in without a fault. A round then takes them in anew: one for each target kills it
at each boundary between two stages (within the 10 ms between two looks), another kills targets by chance. Workers run in processes of their
own, are replaced when they end, and give a document of a dead one up after 2 s instead of 30; Postgres is revived as `situate serve` does.
Afterwards the database is compared with the undisturbed one, row by row. Contexts come from the stand-in server, which counts what is paid.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from db import DatabaseAway, DatabaseRefused, embedded, migrate, open_pool
from db.documents import Situating, Status
from rag import library, pdf
from rag.calls import MOST
from rag.deps import Deps, build
from rag.settings import Settings
from tests import standin
from tests.standin import AnthropicServer

SUBJECT = "local"
LOOK = 0.01  # seconds between two looks for a boundary
PATIENCE = 900.0  # seconds for a round
FAKES: dict[str, Any] = {"embedder": "fake:embedder", "reranker": "none", "situator": "none", "answerer": "fake:answerer"}
TARGETS = ("worker", "parser", "recogniser", "postgres")
MODULES = {"parser": "rag.reader", "recogniser": "rag.recogniser"}


def report(name: str, pages: int) -> bytes:
    """No two pages of any two reports are alike, so that a context that is paid twice can be told."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    for page in range(1, pages + 1):
        canvas.setFont("Helvetica-Bold", 14)
        canvas.drawString(60, 770, f"Chapter {page} of {name}")
        canvas.setFont("Helvetica", 11)
        for line in range(1, 13):
            canvas.drawString(
                60, 750 - 18 * line, f"Observation {page}.{line} of {name} was made at station {page * 7 + line} in calm weather."
            )
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def files(count: int) -> list[tuple[str, bytes]]:
    """Reports of 4 to 40 pages, and two scans of three pages, one of them askew."""
    made = [(f"report-{n:02}.pdf", report(f"report {n}", 4 + 36 * n // max(1, count - 3))) for n in range(count - 2)]
    for n in range(2):
        printed = report(f"scan {n}", 3)
        shots = [Image.open(io.BytesIO(pdf.render(printed, page, scale=2.5))).convert("L") for page in (1, 2, 3)]
        buffer = io.BytesIO()
        askew = [shot.rotate(n, fillcolor=255) for shot in shots]
        askew[0].save(buffer, "PDF", save_all=True, append_images=askew[1:], resolution=180)
        made.append((f"scan-{n}.pdf", buffer.getvalue()))
    return made


class Stage:
    """A database, a worker that is replaced when it ends, and what can be killed of them."""

    def __init__(self, home: Path, claude: AnthropicServer) -> None:
        self.server = embedded.start(home)
        migrate.migrate(self.server.url)
        self.claude = claude
        self.data = home / "postgres" / "data"
        self.worker: subprocess.Popen[bytes] | None = None
        self.worker_ends: Counter[int] = Counter()  # exit codes other than our own kills
        self._stopping = threading.Event()
        self._keepers = [threading.Thread(target=keep) for keep in (self._keep_worker, self._keep_database)]
        for keeper in self._keepers:
            keeper.start()

    def _keep_worker(self) -> None:
        command = [sys.executable, "-m", "tests.flows.worker_process", self.server.url, "--claude", self.claude.url]
        while not self._stopping.is_set():
            self.worker = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)  # it tells of every fault at length
            while self.worker.poll() is None and not self._stopping.wait(0.05):
                pass
            if self.worker.poll() is None:
                self.worker.terminate()
                self.worker.wait(30)
            elif self.worker.returncode != -signal.SIGKILL:
                self.worker_ends[self.worker.returncode] += 1
                self._stopping.wait(1.0)

    def _keep_database(self) -> None:
        while not self._stopping.wait(0.2):
            with suppress(DatabaseRefused, OSError):  # killed again while it started
                self.server.revive()

    def kill(self, target: str) -> bool:
        """kill -9; False when there was nothing of the kind to kill."""
        if target == "postgres":
            with suppress(FileNotFoundError, psutil.NoSuchProcess, ValueError, IndexError):
                postmaster = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
                for process in [postmaster, *postmaster.children(recursive=True)]:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
                return True
            return False
        if self.worker is None or self.worker.poll() is not None:
            return False
        if target == "worker":
            self.worker.kill()
            return True
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.worker.pid).children(recursive=True):
                if MODULES[target] in child.cmdline():
                    child.kill()
                    return True
        return False

    def states(self) -> dict[int, tuple[str, str, str]]:
        """(status, stage, situating) of each document; {} while the database is away."""
        with suppress(psycopg.OperationalError), psycopg.connect(self.server.superuser_url, connect_timeout=2) as connection:
            rows = connection.execute("select id, status, stage, situating from documents").fetchall()
            return {row[0]: (row[1], row[2], row[3]) for row in rows}
        return {}

    def close(self) -> None:
        self._stopping.set()
        for keeper in self._keepers:
            keeper.join()
        self.server.leave()


@contextmanager
def stage(claude: AnthropicServer) -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="situate-") as folder:
        Path(folder).chmod(0o711)
        opened = Stage(Path(folder) / "home", claude)
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def wired(running: Stage) -> Iterator[Deps]:
    with open_pool(running.server.url) as pool:
        yield build(Settings(**FAKES), pool=pool, url=running.server.url)


def ended(states: dict[int, tuple[str, str, str]], count: int) -> bool:
    over = {Status.READY.value: {Situating.ENDED.value}, Status.FAILED.value: {s.value for s in Situating}}
    return len(states) == count and all(situating in over.get(status, set()) for status, _, situating in states.values())


def contents(running: Stage) -> dict[str, Any]:
    """What the database holds of each file, and what must not be there."""
    with psycopg.connect(running.server.superuser_url) as connection:
        held: dict[str, Any] = {}
        for name, *figures in connection.execute(
            """select filename, status, error, note, n_chunks, total_len, page_count, situated,
                      (select array_agg(row(ord, heading, text, context, sentences)::text order by ord) from chunks c where c.document_id = d.id),
                      (select array_agg(row(number, source, note, marks)::text order by number) from pages p where p.document_id = d.id),
                      (select count(*) from vectors v where v.document_id = d.id),
                      (select md5(string_agg(term || ps::text, ',' order by term)) from postings p where p.document_id = d.id)
               from documents d order by filename, id"""
        ):
            held.setdefault(name, []).append(figures)
        strays = {
            "page_drafts": "select count(*) from page_drafts",
            "vector_drafts": "select count(*) from vector_drafts",
            "chunks twice": "select count(*) - count(distinct (document_id, ord)) from chunks",
            "vectors without a chunk": "select count(*) from vectors v left join chunks c using (document_id, ord) where c.ord is null",
            "chunks without a vector": "select count(*) from chunks c left join vectors v using (document_id, ord) where v.ord is null",
            "jobs": "select count(*) from procrastinate_jobs where status in ('todo', 'doing') and queue_name = 'documents' and args ? 'document_id'",
            "usage twice": """select coalesce(sum(n - 1), 0) from (select count(*) n from usage where purpose = 'situate'
                              group by document_id, at, input_tokens, output_tokens) u""",
        }
        found = {}
        for name, query in strays.items():
            row = connection.execute(query.encode()).fetchone()
            found[name] = int(row[0]) if row else -1
    return {"held": held, "strays": found}


def differences(name: str, calm: list[list[Any]], now: list[list[Any]] | None) -> str:
    """Which columns of a file's documents are not as without faults; "" where all are."""
    columns = ("status", "error", "note", "n_chunks", "total_len", "page_count", "situated", "chunks", "pages", "vectors", "postings")
    if now is None or len(now) != len(calm):
        return f"{name}: {len(now or [])} documents instead of {len(calm)}"
    differing = [column for column, *values in zip(columns, calm[0], now[0], strict=True) if values[0] != values[1]]
    return f"{name}: {', '.join(differing)}" if differing else ""


def upload(deps: Deps, name: str, content: bytes) -> None:
    while True:  # the database may be away just now
        try:
            library.upload(deps, SUBJECT, filename=name, content=content)
        except DatabaseAway:
            time.sleep(0.1)
        else:
            return


def boundary_kills(running: Stage, count: int, kills: Counter[str], target: str) -> None:
    """One target once at each change from one stage to the next, as it is seen first."""
    seen: dict[int, tuple[str, str, str]] = {}
    done: set[str] = set()
    deadline = time.monotonic() + PATIENCE
    while not ended(states := running.states(), count) and time.monotonic() < deadline:
        for document, state in states.items():
            if state == seen.get(document):
                continue
            seen[document] = state
            boundary = " ".join(filter(None, state))
            if boundary not in done and running.kill(target):
                done.add(boundary)
                kills[f"{target} at {boundary}"] += 1
        time.sleep(LOOK)


def random_kills(running: Stage, count: int, kills: Counter[str], moments: int, chance: random.Random) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ended(running.states(), count) and time.monotonic() < deadline:
        time.sleep(chance.uniform(0.2, 8.0))
        target = chance.choice(TARGETS)
        if kills.total() < moments and running.kill(target):
            kills[target] += 1


def round_of(name: str, given: argparse.Namespace, documents: list[tuple[str, bytes]], expected: dict[str, Any] | None) -> dict[str, Any]:
    kills: Counter[str] = Counter()
    rounds = 0
    with standin.anthropic() as claude:
        claude.delay = 0.05
        total = Counter[str]()
        while rounds == 0 or (name == "random" and kills.total() < given.moments and rounds < 5):
            rounds += 1
            claude.paid.clear()
            with stage(claude) as running, wired(running) as deps:
                library.allow(deps, SUBJECT, "Anthropic")
                if name == "random":
                    killer = threading.Thread(
                        target=random_kills, args=(running, len(documents), kills, given.moments, random.Random(given.seed + rounds))
                    )
                elif name in TARGETS:
                    killer = threading.Thread(target=boundary_kills, args=(running, len(documents), kills, name))
                else:
                    killer = threading.Thread(target=random_kills, args=(running, len(documents), Counter(), 0, random.Random(0)))
                killer.start()
                for filename, content in documents:
                    upload(deps, filename, content)
                killer.join()
                found = contents(running)
                total += Counter(status for rows in found["held"].values() for status, *_ in rows)
                repeated = claude.paid.total() - len(claude.paid)
                faulty = dict(running.worker_ends)
    held = found["held"]
    different = (
        [] if expected is None else sorted(filter(None, (differences(f, expected["held"][f], held.get(f)) for f in expected["held"])))
    )
    return {
        "round": name,
        "rounds": rounds,
        "kills": dict(kills),
        "documents": sum(map(len, held.values())),
        "states": dict(total),
        "sentences": sorted({f"{name}: {row[1] or row[2]}" for name, rows in held.items() for row in rows if row[1] or row[2]}),
        "different": different,
        "strays": found["strays"],
        "worker_ends": faulty,
        "paid": claude.paid.total(),
        "paid_again": repeated,
        "allowed_again": MOST * sum(n for target, n in kills.items() if target.startswith(("worker", "postgres"))),
        "contents": found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=20)
    parser.add_argument("--moments", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    documents = files(given.documents)
    calm = round_of("calm", given, documents, None)
    rounds = [calm, *(round_of(name, given, documents, calm["contents"]) for name in (*TARGETS, "random"))]
    for result in rounds:
        del result["contents"]
        print(json.dumps(result, indent=2), flush=True)
    if given.json:
        given.json.write_text(json.dumps(rounds, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
