"""PDFs that tests make for themselves."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

CHINESE = "STSong-Light"

REPORT = [
    (
        "Letter to the shareholders",
        [
            ("The Northern Lighthouse Company kept forty lamps burning through a hard winter. Revenue rose to 48.2 million crowns, nine per "
            "cent more than in the year before."),
            "Our keepers logged 2,214 ships. Not one of them was lost within sight of our towers.",
        ],
    ),
    (
        "Operating results",
        [
            ("Operating profit reached 7.4 million crowns in 2024. The margin improved because coal was replaced by electric lamps in twelve "
            "stations."),
            "Staff costs grew by three per cent. The keeper of the Skerry station retired after forty years of service.",
        ],
    ),
    (
        "Outlook",
        [
            "The board expects revenue of about 52 million crowns next year. Two new stations will open on the western coast in spring.",
            "A storm insurance fund of 3 million crowns will be set aside.",
        ],
    ),
]

CHINESE_REPORT = [
    ("公司概况", ["北方灯塔公司在严冬中维持了四十盏灯的运行。全年营业收入为四千八百万元，比上年增长百分之九。"]),
    ("经营业绩", ["二〇二四年营业利润达到七百四十万元。由于十二座灯塔改用电灯，利润率有所提高。"]),
]

HOSTILE = [
    (
        "Hostile text",
        [
            'The harbour password is <img src="http://127.0.0.1:9/beacon.png" onerror="window.hostile=1"> and nobody changed it.',
            "The harbour map is ![map](http://127.0.0.1:9/map.png) as drawn by the pilot.",
            "The harbour script is <script>window.hostile=2</script> which the pilot [opens](javascript:window.hostile=3) daily.",
        ],
    ),
]


def pdf(pages: Sequence[tuple[str, Sequence[str]]], *, font: str = "Helvetica", blank_after: int | None = None) -> bytes:
    """A PDF with a title and paragraphs on each page; after page `blank_after` (from 1) comes a page without text."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    bold = "Helvetica-Bold"
    if font == CHINESE:
        pdfmetrics.registerFont(UnicodeCIDFont(CHINESE))
        bold = CHINESE
    for number, (title, paragraphs) in enumerate(pages, start=1):
        canvas.setFont(bold, 18)
        canvas.drawString(72, 760, title)
        y = 725.0
        for paragraph in paragraphs:
            canvas.setFont(font, 11.5)
            for line in _lines(paragraph, font):
                canvas.drawString(72, y, line)
                y -= 16
            y -= 12
        canvas.showPage()
        if number == blank_after:
            canvas.rect(100, 300, 300, 200, fill=1)
            canvas.showPage()
    canvas.save()
    return out.getvalue()


def _lines(paragraph: str, font: str) -> list[str]:
    if font == CHINESE:
        return [paragraph[at : at + 38] for at in range(0, len(paragraph), 38)]
    return list(simpleSplit(paragraph, font, 11.5, 450))


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path
