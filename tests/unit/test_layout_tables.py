"""Tables without borders: rows, headers, caption, units."""

from __future__ import annotations

import io

import pytest
from reportlab.pdfgen.canvas import Canvas

from rag import pdf
from rag.layout import Element
from tests import pdfs


@pytest.fixture(scope="module")
def table() -> Element:
    (found,) = [element for element in pdf.read(pdfs.cash_flow()).elements if element.kind == "Table"]
    return found


def test_each_row_is_a_line_of_label_and_figures(table: Element) -> None:
    rows = table.text.split("\n")
    assert "Depreciation and amortization | 586 | 625 | 574" in rows
    assert "Net gain on disposal of businesses | (220) | — | (44)" in rows
    assert "Cash flows from investing activities:" in rows


def test_a_currency_sign_set_apart_joins_its_figure(table: Element) -> None:
    assert "Net income | $1,058 | $815 | $951" in table.text.split("\n")


def test_the_years_head_the_columns(table: Element) -> None:
    assert table.columns == "2031 | 2030 | 2029"
    assert table.text.split("\n")[: table.header][-1] == "For the years ended June 30, | 2031 | 2030 | 2029"


def test_caption_and_units_are_kept(table: Element) -> None:
    assert table.caption == pdfs.CASH_FLOW_TITLE
    assert table.units == "$ in millions"


def test_text_after_a_table_is_not_part_of_it() -> None:
    elements = pdf.read(pdfs.cash_flow()).elements
    assert elements[-1].kind == "NarrativeText"
    assert elements[-1].text.startswith("The statement above covers")


def test_every_row_has_boxes_on_its_own_line(table: Element) -> None:
    start = table.text.index("Inventories")
    end = table.text.index("\n", start)
    spans = [span for span in table.spans if start <= span.start < end]
    assert max(span.y1 for span in spans) - min(span.y0 for span in spans) < 14
    assert max(span.x1 for span in spans) - min(span.x0 for span in spans) > 450


def test_a_wrapped_label_joins_its_figures() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.setFont("Helvetica", 10)
    canvas.drawString(60, 700, "Income before taxes and equity in income of")
    canvas.drawString(60, 688, "affiliated companies")
    canvas.drawString(60, 676, "Income tax expense")
    for y, figures in ((688, ("1,251", "1,115")), (676, ("(193)", "(300)"))):
        for x, figure in zip((400, 480), figures, strict=True):
            canvas.drawRightString(x, y, figure)
    canvas.save()
    (found,) = pdf.read(buffer.getvalue()).elements
    assert found.text.split("\n") == [
        "Income before taxes and equity in income of affiliated companies | 1,251 | 1,115",
        "Income tax expense | (193) | (300)",
    ]


def test_prose_with_numbers_is_no_table() -> None:
    content = pdfs.lines("In 2031 sales rose by 7.3 percent to $96.4 million.", "In 2030 they had stood at $89.8 million, 2 percent less.")
    assert [element.kind for element in pdf.read(content).elements] == ["NarrativeText"]
