"""PDFs that a bench makes: reports of any length in English or Chinese, and scans; no two pages alike, each with questions to it."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from bench.faults import report
from rag import pdf

CHINESE_FONT = "STSong-Light"
PLACES = ("北岭", "东湾", "南桥", "西川", "青山", "白石", "长河", "龙潭", "金沙", "玉泉", "松林", "云台")
SHORTEST, LONGEST = 3, 30  # pages


@dataclass(frozen=True, kw_only=True)
class Paper:
    name: str
    content: bytes
    pages: int
    questions: tuple[str, ...]


def papers(count: int) -> list[Paper]:
    """Of each twelve one is a scan of three pages and three are Chinese; most are short, some have thirty pages."""
    return [_paper(n, SHORTEST + (LONGEST - SHORTEST) * (n * 7 % count) ** 2 // max(1, count - 1) ** 2) for n in range(count)]


def _paper(n: int, pages: int) -> Paper:
    if n % 4 == 3:
        asked = tuple(f"{_place(n, page)}观测站在第{page}页记录的水位是多少？" for page in range(1, pages + 1))
        return Paper(name=f"水文-{n:02}.pdf", content=_chinese(n, pages), pages=pages, questions=asked)
    name = f"survey {n}"
    asked = tuple(f"Which observation of {name} was made at station {page * 7 + 3} in calm weather?" for page in range(1, pages + 1))
    if n % 12 == 10:
        return Paper(name=f"scan-{n:02}.pdf", content=_scan(report(name, SHORTEST)), pages=SHORTEST, questions=asked[:SHORTEST])
    return Paper(name=f"survey-{n:02}.pdf", content=report(name, pages), pages=pages, questions=asked)


def _place(n: int, page: int) -> str:
    return PLACES[n % len(PLACES)] + PLACES[page % len(PLACES)]


def _chinese(n: int, pages: int) -> bytes:
    pdfmetrics.registerFont(UnicodeCIDFont(CHINESE_FONT))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    for page in range(1, pages + 1):
        canvas.setFont(CHINESE_FONT, 14)
        canvas.drawString(60, 770, f"第{page}章 {_place(n, page)}观测站年度报告")
        canvas.setFont(CHINESE_FONT, 11)
        for line in range(1, 13):
            canvas.drawString(
                60, 750 - 18 * line, f"{_place(n, page)}观测站第{line}次记录的水位是{n}.{page}{line}米，天气平静，风力{line}级。"
            )
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _scan(printed: bytes) -> bytes:
    """The same pages as pictures."""
    shots = [Image.open(io.BytesIO(pdf.render(printed, page, scale=2.5))).convert("L") for page in range(1, SHORTEST + 1)]
    buffer = io.BytesIO()
    shots[0].save(buffer, "PDF", save_all=True, append_images=shots[1:], resolution=180)
    return buffer.getvalue()
