"""A file that cannot be read is refused with a sentence that says why and what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rag import pdf, pdfium
from rag.errors import UnreadableDocument
from tests import pdfs


def refusal(content: bytes, seconds: float = 60) -> str:
    with pytest.raises(UnreadableDocument) as caught:
        pdf.read(content, seconds=seconds)
    return str(caught.value)


def test_an_empty_file_is_said_to_be_empty() -> None:
    assert "empty" in refusal(b"")


def test_a_file_that_is_no_pdf_is_said_to_be_none() -> None:
    assert "not a PDF" in refusal(b"PK\x03\x04 a word processor's file")


def test_a_damaged_file_is_said_to_be_damaged() -> None:
    assert "damaged" in refusal(b"%PDF-1.7\n" + b"nothing that follows makes sense " * 50)


def test_a_file_cut_short_is_said_to_be_cut_short() -> None:
    assert "cut short" in refusal(pdfs.report()[:300])


def test_a_password_is_asked_for() -> None:
    assert "password" in refusal(pdfs.with_password())


def test_a_document_encrypted_with_an_empty_password_is_read() -> None:
    assert pdfs.REPORT[0][1][0] in "\n".join(element.text for element in pdf.read(pdfs.with_empty_password()).elements)


def test_a_reader_beyond_its_time_limit_is_stopped() -> None:
    assert "longer than 0.01 seconds" in refusal(pdfs.report(), seconds=0.01)


def test_a_parser_that_dies_costs_only_the_document(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert "made its parser fail" in refusal(pdfs.report())


def test_the_parser_sees_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # would keep any Python that inherits it from starting
    assert pdf.read(pdfs.report()).pages


def test_a_page_that_does_not_exist_is_not_rendered() -> None:
    with pytest.raises(UnreadableDocument, match="has 3 pages; page 4"):
        pdf.render(pdfs.report(), 4, scale=1)


def test_every_refusal_of_opening_is_one_or_two_sentences() -> None:
    for content in (b"", b"no pdf", b"%PDF-1.7 x", pdfs.with_password()):
        with pytest.raises(pdfium.Refused) as caught:
            pdfium.open_document(content)
        assert str(caught.value).endswith(".")
        assert str(caught.value).count(". ") <= 1


@pytest.mark.parametrize("ending", ["INT", "TERM", "HUP"])
def test_a_reader_that_was_stopped_from_outside_says_nothing_against_the_file(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = tmp_path / "python"
    stopped.write_text(f"#!/bin/sh\nkill -{ending} $$\n")
    stopped.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(stopped))
    with pytest.raises(InterruptedError, match=f"SIG{ending}"):  # the worker tries again; UnreadableDocument would be for good
        pdf.read(pdfs.report())
