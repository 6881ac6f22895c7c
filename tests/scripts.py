"""PDFs that are not read from left to right.

The fonts that reportlab brings have no Arabic and no Hebrew, so such a file is written by hand, with a font whose glyphs are numbered like
Unicode: a font need not be embedded to say which characters stand where.
"""

from __future__ import annotations

import io

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

WIDTH = 0.5  # of the type size: every glyph's


def _font() -> tuple[bytes, bytes, bytes]:
    """A Type 0 font, its descendant and its map to Unicode."""
    ranges = [f"<{high:02x}00> <{high:02x}ff> <{high:02x}00>" for high in range(256)]
    parts = [ranges[start : start + 100] for start in range(0, 256, 100)]
    body = "\n".join(f"{len(part)} beginbfrange\n" + "\n".join(part) + "\nendbfrange" for part in parts)
    cmap = f"begincmap 1 begincodespacerange <0000> <ffff> endcodespacerange\n{body}\nendcmap".encode()
    font = "<< /Type /Font /Subtype /Type0 /BaseFont /Any /Encoding /Identity-H /DescendantFonts [6 0 R] /ToUnicode 7 0 R >>"
    system = "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
    descriptor = (
        "/FontDescriptor << /Type /FontDescriptor /FontName /Any /Flags 4 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 /ItalicAngle 0"
        " /FontBBox [0 -200 1000 800] >>"
    )
    descendant = f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Any {system} /DW {int(1000 * WIDTH)} {descriptor} >>"
    return font.encode(), descendant.encode(), b"<< /Length %d >> stream\n%s\nendstream" % (len(cmap), cmap)


def _file(content: bytes) -> bytes:
    font, descendant, cmap = _font()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 500 500] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        b"<< /Length %d >> stream\n%s\nendstream" % (len(content), content),
        font,
        descendant,
        cmap,
    ]
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return out + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


def printed(*lines: str, size: float = 12, right: float = 450) -> bytes:
    """Lines flush right, each given as it looks in print, from the left edge to the right."""
    shown = [
        f"BT /F {size} Tf {right - WIDTH * size * len(line):g} {450 - 1.5 * size * i:g} Td <{line.encode('utf-16-be').hex()}> Tj ET"
        for i, line in enumerate(lines)
    ]
    return _file("\n".join(shown).encode())


def downwards(*columns: str, size: float = 12) -> bytes:
    """Vertical Japanese lines, the first on the right."""
    pdfmetrics.registerFont(UnicodeCIDFont("HeiseiMin-W3", isVertical=True))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(500, 500))
    canvas.setFont("HeiseiMin-W3", size)
    for index, column in enumerate(columns):
        canvas.drawString(450 - 2 * size * index, 450, column)
    canvas.save()
    return buffer.getvalue()
