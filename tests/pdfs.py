"""Real PDFs, made here: what the tests read, upload, search and open. Each function returns a file's bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence

from pypdf import PdfWriter
from pypdf.annotations import FreeText
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject, NumberObject
from reportlab.lib.pagesizes import A4, letter
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

CHINESE_FONT = "STSong-Light"
LEADING = 1.25  # of the type size

REPORT_HEADER = "Meridian Instruments Ltd"
REPORT_TITLE = "Meridian Instruments Annual Report 2031"
REPORT: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "1. Business overview",
        (
            (
                "Meridian Instruments Ltd. designs barometers for mountain railways. The company was founded in 1987 by Dr. A. Holm in Tromsdal. "
                "It employs 412 people in three plants and sells to 27 railway operators."
            ),
            (
                "Demand rose in the year because two operators renewed their fleets. The largest order, worth $14.2 million, came from the "
                "Bergen line and was delivered in September."
            ),
        ),
    ),
    (
        "2. Risk factors",
        (
            (
                "The supply of quartz sensors depends on a single foundry in Karlsruhe. A stop of that foundry would halt production within six "
                "weeks, e.g. after a flood. We hold a reserve of 9,000 sensors for that case."
            ),
            "Exchange rates matter as well. A fall of the Norwegian krone by 10 percent would lower operating income by about $1.1 million.",
        ),
    ),
    (
        "3. Outlook",
        (
            (
                "For the coming year the board expects revenue between $96 million and $101 million. A new altimeter, the HX-204, will be shown at "
                "the spring fair. No dividend is planned before the debt is repaid."
            ),
        ),
    ),
)

CASH_FLOW_TITLE = "Consolidated Statements of Cash Flows"
CASH_FLOW_UNITS = "($ in millions)"
CASH_FLOW_YEARS = ("2031", "2030", "2029")
CASH_FLOW: tuple[tuple[str, ...], ...] = (
    ("Cash flows from operating activities:",),
    ("Net income", "1,058", "815", "951"),
    ("Depreciation and amortization", "586", "625", "574"),
    ("Net gain on disposal of businesses", "(220)", "—", "(44)"),
    ("Trade receivables", "93", "(272)", "(189)"),
    ("Inventories", "248", "(626)", "(112)"),
    ("Net cash provided by operating activities", "1,261", "1,526", "1,461"),
    ("Cash flows from investing activities:",),
    ("Business acquisitions", "(121)", "—", "—"),
    ("Purchase of property, plant, and equipment", "(526)", "(527)", "(468)"),
    ("Net cash used in investing activities", "(309)", "(527)", "(233)"),
)

CHINESE_TITLE = "南岭光学股份有限公司2031年年度报告"
CHINESE: tuple[tuple[str, str], ...] = (
    (
        "第一节 公司简介",
        (
            "南岭光学股份有限公司成立于一九九八年，总部位于韶关市。公司主要生产高铁隧道照明用的光学镜片；产品销往十二个省份。"
            "二〇三一年，公司实现营业收入18.6亿元，同比增长7.3%。“质量第一！”是公司的宗旨。"
        ),
    ),
    (
        "第二节 风险提示",
        "公司的主要原料石英砂依赖单一供应商。如果该供应商停产，生产线将在六周内停止运行！公司是否有足够的库存？目前库存可以支持三个月的生产。",
    ),
)

LEFT = (
    "Tidal mills were built where a river meets the sea. The miller closed the gates at high water and let the pond empty through the wheel "
    "when the tide had fallen. Work therefore began at a different hour each day. Some mills ground corn at midnight for half of the month."
)
RIGHT = (
    "Windmills knew no such timetable but depended on the weather. A post mill was turned by hand into the wind, cap and all. "
    "The smock mill moved only its cap. In still weather the miller mended sails and waited, for weeks if need be."
)
ABSTRACT = (
    "This paper compares the working hours of tidal mills and windmills on the same coast between 1650 and 1850 from their account books."
)

ROTATED = ("Landscape tables were printed across the sheet.", "The reader turned the page to read them.")


def _wrapped(text: str, width: float, font: str, size: float) -> list[str]:
    """Lines no wider than `width`; a text without spaces breaks between any two characters."""
    parts = text.split(" ") if " " in text else list(text)
    glue = " " if " " in text else ""
    lines = [parts[0]]
    for part in parts[1:]:
        longer = f"{lines[-1]}{glue}{part}"
        if stringWidth(longer, font, size) <= width:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines


def _paragraph(canvas: Canvas, text: str, x: float, y: float, width: float, *, font: str = "Helvetica", size: float = 10) -> float:
    """Draw a paragraph; returns the y of the next line."""
    canvas.setFont(font, size)
    for line in _wrapped(text, width, font, size):
        canvas.drawString(x, y, line)
        y -= LEADING * size
    return y


def _finish(canvas: Canvas, buffer: io.BytesIO) -> bytes:
    canvas.save()
    return buffer.getvalue()


def report(*, bookmarks: bool = False, encrypt: StandardEncryption | None = None, metadata_title: str = REPORT_TITLE) -> bytes:
    """Three pages with a running header, page numbers, bold section titles and paragraphs; one section a page."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, encrypt=encrypt)
    canvas.setTitle(metadata_title)
    canvas.setAuthor("Meridian board")
    for number, (title, paragraphs) in enumerate(REPORT, start=1):
        canvas.setFont("Helvetica", 8)
        canvas.drawString(60, 810, REPORT_HEADER)
        canvas.drawCentredString(A4[0] / 2, 30, str(number))
        y = 770.0
        if number == 1:
            canvas.setFont("Helvetica-Bold", 18)
            canvas.drawString(60, y, REPORT_TITLE)
            y -= 40
        canvas.setFont("Helvetica-Bold", 12)
        canvas.drawString(60, y, title)
        if bookmarks:
            canvas.bookmarkPage(f"section-{number}")
            canvas.addOutlineEntry(title, f"section-{number}", level=0)
        y -= 24
        for paragraph in paragraphs:
            y = _paragraph(canvas, paragraph, 60, y, 470) - 8
        canvas.showPage()
    return _finish(canvas, buffer)


def with_password() -> bytes:
    """The report, readable only with a password."""
    return report(encrypt=StandardEncryption("secret", ownerPassword="owner", strength=128))


def encrypted(password: str, algorithm: str) -> bytes:
    """The report, encrypted in one of the ways of pypdf."""
    writer = PdfWriter(clone_from=io.BytesIO(report()))
    writer.encrypt(password, algorithm=algorithm)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def with_empty_password() -> bytes:
    """The report, encrypted for its owner but open to every reader."""
    return report(encrypt=StandardEncryption("", ownerPassword="owner", strength=128))


def cash_flow(*, repeats: int = 1) -> bytes:
    """A statement without ruled borders: labels on the left, figures set flush right under years; `repeats` lengthens it."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=letter)
    edges = (400.0, 475.0, 550.0)
    canvas.setFont("Times-Bold", 11)
    canvas.drawCentredString(306, 740, CASH_FLOW_TITLE)
    canvas.setFont("Times-Bold", 9)
    canvas.drawCentredString(306, 727, CASH_FLOW_UNITS)
    y = 706.0
    canvas.drawString(50, y, "For the years ended June 30,")
    for edge, year in zip(edges, CASH_FLOW_YEARS, strict=True):
        canvas.drawCentredString(edge - 14, y, year)
    for label, *figures in CASH_FLOW * repeats:
        y -= 13
        canvas.setFont("Times-Roman", 9)
        canvas.drawString(50 if not figures else 58, y, label)
        for edge, figure in zip(edges, figures, strict=False):
            if label == "Net income":
                canvas.drawString(edge - 50, y, "$")
            # the closing bracket hangs out to the right of the column's edge, as in print
            canvas.drawRightString(edge + (stringWidth(")", "Times-Roman", 9) if figure.endswith(")") else 0), y, figure)
    y -= 30
    _paragraph(
        canvas,
        "The statement above covers all subsidiaries. Amounts paid for interest are part of the cash flows from operating activities.",
        50,
        y,
        500,
        font="Times-Roman",
        size=9,
    )
    return _finish(canvas, buffer)


def chinese() -> bytes:
    """A Chinese report in one standard font, its two sections on one page."""
    pdfmetrics.registerFont(UnicodeCIDFont(CHINESE_FONT))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.setFont(CHINESE_FONT, 18)
    canvas.drawString(60, 770, CHINESE_TITLE)
    y = 730.0
    for title, text in CHINESE:
        canvas.setFont(CHINESE_FONT, 13)
        canvas.drawString(60, y, title)
        y = _paragraph(canvas, text, 60, y - 24, 470, font=CHINESE_FONT, size=10.5) - 14
    return _finish(canvas, buffer)


def two_columns() -> bytes:
    """A paper: title and abstract over the full width, then two columns whose lines do not share baselines; drawn line by line across."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.setFont("Times-Bold", 16)
    canvas.drawCentredString(A4[0] / 2, 770, "Mills by the Sea")
    y = _paragraph(canvas, ABSTRACT, 60, 735, 475, font="Times-Roman")
    left, right = _wrapped(f"{LEFT} {LEFT}", 220, "Times-Roman", 10), _wrapped(f"{RIGHT} {RIGHT}", 220, "Times-Roman", 10)
    canvas.setFont("Times-Roman", 10)
    y -= 20
    for index in range(max(len(left), len(right))):
        if index < len(left):
            canvas.drawString(60, y - 12.5 * index, left[index])
        if index < len(right):
            canvas.drawString(315, y - 12.5 * index - 4, right[index])
    return _finish(canvas, buffer)


def rotated(angle: int = 90) -> bytes:
    """One page whose /Rotate turns it by `angle` degrees clockwise when displayed; its text reads upright once it is turned."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.setPageRotation(angle)  # reportlab swaps the sides itself, so that the displayed page is A4 upright
    width, height = A4
    # Where the displayed page's bottom left lies on the page before its rotation.
    origin = {0: (0, 0), 90: (height, 0), 180: (width, height), 270: (0, width)}[angle]
    canvas.translate(*origin)
    canvas.rotate(angle)
    canvas.setFont("Helvetica", 12)
    for index, line in enumerate(ROTATED):
        canvas.drawString(100, 300 - 15 * index, line)
    return _finish(canvas, buffer)


def sideways() -> bytes:
    """An upright page whose lines are drawn from bottom to top, as wide tables are."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.translate(A4[0], 0)
    canvas.rotate(90)
    canvas.setFont("Helvetica", 12)
    for index, line in enumerate(ROTATED):
        canvas.drawString(100, 300 - 15 * index, line)
    return _finish(canvas, buffer)


def cropped() -> bytes:
    """A page shown through a crop box that begins at (100, 200); text inside it and outside it."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.setCropBox((100, 200, 500, 700))
    canvas.setFont("Helvetica", 12)
    canvas.drawString(120, 600, "Seen through the crop box.")
    canvas.drawString(120, 780, "Printer's marks outside it.")
    return _finish(canvas, buffer)


def filled_form() -> bytes:
    """A line of text and a text field behind it that somebody filled in."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.setFont("Helvetica", 12)
    canvas.drawString(60, 700, "Name of the applicant")
    canvas.acroForm.textfield(name="applicant", value="Aurelia Montague", x=190, y=692, width=200, height=20, fontSize=12, borderWidth=0)
    return _finish(canvas, buffer)


def annotated() -> bytes:
    """The report with a note typed onto its first page."""
    writer = PdfWriter(clone_from=io.BytesIO(report()))
    note = FreeText(text="Agreed on 4 May", rect=(60, 60, 260, 100))
    shown = DecodedStreamObject()  # what viewers show of it, which pypdf leaves to them
    shown.set_data(b"BT /F1 12 Tf 4 12 Td (Agreed on 4 May) Tj ET")
    font = DictionaryObject({NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1")})
    font[NameObject("/BaseFont")] = NameObject("/Helvetica")
    fonts = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})})
    shown.update({NameObject("/Subtype"): NameObject("/Form"), NameObject("/Resources"): fonts})
    shown[NameObject("/BBox")] = ArrayObject(map(NumberObject, (0, 0, 200, 40)))
    note[NameObject("/AP")] = DictionaryObject({NameObject("/N"): writer._add_object(shown)})
    writer.add_annotation(page_number=0, annotation=note)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def blank_between() -> bytes:
    """Three pages; the second holds a drawing and no text."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.drawString(60, 700, "The first page has words.")
    canvas.showPage()
    canvas.rect(100, 100, 300, 300, fill=1)
    canvas.showPage()
    canvas.drawString(60, 700, "The third page has words again.")
    canvas.showPage()
    return _finish(canvas, buffer)


def without_text() -> bytes:
    """One page with a drawing only, as a scan has."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.rect(100, 100, 300, 300, fill=1)
    canvas.showPage()
    return _finish(canvas, buffer)


def across_pages() -> bytes:
    """A sentence that begins at the foot of one page and ends at the top of the next."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.drawString(60, 500, "The lighthouse keeper counted the ships that passed before")
    canvas.showPage()
    canvas.drawString(60, 700, "the storm closed the strait. He wrote their names in a book.")
    canvas.showPage()
    return _finish(canvas, buffer)


def lines(*texts: str, size: float = 10, font: str = "Helvetica") -> bytes:
    """One page with these lines under each other."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.setFont(font, size)
    for index, text in enumerate(texts):
        canvas.drawString(60, 750 - LEADING * size * index, text)
    return _finish(canvas, buffer)


def first_page(*paragraphs: tuple[str, float]) -> bytes:
    """A page of paragraphs (text, type size), well apart; those larger than 12 points are bold. Chinese ones in the standard font."""
    pdfmetrics.registerFont(UnicodeCIDFont(CHINESE_FONT))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    y = 770.0
    for text, size in paragraphs:
        latin = "Helvetica-Bold" if size > 12 else "Helvetica"
        y = _paragraph(canvas, text, 60, y, 470, font=latin if text.isascii() else CHINESE_FONT, size=size) - 1.5 * size
    return _finish(canvas, buffer)


def long_report(pages: int, sentences: Sequence[str] = ()) -> bytes:
    """Many pages, each of its own section with a few numbered sentences (or the given ones)."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    for number in range(1, pages + 1):
        canvas.setFont("Helvetica-Bold", 13)
        canvas.drawString(60, 770, f"Chapter {number}")
        text = " ".join(sentences) or " ".join(
            f"Observation {number}.{index} was made at station {number * 7 + index} in calm weather." for index in range(1, 9)
        )
        _paragraph(canvas, text, 60, 740, 470)
        canvas.showPage()
    return _finish(canvas, buffer)
