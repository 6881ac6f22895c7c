"""PDFium in a sandbox: opening, rendering, and taking a password off. A hostile or broken file can crash or hang only that process.

``python -m rag.pdfium LIMITS render PAGE SCALE`` tells one page of ./document.pdf as PNG; ``... unlock`` hears the password and writes
./unlocked.pdf. Started by rag.pdf only. rag.reader, which reads whole documents, opens them here.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pypdfium2 as pdfium
from pypdfium2 import raw

from rag import pictures
from rag.confined import DOCUMENT, UNLOCKED, Channel, Limits, Locked, Refused, serve

MAX_PIXELS = 40_000_000  # of one rendered page


def open_document(path: Path, limits: Limits, password: str | None = None) -> pdfium.PdfDocument:
    """Open a PDF. PDFium tries the empty user password by itself."""
    with path.open("rb") as file:
        start = file.read(1024)
    if not start:
        raise Refused("The file is empty (0 bytes). Upload it again from its source.")
    if b"%PDF-" not in start:
        raise Refused("This is not a PDF: it does not begin like one. Save or print it as a PDF and upload that.")
    try:
        document = pdfium.PdfDocument(path, password)
        pages = len(document)
    except pdfium.PdfiumError as error:
        code = error.err_code
        if code == raw.FPDF_ERR_PASSWORD:
            raise Locked("The PDF is encrypted and needs a password. Enter it, or upload a copy without it.") from error
        if code == raw.FPDF_ERR_SECURITY:
            raise Refused("The PDF is encrypted in a way that cannot be opened. Save a copy without protection and upload that.") from error
        raise Refused("The PDF is damaged or cut short and cannot be opened. Upload it again from its source.") from error
    if pages == 0:
        raise Refused("The PDF is damaged or cut short: it has no pages. Upload it again from its source.")
    if pages > limits.pages:
        raise Refused(f"The PDF has {pages:,} pages; the limit is {limits.pages:,}. Split it, or raise SITUATE_MAX_PAGES.")
    return document


def render(document: pdfium.PdfDocument, number: int, scale: float, limits: Limits) -> bytes:
    """One page (from 1) as PNG, upright as displayed; `scale` is pixels per point, lowered for a page too large to draw."""
    if not 1 <= number <= len(document):
        raise Refused(f"The document has {len(document)} pages; page {number} is not among them.")
    try:
        page = document[number - 1]
        width, height = page.get_size()
        scale = min(scale, (MAX_PIXELS / max(width * height, 1.0)) ** 0.5)
        image = pictures.drawn(page, limits, scale=scale).to_pil()
    except pictures.TooLarge as found:
        raise Refused(
            f"Page {number} holds a picture of {found.megapixels:,} megapixels and is not shown; "
            f"the limit is {limits.megapixels:,} (SITUATE_MAX_MEGAPIXELS)."
        ) from found
    except pdfium.PdfiumError as error:
        raise Refused(f"Page {number} is damaged and cannot be shown.") from error
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=1)  # twice as quick as the default, for a tenth more bytes
    return buffer.getvalue()


def unlock(password: str, limits: Limits) -> None:
    """Write an unprotected copy of the document, and see that it opens."""
    document = open_document(Path(DOCUMENT), limits, password)
    document.save(Path(UNLOCKED), flags=raw.FPDF_REMOVE_SECURITY)
    if len(open_document(Path(UNLOCKED), limits)) != len(document):
        raise Refused("The PDF's protection cannot be taken off. Save a copy without the password and upload that.")


def _work(channel: Channel, limits: Limits) -> None:
    match sys.argv[2:]:
        case ["render", number, scale]:
            channel.tell("rendered", render(open_document(Path(DOCUMENT), limits), int(number), float(scale), limits))
        case ["unlock"]:
            unlock((channel.hear() or {})["password"], limits)
            channel.tell("unlocked")


if __name__ == "__main__":
    serve(_work)
