"""Roles: titles and their levels, lists, running lines."""

from __future__ import annotations

import io

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from rag import pdf
from rag.layout import Element
from tests import pdfs


def of_kind(content: bytes, kind: str) -> list[Element]:
    return [element for element in pdf.read(content).elements if element.kind == kind]


def test_larger_and_bold_lines_are_titles_in_levels() -> None:
    titles = of_kind(pdfs.report(), "Title")
    assert [title.text for title in titles] == [pdfs.REPORT_TITLE, *(title for title, _ in pdfs.REPORT)]
    assert [title.level for title in titles] == [1, 2, 2, 2]


def test_chinese_section_titles_stand_below_the_document_title() -> None:
    titles = of_kind(pdfs.chinese(), "Title")
    assert [title.level for title in titles] == [1, 2, 2]
    assert titles[0].text == pdfs.CHINESE_TITLE


def test_numbering_decides_the_level_among_titles_of_one_size() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    y = 780
    for title in ("PART I", "Item 1. Business", "1.1 Products", "Item 2. Properties"):
        canvas.setFont("Helvetica-Bold", 11)
        canvas.drawString(60, y, title)
        canvas.setFont("Helvetica", 10)
        canvas.drawString(60, y - 25, "A sentence of ordinary text that follows the title, long enough to be the body of this section.")
        canvas.drawString(60, y - 37, "Another sentence of ordinary text follows it, so that body text outweighs the titles in number.")
        y -= 80
    canvas.save()
    titles = of_kind(buffer.getvalue(), "Title")
    levels = {title.text: title.level for title in titles}
    assert levels["PART I"] < levels["Item 1. Business"] == levels["Item 2. Properties"] < levels["1.1 Products"]


def test_a_bookmark_makes_its_line_a_title() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.setFont("Helvetica", 10)
    canvas.drawString(60, 760, "Provisions on storage")
    canvas.bookmarkPage("storage")
    canvas.addOutlineEntry("Provisions on storage", "storage", level=0)
    canvas.drawString(60, 720, "Grain is stored dry and turned over twice a month, as the miller thinks fit.")
    canvas.save()
    assert [title.text for title in of_kind(buffer.getvalue(), "Title")] == ["Provisions on storage"]


def test_a_bold_sentence_is_no_title() -> None:
    content = pdfs.lines("All rights are reserved by the publisher of this book.", size=10, font="Helvetica-Bold")
    assert of_kind(content, "Title") == []


def test_a_running_header_and_the_page_numbers_are_set_aside() -> None:
    content = pdfs.report()
    assert [header.text for header in of_kind(content, "Header")] == [pdfs.REPORT_HEADER] * 3
    assert [footer.text for footer in of_kind(content, "Footer")] == ["1", "2", "3"]


def test_numbered_chapter_titles_at_the_top_of_pages_are_no_running_headers() -> None:
    content = pdfs.long_report(5)
    assert [title.text for title in of_kind(content, "Title")] == [f"Chapter {number}" for number in range(1, 6)]


def test_years_at_the_same_height_of_several_pages_stay_with_their_tables() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    for statement in ("Statement of Income", "Balance Sheet", "Statement of Cash Flows", "Statement of Equity"):
        canvas.setFont("Helvetica-Bold", 12)
        canvas.drawString(60, 815, statement)
        canvas.setFont("Helvetica", 10)
        for x, year in ((400, "2031"), (480, "2030")):
            canvas.drawRightString(x, 800, year)
        for index, label in enumerate(("Opening value", "Changes", "Closing value")):
            canvas.drawString(60, 785 - 13 * index, label)
            canvas.drawRightString(400, 785 - 13 * index, f"{index},{len(statement)}1")
            canvas.drawRightString(480, 785 - 13 * index, f"{index},{len(statement)}2")
        canvas.showPage()
    canvas.save()
    tables = of_kind(buffer.getvalue(), "Table")
    assert [table.columns for table in tables] == ["2031 | 2030"] * 4


@pytest.mark.parametrize("mark", ["•", "(a)", "1)"])
def test_marked_lines_are_list_items(mark: str) -> None:
    content = pdfs.lines("The ship carried:", f"{mark} barrels of salted herring", f"{mark} coils of hempen rope")
    assert [item.text for item in of_kind(content, "ListItem")] == [f"{mark} barrels of salted herring", f"{mark} coils of hempen rope"]


def test_a_title_that_comes_back_stands_below_the_others_set_alike() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    y = 800
    for segment in ("Barometers", "Altimeters", "Compasses"):
        for title in (segment, "Revenue"):
            canvas.setFont("Helvetica-Bold", 11)
            canvas.drawString(60, y, title)
            canvas.setFont("Helvetica", 11)
            canvas.drawString(60, y - 25, f"What there is to say of {title.lower()} in this year fills no more than one line of text here.")
            canvas.drawString(60, y - 39, "A second line goes on about it so that the body outweighs its titles by far.")
            y -= 90
    canvas.save()
    levels = {title.text: title.level for title in of_kind(buffer.getvalue(), "Title")}
    assert levels["Barometers"] == levels["Altimeters"] == levels["Compasses"] < levels["Revenue"]


def test_a_papers_authors_are_no_title() -> None:
    content = pdfs.first_page(
        ("Mills by the Sea", 18), ("Anna B. Holm∗, Jon Moe†, Eva Lie and Per-Olav Dahl", 14), ("Introduction", 14), (pdfs.ABSTRACT, 10)
    )
    assert [title.text for title in of_kind(content, "Title")] == ["Mills by the Sea", "Introduction"]


def test_a_running_line_is_known_with_and_without_a_page_number_beside_it() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    for number in range(1, 5):
        canvas.drawString(60, 30, "Harbour report of the spring" + (f" | {number} / 4" if number > 1 else ""))
        canvas.drawString(60, 700, f"What is told on the page with the number {number * 7} differs.")
        canvas.showPage()
    canvas.save()
    assert len(of_kind(buffer.getvalue(), "Footer")) == 4


def test_notes_at_the_foot_of_a_column_do_not_break_the_text() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.setFont("Helvetica", 10)
    y = 400.0
    for line in [*(f"Line {n} of the account of the storm is here, long enough." for n in range(6)), "The keeper then went down to the"]:
        canvas.drawString(60, y, line)
        y -= 13
    canvas.setFont("Helvetica", 8)
    canvas.drawString(60, y - 20, "1 As told by the keeper's daughter in a letter.")
    canvas.drawString(60, y - 31, "2 The harbour's own log says nothing of it.")
    canvas.showPage()
    canvas.setFont("Helvetica", 10)
    canvas.drawString(60, 750, "harbour and lit the lamp.")
    canvas.save()
    texts = [element.text for element in pdf.read(buffer.getvalue()).elements]
    assert texts[0].endswith("The keeper then went down to the harbour and lit the lamp.")
    assert texts[1:] == ["1 As told by the keeper's daughter in a letter.", "2 The harbour's own log says nothing of it."]


def test_notes_below_a_table_stay_with_it() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.setFont("Helvetica", 10)
    canvas.drawString(60, 420, "What the harbour took in is told below, in crowns, and what it paid, for both of the years.")
    for row, label in enumerate(("Dues", "Fines", "Wages")):
        canvas.drawString(60, 400 - 13 * row, label)
        canvas.drawRightString(300, 400 - 13 * row, f"{row + 1},204")
        canvas.drawRightString(380, 400 - 13 * row, f"{row + 1},118")
    canvas.setFont("Helvetica", 8)
    canvas.drawString(60, 355, "1 Without the dues of the fishing boats.")
    canvas.save()
    assert [element.kind for element in pdf.read(buffer.getvalue()).elements] == ["NarrativeText", "Table", "NarrativeText"]
