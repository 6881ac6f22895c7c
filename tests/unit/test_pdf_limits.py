"""A page that kills its parser, hangs it or unpacks without end costs itself; the other pages are read."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from rag import pdf, sandbox
from rag.confined import Limits
from rag.errors import UnreadableDocument
from rag.page import PageDraft
from rag.pdf import Parser, Reading
from tests import hostile, pdfs

ROOT = Path(__file__).parents[2]
SMALL = Limits(memory_mb=400)


def text_of(reading: Reading) -> str:
    return "\n".join(element.text for element in reading.elements)


def only_page_3_is_lost(reading: Reading) -> str:
    """Its note."""
    assert [page.marks for page in reading.pages] == [(), (), ("unreadable",), (), ()]
    assert [number for number in range(1, 6) if f"This is the text of page {number}," in text_of(reading)] == [1, 2, 4, 5]
    return reading.pages[2].note


def pid_of(parser: Parser) -> int:
    assert parser._child is not None
    return parser._child._process.pid


def with_endings(monkeypatch: pytest.MonkeyPatch, folder: Path, where: str, ending: str, *, times: int = 9) -> None:
    """Let a child do this instead of what it was about to do, so many times: `where` is a condition on `name` and `number`."""
    (folder / "ending.py").write_text(
        f"""import functools, os, signal, sys, time
sys.argv.pop(0)
from pathlib import Path
from rag import confined, reader
def ending(name, work):
    @functools.wraps(work)
    def instead(document, number=0, *rest):
        mark = Path({str(folder)!r}, "ended")
        if {where} and (before := len(mark.read_text()) if mark.exists() else 0) < {times}:
            mark.write_text("x" * (before + 1))
            {ending}
        return work(document, *([number] if number else []), *rest)
    return instead
reader.read_page = ending("read", reader.read_page)
reader.arranged = ending("arrange", reader.arranged)
confined.serve(reader.work)
"""
    )
    script = folder / "python"  # in place of: python -P -m rag.reader LIMITS
    script.write_text(f'#!/bin/sh\nshift 3\nexec {sys.executable} {folder}/ending.py -- "$@"\n')
    script.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(script))


def test_a_page_that_unpacks_without_end_is_lost_alone() -> None:
    only_page_3_is_lost(pdf.read(hostile.bomb(), limits=SMALL))


def test_a_page_of_forms_within_forms_is_lost_alone() -> None:
    only_page_3_is_lost(pdf.read(hostile.slow_page(), limits=SMALL))


def test_a_page_beyond_its_seconds_is_lost_alone() -> None:
    note = only_page_3_is_lost(pdf.read(hostile.slow_page(), limits=Limits(page_seconds=0.5, memory_mb=4_096)))
    assert note == "Reading the page took longer than 0.5 seconds and was stopped."


def test_a_picture_of_a_thousand_megapixels_is_not_drawn() -> None:
    content = hostile.huge_picture()
    assert "1,024 megapixels; the limit is 200" in only_page_3_is_lost(pdf.read(content))
    with pytest.raises(UnreadableDocument, match="1,024 megapixels"):
        pdf.render(content, 3, scale=1)
    assert pdf.render(content, 2, scale=1).startswith(b"\x89PNG")


def test_a_page_that_kills_the_parser_is_tried_twice_and_lost_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_endings(monkeypatch, tmp_path, "number == 3", "os.kill(os.getpid(), signal.SIGSEGV)")
    note = only_page_3_is_lost(pdf.read(hostile.plain_pages(5)))
    assert "made the parser fail" in note
    assert (tmp_path / "ended").read_text() == "xx"


def test_a_parser_killed_for_another_reason_loses_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_endings(monkeypatch, tmp_path, "number == 3", "os.kill(os.getpid(), signal.SIGKILL)", times=1)
    reading = pdf.read(hostile.plain_pages(5))
    assert [page.source for page in reading.pages] == ["text"] * 5
    assert (tmp_path / "ended").exists()


def test_what_a_library_prints_is_no_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_endings(monkeypatch, tmp_path, "number == 3", 'os.write(1, b\'{"kind": "page"}\\n\' * 9999)', times=1)
    assert [page.source for page in pdf.read(hostile.plain_pages(5)).pages] == ["text"] * 5


def test_a_fault_of_ours_on_a_page_costs_that_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with_endings(monkeypatch, tmp_path, "number == 3", "raise IndexError('no such word')")
    only_page_3_is_lost(pdf.read(hostile.plain_pages(5)))
    assert "no such word" in caplog.text


def test_memory_is_watched_where_the_system_does_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_endings(monkeypatch, tmp_path, "number == 3", "limits = [b'x' * (600 << 20), time.sleep(600)]")
    monkeypatch.setattr(sandbox, "asdict", lambda _: {"memory_mb": 4_096})  # as on macOS, which would let the child take it
    note = only_page_3_is_lost(pdf.read(hostile.plain_pages(5), limits=Limits(memory_mb=400)))
    assert note == "Reading the page took more than 400 MB and was stopped."


def test_what_was_read_within_the_documents_time_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_endings(monkeypatch, tmp_path, "number == 3", "time.sleep(600)")
    reading = pdf.read(hostile.plain_pages(5), limits=Limits(read_seconds=1.5))
    assert [page.source for page in reading.pages] == ["text", "text", "none", "none", "none"]
    assert {page.note for page in reading.pages[2:]} == {"The page was not read: the document had taken 1.5 seconds."}
    assert "text of page 2" in text_of(reading)


def test_a_parser_that_dies_on_every_page_is_not_started_for_ever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pdf, "MOST_DEATHS", 4)
    with_endings(monkeypatch, tmp_path, "name == 'read'", "os._exit(9)", times=99)
    reading = pdf.read(hostile.plain_pages(5))
    assert {page.marks for page in reading.pages} == {("unreadable",)}
    assert "4 times" in reading.pages[-1].note
    assert (tmp_path / "ended").read_text() == "xxxx"


def test_a_parser_that_was_killed_while_it_arranged_is_started_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_endings(monkeypatch, tmp_path, "name == 'arrange'", "os.kill(os.getpid(), signal.SIGKILL)", times=1)
    assert "This is the text of page 5" in text_of(pdf.read(hostile.plain_pages(5)))
    assert (tmp_path / "ended").exists()


def test_a_document_that_cannot_be_arranged_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_endings(monkeypatch, tmp_path, "name == 'arrange'", "os._exit(9)")
    with pytest.raises(UnreadableDocument, match=r"made its parser fail \(status 9\)"):
        pdf.read(hostile.plain_pages(5))


def test_pages_read_before_are_not_read_again_and_are_arranged_with_the_others() -> None:
    with Parser(pdfs.report(), limits=Limits()) as parser:
        first = next(parser.pages())
    kept = PageDraft.unpack(first.pack())
    assert kept == first
    with Parser(pdfs.report(), limits=Limits()) as parser:
        others = list(parser.pages(skip={1}))
        assert [draft.page.number for draft in others] == [2, 3]
        assert parser.elements([kept, *others]) == pdf.read(pdfs.report()).elements


def test_a_reader_broken_off_can_still_arrange() -> None:
    with Parser(pdfs.long_report(30), limits=Limits()) as parser:
        pages = parser.pages()
        some = [next(pages), next(pages)]
        pages.close()
        assert {element.page for element in parser.elements(some)} == {1, 2}


def test_nothing_is_left_when_a_document_was_read() -> None:
    with Parser(pdfs.report(), limits=Limits()) as parser:
        child, folder = psutil.Process(pid_of(parser)), parser._folder
        assert folder.exists()
        assert child.is_running()
    assert not folder.exists()
    assert not child.is_running()


def test_the_parser_ends_with_the_process_that_started_it() -> None:
    starts = "import sys, time; from rag.pdf import Parser; from rag.confined import USUAL\n"
    starts += "with Parser(sys.stdin.buffer.read(), limits=USUAL) as parser: print(parser._child._process.pid, flush=True); time.sleep(600)"
    parent = subprocess.Popen([sys.executable, "-c", starts], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdin
    assert parent.stdout
    parent.stdin.write(pdfs.report())
    parent.stdin.close()
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert psutil.wait_procs([child], timeout=30)[1] == []


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The system's folder for what is temporary, as a process meets it at its first document."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sandbox._sweep.cache_clear()
    return tmp_path


def test_what_a_killed_process_left_is_removed_by_a_later_one(scratch: Path) -> None:
    left, fresh, used = (scratch / f"situate-pdf-{name}" for name in ("left", "fresh", "used"))
    for folder in (left, fresh, used):
        folder.mkdir()
        (folder / "owner.lock").touch()
    for folder in (left, used):
        os.utime(folder, (time.time() - 3_600,) * 2)
    with (used / "owner.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pdf.read(pdfs.report())
    assert not left.exists()
    assert fresh.exists()
    assert used.exists()
