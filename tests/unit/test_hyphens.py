"""Hyphens at line ends: undone where a line broke the word, kept where they belong to it."""

from __future__ import annotations

import io

import pytest
from reportlab.pdfgen.canvas import Canvas

from rag import pdf
from tests import pdfs


def read(*lines: str) -> str:
    return " ".join(element.text for element in pdf.read(pdfs.lines(*lines)).elements)


@pytest.mark.parametrize(
    ("end", "start", "whole"),
    [
        ("XYZ-", "123 was sold", "XYZ-123 was sold"),
        ("2019-", "2020 were dry", "2019-2020 were dry"),
        ("Austria-", "Hungary fell apart", "Austria-Hungary fell apart"),
        ("of n-", "dimensional space", "of n-dimensional space"),
        ("a state-of-the-", "art device", "a state-of-the-art device"),
        ("by short-", "and long-haul flights", "by short- and long-haul flights"),
        ("the INTERNA-", "TIONAL exhibition", "the INTERNATIONAL exhibition"),
        ("all baro-", "meters of the town", "all barometers of the town"),
    ],
)
def test_what_a_hyphen_stands_between_decides(end: str, start: str, whole: str) -> None:
    assert whole in read(f"In all the reports that were written about it then {end}", start)


def test_two_words_that_the_document_knows_alone_are_a_compound() -> None:
    text = read("The peaks are high and the vectors have many dimensional parts, as was seen for high-", "dimensional ones.")
    assert text.endswith("for high-dimensional ones.")


def test_a_word_that_the_document_knows_whole_is_made_whole() -> None:
    text = read("You see some thing, or something else altogether, and in the end it may be some-", "thing new.")
    assert text.endswith("it may be something new.")


def test_a_document_that_never_breaks_words_keeps_its_hyphens() -> None:
    known = "Post-war, co-author, mid-term and non-cash are written so by the whole of that trade."
    text = read(
        known,
        "There are many things which happened in the post-",
        "war years and by a co-",
        "author in the mid-",
        "term, all quasi-",
        "legal.",
    )
    assert text.endswith("all quasi-legal.")


def test_a_document_that_breaks_words_loses_its_hyphens() -> None:
    assert read("There are many ships which happened to lie in the har-", "bour.").endswith("in the harbour.")


def test_a_dash_after_a_space_stays_a_dash() -> None:
    assert "the harbour - and" in read("The ship came back on a Monday to the harbour -", "and left it on Tuesday.")


def test_a_word_broken_inside_a_table_cell_is_made_whole() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.setFont("Helvetica", 10)
    for y, cells in (
        (700, ("Office", "Duty", "Since")),
        (680, ("Treasurer", "keeps the govern-", "spring")),
        (668, ("", "ment bonds", "")),
    ):
        for x, text in zip((60, 200, 400), cells, strict=True):
            canvas.drawString(x, y, text)
    for y, cells in ((648, ("Chair", "speaks", "autumn")), (628, ("Secretary", "writes", "winter"))):
        for x, text in zip((60, 200, 400), cells, strict=True):
            canvas.drawString(x, y, text)
    canvas.save()
    (table,) = pdf.read(buffer.getvalue()).elements
    assert "Treasurer | keeps the government bonds | spring" in table.text.split("\n")
