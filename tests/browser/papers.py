"""The documents that the browser tests upload, and that the pictures in docs/images show."""

from __future__ import annotations

import io

from reportlab.lib import colors
from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

from tests import pdfs

PROFIT = "Operating profit reached 7.4 million crowns in 2031, against 6.1 million in 2030."

REPORT: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "1. Letter to the shareholders",
        (
            (
                "The Northern Lighthouse Company kept forty lamps burning through a hard winter. Our keepers logged 2,214 ships, and not one of "
                "them was lost within sight of our towers. Revenue rose to 48.2 million crowns, nine per cent more than in the year before."
            ),
            (
                "We are grateful to the harbour towns, which renewed their contracts for another ten years. The light dues they pay make up "
                "four fifths of our income. The rest comes from fog signals, weather reports and the sale of charts."
            ),
            (
                "The year was not without worry. Ice damaged the landing stage at Skerry, and the supply boat could not reach the outer "
                "stations for nineteen days in February. No station ran out of oil."
            ),
        ),
    ),
    (
        "2. Operating results",
        (
            (
                f"{PROFIT} The margin improved because coal was replaced by electric lamps in twelve stations. Each converted station saves "
                "about 38,000 crowns of fuel a year."
            ),
            (
                "Staff costs grew by three per cent. The company employed 212 keepers, 31 mechanics and a crew of nine on the supply boat. "
                "The keeper of the Skerry station retired after forty years of service."
            ),
            (
                "Repairs cost 2.9 million crowns, of which the ice damage at Skerry accounts for 1.1 million. The insurers have agreed to bear "
                "two thirds of it."
            ),
        ),
    ),
    (
        "3. Risks",
        (
            (
                "The lenses of our largest lamps come from a single glassworks in Lorraine. A stop of its furnace would delay new stations by "
                "up to a year. We keep six spare lenses for that case."
            ),
            (
                "Satellite navigation lowers the demand for light dues in the long run. The board expects the number of paying ships to fall "
                "by one per cent a year, which new weather services are to make good."
            ),
        ),
    ),
    (
        "4. Outlook",
        (
            (
                "The board expects revenue of about 52 million crowns next year. Two new stations will open on the western coast in spring. "
                "A storm insurance fund of 3 million crowns will be set aside."
            ),
            "No dividend is planned before the loan for the electric lamps is repaid, which should be the case within three years.",
        ),
    ),
)
FIGURES = [
    ["in million crowns", "2031", "2030", "2029"],
    ["Revenue", "48.2", "44.2", "43.0"],
    ["Staff costs", "(23.1)", "(22.4)", "(21.9)"],
    ["Fuel and electricity", "(6.8)", "(7.9)", "(8.2)"],
    ["Repairs", "(2.9)", "(1.6)", "(1.5)"],
    ["Operating profit", "7.4", "6.1", "5.6"],
]

CHINESE: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "一、致股东",
        (
            (
                "北方灯塔公司在严冬中维持了四十盏灯的运行。守塔人共记录二千二百一十四艘船只，没有一艘在灯塔视野内失事。"
                "全年营业收入为四千八百二十万元，比上年增长百分之九。"
            ),
            "各港口城镇续签了十年合同。灯塔使用费占公司收入的五分之四，其余来自雾号、气象报告和海图销售。",
        ),
    ),
    (
        "二、经营业绩",
        (
            "全年营业利润达到七百四十万元，上年为六百一十万元。由于十二座灯塔改用电灯，利润率有所提高。每座改造后的灯塔每年节省燃料费约三万八千元。",
            "人员成本增长百分之三。公司共有二百一十二名守塔人、三十一名机械师和九名补给船船员。",
        ),
    ),
    ("三、展望", ("董事会预计明年收入约为五千二百万元。西海岸的两座新灯塔将在春季启用。公司将设立三百万元的风暴保险基金。",)),
)


def report() -> bytes:
    """An annual report of four pages with a table."""
    return _document("Northern Lighthouse Company", "Annual report 2031", REPORT, font="Times-Roman", bold="Helvetica-Bold", table_after=1)


def chinese_report() -> bytes:
    pdfmetrics.registerFont(UnicodeCIDFont(pdfs.CHINESE_FONT))
    return _document("北方灯塔公司", "二〇三一年年度报告", CHINESE, font=pdfs.CHINESE_FONT, bold=pdfs.CHINESE_FONT)


def hostile() -> bytes:
    """Text that would load something, or run, if a page took it for markup."""
    return pdfs.lines(
        'The harbour password is <img src="http://127.0.0.1:9/beacon.png" onerror="window.hostile=1"> and nobody knows it.',
        "The harbour map is ![map](http://127.0.0.1:9/map.png) as drawn by the pilot.",
        "The harbour script is <script>window.hostile=2</script> which the pilot [opens](javascript:window.hostile=3) daily.",
    )


def _document(
    company: str, title: str, sections: tuple[tuple[str, tuple[str, ...]], ...], *, font: str, bold: str, table_after: int | None = None
) -> bytes:
    han = font == pdfs.CHINESE_FONT
    body = ParagraphStyle("body", fontName=font, fontSize=11.5, leading=17, spaceAfter=9, wordWrap="CJK" if han else None)
    head = ParagraphStyle(
        "head", fontName=bold, fontSize=15, leading=20, spaceBefore=8, spaceAfter=10, textColor=colors.HexColor("#1f3a52")
    )
    top = ParagraphStyle("top", parent=head, fontSize=23, leading=30, spaceAfter=4)
    story: list[object] = [Paragraph(company, top), Paragraph(title, head), Spacer(1, 14)]
    for number, (heading, paragraphs) in enumerate(sections):
        story += [PageBreak()] if number else []
        story.append(Paragraph(heading, head))
        story += [Paragraph(text, body) for text in paragraphs]
        if number == table_after:
            style = [
                ("FONT", (0, 0), (-1, -1), font, 10.5),
                ("FONT", (0, 0), (-1, 0), bold, 10),
                ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.HexColor("#1f3a52")),
                ("LINEABOVE", (0, -1), (-1, -1), 0.5, colors.grey),
            ]
            story += [Spacer(1, 8), Table(FIGURES, colWidths=[140, 64, 64, 64], style=style, hAlign="LEFT")]
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=A5, leftMargin=44, rightMargin=44, topMargin=44, bottomMargin=40, title=f"{company}: {title}", invariant=1
    )
    document.build(story)
    return out.getvalue()
