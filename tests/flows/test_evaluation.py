"""Measuring: three kinds of sets end to end, by the real search on copies of their own, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from db import as_subject
from db import evaluations as rows
from db.evaluations import State
from db.usage import By
from rag import consent, evaluate, library, question_files, scratch_contexts, usage
from rag.cli import execute
from rag.consent import Purpose, Request
from rag.deps import Deps
from rag.errors import PriceNotAgreed, QuestionSetError
from rag.evaluate import Stopped
from rag.ladder import Ladder
from rag.providers import Meter, Usage
from rag.providers.fake import FakeReranker, FakeSituator
from rag.question_sets import Context
from rag.trace import Stage
from tests import pdfs
from tests.conftest import FAKES
from tests.flows.conftest import SUBJECT, Index
from tests.standin import AnthropicServer

ROOT = Path(__file__).parents[2]
TABLES = ("collections", "documents", "files", "pages", "chunks", "vectors", "vector_drafts", "postings", "consents", "usage")
CHUNKS = [
    {
        "document": "mine",
        "ord": 0,
        "text": "The reserve holds nine thousand of them.",
        "context": "Quartz sensors, their foundry in Karlsruhe.",
    },
    {"document": "mine", "ord": 1, "text": "Railways order barometers.", "context": "Demand."},
    {"document": "fair", "ord": 0, "text": "A new altimeter will be shown.", "context": "Outlook on the spring fair."},
]
ASKED = [
    {"id": "q", "question": "quartz foundry Karlsruhe", "type": "fact", "language": "en", "gold": [{"document": "mine", "ord": 0}]},
    {"id": "r", "question": "spring altimeter", "type": "list", "language": "en", "gold": [{"document": "fair", "ord": 0}]},
    {"id": "s", "question": "who is not told of?", "gold": []},
]


def folder(root: Path, **files: list[dict[str, Any]]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for name, records in files.items():
        (root / f"{name}.jsonl").write_text("\n".join(json.dumps(record, ensure_ascii=False) for record in records), "utf-8")
    return root


@pytest.fixture
def given(tmp_path: Path) -> Path:
    return folder(tmp_path / "given", questions=ASKED, chunks=CHUNKS)


@pytest.fixture
def counts(database_url: str, server: Any) -> Callable[[], dict[str, int]]:
    """Rows of every table, whoever they belong to."""
    url = f"{server.superuser_url.rsplit('/', 1)[0]}/{database_url.rsplit('/', 1)[1].partition('?')[0]}"
    url += f"?{server.superuser_url.partition('?')[2]}" if "?" in server.superuser_url else ""

    def look() -> dict[str, int]:
        with psycopg.connect(url) as connection:
            return {t: connection.execute(f"select count(*) from {t}").fetchone()[0] for t in TABLES}  # type: ignore[index] # noqa: S608

    return look


def measure(deps: Deps, path: Path, **choice: Any) -> Ladder:
    plan = evaluate.plan(deps, SUBJECT, question_files.load(path), **choice)
    return evaluate.run(deps, SUBJECT, plan, progress=lambda *_: None)


def figure(ladder: Ladder, stage: Stage, context: Context, metric: str) -> float:
    return float(next(r for r in ladder.rungs if (r.stage, r.context) == (stage, context)).values()[metric].mean())


def test_given_contexts_find_what_the_chunks_alone_do_not(deps: Deps, given: Path) -> None:
    ladder = measure(deps, given)
    assert [(r.stage, r.context) for r in ladder.rungs] == [
        (stage, context) for context in (Context.NONE, Context.GIVEN) for stage in (Stage.DENSE, Stage.BM25, Stage.FUSED)
    ]
    assert figure(ladder, Stage.BM25, Context.NONE, "recall@5") == 0.5
    assert figure(ladder, Stage.BM25, Context.GIVEN, "recall@5") == 1
    assert (ladder.documents, ladder.chunks, len(ladder.questions), ladder.without_gold) == (2, 3, 2, 1)
    assert all(r.pages is None for r in ladder.rungs)


def test_texts_are_cut_by_the_product_and_found_by_their_quotes(deps: Deps, tmp_path: Path) -> None:
    text = (
        "# Supply\n\nThe foundry stands in Karlsruhe. "
        + "Nothing else happened there. " * 60
        + "\n\n# Outlook\n\n公司计划将可持续发展纳入战略。"
    )
    asked = [
        {"id": "1", "question": "foundry Karlsruhe", "gold": [{"document": "a", "quote": "The foundry stands in Karlsruhe."}]},
        {"id": "2", "question": "可持续发展战略", "gold": [{"document": "a", "quote": "公司计划将可持续发展纳入战略"}]},
        {"id": "3", "question": "Meridian", "gold": [{"document": "a", "quote": "Words that stand nowhere in it"}]},
    ]
    path = folder(tmp_path / "texts", questions=asked, documents=[{"document": "a", "title": "Meridian Instruments", "text": text}])
    ladder = measure(deps, path)
    assert {r.context for r in ladder.rungs} == {Context.NONE, Context.STRUCTURAL}
    assert ladder.chunks > 1
    assert ladder.unreachable == 1
    bm25 = next(r for r in ladder.rungs if (r.stage, r.context) == (Stage.BM25, Context.NONE))
    assert bm25.ranks == ((1,), (1,), (None,))
    titled = next(r for r in ladder.rungs if (r.stage, r.context) == (Stage.BM25, Context.STRUCTURAL))
    assert titled.seconds > 0


def test_pdfs_are_read_as_an_upload_and_hit_by_page(deps: Deps, tmp_path: Path) -> None:
    (tmp_path / "set" / "documents").mkdir(parents=True)
    (tmp_path / "set" / "documents" / "report.pdf").write_bytes(pdfs.report())
    (tmp_path / "set" / "documents" / "南岭.pdf").write_bytes(pdfs.chinese())
    (tmp_path / "set" / "documents" / "torn.pdf").write_bytes(b"%PDF-1.4 torn")
    asked = [
        {"id": "1", "question": "quartz foundry", "gold": [{"document": "report", "page": 2, "quote": "single foundry"}]},
        {"id": "2", "question": "altimeter at the spring fair", "gold": [{"document": "report.pdf", "page": 3}]},
        {"id": "3", "question": "torn", "gold": [{"document": "torn.pdf", "page": 1}]},
    ]
    ladder = measure(deps, folder(tmp_path / "set", questions=asked))
    assert ladder.unreadable == ("torn.pdf",)
    assert ladder.unreachable == 1
    assert ladder.headline == "page hit@5"
    bm25 = next(r for r in ladder.rungs if (r.stage, r.context) == (Stage.BM25, Context.NONE))
    assert bm25.pages == (2, 1, None)  # the first chunk runs over pages 1 and 2, which count in that order
    assert ladder.as_json()["stages"][0]["page_hit"].keys() == {"1", "5", "10", "20"}


def test_nothing_is_left_behind_and_nobody_elses_rows_change(
    deps: Deps, given: Path, index: Index, counts: Callable[[], dict[str, int]]
) -> None:
    index(deps, pdfs.report())
    before = counts()
    measure(deps, given)
    assert counts() == before
    assert [d.filename for d in library.documents(deps, SUBJECT)] == ["report.pdf"]
    assert [c.name for c in library.collections(deps, SUBJECT)] == [library.DEFAULT_COLLECTION]


def test_the_copies_are_seen_by_nobody_while_the_run_goes_on(deps: Deps, given: Path, index: Index) -> None:
    index(deps, pdfs.report())
    seen: list[int] = []
    plan = evaluate.plan(deps, SUBJECT, question_files.load(given))
    evaluate.run(deps, SUBJECT, plan, progress=lambda *_: seen.append(len(library.documents(deps, SUBJECT))))
    assert set(seen) == {1}


def test_an_interrupted_run_drops_its_copies(deps: Deps, given: Path, counts: Callable[[], dict[str, int]]) -> None:
    before = counts()

    def interrupt(step: str, *_: int) -> None:
        if step.startswith("asking"):
            assert counts()["chunks"] == 2 * len(CHUNKS)
            raise KeyboardInterrupt

    plan = evaluate.plan(deps, SUBJECT, question_files.load(given))
    with pytest.raises(KeyboardInterrupt):
        evaluate.run(deps, SUBJECT, plan, progress=interrupt)
    assert counts() == before
    with as_subject(deps.pool, SUBJECT) as connection:
        assert [r.state for r in rows.evaluations(connection)] == [State.STOPPED]


def test_a_run_stopped_from_elsewhere_ends_at_the_next_step(deps: Deps, given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "BEAT", 0.01)
    plan = evaluate.plan(deps, SUBJECT, question_files.load(given))
    started = evaluate.begin(deps, SUBJECT, plan.questions.name)
    evaluate.stop(deps, SUBJECT, started.id)
    with pytest.raises(Stopped):
        evaluate.carry_out(deps, SUBJECT, started, plan, progress=lambda *_: time.sleep(0.05))
    assert evaluate.evaluations(deps, SUBJECT)[0].state is State.STOPPED


def test_what_a_killed_run_left_is_dropped_by_the_next(
    deps: Deps, given: Path, counts: Callable[[], dict[str, int]], database_url: str, tmp_path: Path
) -> None:
    before = counts()
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from rag import evaluate, question_files; from rag.deps import opened; from rag.settings import load\n"
        "def kill(step, *_):\n    if step.startswith('asking'): os.kill(os.getpid(), signal.SIGKILL)\n"
        "with opened(load()) as deps:\n"
        f"    plan = evaluate.plan(deps, {SUBJECT!r}, question_files.load(Path({str(given)!r})))\n"
        f"    evaluate.run(deps, {SUBJECT!r}, plan, progress=kill)\n"
    )
    environment = {**os.environ, "DATABASE_URL": database_url, **{f"SITUATE_{k.upper()}": v for k, v in FAKES.items()}}
    killed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert counts()["chunks"] == before["chunks"] + 2 * len(CHUNKS)
    measure(deps, given)  # its heart beat a moment ago: it may be alive
    assert counts()["chunks"] == before["chunks"] + 2 * len(CHUNKS)
    with as_subject(deps.pool, SUBJECT) as connection:
        connection.execute("update evaluations set beat_at = now() - interval '1 hour' where not cleared")
    assert [r.state for r in evaluate.evaluations(deps, SUBJECT)] == [State.DONE, State.STOPPED]
    measure(deps, given)
    assert counts() == before


def test_one_search_tells_all_stages_and_no_text_is_embedded_twice(deps: Deps, tmp_path: Path) -> None:
    class Counting:
        def __init__(self, inner: Any) -> None:
            self.inner = inner
            self.texts: list[str] = []
            self.queries = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        def embed_documents(self, texts: list[str], *_: Any) -> Any:
            self.texts += texts
            return self.inner.embed_documents(texts)

        def embed_query(self, text: str, *_: Any) -> Any:
            self.queries += 1
            return self.inner.embed_query(text)

    chunks = [{**chunk, "context": chunk["context"] if chunk["ord"] else ""} for chunk in CHUNKS]
    counting = Counting(deps.embedder)
    ladder = measure(
        replace(deps, embedder=counting, rerankers=(FakeReranker(),)), folder(tmp_path / "set", questions=ASKED, chunks=chunks)
    )
    assert len(ladder.rungs) == 8
    assert len(counting.texts) == len(set(counting.texts)) == 4
    assert counting.queries == 2 * (2 + 1)  # each question once a context, and once before to load the model


def test_what_a_remote_reranker_bills_stays_with_the_person_who_agreed(deps: Deps, given: Path) -> None:
    class Remote:
        name = "remote-1"
        recipient = "Remote Inc"
        depth = 30
        joins_fusion = False

        def rerank(self, query: str, texts: list[str], meter: Meter) -> list[float]:
            meter(Usage(model="remote-1", search_units=1))
            return [float(-len(text)) for text in texts]

    remote = replace(deps, rerankers=(Remote(),))
    assert Stage.RERANKED not in evaluate.plan(remote, SUBJECT, question_files.load(given)).stages
    with as_subject(deps.pool, SUBJECT) as connection:
        consent.grant(connection, Request(recipient="Remote Inc", model="remote-1", purposes=(Purpose.RERANK,)))
    ladder = measure(remote, given)
    assert ladder.models["reranker"] == "remote-1"
    assert [(s.key, s.calls, s.search_units) for s in usage.spending(deps, SUBJECT, By.MODEL)] == [("remote-1", 4, 4)]


def test_a_model_writes_contexts_for_the_copies_once_its_price_is_allowed(
    agreed: Deps, given: Path, claude: AnthropicServer, counts: Callable[[], dict[str, int]]
) -> None:
    before = counts()
    found = question_files.load(given)
    with pytest.raises(
        PriceNotAgreed, match=r"tokens to Anthropic, for about \$\d+\.\d\d. Nothing was sent; allow it with --spend 0\.\d[1-9]\.$"
    ):
        measure(agreed, given, contexts=[Context.MODEL])
    assert claude.requests == []
    plan = evaluate.plan(agreed, SUBJECT, found, contexts=[Context.NONE, Context.MODEL], spend=Decimal(1))
    ladder = evaluate.run(agreed, SUBJECT, plan, progress=lambda *_: None)
    assert {rung.context for rung in ladder.rungs} == {Context.NONE, Context.MODEL}
    assert ladder.notes == ()
    assert len(claude.requests) == len(CHUNKS)
    spent = usage.spending(agreed, SUBJECT, By.MODEL)
    assert sum(s.calls for s in spent) == len(CHUNKS)
    assert {**counts(), "usage": 0} == {**before, "usage": 0}


def test_passages_that_the_model_did_not_situate_are_told(deps: Deps, given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch_contexts, "FRUITLESS", 1)
    monkeypatch.setattr(scratch_contexts.time, "sleep", lambda _: None)
    faulty = replace(deps, situators=(FakeSituator(faults={"Railways": "it was cut off"}),))
    ladder = measure(faulty, given, contexts=[Context.MODEL])
    assert ladder.models["situator"] == "fake-situator"
    assert ladder.notes == ("Passages that kept their structural context, because the model did not write theirs: 1.",)


def test_what_cannot_be_measured_is_told(deps: Deps, given: Path) -> None:
    found = question_files.load(given)
    with pytest.raises(QuestionSetError, match="allows the contexts none, given"):
        evaluate.plan(deps, SUBJECT, found, contexts=[Context.STRUCTURAL])
    with pytest.raises(QuestionSetError, match="No model may write contexts"):
        evaluate.plan(deps, SUBJECT, found, contexts=[Context.MODEL])
    with pytest.raises(QuestionSetError, match="No reranker"):
        evaluate.plan(deps, SUBJECT, found, stages=[Stage.RERANKED])


def test_the_command_writes_its_json_and_prints_its_table(
    given: Path, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    for name, value in {**FAKES, "reranker": "fake:reranker"}.items():
        monkeypatch.setenv(f"SITUATE_{name.upper()}", value)
    out = tmp_path / "out.json"
    assert execute(["evaluate", "--set", str(given), "--json", str(out), "--by", "type"]) == 0
    told = json.loads(out.read_text("utf-8"))
    assert (told["set"], told["questions"], len(told["stages"]), len(told["differences"])) == ("given", 2, 8, 10)
    assert told["by"].keys() == {"fact", "list"}
    for stage in told["stages"]:
        assert stage["stage"] in {"dense", "bm25", "fused", "reranked"}
        assert stage["context"] in {"none", "given"}
        assert stage["recall"].keys() == {"5", "10", "20"}
        assert all(0 <= stage[key] <= 1 for key in ("ndcg10", "mrr10", "failure20"))
        assert stage["interval"][0] <= stage["recall"]["20"] <= stage["interval"][1]
        assert stage["page_hit"] is None
        assert stage["seconds_per_question"] > 0
    printed = capsys.readouterr()
    assert "2 questions, 2 documents, 3 passages" in printed.out
    assert "1 question without an answer" in printed.out
    assert "reranked" in printed.out
    assert "situate: asking: given (2)" in printed.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--set", "nowhere"], 1, "nowhere holds no questions.jsonl"),
        (["--set", "given", "--json", "absent/out.json"], 1, "its folder does not exist"),
        (["--set", "given", "--context", "none,new"], 2, "new is none of none, given, structural, model"),
        (["--set", "given", "--language", "fr"], 1, "its questions are in: en"),
        (["--set", "given", "--context", "structural"], 1, "allows the contexts none, given"),
    ],
)
def test_wrong_usage_is_told_in_a_sentence(
    arguments: list[str],
    code: int,
    told: str,
    given: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(given.parent)
    monkeypatch.setenv("DATABASE_URL", database_url)
    for name, value in FAKES.items():
        monkeypatch.setenv(f"SITUATE_{name.upper()}", value)
    with pytest.raises(SystemExit) as ended:
        sys.exit(execute(["evaluate", *arguments]))
    assert ended.value.code == code
    assert told in capsys.readouterr().err
