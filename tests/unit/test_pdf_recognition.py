"""Pages that their own text does not tell are handed to text recognition as pictures; here to one that says what it is told to say."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PIL import Image
from reportlab.lib.pagesizes import A0, A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from rag import pdf
from rag.confined import Limits
from rag.errors import RecognitionFailed
from rag.ocr import Recognised
from rag.words import Sheet, Word
from tests import hostile, pdfs

SEEN = "Recognised words that stand on the picture of the page."


def scans(*dpi: int, size: tuple[float, float] = A4, stamp: str = "") -> bytes:
    """Pages that hold one picture each, of a grey rectangle, at these resolutions; with a few words of their own if a stamp is given."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=size)
    for resolution in dpi:
        picture = Image.new("L", (int(size[0] * resolution / 72), int(size[1] * resolution / 72)), 255)
        picture.paste(20, (0, 0, picture.width // 2, picture.height // 2))
        canvas.drawImage(ImageReader(picture), 0, 0, *size)
        if stamp:
            canvas.drawString(60, 60, stamp)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


class Said:
    """Recognises on every page the same words, unless told otherwise."""

    def __init__(self, said: str = SEEN, *, turned: int = 0, confidence: float = 0.95, fails: Mapping[int, str] | None = None) -> None:
        self._said, self._turned, self._confidence, self._fails = said, turned, confidence, fails or {}
        self.pictures: dict[int, tuple[int, int]] = {}
        self.at_once = 0

    def recognise(self, image: Path, *, page: int, width: float, height: float, seconds: float) -> Recognised:
        self.at_once = max(self.at_once, len(list(image.parent.glob("*.png"))))
        with Image.open(image) as picture:
            assert (picture.format, picture.mode) == ("PNG", "L")
            self.pictures[page] = picture.size
            assert picture.width / picture.height == pytest.approx(width / height, rel=0.01)
        if page in self._fails:
            raise RecognitionFailed(self._fails[page])
        words = [Word(text, 60 + 40 * at, 700, 95 + 40 * at, 712, 12, 0, spaced=True) for at, text in enumerate(self._said.split())]
        sheet = Sheet(page=page, width=width, height=height, turn=self._turned // 90, words=tuple(words))
        return Recognised(sheets=(sheet,) if words else (), turned=self._turned, confidence=self._confidence)


def read(content: bytes, recogniser: Said, limits: Limits = pdf.USUAL) -> pdf.Reading:
    return pdf.read(content, limits=limits, recogniser=recogniser)  # type: ignore[arg-type]


def text_of(reading: pdf.Reading) -> str:
    return "\n".join(element.text for element in reading.elements)


def test_a_scan_is_read_like_any_page_and_says_that_it_was_recognised() -> None:
    reading = read(scans(200), Said())
    (page,) = reading.pages
    assert (page.source, page.note, page.turned, page.confidence, page.marks) == ("ocr", "", 0, 0.95, ())
    assert SEEN in text_of(reading)
    assert all(span.page == 1 and span.y0 == 700 for element in reading.elements for span in element.spans)


def test_a_page_with_text_is_never_recognised() -> None:
    recogniser = Said()
    assert [page.source for page in read(pdfs.report(), recogniser).pages] == ["text"] * 3
    assert recogniser.pictures == {}


def test_doubt_and_turning_are_marked() -> None:
    (page,) = read(scans(200), Said(turned=90, confidence=0.6)).pages
    assert (page.turned, page.marks) == (90, ("rotated", "doubtful"))


def test_a_page_whose_fonts_do_not_say_their_characters_is_recognised() -> None:
    content = hostile.without_meaning()
    assert [(page.source, page.marks) for page in pdf.read(content).pages] == [("none", ("garbled",))]
    reading = read(content, Said())
    assert [(page.source, page.marks) for page in reading.pages] == [("ocr", ("garbled",))]
    assert text_of(reading) == SEEN


def test_a_page_that_recognition_fails_on_is_unreadable_and_the_others_are_not() -> None:
    reading = read(scans(150, 150, 150), Said(fails={2: "It took too long."}))
    assert [page.source for page in reading.pages] == ["ocr", "none", "ocr"]
    assert (reading.pages[1].marks, reading.pages[1].note) == (("unreadable",), "It took too long.")


def test_recognition_that_fails_on_page_after_page_is_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MOST_DEATHS", 2)
    recogniser = Said(fails=dict.fromkeys(range(1, 6), "It took too long."))
    pages = read(scans(*[72] * 5), recogniser).pages
    assert list(recogniser.pictures) == [1, 2]
    assert [page.note for page in pages[2:]] == ["Text recognition was not tried: it had failed on 2 pages before."] * 3
    assert {page.marks for page in pages} == {("unreadable",)}


def test_a_scan_with_a_stamp_keeps_its_own_words_where_recognition_brings_no_more() -> None:
    content = scans(150, stamp="Received 4 May")
    for recogniser, note in ((Said("Received"), ""), (Said(fails={1: "It took too long."}), "It took too long.")):
        reading = read(content, recogniser)
        assert (reading.pages[0].source, reading.pages[0].note, reading.pages[0].marks) == ("text", note, ())
        assert text_of(reading) == "Received 4 May"
    assert read(content, Said()).pages[0].source == "ocr"


@pytest.mark.parametrize("said", ["", "■ — ."])
def test_a_picture_without_words_says_so(said: str) -> None:
    (page,) = read(scans(150), Said(said)).pages
    assert (page.source, page.marks) == ("none", ())
    assert page.note == "Text recognition found no text on the page; it may be a picture."


def test_an_empty_page_is_not_recognised() -> None:
    recogniser = Said()
    assert [page.marks for page in read(hostile.many_pages(2), recogniser).pages] == [("empty",)] * 2
    assert recogniser.pictures == {}


def test_a_picture_too_large_to_draw_is_not_recognised() -> None:
    recogniser = Said()
    reading = read(hostile.huge_picture(), recogniser)
    assert reading.pages[2].marks == ("unreadable",)
    assert recogniser.pictures == {}


@pytest.mark.parametrize(
    ("make", "pixels"),
    [
        (lambda: scans(96), 150),
        (lambda: scans(220), 220),
        (lambda: scans(600), 300),
        (hostile.without_meaning, 200),
    ],
    ids=["coarse", "as it is", "fine", "drawn"],
)
def test_the_picture_is_as_fine_as_the_page(make: Callable[[], bytes], pixels: int) -> None:
    recogniser = Said()
    read(make(), recogniser)
    assert recogniser.pictures[1][0] == pytest.approx(A4[0] * pixels / 72, abs=3)


def test_the_picture_of_a_large_page_is_bounded() -> None:
    recogniser = Said()
    read(scans(150, size=A0), recogniser)
    width, height = recogniser.pictures[1]
    assert 15e6 < width * height <= 20.1e6


def test_pictures_do_not_pile_up() -> None:
    recogniser = Said()
    read(scans(*[72] * 12), recogniser)
    assert len(recogniser.pictures) == 12
    assert recogniser.at_once <= 2
