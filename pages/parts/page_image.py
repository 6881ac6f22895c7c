"""Boxes drawn on the image of a page."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.parts.state import Box

SCALE = 1.6  # pixels per PDF point
FILL, EDGE = (255, 196, 0, 70), (214, 120, 0, 255)  # what is cited
PALE_FILL, PALE_EDGE = (70, 130, 220, 22), (70, 130, 220, 120)  # the passage it was found in
AROUND = 2.0  # points between the text and its box


@lru_cache(maxsize=32)
def boxed(png: bytes, boxes: tuple[Box, ...], *, pale: bool = False, scale: float = SCALE) -> bytes:
    """The PNG of a page with boxes (PDF points from its bottom left) drawn on it; `scale` is the image's pixels per point."""
    page = Image.open(io.BytesIO(png)).convert("RGB")
    draw = ImageDraw.Draw(page, "RGBA")
    fill, edge = (PALE_FILL, PALE_EDGE) if pale else (FILL, EDGE)
    for left, top, right, bottom in pixels(boxes, height=page.height, scale=scale):
        draw.rounded_rectangle((left, top, right, bottom), radius=3, fill=fill, outline=edge, width=1 if pale else 2)
    out = io.BytesIO()
    page.save(out, "PNG", compress_level=1)
    return out.getvalue()


def pixels(boxes: Sequence[Box], *, height: int, scale: float) -> list[tuple[float, float, float, float]]:
    """Each box as (left, top, right, bottom) in pixels from the image's top left."""
    return [
        ((x0 - AROUND) * scale, height - (y1 + AROUND) * scale, (x1 + AROUND) * scale, height - (y0 - AROUND) * scale)
        for _, x0, y0, x1, y1 in boxes
    ]
