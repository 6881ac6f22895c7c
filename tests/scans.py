"""Scans, drawn here: pictures of pages of which is known what stands where."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import reportlab
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from rag.words import Sheet, is_cjk, shown, turned

Box = tuple[float, float, float, float]

PAGE = (595.0, 842.0)
DPI = 150
_LATIN = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
_OTHERS = Path(__file__).parent / "fonts" / "NotoSansCJKsc-subset.otf"


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A picture of a page, and its words or Chinese characters with their boxes in points of the page as displayed."""

    picture: Image.Image
    size: tuple[float, float]
    words: tuple[tuple[str, Box], ...]

    def saved(self, folder: Path) -> Path:
        path = folder / "page.png"
        self.picture.save(path)
        return path


@dataclass(frozen=True, kw_only=True)
class Text:
    """A line to draw: its left end and baseline in points, like reportlab's."""

    text: str
    x: float
    y: float
    size: float = 11.0


def drawn(*texts: Text, ink: int = 0, paper: int = 255) -> Scan:
    """A page with these lines."""
    scale = DPI / 72
    picture = Image.new("L", (round(PAGE[0] * scale), round(PAGE[1] * scale)), paper)
    draw = ImageDraw.Draw(picture)
    words = []
    for line in texts:
        fonts = {latin: ImageFont.truetype(str(_LATIN if latin else _OTHERS), line.size * scale) for latin in (False, True)}
        x, baseline = line.x * scale, (PAGE[1] - line.y) * scale
        for text in _runs(line.text):
            font = fonts[text[0] < "\u0370"]
            draw.text((x, baseline), text, fill=ink, font=font, anchor="ls")
            left, top, right, bottom = draw.textbbox((x, baseline), text, font=font, anchor="ls")
            if not text.isspace():
                words.append((text, (left / scale, PAGE[1] - bottom / scale, right / scale, PAGE[1] - top / scale)))
            x += font.getlength(text)
    return Scan(picture=picture, size=PAGE, words=tuple(words))


def _runs(text: str) -> list[str]:
    """Spaces, Chinese characters one by one, and what stands between them."""
    runs: list[str] = []
    for char in text:
        alone = char == " " or is_cjk(char)
        if runs and not alone and runs[-1] != " " and not is_cjk(runs[-1][0]):
            runs[-1] += char
        else:
            runs.append(char)
    return runs


def paragraph(text: str, *, y: float, x: float = 60.0, size: float = 11.0, columns: int = 84) -> list[Text]:
    """Lines of at most so many letters (a Chinese character is as wide as two)."""
    lines, width = [""], 0
    parts = text.split(" ") if " " in text else list(text)
    for part in parts:
        more = sum(2 if is_cjk(char) else 1 for char in part) + (1 if " " in text else 0)
        if width + more > columns:
            lines.append("")
            width = 0
        lines[-1] += (" " if " " in text and lines[-1] else "") + part
        width += more
    return [Text(text=line, x=x, y=y - 1.5 * size * index, size=size) for index, line in enumerate(lines)]


def column(text: str, *, x: float, y: float, size: float = 16.0) -> list[Text]:
    """Characters one below another."""
    return [Text(text=char, x=x, y=y - 1.15 * size * index, size=size) for index, char in enumerate(text)]


def turned_by(scan: Scan, quarters: int) -> Scan:
    """The page fed to the scanner turned by so many quarters clockwise."""
    width, height = PAGE
    words = tuple((text, turned(box, quarters, width, height)) for text, box in scan.words)
    return Scan(picture=scan.picture.rotate(-90 * quarters, expand=True), size=(height, width) if quarters % 2 else PAGE, words=words)


def skewed(scan: Scan, degrees: float) -> Scan:
    """The page laid on the glass turned by a few degrees counterclockwise."""
    width, height = scan.size[0], scan.size[1]
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    words = []
    for text, (x0, y0, x1, y1) in scan.words:
        points = [(x - width / 2, y - height / 2) for x in (x0, x1) for y in (y0, y1)]
        across = [width / 2 + x * cosine - y * sine for x, y in points]
        up = [height / 2 + x * sine + y * cosine for x, y in points]
        words.append((text, (min(across), min(up), max(across), max(up))))
    picture = scan.picture.rotate(degrees, resample=Image.Resampling.BICUBIC, fillcolor=255)
    return replace(scan, picture=picture, words=tuple(words))


def worn(scan: Scan, *, noise: float = 18.0) -> Scan:
    """A scan out of focus and speckled."""
    blurred = np.asarray(scan.picture.filter(ImageFilter.GaussianBlur(0.8)), np.float64)
    speckled = blurred + np.random.default_rng(7).normal(0, noise, blurred.shape)
    return replace(scan, picture=Image.fromarray(speckled.clip(0, 255).astype(np.uint8)))


def words_of(sheets: tuple[Sheet, ...]) -> list[tuple[str, Box]]:
    """What was read, with boxes on the page as displayed."""
    return [(word.text, shown((word.x0, word.y0, word.x1, word.y1), sheet)) for sheet in sheets for word in sheet.words]
