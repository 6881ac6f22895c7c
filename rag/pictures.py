"""A page as a picture, inside the sandbox: how large its own pictures are, whether it shows anything, and the file for text recognition."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pypdfium2 import raw

from rag.confined import Limits

_DEEPEST = 15  # forms within forms
_LEAST_DPI, _USUAL_DPI, _MOST_DPI = 150, 200, 300
_MOST_PIXELS = 20_000_000  # for text recognition: an A3 page of 300 dpi
_SCAN = 0.4  # share of the page that a picture covers from which its own resolution is the page's
_LOOK_SIDE = 400  # pixels of the page's longer side when its ink is weighed
_SHADES = 64  # of 256 grey values: what differs less from the paper is its own, or a scanner's, shade


def _objects(holder: Any, count: Any, get: Any, depth: int = 0) -> Iterator[Any]:
    for index in range(count(holder)):
        found = get(holder, index)
        kind = raw.FPDFPageObj_GetType(found)
        if kind == raw.FPDF_PAGEOBJ_IMAGE:
            yield found
        elif kind == raw.FPDF_PAGEOBJ_FORM and depth < _DEEPEST:
            yield from _objects(found, raw.FPDFFormObj_CountObjects, raw.FPDFFormObj_GetObject, depth + 1)


def _sizes(page: Any) -> Iterator[tuple[int, int, Any]]:
    """The pictures of a page: width and height in pixels, as they say themselves, undecoded."""
    width, height = ctypes.c_uint(), ctypes.c_uint()
    for picture in _objects(page.raw, raw.FPDFPage_CountObjects, raw.FPDFPage_GetObject):
        if raw.FPDFImageObj_GetImagePixelSize(picture, width, height):
            yield width.value, height.value, picture


class TooLarge(Exception):
    """A page holds a picture beyond the limit, and is not drawn."""

    def __init__(self, megapixels: int) -> None:
        super().__init__()
        self.megapixels = megapixels


def drawn(page: Any, limits: Limits, **options: Any) -> Any:
    """The page as a bitmap. Raises TooLarge before any of its pictures is decoded."""
    largest = max((width * height for width, height, _ in _sizes(page)), default=0) // 1_000_000
    if largest > limits.megapixels:
        raise TooLarge(largest)
    return page.render(**options)


def _resolution(page: Any) -> float:
    """Pixels per inch at which a page shows what it holds: a scan's own, within bounds."""
    area = max(page.get_width() * page.get_height(), 1.0)
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    found = []
    for width, height, picture in _sizes(page):
        if raw.FPDFPageObj_GetBounds(picture, left, bottom, right, top):
            covered = (right.value - left.value) * (top.value - bottom.value)
            if covered >= _SCAN * area:
                found.append(72 * (width * height / covered) ** 0.5)
    return min(max(max(found, default=_USUAL_DPI), _LEAST_DPI), _MOST_DPI)


def ink(page: Any, limits: Limits) -> float:
    """The share of a page that differs from its paper, whatever the colour of that. Raises TooLarge."""
    scale = _LOOK_SIDE / max(page.get_width(), page.get_height(), 1.0)
    bitmap = drawn(page, limits, scale=scale, grayscale=True)
    histogram = bitmap.to_pil().histogram()
    bitmap.close()
    paper = histogram.index(max(histogram))
    return float(1 - sum(histogram[max(paper - _SHADES, 0) : paper + _SHADES + 1]) / max(sum(histogram), 1))


def draw(page: Any, limits: Limits, path: Path) -> None:
    """The page as displayed, in grey, at the resolution that text recognition does best with. Raises TooLarge."""
    scale = min(_resolution(page) / 72, (_MOST_PIXELS / max(page.get_width() * page.get_height(), 1.0)) ** 0.5)
    bitmap = drawn(page, limits, scale=scale, grayscale=True)
    bitmap.to_pil().save(path, format="PNG", compress_level=1)
    bitmap.close()
