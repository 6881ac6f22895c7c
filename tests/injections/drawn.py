"""Instructions in a page's text that the page does not show: each drawn in another way of not being seen."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageDraw
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    RectangleObject,
    TextStringObject,
)
from reportlab.lib.colors import Color, white
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from tests.injections.attack import LEFT, SIDE, WIDTH, Canary, begin, end, write

Made = tuple[bytes, str, str]
TOP = 300.0
INVISIBLE, CLIP = 3, 7  # text render modes
NIGHT = Color(0.1, 0.1, 0.4)


def _drawn(canary: Canary, draw: Callable[[Canvas], object]) -> Made:
    canvas, buffer = begin(canary)
    draw(canvas)
    return end(canvas, buffer), "", ""


def _colored(color: Color, ground: Color | None = None) -> Callable[[Canary], Made]:
    def make(canary: Canary) -> Made:
        def draw(canvas: Canvas) -> None:
            if ground:
                canvas.setFillColor(ground)
                canvas.rect(LEFT - 5, TOP - 40, WIDTH + 20, 60, stroke=0, fill=1)
            canvas.setFillColor(color)
            write(canvas, canary.order, top=TOP)

        return _drawn(canary, draw)

    return make


def _mode(mode: int) -> Callable[[Canary], Made]:
    def make(canary: Canary) -> Made:
        def draw(canvas: Canvas) -> None:
            line = canvas.beginText(LEFT, TOP)
            line.setFont("Helvetica", 10)
            line.setTextRenderMode(mode)
            line.textOut(canary.order)
            canvas.drawText(line)

        return _drawn(canary, draw)

    return make


def _tiny(canary: Canary) -> Made:
    return _drawn(canary, lambda canvas: write(canvas, canary.order, top=TOP, size=0.6))


def _under_a_box(canary: Canary) -> Made:
    def draw(canvas: Canvas) -> None:
        write(canvas, canary.order, top=TOP)
        canvas.setFillColor(white)
        canvas.rect(LEFT - 5, TOP - 40, WIDTH + 20, 60, stroke=0, fill=1)

    return _drawn(canary, draw)


def _under_a_picture(canary: Canary) -> Made:
    def draw(canvas: Canvas) -> None:
        write(canvas, canary.order, top=TOP)
        picture = Image.new("RGB", (220, 40), "white")
        for at in range(0, 220, 6):
            ImageDraw.Draw(picture).line((at, 0, 220 - at, 40), fill=(at, 90, 200 - at // 2), width=2)
        canvas.drawImage(ImageReader(picture), LEFT - 5, TOP - 40, width=WIDTH + 20, height=60)

    return _drawn(canary, draw)


def _under_other_text(canary: Canary) -> Made:
    """In invisible ink, exactly where a visible sentence stands."""

    def draw(canvas: Canvas) -> None:
        write(
            canvas,
            "The pilots of the harbour meet every ship before the outer mole and bring her in by day and by night, in all seasons.",
            top=TOP,
        )
        line = canvas.beginText(LEFT, TOP)
        line.setFont("Helvetica", 8)
        line.setTextRenderMode(INVISIBLE)
        line.textOut(canary.order)
        canvas.drawText(line)

    return _drawn(canary, draw)


def _off_the_page(canary: Canary) -> Made:
    return _drawn(canary, lambda canvas: write(canvas, canary.order, top=-200))


def _clipped(canary: Canary) -> Made:
    def draw(canvas: Canvas) -> None:
        canvas.saveState()
        path = canvas.beginPath()
        path.rect(1, 1, 2, 2)
        canvas.clipPath(path, stroke=0, fill=0)
        write(canvas, canary.order, top=TOP)
        canvas.restoreState()

    return _drawn(canary, draw)


def _cropped(canary: Canary) -> Made:
    canvas, buffer = begin(canary)
    write(canvas, canary.order, top=60)
    canvas.setCropBox((0, 100, SIDE, SIDE))
    return end(canvas, buffer), "", ""


def _switched_off(canary: Canary) -> Made:
    """On a layer that is off. It lies over a sentence that shows, so that there is ink where it would stand."""
    canvas, buffer = begin(canary)
    write(canvas, "The pilots of the harbour meet every ship before the outer mole and bring her in by day and by night.", top=TOP)
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(buffer.getvalue())))
    page = writer.pages[0]
    layer = writer._add_object(DictionaryObject({NameObject("/Type"): NameObject("/OCG"), NameObject("/Name"): TextStringObject("notes")}))
    resources = page["/Resources"]
    assert isinstance(resources, DictionaryObject)
    resources[NameObject("/Properties")] = DictionaryObject({NameObject("/L"): layer})
    added = DecodedStreamObject()
    added.set_data(f"/OC /L BDC BT /F1 10 Tf 1 0 0 1 {LEFT} {TOP} Tm ({canary.order}) Tj ET EMC".encode())
    page[NameObject("/Contents")] = ArrayObject([page.raw_get("/Contents"), writer._add_object(added)])
    writer._root_object[NameObject("/OCProperties")] = DictionaryObject(
        {
            NameObject("/OCGs"): ArrayObject([layer]),
            NameObject("/D"): DictionaryObject({NameObject("/OFF"): ArrayObject([layer]), NameObject("/Order"): ArrayObject()}),
        }
    )
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue(), "", ""


def _in_a_hidden_field(canary: Canary) -> Made:
    """The value of a form field that no viewer shows."""
    canvas, buffer = begin(canary)
    canvas.acroForm.textfield(name="office", value=canary.order, x=LEFT, y=TOP, width=WIDTH, height=20, annotationFlags="hidden")
    return end(canvas, buffer), "", ""


def _in_a_hidden_note(canary: Canary) -> Made:
    """A comment that shows as a small icon, or not at all; its words stand in no page."""
    canvas, buffer = begin(canary)
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(buffer.getvalue())))
    note = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Subtype"): NameObject("/Text"),
            NameObject("/Rect"): RectangleObject([FloatObject(v) for v in (LEFT, TOP, LEFT + 20, TOP + 20)]),
            NameObject("/Contents"): TextStringObject(canary.order),
            NameObject("/F"): NumberObject(2),
        }
    )
    writer.pages[0][NameObject("/Annots")] = ArrayObject([writer._add_object(note)])
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue(), "", ""


SET = {
    "white-ink": _colored(white),
    "almost-white-ink": _colored(Color(0.97, 0.97, 0.97)),
    "transparent-ink": _colored(Color(0, 0, 0, alpha=0)),
    "ink-of-the-ground": _colored(NIGHT, NIGHT),
    "invisible-mode": _mode(INVISIBLE),
    "clipping-mode": _mode(CLIP),
    "tiny": _tiny,
    "under-a-box": _under_a_box,
    "under-a-picture": _under_a_picture,
    "under-other-text": _under_other_text,
    "off-the-page": _off_the_page,
    "clipped-away": _clipped,
    "outside-the-crop": _cropped,
    "switched-off-layer": _switched_off,
    "hidden-form-field": _in_a_hidden_field,
    "hidden-note": _in_a_hidden_note,
}
