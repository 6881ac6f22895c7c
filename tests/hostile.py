"""PDFs meant to hurt whoever opens them, made here object by object. Each function returns a file's bytes."""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

_HEAD = b"%PDF-1.7\n"
_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def _file(objects: Mapping[int, bytes], root: int = 1) -> bytes:
    """A PDF of these numbered objects, with its table of where they stand."""
    out, places = io.BytesIO(), {}
    out.write(_HEAD)
    for number, body in sorted(objects.items()):
        places[number] = out.tell()
        out.write(b"%d 0 obj\n" % number + body + b"\nendobj\n")
    start, size = out.tell(), max(objects) + 1
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % size)
    for number in range(1, size):
        out.write(b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 65535 f \n")
    out.write(b"trailer << /Root %d 0 R /Size %d >>\nstartxref\n%d\n%%%%EOF\n" % (root, size, start))
    return out.getvalue()


def _stream(data: bytes, entries: bytes = b"", *, packed: bool = True) -> bytes:
    held = zlib.compress(data, 9) if packed else data
    filtered = b"/Filter /FlateDecode " if packed else b""
    return b"<< %s %s/Length %d >>\nstream\n" % (entries, filtered, len(held)) + held + b"\nendstream"


def _said(text: str) -> bytes:
    return f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET".encode()


def _pages(contents: Mapping[int, bytes], others: Mapping[int, bytes], resources: bytes = b"") -> bytes:
    """A PDF of pages with these content streams, already objects; `others` are numbered from 1000."""
    count = len(contents)
    kids = b" ".join(b"%d 0 R" % (10 + 2 * number) for number in contents)
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Count %d /Kids [%s] /MediaBox [0 0 595 842] >>" % (count, kids),
        3: _FONT,
        **others,
    }
    for number, content in contents.items():
        objects[10 + 2 * number] = b"<< /Type /Page /Parent 2 0 R /Contents %d 0 R /Resources << /Font << /F1 3 0 R >> %s >> >>" % (
            11 + 2 * number,
            resources,
        )
        objects[11 + 2 * number] = content
    return _file(objects)


def with_bad_page(
    bad: bytes, others: Mapping[int, bytes] = MappingProxyType({}), resources: bytes = b"", *, pages: int = 5, at: int = 3
) -> bytes:
    """Pages that say their number, one of which has other content."""
    return _pages(
        {n: bad if n == at else _stream(_said(f"This is the text of page {n}, which is read as usual.")) for n in range(1, pages + 1)},
        others,
        resources,
    )


def plain_pages(count: int) -> bytes:
    """Nothing hostile: pages that say their number."""
    return with_bad_page(b"", {}, pages=count, at=0)


def without_meaning() -> bytes:
    """One page whose font maps its characters to the private-use area, as some tools write them."""
    to_unicode = _stream(
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
        b"1 begincodespacerange <00> <ff> endcodespacerange\n1 beginbfrange <20> <7e> <f720> endbfrange\n"
        b"endcmap CMapName currentdict /CMap defineresource pop end end"
    )
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 1000 0 R >>"
    content = _stream(_said("Every letter of this line was given a number that means nothing outside this file."))
    return with_bad_page(content, {3: font, 1000: to_unicode}, pages=1, at=1)


def mapped(lines: Sequence[str]) -> bytes:
    """One page whose font gives each code the character that stands in these lines, whatever it is; ASCII letters look like themselves."""
    used = sorted({char for line in lines for char in line if not " " <= char <= "~"})
    codes = {char: 0x80 + at for at, char in enumerate(used)}
    codes |= {chr(code): code for code in range(0x20, 0x7F)}
    pairs = "\n".join(f"<{code:02x}> <{char.encode('utf-16-be').hex()}>" for char, code in codes.items())
    blocks = [pairs.splitlines()[at : at + 100] for at in range(0, len(codes), 100)]
    mapping = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    to_unicode = _stream(
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
        b"1 begincodespacerange <00> <ff> endcodespacerange\n"
        + mapping.encode()
        + b"\nendcmap CMapName currentdict /CMap defineresource pop end end"
    )
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding /ToUnicode 1000 0 R >>"
    drawn = "\n".join(
        f"BT /F1 9 Tf 1 0 0 1 40 {700 - 30 * at} Tm <{bytes(codes[char] for char in line).hex()}> Tj ET" for at, line in enumerate(lines)
    )
    return with_bad_page(_stream(drawn.encode()), {3: font, 1000: to_unicode}, pages=1, at=1)


def slow_page() -> bytes:
    """Page 3 draws a form that draws ten forms that draw ten each, and so on: ten thousand million texts."""
    forms = {
        1000 + level: _stream(
            b"/X Do " * 10 if level < 9 else _said("x"),
            b"/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> /XObject << /X %d 0 R >> >>"
            % (1001 + level),
        )
        for level in range(10)
    }
    return with_bad_page(_stream(b"/X Do " * 10), forms, b"/XObject << /X 1000 0 R >>")


def bomb(megabytes: int = 900) -> bytes:
    """Page 3's content is a thousandth of what it unpacks to."""
    packer = zlib.compressobj(9)
    block = b"0 0 m 1 1 l S\n" * 75_000  # a mebibyte of drawing
    held = b"".join([*(packer.compress(block) for _ in range(megabytes)), packer.flush()])
    return with_bad_page(b"<< /Filter /FlateDecode /Length %d >>\nstream\n" % len(held) + held + b"\nendstream")


def huge_picture(side: int = 32_000) -> bytes:
    """Page 3 is a picture of a thousand million pixels."""
    packer = zlib.compressobj(9)
    row = bytes(side)
    held = b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()])
    picture = b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 " % (side, side)
    picture += b"/Filter /FlateDecode /Length %d >>\nstream\n" % len(held) + held + b"\nendstream"
    return with_bad_page(_stream(b"q 595 0 0 842 0 0 cm /X Do Q"), {1000: picture}, b"/XObject << /X 1000 0 R >>")


def many_pages(count: int = 10_000) -> bytes:
    """A page tree that names one page so many times over."""
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Count %d /Kids [%s] /MediaBox [0 0 595 842] >>" % (count, b"10 0 R " * count),
        10: b"<< /Type /Page /Parent 2 0 R >>",
    }
    return _file(objects)


def deep_tree(depth: int = 100_000) -> bytes:
    """A page tree of nodes that hold one node each; the last one holds a page."""
    objects = {1: b"<< /Type /Catalog /Pages 2 0 R >>"}
    for node in range(2, depth + 2):
        objects[node] = b"<< /Type /Pages /Count 1 /Kids [%d 0 R] /MediaBox [0 0 595 842] >>" % (node + 1)
    objects[depth + 2] = b"<< /Type /Page /Parent %d 0 R >>" % (depth + 1)
    return _file(objects)


def endless_tree() -> bytes:
    """A page tree that contains itself."""
    return _file(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Count 9 /Kids [2 0 R 2 0 R 2 0 R] /MediaBox [0 0 595 842] >>",
        }
    )
