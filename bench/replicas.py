"""Two web processes and three workers on one database: many uploads and questions at once, and kill -9 in the middle.

    python -m bench.replicas [--uploads 60] [--questions 200] [--models fake] [--seed N] [--json OUT]

The database is a Postgres over TCP with a password and one plain role (bench.managed). Each process has a home of its own, as on a machine of
its own, and all begin at the same moment on the empty database. Readers are windows that speak Streamlit's protocol (bench.window): so each
question is owned by a web process, and half of the files come through the browser's upload, the other half through two `situate ingest`.
At moments drawn by the seed a worker and a web process are killed; the worker stays dead, the web process starts again after some seconds on
its port, as compose would see to. Afterwards the database is looked through for what was accepted and is not there whole.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from bench.managed import Managed, managed_postgres
from bench.papers import Paper, papers
from bench.rush import held
from bench.window import Lost, Window

FAKES = {"SITUATE_EMBEDDER": "fake:embedder", "SITUATE_RERANKER": "none"}
BASE = 6  # papers that can be asked from the beginning
BATCH = 5  # files dropped on a page at once
AWAY = 5.0  # seconds until a killed web process starts again
LOOK = 0.2  # seconds between two looks at the database
PATIENCE = 1800.0  # seconds for all of it
CUT = "Interrupted: the program"  # how a page says that an answer's process ended
STRAYS = {
    "chunks without a vector": "select count(*) from chunks c left join vectors v using (document_id, ord) where v.ord is null",
    "vectors without a chunk": "select count(*) from vectors v left join chunks c using (document_id, ord) where c.ord is null",
    "lengths that differ from the postings": """select count(*) from documents d where status = 'ready' and total_len <> (
        select coalesce(sum(length), 0) from (select distinct x >> 40 as ord, x & ((1 << 20) - 1) as length
                                              from postings p, unnest(ps) x where p.document_id = d.id) each_chunk)""",
    "citations without a message": "select count(*) from citations c left join messages m on m.id = c.message_id where m.id is null",
    "messages without an end": """select count(*) from messages
        where state in ('searching', 'answering') and replaced_by is null and beat_at > clock_timestamp() - interval '20 seconds'""",
    "interrupted and not asked again": "select count(*) from messages where state in ('searching', 'answering') and replaced_by is null",
    "finished without sources": """select count(*) from messages m where state = 'done' and not exists (
        select from traces t where t.message_id = m.id)""",
    "citations of sentences that are not stored": """select count(*) from citations c where not exists (
        select from chunks k where k.document_id = c.document_id and k.ord = c.ord)""",
}


@dataclass
class Process:
    """One of the processes, on a machine of its own as far as its home and its environment go."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    running: subprocess.Popen[bytes] | None = None
    largest: int = 0  # bytes of memory, seen

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                [sys.executable, "-m", "rag.cli", *self.command], env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        assert self.running is not None
        self.running.kill()
        self.running.wait()

    def stop(self) -> int:
        """Its exit code when asked to end."""
        assert self.running is not None
        self.running.terminate()
        return self.running.wait(60)

    def measure(self) -> None:
        with suppress(psutil.NoSuchProcess, AttributeError):
            self.largest = max(self.largest, psutil.Process(self.running.pid).memory_info().rss)  # type: ignore[union-attr]


@dataclass
class Seen:
    """What was observed while it all ran: seconds by what they were for, and counts."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[str] = field(default_factory=Counter)
    accepted: set[int] = field(default_factory=set)  # conversations whose readers were shown their address
    stored: set[str] = field(default_factory=set)  # file names whose senders were told so
    sourced: set[int] = field(default_factory=set)
    finished: set[int] = field(default_factory=set)
    ready: set[int] = field(default_factory=set)
    connections: int = 0


async def reader(window: Window, question: str, seen: Seen) -> None:
    """Ask one question, and stay until its answer is there; what a person would do when something is in the way."""
    began = time.monotonic()
    while True:
        try:
            if window.conversation_id is None:
                await window.ask(question)
                seen.seconds["question accepted"].append(time.monotonic() - began)
            seen.accepted.add(window.conversation_id or 0)
            while True:
                key, shown = await window.until(lambda: ended(window))
                if CUT not in shown:
                    break
                seen.counts["questions asked again by hand"] += 1
                del window.trees[key]
                await window.click(key, "again")
        except (Lost, TimeoutError):
            seen.counts["pages cut off"] += 1
            window.trees.clear()
            await window.open()
        else:
            seen.seconds["question to answer on the page"].append(time.monotonic() - began)
            return


def ended(window: Window) -> tuple[str, str] | None:
    """The key and the text of the latest answer on the page, once it is over."""
    key = max((key for key in window.trees if re.fullmatch(r"answer-\d+", key)), key=lambda key: int(key[7:]), default=None)
    shown = json.dumps(window.trees[key]["tree"], ensure_ascii=False) if key else ""
    return (key, shown) if key and '"act": "again"' in shown else None


async def uploader(addresses: list[str], files: list[Paper], seen: Seen) -> None:
    """Drop files on the page of documents, again where that did not end in a word on each of them."""
    window = Window(addresses, page="documents")
    await window.open()
    for at in range(0, len(files), BATCH):
        batch = files[at : at + BATCH]
        began = time.monotonic()
        while True:
            try:
                told = json.dumps(await window.upload([(paper.name, paper.content) for paper in batch]), ensure_ascii=False)
            except (Lost, TimeoutError, httpx.HTTPError):
                seen.counts["uploads cut off"] += 1
                await window.open()
            else:
                break
        seen.stored |= {paper.name for paper in batch if paper.name in told}
        seen.seconds["upload acknowledged"].append(time.monotonic() - began)
    await window.close()


async def ingesting(process: Process, seen: Seen) -> None:
    process.start()
    assert process.running is not None
    code = await asyncio.to_thread(process.running.wait)
    seen.counts[f"situate ingest ended with {code}"] += 1
    lines = [json.loads(line) for line in process.log.read_text().splitlines() if '"status"' in line]
    seen.stored |= {Path(line["file"]).name for line in lines if line.get("status") in {"ready", "duplicate"}}


async def watch(managed: Managed, processes: list[Process], seen: Seen, over: asyncio.Event) -> None:
    """Look at rows, connections and memory until it is over."""
    with psycopg.connect(managed.operator_url, autocommit=True) as connection:
        while not over.is_set():
            for id_, state, age in connection.execute(
                "select id, state, extract(epoch from clock_timestamp() - created_at)::float8 from messages"
            ).fetchall():
                if state != "searching" and id_ not in seen.sourced:
                    seen.sourced.add(id_)
                    seen.seconds["question to sources"].append(age)
                if state in {"done", "failed", "stopped"} and id_ not in seen.finished:
                    seen.finished.add(id_)
                    seen.seconds["question to answer"].append(age)
            for id_, age in connection.execute(
                "select id, extract(epoch from clock_timestamp() - created_at)::float8 from documents where status = 'ready'"
            ).fetchall():
                if id_ not in seen.ready:
                    seen.ready.add(id_)
                    seen.seconds["upload to ready"].append(age)
            row = connection.execute("select count(*) from pg_stat_activity where usename = 'application'").fetchone()
            seen.connections = max(seen.connections, row[0] if row else 0)
            for process in processes:
                process.measure()
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), LOOK)


async def killing(worker: Process, web: Process, given: argparse.Namespace, seen: Seen) -> list[str]:
    """kill -9 of a worker and of a web process in the middle; what was killed when."""
    chance = random.Random(given.seed)
    documents, answers = BASE + chance.randint(1, given.uploads // 2), chance.randint(1, given.questions // 2)
    told: list[str] = []

    async def kill(process: Process, what: str, counted: set[int], count: int) -> None:
        await until(lambda: len(counted) >= count)
        await asyncio.to_thread(process.kill)
        told.append(f"{process.name} when {len(counted)} {what}")

    async def kill_web() -> None:
        await kill(web, "answers were finished", seen.finished, answers)
        await asyncio.sleep(AWAY)
        web.start()

    await asyncio.gather(kill(worker, "documents were ready", seen.ready, documents), kill_web())
    return told


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(LOOK / 4)


def answers_at(address: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{address}/readyz").status_code == 200
    return False


async def run(managed: Managed, room: Path, given: argparse.Namespace) -> dict[str, Any]:
    seen, over = Seen(), asyncio.Event()

    def process(name: str, *command: str) -> Process:
        environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(Path.cwd()),
            "DATABASE_URL": managed.url,
            "SITUATE_HOME": str(room / name),
        }
        environment |= FAKES if given.models == "fake" else {}
        return Process(name=name, command=list(command), environment=environment, log=room / f"{name}.log")

    ports = [free_port(), free_port()]
    addresses = [f"http://127.0.0.1:{port}" for port in ports]
    webs = [process(f"web-{n}", "web", "--port", str(port)) for n, port in enumerate(ports, 1)]
    workers = [process(f"worker-{n}", "worker") for n in (1, 2, 3)]
    lasting = [*webs, *workers]
    with ExitStack() as ending:
        for one in lasting:
            one.start()
            ending.callback(one.kill)
        await until(lambda: all(map(answers_at, addresses)))
        base, rest = papers(BASE + given.uploads)[:BASE], papers(BASE + given.uploads)[BASE:]
        await uploader(addresses, base, seen)
        watching = asyncio.create_task(watch(managed, lasting, seen, over))
        await until(lambda: len(seen.ready) >= BASE)
        seen.seconds.clear()
        windows = [Window(addresses[n % 2 :] + addresses[: n % 2]) for n in range(given.questions)]
        for window in windows:
            await window.open()
        seen.counts["windows"] = len(windows)
        questions = [question for paper in base for question in paper.questions]
        through_pages, by_command = rest[::2], rest[1::2]
        ingests = []
        for n in (0, 1):
            folder = room / f"files-{n}"
            folder.mkdir()
            for paper in by_command[n::2]:
                (folder / paper.name).write_bytes(paper.content)
            ingests.append(process(f"ingest-{n + 1}", "ingest", str(folder), "--json"))
        began = time.monotonic()
        load = os.getloadavg()[0]
        async with asyncio.timeout(PATIENCE):
            kills, *_ = await asyncio.gather(
                killing(workers[0], webs[1], given, seen),
                *(reader(window, questions[n % len(questions)], seen) for n, window in enumerate(windows)),
                *(uploader(addresses[n % 2 :] + addresses[: n % 2], through_pages[n::4], seen) for n in range(4)),
                *(ingesting(one, seen) for one in ingests),
            )
        await until(lambda: len(seen.ready) >= BASE + given.uploads)
        took = time.monotonic() - began
        await asyncio.sleep(2 * LOOK)
        for window in windows:
            await window.close()
        over.set()
        await watching
        ending.pop_all()
        codes = {one.name: one.stop() for one in lasting if one is not workers[0]}
    return {
        "seed": given.seed,
        "models": given.models,
        "uploads": given.uploads,
        "questions": given.questions,
        "pages": sum(paper.pages for paper in rest),
        "killed": kills,
        "seconds": round(took, 1),
        "load before, after": [round(load, 1), round(os.getloadavg()[0], 1)],
        "counts": dict(seen.counts),
        "percentiles": {what: percentiles(values) for what, values in sorted(seen.seconds.items())},
        "connections": {"most": seen.connections, "allowed": given.connections},
        "memory in MiB": {one.name: one.largest >> 20 for one in lasting},
        "exit codes": codes,
        "lost": lost(managed, seen, {paper.name for paper in (*base, *rest)}),
        "stored": held(managed.operator_url),
        "strays": strays(managed),
    }


def lost(managed: Managed, seen: Seen, names: set[str]) -> dict[str, Any]:
    """What was acknowledged and is not there, once and whole."""
    with psycopg.connect(managed.operator_url) as connection:
        ready = Counter(name for (name,) in connection.execute("select filename from documents where status = 'ready'"))
        done = connection.execute("select conversation_id, abstained from messages where state = 'done' and replaced_by is null").fetchall()
    answered = {id_ for id_, _ in done}
    return {
        "uploads acknowledged and not ready": sorted(seen.stored - set(ready)),
        "uploads never acknowledged": sorted(names - seen.stored),
        "files there more than once": sorted(name for name, count in ready.items() if count > 1),
        "questions accepted and not answered": sorted(seen.accepted - answered),
        "answers that found nothing to say": sum(abstained for _, abstained in done),
        "answers that nobody waits for": len(answered - seen.accepted),  # stored before their reader was cut off, who asked anew
    }


def strays(managed: Managed) -> dict[str, int]:
    """What must not be there once all processes have ended."""
    locks = "select count(*) from pg_locks where locktype = 'advisory'"
    connections = "select count(*) from pg_stat_activity where usename = 'application'"
    with psycopg.connect(managed.operator_url) as connection:
        rows = {name: connection.execute(query.encode()).fetchone() for name, query in STRAYS.items()}
        rows |= {"advisory locks": connection.execute(locks).fetchone(), "connections": connection.execute(connections).fetchone()}
        return {name: int(row[0]) if row else -1 for name, row in rows.items()}


def percentiles(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {"n": len(values)}
    cut = statistics.quantiles(values, n=20, method="inclusive")
    return {"n": len(values), "p50": round(statistics.median(values), 2), "p95": round(cut[18], 2), "most": round(max(values), 2)}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def table(result: dict[str, Any]) -> str:
    rows = [
        f"Seed {result['seed']}; killed: {'; '.join(result['killed'])}.",
        "",
        "| | n | p50 s | p95 s | most s |",
        "|---|--:|--:|--:|--:|",
    ]
    for what, found in result["percentiles"].items():
        rows.append(f"| {what} | {found['n']} | {found.get('p50', '')} | {found.get('p95', '')} | {found.get('most', '')} |")
    rows += ["", "| lost or left over | |", "|---|--:|"]
    rows += [f"| {what} | {found if isinstance(found, int) else len(found)} |" for what, found in result["lost"].items()]
    rows += [f"| {what} | {count} |" for what, count in result["strays"].items()]
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, default=60)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--models", choices=("default", "fake"), default="default", help="those everyone starts with, or fakes")
    parser.add_argument("--connections", type=int, default=100, help="max_connections of the database (default: 100, as Postgres has it)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randint(1, 9999))
    parser.add_argument("--logs", type=Path, help="an empty folder that keeps the processes' logs")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended
    with managed_postgres(max_connections=given.connections) as managed, ExitStack() as ending:
        room = given.logs or Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="situate-")))
        result = asyncio.run(run(managed, room.resolve(), given))
    print(json.dumps(result, indent=2, ensure_ascii=False))
    print(table(result))
    if given.json:
        given.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
