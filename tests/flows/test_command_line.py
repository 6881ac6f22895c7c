"""The command line: the shapes of its JSON, its exit codes, and one sentence for each thing that goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from procrastinate.exceptions import ConnectorException

from rag import jobs, library
from rag.cli import STAGES, execute
from rag.deps import Deps
from rag.trace import Stage
from tests import pdfs
from tests.flows.conftest import SUBJECT, Run
from tests.standin import AnthropicServer

ROOT = Path(__file__).parents[2]


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    (folder / "below").mkdir(parents=True)
    (folder / "report.pdf").write_bytes(pdfs.report())
    (folder / "below" / "南岭 报告.PDF").write_bytes(pdfs.chinese())
    (folder / "notes.txt").write_text("not uploaded")
    return folder


def test_a_folder_is_ingested_with_one_object_a_file(situate: Run, papers: Path) -> None:
    code, lines, _ = situate("ingest", papers)
    assert code == 0
    assert {line["document"] for line in lines} == {"report.pdf", "below/南岭 报告.PDF"}
    for line in lines:
        assert list(line) == ["file", "document", "status", "pages", "chunks", "seconds", "error", "note"]
        assert (line["status"], line["error"]) == ("ready", None)
        assert line["chunks"] > 0
        assert Path(line["file"]).is_relative_to(papers)
    assert {line["pages"] for line in lines} == {1, 3}


def test_a_duplicate_is_told_when_the_first_has_ended_and_as_large(situate: Run, papers: Path) -> None:
    (papers / "copy.pdf").write_bytes((papers / "report.pdf").read_bytes())
    code, lines, _ = situate("ingest", papers / "report.pdf", papers / "copy.pdf")
    assert code == 0
    assert [(line["status"], line["document"], line["pages"]) for line in lines] == [
        ("ready", "report.pdf", 3),
        ("duplicate", "report.pdf", 3),
    ]


def test_what_waits_for_consent_is_told_and_goes_on_once_the_operator_agrees(
    situate: Run, papers: Path, claude: AnthropicServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"ANTHROPIC_API_KEY": claude.key, "ANTHROPIC_BASE_URL": claude.url, "SITUATE_SITUATOR": "auto"}.items():
        monkeypatch.setenv(name, value)
    code, _, told = situate("ingest", papers / "report.pdf")
    assert code == 0
    assert "Nothing is sent to claude-haiku-5-5 of Anthropic before you agree (situate: 1 document, 3 pages, about 2 calls" in told
    assert "set SITUATE_CONSENT=Anthropic/claude-haiku-5-5." in told
    assert claude.requests == []
    monkeypatch.setenv("SITUATE_CONSENT", "Anthropic/claude-haiku-5-5")
    monkeypatch.setenv("SITUATE_ASK_ABOVE_USD", "0")
    _, lines, told = situate("ingest", papers / "report.pdf")
    assert lines[0]["status"] == "duplicate"
    assert "To be situated, 1 document must wait for a yes to the price" in told
    assert claude.requests == []
    monkeypatch.delenv("SITUATE_ASK_ABOVE_USD")
    _, _, told = situate("ingest", papers / "report.pdf")
    assert told == ""
    assert len(claude.requests) == 2


def test_a_file_that_an_earlier_ingest_left_in_the_queue_is_waited_for(situate: Run, deps: Deps, papers: Path) -> None:
    library.upload(deps, SUBJECT, filename="report.pdf", content=(papers / "report.pdf").read_bytes())
    code, lines, _ = situate("ingest", papers / "report.pdf")
    assert (code, lines[0]["status"], lines[0]["pages"]) == (0, "duplicate", 3)
    assert lines[0]["chunks"] > 0


def test_a_file_that_failed_is_tried_again_and_never_passes_for_a_duplicate(situate: Run, tmp_path: Path) -> None:
    locked = tmp_path / "locked.pdf"
    locked.write_bytes(pdfs.with_password())
    for _ in range(2):
        code, lines, _ = situate("ingest", locked)
        assert (code, lines[0]["status"]) == (1, "failed")
        assert "password" in lines[0]["error"]


def test_bad_files_get_their_sentence_and_the_good_ones_are_taken(situate: Run, papers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITUATE_MAX_FILE_MB", "1")
    report = pdfs.report()
    bad = {
        "not.pdf": (b"hello", "is not a PDF"),
        "empty.pdf": (b"", "is empty"),
        "cut.pdf": (report[: len(report) // 2], "damaged or cut short"),
        "drawing.pdf": (pdfs.without_text(), "No text was found"),
        "big.pdf": (report + bytes(1 << 20), "limit is 1 MB"),
    }
    for name, (content, _) in bad.items():
        (papers / name).write_bytes(content)
    code, lines, _ = situate("ingest", papers, papers / "absent.pdf")
    told = {line["document"]: line for line in lines}
    assert code == 1
    assert told["report.pdf"]["status"] == "ready"
    for name, (_, sentence) in {**bad, "absent.pdf": (b"", "cannot be read: No such file")}.items():
        assert told[name]["status"] == "failed"
        assert sentence in told[name]["error"]


def test_a_folder_without_pdfs_is_told(situate: Run, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    code, lines, _ = situate("ingest", tmp_path / "letters")
    assert (code, len(lines), lines[0]["status"]) == (1, 1, "failed")
    assert "holds no PDF" in lines[0]["error"]


def test_hits_carry_their_scores_and_ranks_at_every_stage(situate: Run, papers: Path) -> None:
    situate("ingest", papers)
    code, hits, _ = situate("search", "quartz sensors foundry", "--top", "2", "--stage", "fused")
    assert code == 0
    assert [hit["rank"] for hit in hits] == [1, 2]
    keys = ["rank", "document", "first_page", "last_page", "ord", "heading", "text", "context", "scores", "ranks"]
    for hit in hits:
        assert list(hit) == keys
        assert set(hit["scores"]) == set(hit["ranks"]) == {"dense", "bm25", "fused", "rerank"}
    assert hits[0]["document"] == "report.pdf"
    assert hits[0]["ranks"]["bm25"] == 1


def test_the_stages_that_can_be_asked_for_are_those_of_search() -> None:
    assert tuple(stage.value for stage in Stage) == STAGES


def test_an_answer_comes_with_its_citations_and_their_boxes(situate: Run, papers: Path) -> None:
    situate("ingest", papers, "--collection", "Works")
    code, told, _ = situate("ask", "Which foundry supplies quartz sensors?", "--collection", "Works")
    assert code == 0
    assert list(told) == ["answer", "citations", "abstained", "model", "usage"]
    assert told["citations"]
    for citation in told["citations"]:
        assert list(citation) == ["number", "document", "page", "quote", "boxes"]
        page, x0, y0, x1, y1 = citation["boxes"][0]
        assert page == citation["page"]
        assert x0 < x1
        assert y0 < y1


def test_documents_are_listed_and_deleted_by_name(situate: Run, papers: Path) -> None:
    situate("ingest", papers)
    _, rows, _ = situate("list")
    assert {row["document"]: row["status"] for row in rows} == {"report.pdf": "ready", "below/南岭 报告.PDF": "ready"}
    assert situate("delete", "report.pdf")[:2] == (0, {"deleted": 1})
    assert [row["document"] for row in situate("list")[1]] == ["below/南岭 报告.PDF"]
    assert situate("delete", "report.pdf")[:2] == (1, None)


def test_documents_are_situated_on_demand_and_listed_with_how_far_that_has_come(
    situate: Run, papers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    situate("ingest", papers / "report.pdf")
    assert [(row["situated"], row["unsituated"]) for row in situate("list")[1]] == [(0, None)]
    monkeypatch.setenv("SITUATE_SITUATOR", "fake:situator")
    assert situate("situate", "report.pdf")[:2] == (0, {"queued": 1})
    situate("ingest", papers / "report.pdf")
    (row,) = situate("list")[1]
    assert row["situated"] == row["chunks"] > 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("search", "anything"), "No document is ready"),
        (("ask", "anything"), "No document is ready"),
        (("ask", " ? "), "question is empty"),
        (("search", "long " * 1000), "limit is 4,000"),
        (("search", "anything", "--document", "absent.pdf"), "no document named absent.pdf"),
        (("ask", "anything", "--collection", "Nowhere"), "no collection named Nowhere"),
        (("list", "--collection", "Nowhere"), "no collection named Nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_on_stderr(situate: Run, arguments: tuple[str, ...], told: str) -> None:
    code, out, err = situate(*arguments)
    assert (code, out) == (1, None)
    assert told in err
    assert err.startswith("situate: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("ingest", ""),  # Path("") is the current folder
        ("ingest", "a.pdf", "--collection", " "),
        ("ingest", "a.pdf", "--collection", "x" * 5000),
        ("ingest", "a.pdf", "--collection", "two\nlines"),
        ("search", "anything", "--top", "0"),
        ("search", "anything", "--top", "-3"),
        ("serve", "--port", "70000"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_opened(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as refused:
        execute([*arguments])
    assert refused.value.code == 2


def test_a_reader_who_has_seen_enough_is_no_fault_to_tell(situate: Run, papers: Path) -> None:
    situate("ingest", papers)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "rag.cli", "list"], cwd=ROOT, env=os.environ, stdout=writing, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_json_is_utf8_in_any_locale_and_keeps_file_names_that_are_no_text(situate: Run, tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + "/报告".encode() + b"\xff.pdf"
    Path(os.fsdecode(name)).write_bytes(pdfs.lines("Hens eat corn."))
    plain = {**os.environ, "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([sys.executable, "-m", "rag.cli", "ingest", "--json", name], cwd=ROOT, env=plain, capture_output=True, check=True)
    assert os.fsencode(json.loads(done.stdout.decode("utf-8"))["file"]) == name


def test_control_characters_of_a_file_name_do_not_reach_the_terminal(
    situate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "red\x1b[31m.pdf"
    path.write_bytes(b"hello")
    assert execute(["ingest", str(path)]) == 1
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert r"red\x1b[31m.pdf" in told


def test_a_database_that_goes_away_in_the_middle_is_a_sentence(
    situate: Run, papers: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def cut_off(*_: object, **__: object) -> None:
        raise ConnectorException

    monkeypatch.setattr(jobs, "run_worker", cut_off)
    assert execute(["ingest", str(papers)]) == 1
    assert "Nothing is lost" in capsys.readouterr().err


def test_ctrl_c_leaves_what_was_taken_to_the_next_ingest(
    situate: Run, papers: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "run_worker", interrupted)
        assert execute(["ingest", str(papers)]) == 130
    told = capsys.readouterr()
    assert told.out == ""
    assert "What was taken is kept" in told.err
    code, lines, _ = situate("ingest", papers)
    assert (code, {line["status"] for line in lines}) == (0, {"duplicate"})
