"""What kill -9 and a storm of refusals cost in paid calls, with the official client against the stand-in server, which counts them.

    python -m bench.situating [--passages 400] [--kills 3] [--json OUT]

Each run situates a document of so many passages (about 140 tokens each) with workers in processes of their own. `paid` counts the calls
that the server answered, whether or not anybody was left to hear it; `unanswered` were refused, or broken off by a kill; `least` is one call for each passage and one for the summary.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from db import Pool, as_subject, embedded, migrate, open_pool
from db import documents as document_rows
from db.documents import Document, Situating
from rag import jobs
from tests import standin
from tests.postgres.corpus import add_document
from tests.standin import AnthropicServer

SUBJECT = "local"


def document(pool: Pool, passages: int, name: str) -> int:
    texts = [
        f"{name}: " + " ".join(f"Observation {n}.{at} was made at station {n * 7 + at}." for at in range(1, 11)) for n in range(passages)
    ]
    with as_subject(pool, SUBJECT) as connection:
        made = add_document(connection, name, texts)
        jobs.defer_situate(connection, subject=SUBJECT, document_id=made)
    return made


def state(pool: Pool, document_id: int) -> Document:
    with as_subject(pool, SUBJECT) as connection:
        return document_rows.documents(connection, ids=[document_id])[0]


def until(pool: Pool, document_id: int, condition: Callable[[Document], bool]) -> Document:
    while not condition(found := state(pool, document_id)):
        time.sleep(0.05)
    return found


def worker(url: str, claude: AnthropicServer) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.flows.worker_process", url, "--claude", claude.url])


def run(pool: Pool, url: str, *, name: str, passages: int, kills: int, storm: float) -> dict[str, Any]:
    with standin.anthropic() as claude:
        claude.delay = 0.05
        claude.storm(storm, retry_after=0.05)
        made = document(pool, passages, name)
        working = worker(url, claude)
        for kill in range(1, kills + 1):
            until(pool, made, lambda d, share=kill / (kills + 1): d.stage == "situating" and d.situated >= share * passages)
            working.send_signal(signal.SIGKILL)
            working.wait()
            working = worker(url, claude)
        ended = until(pool, made, lambda d: d.situating is Situating.ENDED)
        working.terminate()
        working.wait()
        paid = sum(claude.paid.values())
        return {
            "run": name,
            "passages": passages,
            "situated": ended.situated,
            "requests": len(claude.requests),
            "unanswered": len(claude.requests) - paid,
            "kills": kills,
            "least": passages + 1,
            "paid": paid,
            "paid_twice": paid - len(claude.paid),
            "paid_twice_per_kill": (paid - len(claude.paid)) / kills if kills else None,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=400)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="situate-") as folder:
        Path(folder).chmod(0o711)
        server = embedded.start(Path(folder) / "home")
        try:
            migrate.migrate(server.url)
            with open_pool(server.url) as pool:
                runs = [
                    run(pool, server.url, name="calm", passages=given.passages, kills=0, storm=0.0),
                    run(pool, server.url, name="kill -9", passages=given.passages, kills=given.kills, storm=0.0),
                    run(pool, server.url, name="storm of 30 %", passages=given.passages, kills=0, storm=0.3),
                    run(pool, server.url, name="storm of 50 %", passages=given.passages, kills=0, storm=0.5),
                    run(pool, server.url, name="both", passages=given.passages, kills=given.kills, storm=0.3),
                ]
        finally:
            server.leave()
    columns = ("run", "passages", "situated", "requests", "unanswered", "kills", "least", "paid", "paid_twice")
    print(" | ".join(columns))
    for row in runs:
        print(" | ".join(str(row[column]) for column in columns))
    if given.json:
        given.json.write_text(json.dumps(runs, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
