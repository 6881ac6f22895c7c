"""What comes out of a PDF: its pages, words in reading order, and boxes."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from rag import pdf
from rag.layout import Element
from rag.pdf import Reading
from tests import pdfs


def text_of(reading: Reading) -> str:
    return "\n".join(element.text for element in reading.elements)


def box_of(element: Element) -> tuple[float, float, float, float]:
    spans = element.spans
    return min(s.x0 for s in spans), min(s.y0 for s in spans), max(s.x1 for s in spans), max(s.y1 for s in spans)


def inked(content: bytes, page: int, box: tuple[float, float, float, float], scale: float = 2.0) -> bool:
    """Whether the box, flipped and scaled onto the page's picture, holds ink."""
    image = Image.open(io.BytesIO(pdf.render(content, page, scale=scale))).convert("L")
    x0, y0, x1, y1 = box
    part = image.crop((int(x0 * scale), int(image.height - y1 * scale), int(x1 * scale) + 1, int(image.height - y0 * scale) + 1))
    return bool(part.getextrema()[0] < 128)


def outside_is_blank(content: bytes, page: int, boxes: list[tuple[float, float, float, float]], scale: float = 2.0) -> bool:
    image = Image.open(io.BytesIO(pdf.render(content, page, scale=scale))).convert("L")
    for x0, y0, x1, y1 in boxes:
        image.paste(
            255, (int((x0 - 2) * scale), int(image.height - (y1 + 2) * scale), int((x1 + 2) * scale), int(image.height - (y0 - 2) * scale))
        )
    return bool(image.getextrema()[0] > 200)


def test_a_report_gives_its_title_author_pages_and_text() -> None:
    reading = pdf.read(pdfs.report())
    assert (reading.title, reading.author) == (pdfs.REPORT_TITLE, "Meridian board")
    assert [(page.number, page.source, page.note) for page in reading.pages] == [(1, "text", ""), (2, "text", ""), (3, "text", "")]
    for _, paragraphs in pdfs.REPORT:
        for paragraph in paragraphs:
            assert paragraph in text_of(reading)


def test_every_word_has_a_span_that_says_where_it_stands() -> None:
    reading = pdf.read(pdfs.report())
    for element in reading.elements:
        pieces = [element.text[span.start : span.end] for span in element.spans]
        assert " ".join(pieces) == element.text
        assert all(0 <= span.x0 < span.x1 <= 596 and 0 <= span.y0 < span.y1 <= 842 for span in element.spans)


def test_boxes_cover_the_ink_of_the_page_and_nothing_else() -> None:
    content = pdfs.report()
    reading = pdf.read(content)
    boxes = [(s.x0, s.y0, s.x1, s.y1) for element in reading.elements for s in element.spans if s.page == 2]
    assert all(inked(content, 2, box) for box in boxes[:5])
    assert outside_is_blank(content, 2, boxes)


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_a_rotated_page_reads_upright_with_boxes_as_displayed(angle: int) -> None:
    content = pdfs.rotated(angle)
    reading = pdf.read(content)
    assert text_of(reading) == " ".join(pdfs.ROTATED)
    x0, y0, _, y1 = box_of(reading.elements[0])
    assert x0 == pytest.approx(100, abs=3)
    assert (y0, y1) == (pytest.approx(283, abs=4), pytest.approx(310, abs=4))
    assert outside_is_blank(content, 1, [box_of(reading.elements[0])])


def test_lines_that_run_up_the_page_are_turned_to_be_read() -> None:
    content = pdfs.sideways()
    reading = pdf.read(content)
    assert text_of(reading) == " ".join(pdfs.ROTATED)
    assert outside_is_blank(content, 1, [box_of(element) for element in reading.elements])


def test_the_crop_box_is_the_page() -> None:
    content = pdfs.cropped()
    reading = pdf.read(content)
    assert text_of(reading) == "Seen through the crop box."
    assert (reading.pages[0].width, reading.pages[0].height) == (400, 500)
    assert box_of(reading.elements[0])[:2] == (pytest.approx(20, abs=1), pytest.approx(397, abs=4))
    assert outside_is_blank(content, 1, [box_of(reading.elements[0])])


def test_two_columns_are_read_one_after_the_other() -> None:
    text = text_of(pdf.read(pdfs.two_columns()))
    assert text.index(pdfs.ABSTRACT) < text.index(pdfs.LEFT) < text.index(pdfs.RIGHT)


def test_chinese_lines_are_joined_without_spaces() -> None:
    text = text_of(pdf.read(pdfs.chinese()))
    for _, paragraph in pdfs.CHINESE:
        assert paragraph in text


def test_a_page_without_text_is_kept_and_says_so() -> None:
    reading = pdf.read(pdfs.blank_between())
    assert [page.source for page in reading.pages] == ["text", "none", "text"]
    assert "no text" in reading.pages[1].note
    assert {element.page for element in reading.elements} == {1, 3}


def test_a_sentence_across_a_page_break_is_whole_and_boxed_on_both_pages() -> None:
    reading = pdf.read(pdfs.across_pages())
    (element,) = reading.elements
    assert "passed before the storm closed" in element.text
    assert {span.page for span in element.spans} == {1, 2}


def test_a_word_broken_at_a_lines_end_is_made_whole() -> None:
    assert "the barometer stood" in text_of(pdf.read(pdfs.lines("All through that night and the next the baro-", "meter stood low.")))


def test_the_small_figure_of_a_footnote_is_no_part_of_the_word_before_it() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    line = canvas.beginText(60, 700)
    for text, size, rise in (
        ("As seen in practice", 10, 0),
        ("2", 6, 4),
        (", but not for CO", 10, 0),
        ("2", 6, -2),
        (" nor H2 and R12.", 10, 0),
    ):
        line.setFont("Helvetica", size)
        line.setRise(rise)
        line.textOut(text)
    canvas.drawText(line)
    canvas.save()
    assert text_of(pdf.read(buffer.getvalue())) == "As seen in practice 2, but not for CO2 nor H2 and R12."


def test_a_compound_word_keeps_its_hyphen_at_a_lines_end() -> None:
    content = pdfs.lines("A long-term plan was drawn up by them for the long-", "term needs of the harbour.")
    assert "for the long-term needs" in text_of(pdf.read(content))


def test_control_characters_reach_neither_text_nor_metadata() -> None:
    reading = pdf.read(pdfs.report(metadata_title="Annual\x00 report\x07 of\tthe year"))
    assert reading.title == "Annual report of the year"
    assert all(char.isprintable() for char in text_of(reading).replace("\n", ""))


def test_bookmarks_are_read_with_level_and_page() -> None:
    reading = pdf.read(pdfs.report(bookmarks=True))
    assert [(mark.title, mark.level, mark.page) for mark in reading.bookmarks] == [
        (title, 0, number) for number, (title, _) in enumerate(pdfs.REPORT, start=1)
    ]


def test_what_was_filled_into_a_form_is_read_where_it_stands() -> None:
    content = pdfs.filled_form()
    reading = pdf.read(content)
    assert "Name of the applicant Aurelia Montague" in text_of(reading)
    (element,) = [element for element in reading.elements if "Aurelia" in element.text]
    assert inked(content, 1, box_of(element))


def test_a_note_typed_onto_a_page_is_read() -> None:
    assert "Agreed on 4 May" in text_of(pdf.read(pdfs.annotated()))


def test_a_rendered_page_is_a_picture_of_the_asked_size() -> None:
    image = Image.open(io.BytesIO(pdf.render(pdfs.rotated(90), 1, scale=1.5)))
    assert image.format == "PNG"
    assert image.size == (pytest.approx(595.28 * 1.5, abs=1), pytest.approx(841.89 * 1.5, abs=1))


def test_raised_and_lowered_signs_stand_in_their_line() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.setFont("Times-Roman", 11)
    canvas.drawString(60, 700, "The first part was split into tokens and the next")
    canvas.drawString(60, 687, "line holds w    of them")
    canvas.setFont("Times-Roman", 6)
    canvas.drawString(115, 693.5, "(i)")
    canvas.drawString(115, 683.5, "k")
    canvas.save()
    (element,) = pdf.read(buffer.getvalue()).elements
    assert element.text.startswith("The first part was split into tokens and the next line holds w")
    assert element.text.endswith("of them")
