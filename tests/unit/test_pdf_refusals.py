"""A file that cannot be read is refused with a sentence that says why and what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rag import pdf, pdfium
from rag.confined import USUAL, Limits, Refused
from rag.errors import NeedsPassword, UnreadableDocument, WrongPassword
from tests import hostile, pdfs


def refusal(content: bytes, limits: Limits = USUAL) -> str:
    with pytest.raises(UnreadableDocument) as caught:
        pdf.read(content, limits=limits)
    return str(caught.value)


def instead_of_python(monkeypatch: pytest.MonkeyPatch, folder: Path, does: str) -> None:
    """Let every child be this shell script."""
    script = folder / "python"
    script.write_text(f"#!/bin/sh\n{does}\n")
    script.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(script))


def test_an_empty_file_is_said_to_be_empty() -> None:
    assert "empty" in refusal(b"")


def test_a_file_that_is_no_pdf_is_said_to_be_none() -> None:
    assert "not a PDF" in refusal(b"PK\x03\x04 a word processor's file")


def test_a_damaged_file_is_said_to_be_damaged() -> None:
    assert "damaged" in refusal(b"%PDF-1.7\n" + b"nothing that follows makes sense " * 50)


def test_a_file_cut_short_is_said_to_be_cut_short() -> None:
    assert "cut short" in refusal(pdfs.report()[:300])


def test_a_password_is_asked_for() -> None:
    with pytest.raises(NeedsPassword, match="needs a password"):
        pdf.read(pdfs.with_password())


def test_a_document_encrypted_with_an_empty_password_is_read() -> None:
    assert pdfs.REPORT[0][1][0] in "\n".join(element.text for element in pdf.read(pdfs.with_empty_password()).elements)


@pytest.mark.parametrize(
    ("algorithm", "password"),
    [("RC4-40", "secret"), ("RC4-128", "Straße"), ("AES-128", "Straße"), ("AES-256", "Straße"), ("AES-256", "密码")],
)
def test_the_right_password_gives_an_open_copy(algorithm: str, password: str) -> None:
    content = pdfs.encrypted(password, algorithm)
    with pytest.raises(NeedsPassword):
        pdf.read(content)
    copy = pdf.unlock(content, password)
    assert pdf.read(copy).elements == pdf.read(pdfs.report()).elements


@pytest.mark.parametrize("password", ["", "secre", "secret\x00", "\udc80"])
def test_a_wrong_password_is_said_to_be_wrong(password: str) -> None:
    with pytest.raises(WrongPassword, match="does not open"):
        pdf.unlock(pdfs.with_password(), password)


def test_a_file_that_no_password_opens_is_said_to_be_damaged() -> None:
    with pytest.raises(UnreadableDocument, match="damaged"):
        pdf.unlock(b"%PDF-1.7\n" + b"nothing that follows makes sense " * 50, "secret")


def test_too_many_pages_are_refused() -> None:
    assert "10,000 pages; the limit is 5,000" in refusal(hostile.many_pages(10_000))


@pytest.mark.parametrize("make", [hostile.deep_tree, hostile.endless_tree])
def test_a_tree_of_pages_that_leads_nowhere_costs_its_pages(make: object) -> None:
    reading = pdf.read(make())  # type: ignore[operator]
    assert {page.marks for page in reading.pages} == {("unreadable",)}
    assert {page.note for page in reading.pages} == {"The page is damaged and could not be read."}


def test_a_parser_that_hangs_at_opening_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    instead_of_python(monkeypatch, tmp_path, "exec sleep 600")
    monkeypatch.setattr(pdf, "OPEN_SECONDS", 0.1)
    assert "took longer than 0.1 seconds" in refusal(pdfs.report())


def test_a_parser_that_dies_costs_only_the_document(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    instead_of_python(monkeypatch, tmp_path, "exit 4")
    assert "made its parser fail (status 4)" in refusal(pdfs.report())


def test_a_parser_that_was_killed_once_is_started_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    instead_of_python(monkeypatch, tmp_path, f'[ -e {tmp_path}/once ] && exec {sys.executable} "$@"; touch {tmp_path}/once; kill -KILL $$')
    assert len(pdf.read(pdfs.report()).elements) > 3
    assert (tmp_path / "once").exists()


def test_the_parser_sees_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # would keep any Python that inherits it from starting
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    instead_of_python(monkeypatch, tmp_path, f'env > {tmp_path}/seen; exec {sys.executable} "$@"')
    assert pdf.read(pdfs.report()).pages
    seen = (tmp_path / "seen").read_text()
    assert "sk-secret" not in seen
    assert {line.partition("=")[0] for line in seen.splitlines()} <= {
        "PYTHONPATH",
        "PYTHONUTF8",
        "HOME",
        "TMPDIR",
        "PWD",
        "SHLVL",
        "_",
        "OLDPWD",
    }


def test_a_page_that_does_not_exist_is_not_rendered() -> None:
    with pytest.raises(UnreadableDocument, match="has 3 pages; page 4"):
        pdf.render(pdfs.report(), 4, scale=1)


def test_a_page_that_cannot_be_drawn_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "RENDER_SECONDS", 0.0)
    with pytest.raises(UnreadableDocument, match="cannot be shown"):
        pdf.render(pdfs.report(), 1, scale=1)


def test_every_refusal_of_opening_is_one_or_two_sentences(tmp_path: Path) -> None:
    for content in (b"", b"no pdf", b"%PDF-1.7 x", pdfs.with_password(), hostile.many_pages(10_000)):
        (tmp_path / "document.pdf").write_bytes(content)
        with pytest.raises(Refused) as caught:
            pdfium.open_document(tmp_path / "document.pdf", Limits())
        assert str(caught.value).endswith(".")
        assert str(caught.value).count(". ") <= 1


@pytest.mark.parametrize("ending", ["INT", "TERM", "HUP"])
def test_a_reader_that_was_stopped_from_outside_says_nothing_against_the_file(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead_of_python(monkeypatch, tmp_path, f"kill -{ending} $$")
    with pytest.raises(InterruptedError, match=f"SIG{ending}"):  # the worker tries again; UnreadableDocument would be for good
        pdf.read(pdfs.report())
