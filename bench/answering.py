"""Seconds from a question to its sources and to the first words of its answer, among many chunks. Prints a table.

    python -m bench.answering --home FOLDER --set SET [--chunks 100000] [--delay 1.0] [--questions 100] [--browser 20] [--json OUT]

FOLDER is what bench.citations filled: its library is copied beside it, and its documents' rows are replicated, with their vectors and
postings, until there are so many chunks. Claude is the stand-in server of the tests, which waits `--delay` seconds before it answers and then
streams. Measured are the message as the database tells it (asked by conversation.ask, looked at every 10 ms), and, in a second pass, the page
in headless Chromium: from the Enter key to the first source card, and to the first word of the answer.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from playwright.sync_api import sync_playwright
from psycopg import sql
from pydantic import SecretStr

from bench.rush import served
from db import as_subject, embedded, migrate, open_pool
from rag import conversation, question_files
from rag.deps import Deps, build
from rag.question_sets import stratified
from rag.settings import Settings
from tests import standin

SUBJECT = "local"
COPIED = ("pages", "chunks", "vectors", "postings")
LOOK = 0.01  # seconds between two looks at a message
FIRST = 5  # questions that warm what is cached


def replicate(connection: psycopg.Connection[Any], wanted: int) -> int:
    """Copies of every document until so many chunks are there; how many there are."""
    connection.execute("select set_config('situate.subject', %s, false)", [SUBJECT])
    while (held := _count(connection)) < wanted:
        (originals,) = connection.execute("select count(*) from documents where status = 'ready' and filename !~ '^copy '").fetchone() or (
            0,
        )
        (all_,) = connection.execute("select count(*) from documents where status = 'ready'").fetchone() or (0,)
        number = all_ // originals
        with connection.transaction():
            connection.execute("create temp table twins (old bigint, new bigint) on commit drop")
            connection.execute(
                """insert into twins select id, nextval(pg_get_serial_sequence('documents', 'id')) from documents
                   where status = 'ready' and filename !~ '^copy '"""
            )
            _twin(
                connection,
                "documents",
                id="t.new",
                lineage="t.new",
                filename=f"'copy {number}/' || s.filename",
                sha256=f"sha256(s.sha256 || '\\x{number:04x}'::bytea)",
                key="id",
            )
            for table in COPIED:
                _twin(connection, table, document_id="t.new", key="document_id")
        print(f"{held:,} chunks", flush=True)
    connection.execute("analyze")
    return held


def _twin(connection: psycopg.Connection[Any], table: str, *, key: str, **changed: str) -> None:
    """The rows of a table that belong to the twins, with these columns changed."""
    names = [
        name
        for (name,) in connection.execute(
            "select column_name from information_schema.columns where table_name = %s and table_schema = 'public' and is_generated = 'NEVER'",
            [table],
        )
    ]
    values = [sql.SQL(changed[name]) if name in changed else sql.SQL("s.{}").format(sql.Identifier(name)) for name in names]  # type: ignore[arg-type]
    connection.execute(
        sql.SQL("insert into {0} ({1}) overriding system value select {2} from {0} s join twins t on t.old = s.{3}").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(", ").join(values), sql.Identifier(key)
        )
    )


def _count(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select sum(n_chunks) from documents where status = 'ready'").fetchone()
    return int(row[0]) if row else 0


def asked(deps: Deps, question: str) -> dict[str, float]:
    """Seconds until the message has its sources, its first text, and its end."""
    began = time.perf_counter()
    message = conversation.ask(deps, SUBJECT, question)
    found: dict[str, float] = {}
    while "end" not in found:
        time.sleep(LOOK)
        now = time.perf_counter() - began
        if "sources" not in found and conversation.trace(deps, SUBJECT, message.id) is not None:
            found["sources"] = now
        read, _ = conversation.follow(deps, SUBJECT, message.id)
        assert read is not None
        if read.parts:
            found.setdefault("first words", now)
        if read.finished:
            assert not read.error, read.error
            found["end"] = now
    return found


def in_browser(address: str, questions: Sequence[str]) -> Iterator[dict[str, float]]:
    """Each question in a conversation of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(60_000)
        for question in questions:
            page.goto(f"{address}/chat")
            box = page.get_by_test_id("stChatInputTextArea")
            box.fill(question)
            began = time.perf_counter()
            box.press("Enter")
            page.locator(".st-key-source-pane [data-act^='card:']").first.wait_for()
            sources = time.perf_counter() - began
            page.locator(".answer").first.wait_for()
            yield {"sources": sources, "first words": time.perf_counter() - began}
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--set", type=Path, required=True)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--delay", type=float, default=1.0)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--browser", type=int, default=20)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    home = given.home / "many"
    if not home.exists():
        subprocess.run(["cp", "-a", given.home / "situate", home], check=True)  # whose files they are matters to Postgres
    questions = [q.question for q in stratified(question_files.load(given.set).questions, given.questions + FIRST)]
    server = embedded.start(home)
    passes: dict[str, list[dict[str, float]]] = {}
    try:
        migrate.migrate(server.url)
        with psycopg.connect(server.url, autocommit=True) as connection:
            chunks = replicate(connection, given.chunks)
        with standin.anthropic() as claude, open_pool(server.url) as pool:
            claude.delay = given.delay
            provided = {"anthropic_api_key": SecretStr(claude.key), "anthropic_base_url": claude.url}
            settings = Settings(home=home, consent="Anthropic", situator="none").model_copy(update=provided)
            deps = build(settings, pool=pool, url=server.url)
            passes["as stored"] = [asked(deps, question) for question in questions][FIRST:]
            key = {"ANTHROPIC_API_KEY": claude.key, "ANTHROPIC_BASE_URL": claude.url}
            with served(home, SITUATE_CONSENT="Anthropic", SITUATE_SITUATOR="none", **key) as address:
                passes["in the browser"] = list(in_browser(address, questions[: given.browser + FIRST]))[FIRST:]
            with as_subject(pool, SUBJECT) as connection:
                connection.execute("delete from conversations")
    finally:
        server.leave()
    print(f"{chunks:,} chunks; the model waits {given.delay} s\n{'':34} median s   p95 s")
    for name, rows in passes.items():
        for what in ("sources", "first words"):
            seconds = np.array([row[what] for row in rows]) - (given.delay if what == "first words" else 0.0)
            told = f"{what}, less the model's delay" if what == "first words" else what
            print(f"{name + ': ' + told:48} {np.median(seconds):6.2f} {np.quantile(seconds, 0.95):7.2f}  ({len(rows)})")
    if given.json:
        given.json.write_text(json.dumps(passes, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
