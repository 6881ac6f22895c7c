"""Keys and passwords are told nowhere: not in logs, on a terminal, on a page, nor in the database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from psycopg import sql

from db import as_subject
from rag import conversation, jobs, library, redaction
from rag.deps import Deps, build
from rag.errors import PermanentProviderError, ProviderError
from rag.providers.anthropic import ClaudeAnswerer
from rag.providers.cohere import CohereReranker
from rag.providers.langchain import ChatModelAnswerer
from rag.providers.voyage import VoyageReranker
from rag.settings import load
from tests import pdfs, standin
from tests.flows.asking import finished, produced
from tests.flows.conftest import SUBJECT
from tests.standin import AnthropicServer

ROOT = Path(__file__).parents[2]
KEY = "sk-planted-0123456789"
PASSWORD = "pl@nted 'p%ss\"wörd/"
ADDRESS = f"postgresql://situate:{quote(PASSWORD, safe='')}@127.0.0.1:1/situate"
FORMS = {KEY, PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), json.dumps(PASSWORD)[1:-1], repr(PASSWORD)[1:-1]}


def holding(text: str) -> list[str]:
    """The secrets that a text holds."""
    return [form for form in FORMS if form in text]


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has read its settings."""
    monkeypatch.setattr(redaction, "_hidden", set())
    monkeypatch.setattr(redaction, "_pattern", None)
    for name in ("ANTHROPIC_API_KEY", "COHERE_API_KEY", "VOYAGE_API_KEY"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("DATABASE_URL", ADDRESS)
    load()


def test_every_form_of_a_secret_is_blotted_out_and_nothing_else(planted: None) -> None:
    for form in FORMS:
        assert redaction.blotted(f"before {form} after") == "before *** after"
    assert redaction.blotted("situate: the password is wrong") == "situate: the password is wrong"


def test_a_short_password_is_no_word_of_a_sentence(monkeypatch: pytest.MonkeyPatch, planted: None) -> None:
    redaction.hide({"DATABASE_URL": "postgresql://situate:situate@db/situate"})
    assert redaction.blotted("situate: postgresql://situate:situate@db/situate") == "situate: postgresql://situate:***@db/situate"


def test_a_key_within_another_setting_or_of_another_provider_counts(monkeypatch: pytest.MonkeyPatch, planted: None) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "openai-planted-1")
    monkeypatch.setenv("SITUATE_RERANKER", "langchain:some.module:Class?model=m&api_key=compressor-planted")
    load()
    assert redaction.blotted("openai-planted-1, compressor-planted") == "***, ***"


# --- errors of providers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vendor", "ask"),
    [
        (
            standin.anthropic,
            lambda url: list(ClaudeAnswerer(model="claude-sonnet-5-5", api_key=KEY, base_url=url).stream("Is it?", [], [])),
        ),
        (standin.cohere, lambda url: CohereReranker(model="rerank-v4.0-pro", api_key=KEY, base_url=url).rerank("Is it?", ["It is."])),
        (standin.voyage, lambda url: VoyageReranker(model="rerank-2.5", api_key=KEY, base_url=url).rerank("Is it?", ["It is."])),
    ],
    ids=["Anthropic", "Cohere", "Voyage"],
)
@pytest.mark.parametrize("status", [400, 401])
def test_a_key_that_a_vendor_echoes_is_not_in_the_sentence(planted: None, vendor, ask, status: int) -> None:
    with vendor() as server:
        server.key = KEY
        server.fail_next(status, message=f"the key {KEY} will not do")
        with pytest.raises(PermanentProviderError) as refused:
            ask(server.url)
    assert not holding(str(refused.value))


class Echoing(FakeListChatModel):
    """Refuses as some vendor might."""

    def _stream(self, *_: object, **__: object):
        raise ValueError(f"model not allowed for {KEY}")


def test_neither_is_one_that_a_langchain_package_echoes(planted: None) -> None:
    with pytest.raises(ProviderError, match=r"model not allowed for \*\*\*"):
        list(ChatModelAnswerer("fake:model", Echoing(responses=[""])).stream("Is it?", [], []))


def test_nothing_that_is_stored_of_a_refusal_holds_the_key(deps: Deps, claude: AnthropicServer, monkeypatch: pytest.MonkeyPatch) -> None:
    claude.key = KEY
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", claude.url)
    for name, value in {"EMBEDDER": "fake:embedder", "RERANKER": "none", "CONSENT": "Anthropic"}.items():
        monkeypatch.setenv(f"SITUATE_{name}", value)
    told = build(load(), pool=deps.pool, url=deps.url)
    library.upload(told, SUBJECT, filename="report.pdf", content=pdfs.report())
    claude.fail_next(400, times=50, message=f"the key {KEY} will not do")
    while library.busy(told, SUBJECT):
        jobs.run_worker(told, wait=False)
    message = conversation.ask(told, SUBJECT, "Did costs fall?")
    failed = finished(told, message)
    produced(message)
    assert "***" in failed.error
    assert "***" in library.documents(told, SUBJECT)[0].unsituated
    with as_subject(deps.pool, SUBJECT) as connection:
        tables = [name for (name,) in connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()]
        for table in tables:
            rows = connection.execute(sql.SQL("select t::text from {} t").format(sql.Identifier(table))).fetchall()
            assert not any(holding(row) for (row,) in rows), table


# --- what a process writes ----------------------------------------------------------------------------------------------------

# Every way of telling something that a process has. Each is seen by the mark at its end.
TALKATIVE = """
import logging, sys, threading, warnings
from rag import logs, output
from rag.settings import load
settings = load()
logs.prepare(lasting=sys.argv[1] == "lasting")
key, address = settings.anthropic_api_key.get_secret_value(), settings.database_url
secret = f"{key} {address} {sys.argv[2]}"
log = logging.getLogger("rag.talk")
log.warning("with arguments %s (a)", secret)
log.warning(f"in the message {secret} (b)")
log.warning("in a field (c)", extra={"stage": secret, "stages": {"read": secret}})
log.warning("arguments %d that do not fit (d)", secret)
other = logging.getLogger("other")
other.addHandler(logging.StreamHandler())
other.propagate = False
other.warning("by a library's own handler %s (e)", secret)
try:
    try:
        raise ValueError(secret)
    except ValueError as error:
        raise KeyError(address, "(f)") from error
except KeyError:
    log.exception("a traceback")
with logs.about(request=secret):
    log.warning("in the context (g)")
warnings.warn(f"a warning {secret} (h)")
output.say(f"a line {secret} (i)")
output.note(f"a remark {secret} (j)")
output.dump({"finding": secret, "mark": "(k)"})
print(repr(settings), "(l)")
def fail():
    raise RuntimeError(f"a thread {secret} (m)")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
raise RuntimeError(f"the end {secret} (n)")
"""


@pytest.mark.parametrize("kind", ["lasting", "brief"])
def test_whatever_a_process_writes_holds_no_secret(kind: str) -> None:
    environment = {**os.environ, "ANTHROPIC_API_KEY": KEY, "DATABASE_URL": ADDRESS}
    command = [sys.executable, "-c", TALKATIVE, kind, PASSWORD]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    written = done.stdout + done.stderr
    assert [mark for mark in "abcdefghijklmn" if f"({mark})" not in written] == []
    assert holding(written) == []
    assert written.count("***") > 14


@pytest.mark.parametrize(
    "environment",
    [
        {"DATABASE_URL": ADDRESS},
        {"DATABASE_URL": f"postgresql://situate:{PASSWORD}@127.0.0.1:1/situate"},
        {"DATABASE_URL": f"host=127.0.0.1 port=1 dbname=situate password={KEY}"},
        {"DATABASE_URL": f"postgresql://127.0.0.1:1/situate?password={KEY}&sslmode={KEY}"},
        {"SITUATE_TRACES": f"ftp://somebody:{KEY}@collector"},
        {"SITUATE_RERANKER": f"elsewhere:module?api_key={KEY}"},
        {"SITUATE_ANTHROPIC_API_KEY": KEY, "SITUATE_PORT": KEY},
        {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": f"//somebody:{KEY}@proxy", "SITUATE_FUSION": KEY},
    ],
    ids=lambda environment: next(iter(environment)),
)
@pytest.mark.parametrize("command", [["doctor", "--json"], ["ask", "Is it so?"]], ids=lambda command: command[0])
def test_no_error_of_the_command_line_tells_one(environment: dict[str, str], command: list[str], database_url: str) -> None:
    fakes = {"SITUATE_EMBEDDER": "fake:embedder", "SITUATE_RERANKER": "none"}
    whole = {**os.environ, "DATABASE_URL": database_url, **fakes, **environment}
    done = subprocess.run([sys.executable, "-m", "rag.cli", *command], cwd=ROOT, env=whole, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert (done.stdout + done.stderr).strip()
    assert holding(done.stdout + done.stderr) == []
