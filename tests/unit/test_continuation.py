"""What a page's end broke off goes on: tables under their caption and headers, paragraphs in mid-sentence."""

from __future__ import annotations

import io

import pytest
from reportlab.pdfgen.canvas import Canvas

from rag import pdf
from rag.layout import Element
from tests.unit.test_chunking import chunks

CAPTION = "Stores of the harbour"
YEARS = ("", "2031", "2030")
HEAD = ("Store", "Keeper", "Remarks")
EDGES = (60, 250, 400)


def two_pages(first: tuple[str, ...], second: tuple[str, ...], *, words: bool = False, shift: float = 0) -> bytes:
    """A table over two pages: what stands above its rows on each, and rows of figures, or of words."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for number, above in enumerate((first, second)):
        canvas.setFont("Helvetica", 10)
        y, left = 780.0 - 30 * number, shift * number
        for line in above:
            y -= 20
            cells = line.split(" | ")
            for x, text in zip(EDGES if len(cells) > 1 else EDGES[:1], cells, strict=True):
                (canvas.drawRightString if text.isdigit() else canvas.drawString)(x + left, y, text)
        for row in range(12):
            y -= 14
            index = 12 * number + row
            cells = (f"Shed {'abcdefghijklmnopqrstuvwxyz'[index]}", f"keeper {'abcdefghijklmnopqrstuvwxyz'[index]}", "dry and clean")
            figures = (cells[0], f"{1204 + 17 * index:,}", f"{1118 + 13 * index:,}")
            for x, text in zip(EDGES, cells if words else figures, strict=True):
                (canvas.drawRightString if text[-1].isdigit() else canvas.drawString)(x + left, y, text)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def tables(content: bytes) -> list[Element]:
    return [element for element in pdf.read(content).elements if element.kind == "Table"]


@pytest.mark.parametrize(
    "second",
    [(), (" | 2031 | 2030",), (CAPTION, " | 2031 | 2030"), (f"{CAPTION} (continued)", " | 2031 | 2030"), ("(Continued)",)],
    ids=["bare", "headers", "caption and headers", "continued, with headers", "continued"],
)
def test_a_table_of_figures_goes_on_under_its_caption_and_headers(second: tuple[str, ...]) -> None:
    first, rest = tables(two_pages((CAPTION, " | 2031 | 2030"), second))
    assert (first.caption, first.columns) == (rest.caption, rest.columns) == (CAPTION, "2031 | 2030")


def test_every_chunk_of_a_table_over_two_pages_carries_caption_and_headers() -> None:
    drafts = chunks(two_pages((CAPTION, " | 2031 | 2030"), ()))
    assert {draft.first_page for draft in drafts} == {1, 2}
    for draft in drafts:
        assert CAPTION in f"{draft.context}\n{draft.heading}\n{draft.text}"
        assert "2031 | 2030" in f"{draft.context}\n{draft.text}"


def test_another_table_under_the_same_years_has_its_own_caption() -> None:
    _, other = tables(two_pages((CAPTION, " | 2031 | 2030"), ("Ships of the harbour", " | 2031 | 2030")))
    assert other.caption == "Ships of the harbour"


@pytest.mark.parametrize("shift", [0, 18])
def test_a_row_that_both_pages_begin_with_heads_the_table_of_words(shift: float) -> None:
    head = " | ".join(HEAD)
    first, rest = tables(two_pages((CAPTION, head), (head,), words=True, shift=shift))
    assert (first.columns, rest.columns) == (head, head)
    assert (first.header, rest.header) == (1, 1)
    assert rest.caption == CAPTION


def test_a_numbered_title_below_names_the_table_where_the_document_sets_them_so() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.setFont("Helvetica", 10)
    for page in ("One", "Two"):
        canvas.drawString(60, 740, f"{page} of the harbours was measured again in the spring of that year.")
        for row, label in enumerate(("Depth", "Width", "Length")):
            canvas.drawString(60, 700 - 14 * row, label)
            canvas.drawRightString(250, 700 - 14 * row, f"{12 + row}")
            canvas.drawRightString(400, 700 - 14 * row, f"{10 + row}")
        canvas.drawString(60, 640, f"Table {page[0]}: Harbour {page.lower()} before and after the storm.")
        canvas.showPage()
    canvas.save()
    assert [table.caption for table in tables(buffer.getvalue())] == [
        "Table O: Harbour one before and after the storm.",
        "Table T: Harbour two before and after the storm.",
    ]


def test_a_sentence_goes_on_with_a_capital_letter_when_its_line_was_full() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.setFont("Courier", 10)
    canvas.drawString(60, 132, "It was in the night of the second of May that many saw")
    canvas.drawString(60, 120, "how the keeper, who counted the ships that had come home,")
    canvas.drawString(60, 108, "and told it to the committee, which was led then by Mrs A")
    canvas.showPage()
    canvas.setFont("Courier", 10)
    canvas.drawString(60, 740, "Holm. She wrote the names of all of them into a new book,")
    canvas.drawString(60, 728, "which was lost in the year of the flood.")
    canvas.save()
    (element,) = pdf.read(buffer.getvalue()).elements
    assert "led then by Mrs A Holm. She wrote" in element.text
