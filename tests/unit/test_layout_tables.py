"""Tables without borders: rows, headers, caption, units."""

from __future__ import annotations

import io

import pytest
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
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


def drawn(*rows: tuple[float, tuple[tuple[float, str], ...]], bold: tuple[int, ...] = (), size: float = 10) -> bytes:
    """One page of cells at given places: rows of (y, ((x, text), ...)); figures end at their x, words begin there."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for number, (y, cells) in enumerate(rows):
        canvas.setFont("Helvetica-Bold" if number in bold else "Helvetica", size)
        for x, text in cells:
            (canvas.drawRightString if text[-1].isdigit() else canvas.drawString)(x, y, text)
    canvas.save()
    return buffer.getvalue()


def test_a_table_without_headers_takes_those_of_the_table_it_continues() -> None:
    content = drawn(
        (700, ((400, "2031"), (480, "2030"))),
        (687, ((60, "Sales of barometers"), (400, "1,204"), (480, "1,118"))),
        (674, ((60, "Sales of altimeters"), (400, "310"), (480, "295"))),
        (620, ((60, "Figures below were not audited."),)),
        (570, ((60, "Orders in hand"), (400, "512"), (480, "498"))),
        (557, ((60, "Orders lost"), (400, "17"), (480, "22"))),
    )
    found = [element for element in pdf.read(content).elements if element.kind == "Table"]
    assert [element.columns for element in found] == ["2031 | 2030", "2031 | 2030"]


def test_headers_over_several_columns_are_read_downwards_and_not_repeated() -> None:
    content = drawn(
        (700, ((330, "Years ended June 30, of"),)),
        (687, ((400, "2031"), (480, "2030"))),
        (674, ((60, "Sales of barometers"), (400, "1,204,118"), (480, "1,118,001"))),
        (661, ((60, "Sales of altimeters"), (400, "310,442"), (480, "295,007"))),
    )
    (found,) = pdf.read(content).elements
    assert found.columns == "Years ended June 30, of 2031 | 2030"


OFFICERS = (
    (700, ((60, "Name"), (200, "Office"), (400, "Since when"))),
    (680, ((60, "Anna Holm"), (200, "Chair of the board and"), (400, "spring of the war year"))),
    (668, ((200, "head of the audit committee"),)),
    (648, ((60, "Jon Moe"), (200, "Treasurer"), (400, "the founding"))),
    (628, ((60, "Eva Lie"), (200, "Secretary"), (400, "last autumn"))),
)


def test_a_table_of_words_is_read_row_by_row_with_its_broken_cells_joined() -> None:
    (found,) = pdf.read(drawn(*OFFICERS, bold=(0,))).elements
    assert found.kind == "Table"
    assert found.text.split("\n") == [
        "Name | Office | Since when",
        "Anna Holm | Chair of the board and head of the audit committee | spring of the war year",
        "Jon Moe | Treasurer | the founding",
        "Eva Lie | Secretary | last autumn",
    ]


def test_a_bold_first_row_heads_a_table_of_words() -> None:
    (found,) = pdf.read(drawn(*OFFICERS, bold=(0,))).elements
    assert (found.header, found.columns) == (1, "Name | Office | Since when")


def test_a_numbered_list_with_wide_gaps_is_no_table() -> None:
    content = drawn(
        *(
            (700 - 20 * n, ((60, f"{n}."), (90, f"The {word} lamp is lit at dusk")))
            for n, word in enumerate(("first", "second", "third", "last"), 1)
        )
    )
    assert {element.kind for element in pdf.read(content).elements} == {"ListItem"}


def test_two_tables_side_by_side_are_read_one_after_the_other() -> None:
    left = (("Sales", "746", "812"), ("Cost", "511", "540"), ("Profit", "235", "272"), ("Tax", "58", "68"), ("Net", "177", "204"))
    right = (("Cash", "91", "17"), ("Stocks", "212", "230"), ("Debt", "148", "139"), ("Plant", "640", "655"), ("Total", "795", "763"))
    rows = [
        (700 - 13 * n, ((60, a[0]), (180, a[1]), (230, a[2]), (300, b[0]), (420, b[1]), (470, b[2])))
        for n, (a, b) in enumerate(zip(left, right, strict=True))
    ]
    tables = [element.text.split("\n") for element in pdf.read(drawn(*rows)).elements]
    assert tables == [[" | ".join(row) for row in left], [" | ".join(row) for row in right]]


def test_numbered_items_in_chinese_brackets_are_no_table() -> None:
    pdfmetrics.registerFont(UnicodeCIDFont(pdfs.CHINESE_FONT))
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.setFont(pdfs.CHINESE_FONT, 11)
    for row, (mark, text) in enumerate((("（一）", "组织职工选举代表。"), ("（二）", "主持大会的筹备。"), ("（三）", "提出议题的建议。"))):
        canvas.drawString(60, 700 - 20 * row, mark)
        canvas.drawString(115, 700 - 20 * row, text)
    canvas.save()
    assert {element.kind for element in pdf.read(buffer.getvalue()).elements} == {"ListItem"}


def test_a_numbered_caption_is_no_header_and_columns_of_words_are_named() -> None:
    content = drawn(
        (700, ((240, "Table 4: Offices"),)),
        (680, ((60, "Office"), (240, "Holders"), (400, "Duty of the office"))),
        (660, ((60, "Chair"), (280, "1"), (400, "leads the board"))),
        (640, ((60, "Keeper"), (280, "3"), (400, "lights the lamp"))),
        (620, ((60, "Clerk"), (280, "2"), (400, "writes the log"))),
    )
    table = pdf.read(content).elements[-1]
    assert (table.caption, table.columns) == ("Table 4: Offices", "Office | Holders | Duty of the office")


def test_two_tables_side_by_side_whose_rows_do_not_meet_are_read_one_after_the_other() -> None:
    left, right = ("Quays", "Sheds", "Cranes", "Lamps", "Boats"), ("Dues", "Fines", "Rents", "Wages", "Coal", "Oil")
    rows = [(700 - 16 * n, ((60, label), (200, f"{n + 11}"))) for n, label in enumerate(left)]
    rows += [(705 - 12.9 * n, ((300, label), (420, f"{n + 1},204"), (490, f"{n + 1},118"))) for n, label in enumerate(right)]
    tables = [element.text.split("\n") for element in pdf.read(drawn(*rows)).elements]
    assert [row.split(" | ")[0] for table in tables for row in table] == [*left, *right]
