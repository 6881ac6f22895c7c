"""PDFium in a child process: opening and rendering. A hostile or broken file can crash or hang only that process.

``python -m rag.pdfium PAGE SCALE`` takes a PDF on stdin and writes one page as PNG. A refusal is exit status 3 with its sentence on stdout.
Started by rag.pdf only. This module imports nothing but the PDF library, so that a page appears quickly; rag.reader reads whole documents.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pypdfium2 as pdfium
from pypdfium2 import raw

if TYPE_CHECKING:
    from collections.abc import Callable

REFUSED = 3  # exit status
MEMORY = 4 << 30  # bytes of address space; a report of 600 pages needs a tenth of it
MAX_PIXELS = 40_000_000  # of one rendered page


class Refused(Exception):
    """The document cannot be read, or the page cannot be shown."""


def open_document(content: bytes) -> pdfium.PdfDocument:
    """Open a PDF. PDFium tries the empty user password by itself."""
    if not content:
        raise Refused("The file is empty (0 bytes). Upload it again from its source.")
    if b"%PDF-" not in content[:1024]:
        raise Refused("This is not a PDF: it does not begin like one. Save or print it as a PDF and upload that.")
    try:
        document = pdfium.PdfDocument(content)
        pages = len(document)
    except pdfium.PdfiumError as error:
        code = error.err_code
        if code == raw.FPDF_ERR_PASSWORD:
            raise Refused("The PDF is encrypted and needs a password. Save a copy without the password and upload that.") from error
        if code == raw.FPDF_ERR_SECURITY:
            raise Refused("The PDF is encrypted in a way that cannot be opened. Save a copy without protection and upload that.") from error
        raise Refused("The PDF is damaged or cut short and cannot be opened. Upload it again from its source.") from error
    if pages == 0:
        raise Refused("The PDF is damaged or cut short: it has no pages. Upload it again from its source.")
    return document


def render(content: bytes, page: int, scale: float) -> bytes:
    """One page (from 1) as PNG, upright as displayed; `scale` is pixels per point, lowered for a page too large to draw."""
    import io

    document = open_document(content)
    if not 1 <= page <= len(document):
        raise Refused(f"The document has {len(document)} pages; page {page} is not among them.")
    try:
        sheet = document[page - 1]
        width, height = sheet.get_size()
        scale = min(scale, (MAX_PIXELS / max(width * height, 1.0)) ** 0.5)
        image = sheet.render(scale=scale).to_pil()
    except pdfium.PdfiumError as error:
        raise Refused(f"Page {page} is damaged and cannot be shown.") from error
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=1)  # twice as quick as the default, for a tenth more bytes
    return buffer.getvalue()


def serve(work: Callable[[bytes], bytes]) -> None:
    """Run one piece of work on the PDF from stdin, its memory capped where the system can; the result goes to stdout."""
    try:
        import resource
    except ImportError:
        pass  # no cap there
    else:
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard), hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    try:
        sys.stdout.buffer.write(work(sys.stdin.buffer.read()))
    except Refused as refusal:
        sys.stdout.buffer.write(str(refusal).encode())
        sys.exit(REFUSED)


if __name__ == "__main__":
    serve(lambda content: render(content, int(sys.argv[1]), float(sys.argv[2])))
