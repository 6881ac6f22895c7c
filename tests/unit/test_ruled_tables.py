"""Tables with drawn borders: cells of several lines, merged cells, and what has borders but is no table."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable, Sequence

import pytest
from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.generic import RectangleObject
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, Table, TableStyle

from rag import lattice, pdf, strokes
from rag.layout import Element
from rag.page import packed, unpacked
from rag.words import Sheet, Word
from tests.pdfs import CHINESE_FONT

WIDTH, HEIGHT = A4
GRID = [("GRID", (0, 0), (-1, -1), 0.5, colors.black), ("VALIGN", (0, 0), (-1, -1), "MIDDLE")]
DUTIES = (
    ("Office", "Duties", "Held by"),
    (
        "Harbour master",
        "Gives leave to enter and to sail, keeps the book of berths, and closes the outer lock whenever the storm cone is hoisted.",
        "A. Holm",
    ),
    ("Keeper of the light", "Trims the lamp and keeps the log of every ship that passes.", "B. Ek, and C. Dahl in the winter months"),
)


def page(draw: Callable[[Canvas], None]) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    draw(canvas)
    canvas.save()
    return buffer.getvalue()


def changed(content: bytes, change: Callable[[PageObject], object]) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(content)))
    change(writer.pages[0])
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def put(
    canvas: Canvas,
    rows: Sequence[Sequence[str]],
    widths: Sequence[float],
    style: Sequence[tuple[object, ...]] = (),
    *,
    top: float = 700,
    font: str = "Helvetica",
    size: float = 9,
    borders: Sequence[tuple[object, ...]] = GRID,
) -> None:
    """A table whose cells wrap and are centred over the height of their row."""
    text = ParagraphStyle("cell", fontName=font, fontSize=size, leading=1.3 * size, wordWrap="CJK" if font == CHINESE_FONT else None)
    table = Table([[Paragraph(cell, text) for cell in row] for row in rows], colWidths=widths)
    table.setStyle(TableStyle([*borders, *style]))
    _, height = table.wrapOn(canvas, WIDTH, HEIGHT)
    table.drawOn(canvas, 70, top - height)


def tables(content: bytes) -> list[Element]:
    return [element for element in pdf.read(content).elements if element.kind == "Table"]


def whole(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(" | ".join(row) for row in rows)


def test_cells_of_several_centred_lines_are_read_each_as_a_whole() -> None:
    (found,) = tables(page(lambda canvas: put(canvas, DUTIES, (90, 190, 110))))
    assert found.text == whole(DUTIES)


def test_each_word_of_a_cell_is_boxed_where_it_stands() -> None:
    (found,) = tables(page(lambda canvas: put(canvas, DUTIES, (90, 190, 110))))
    for span in found.spans:
        assert found.text[span.start : span.end].strip()
    start = found.text.index("Harbour")
    row = [span for span in found.spans if start <= span.start < found.text.index("\n", start)]
    assert max(span.y1 for span in row) - min(span.y0 for span in row) > 30
    assert all(70 <= span.x0 < span.x1 <= 460 for span in found.spans)


def test_chinese_cells_are_joined_without_spaces() -> None:
    pdfmetrics.registerFont(UnicodeCIDFont(CHINESE_FONT))
    rows = (
        ("部门", "职责说明", "负责人"),
        ("质量检验部", "负责全部镜片出厂前的检验工作，并保存检验记录不少于十年；发现不合格品时立即通知生产部门停线。", "陈立"),
        ("采购部", "负责选择石英原料的供应商，每年至少复核一次价格与交货期限，并向总经理书面报告。", "王敏"),
    )
    (found,) = tables(page(lambda canvas: put(canvas, rows, (60, 150, 60), font=CHINESE_FONT)))
    assert found.text == whole(rows)


def test_a_merged_cell_is_told_once_where_it_begins() -> None:
    rows = (
        ("Plant", "Shift", "Hands"),
        ("Tromsdal works, with the foundry beside it", "Early shift", "twelve"),
        ("", "Late shift", "nine"),
        ("Both shifts together, as counted in May", "", "twenty-one"),
    )
    merged = [("SPAN", (0, 1), (0, 2)), ("SPAN", (0, 3), (1, 3))]
    (found,) = tables(page(lambda canvas: put(canvas, rows, (80, 90, 90), merged)))
    assert found.text == whole([[cell for cell in row if cell] for row in rows])


def test_headers_over_several_columns_head_each_of_them() -> None:
    rows = (
        ("Region", "Orders", "", "Staff"),
        ("", "2031", "2030", "2031"),
        ("North of the fjord", "412", "398", "27"),
        ("South", "88", "91", "5"),
    )
    merged = [("SPAN", (1, 0), (2, 0)), ("SPAN", (0, 0), (0, 1))]
    (found,) = tables(page(lambda canvas: put(canvas, rows, (80, 60, 60, 60), merged)))
    assert found.header == 2
    assert found.columns == "Orders 2031 | 2030 | Staff 2031"
    assert found.text.split("\n")[2:] == ["North of the fjord | 412 | 398 | 27", "South | 88 | 91 | 5"]


def test_an_empty_corner_does_not_make_the_rows_below_headers() -> None:
    rows = (("", "Tromsdal", "Bergen"), ("County", "Troms", "Vestland"), ("Hands", "412", "27"))
    (found,) = tables(page(lambda canvas: put(canvas, rows, (80, 80, 80))))
    assert (found.header, found.columns) == (1, "Tromsdal | Bergen")


def test_words_set_wide_in_a_cell_stay_one_cell() -> None:
    pdfmetrics.registerFont(UnicodeCIDFont(CHINESE_FONT))

    def draw(canvas: Canvas) -> None:
        canvas.setFont(CHINESE_FONT, 9)
        canvas.grid([70, 140, 300], [600, 620, 640])
        for x, y, text in (
            (75, 627, "类"),
            (110, 627, "别"),
            (145, 627, "说"),
            (190, 627, "明"),
            (75, 607, "买入"),
            (145, 607, "强于市场"),
        ):
            canvas.drawString(x, y, text)

    (found,) = tables(page(draw))
    assert found.text == "类别 | 说明\n买入 | 强于市场"


def test_caption_and_units_stand_above() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 9)
        canvas.drawString(70, 750, "Table 4. Orders by region")
        canvas.drawString(70, 715, "(in thousands)")
        put(
            canvas,
            (("Region", "2031", "2030"), ("North of the fjord and of the two islands beyond it", "412", "398"), ("South", "88", "91")),
            (80, 60, 60),
        )

    (found,) = tables(page(draw))
    assert found.caption == "Table 4. Orders by region\n(in thousands)"
    assert found.units == "in thousands"
    assert (found.header, found.columns) == (1, "2031 | 2030")


def test_text_around_a_ruled_table_keeps_its_order() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(70, 750, "Before the table stands this sentence.")
        put(canvas, DUTIES, (90, 190, 110), top=720)
        canvas.drawString(70, 500, "After the table stands that sentence.")

    before, table, after = pdf.read(page(draw)).elements
    assert (before.kind, table.kind, after.kind) == ("NarrativeText", "Table", "NarrativeText")
    assert before.text.startswith("Before")
    assert after.text.startswith("After")


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_ruled_table_on_a_turned_page_is_read(turned: int) -> None:
    (found,) = tables(changed(page(lambda canvas: put(canvas, DUTIES, (90, 190, 110))), lambda page: page.rotate(turned)))
    assert found.text == whole(DUTIES)


def test_a_ruled_table_on_a_cropped_page_is_read() -> None:
    def crop(page: PageObject) -> None:
        page.cropbox = RectangleObject((50, 300, WIDTH, HEIGHT))

    (found,) = tables(changed(page(lambda canvas: put(canvas, DUTIES, (90, 190, 110))), crop))
    assert found.text == whole(DUTIES)
    assert min(span.x0 for span in found.spans) < 50


def test_borders_within_a_form_are_seen_where_it_is_drawn() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.beginForm("borders")
        canvas.grid([0, 100, 300], [0, 50, 100])
        canvas.endForm()
        canvas.translate(70, 500)
        canvas.scale(1.2, 1.2)
        canvas.doForm("borders")
        canvas.setFont("Helvetica", 9)
        for x, y, lines in (
            (5, 80, ("Cause of", "the delay")),
            (105, 80, ("Ice in the outer basin held", "both ships until Tuesday")),
            (5, 30, ("Cost of", "the delay")),
            (105, 30, ("Two days of wages for the", "crews, and the pilot's fee")),
        ):
            for place, line in enumerate(lines):
                canvas.drawString(x, y - 12 * place, line)

    (found,) = tables(page(draw))
    assert found.text == (
        "Cause of the delay | Ice in the outer basin held both ships until Tuesday\n"
        "Cost of the delay | Two days of wages for the crews, and the pilot's fee"
    )


def test_borders_that_are_thin_filled_boxes_are_seen() -> None:
    def draw(canvas: Canvas) -> None:
        put(canvas, DUTIES, (90, 190, 110), borders=GRID[1:])
        for x in (70, 160, 350, 460):
            canvas.rect(x - 0.25, 560, 0.5, 140, stroke=0, fill=1)
        for y in (560, 620, 682, 700):
            canvas.rect(70, y, 390, 0.5, stroke=0, fill=1)

    (found,) = tables(page(draw))
    assert found.text.split("\n")[0] == "Office | Duties | Held by"


def test_sides_that_are_not_drawn_are_where_the_lines_end() -> None:
    borders = [("LINEABOVE", (0, 0), (-1, -1), 0.5, colors.black), ("LINEBELOW", (0, -1), (-1, -1), 0.5, colors.black)]
    inner = [("LINEAFTER", (0, 0), (-2, -1), 0.5, colors.black), GRID[1]]
    (found,) = tables(page(lambda canvas: put(canvas, DUTIES, (90, 190, 110), borders=[*borders, *inner])))
    assert found.text == whole(DUTIES)


def test_rows_without_lines_between_them_stay_rows() -> None:
    rows = (("Region", "2031", "2030"), ("North<br/>South<br/>West", "412<br/>88<br/>17", "398<br/>91<br/>16"))
    (found,) = tables(page(lambda canvas: put(canvas, rows, (80, 60, 60))))
    assert found.text.split("\n") == ["Region | 2031 | 2030", "North | 412 | 398", "South | 88 | 91", "West | 17 | 16"]


def test_cells_that_go_in_step_are_rows() -> None:
    rows = (
        ("Class of each", "Symbol", "Exchange"),
        ("Ordinary shares<br/>Notes due 2037", "MRDN<br/>MRDN37", "Oslo<br/>London"),
        ("A right to subscribe to shares, at the price of the day before the notice", "none", "none"),
    )
    (found,) = tables(page(lambda canvas: put(canvas, rows, (150, 80, 80))))
    assert found.text.split("\n")[1:] == ["Ordinary shares | MRDN | Oslo", "Notes due 2037 | MRDN37 | London", " | ".join(rows[2])]


def test_lines_of_figures_across_merged_fields_stay_rows() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 9)
        canvas.grid([70, 400], [550, 620, 640, 660])
        canvas.line(250, 620, 250, 660)
        rows = (("Balance in May", "412", 645), ("Balance in June", "398", 625))
        for label, figure, y in (*rows, ("Sales", "88", 605), ("Gifts", "91", 590), ("Rents", "17", 575)):
            canvas.drawString(75, y, label)
            canvas.drawRightString(350, y, figure)

    (found,) = tables(page(draw))
    assert found.text.split("\n") == ["Balance in May | 412", "Balance in June | 398", "Sales | 88", "Gifts | 91", "Rents | 17"]


def test_a_table_goes_on_under_its_headers_on_the_next_page() -> None:
    head = ("Region", "2031", "2030")

    def draw(canvas: Canvas) -> None:
        put(canvas, (head, *((f"Region {number}", f"{number}1", f"{number}0") for number in range(1, 9))), (80, 60, 60))
        canvas.showPage()
        put(canvas, (head, *((f"Region {number}", f"{number}1", f"{number}0") for number in range(9, 15))), (80, 60, 60))

    first, second = tables(page(draw))
    assert first.columns == second.columns == "2031 | 2030"
    assert second.header == 1


PROSE = (
    "The supply of quartz sensors depends on a single foundry in",
    "Karlsruhe. A stop of that foundry would halt production within",
    "six weeks, after a flood for instance. We hold a reserve of nine",
    "thousand sensors for that case, which is counted every month.",
)


def prose(canvas: Canvas, x: float = 90, y: float = 650) -> None:
    canvas.setFont("Helvetica", 10)
    for place, line in enumerate(PROSE):
        canvas.drawString(x, y - 13 * place, line)


def frame(canvas: Canvas) -> None:
    canvas.rect(50, 50, 495, 740)
    canvas.rect(80, 600, 330, 70)
    prose(canvas)


def crossed(canvas: Canvas) -> None:
    canvas.grid([85, 150, 233, 290, 400], [600, 634, 665])
    prose(canvas)


def underlined(canvas: Canvas) -> None:
    prose(canvas)
    for place in range(4):
        canvas.line(90, 648 - 13 * place, 360, 648 - 13 * place)


def chart(canvas: Canvas) -> None:
    prose(canvas)
    canvas.grid([100, 180, 260, 340, 420], [300, 340, 380, 420, 460])
    canvas.setFont("Helvetica", 8)
    for place, year in enumerate((2028, 2029, 2030, 2031)):
        canvas.drawString(125 + 80 * place, 288, str(year))
        canvas.drawString(80, 300 + 40 * place, str(10 * place))
    canvas.drawString(200, 400, "Orders")


def shaded(canvas: Canvas) -> None:
    """Slivers of colour between the shaded fields of a row, as browsers print them."""
    canvas.setFillColorRGB(0.8, 0.93, 1)
    for x in (85, 220, 400):
        canvas.rect(x, 600, 1, 65, stroke=0, fill=1)
    canvas.setFillColorRGB(0, 0, 0)
    for y in (600, 634, 665):
        canvas.rect(85, y, 315, 1, stroke=0, fill=1)
    prose(canvas)


@pytest.mark.parametrize("draw", [frame, crossed, underlined, chart, shaded])
def test_lines_that_are_no_table_leave_the_text_as_it_is(draw: Callable[[Canvas], None]) -> None:
    elements = pdf.read(page(draw)).elements
    assert " ".join(PROSE) in [element.text for element in elements if element.kind == "NarrativeText"]


def test_a_form_to_be_filled_in_is_no_table() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.grid([85, 200, 300, 400], [580, 600, 620, 640, 660])
        canvas.drawString(90, 645, "Name")
        canvas.drawString(90, 605, "Date of birth")

    assert not tables(page(draw))


def test_a_letterhead_in_boxes_is_no_table() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.grid([85, 250, 400], [775, 795, 815])
        for x in (90, 255):
            for y in (780, 800):
                canvas.drawString(x, y, "Meridian")

    assert not tables(page(draw))


def test_a_page_that_draws_too_much_has_no_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    import pypdfium2

    content = page(lambda canvas: put(canvas, DUTIES, (90, 190, 110)))
    shown = pypdfium2.PdfDocument(content)[0]
    assert strokes.strokes_of(shown)
    for name in ("MOST_OBJECTS", "MOST_POINTS", "MOST_STROKES"):
        with monkeypatch.context() as patch:
            patch.setattr(strokes, name, 3)
            assert strokes.strokes_of(shown) == ()


def test_more_lines_than_a_table_has_make_no_lattice(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [(0.0, y, 90.0, y) for y in (0.0, 30.0, 60.0)] + [(x, 0.0, x, 60.0) for x in (0.0, 45.0, 90.0)]
    (found,) = lattice.find(lines)
    assert (found.rows, found.columns) == (2, 2)
    monkeypatch.setattr(lattice, "MOST", 5)
    assert lattice.find(lines) == []


def test_lines_are_kept_with_the_words_and_old_drafts_have_none() -> None:
    word = Word("a", 1.0, 2.0, 3.0, 4.0, 5.0, 0, False)
    sheet = Sheet(page=1, width=9.0, height=9.0, turn=0, words=(word,), strokes=((0.0, 1.0, 2.0, 1.0),))
    kept = packed([sheet])
    assert unpacked(kept) == (sheet,)
    (record,) = json.loads(zlib.decompress(kept))
    del record["strokes"]
    (old,) = unpacked(zlib.compress(json.dumps([record]).encode()))
    assert old.strokes == ()
    assert old.words == (word,)
