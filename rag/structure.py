"""The structural context of a chunk: what a reader would see around it, drawn from the document itself and not from a model (pure).

What the document says of itself (rag.profile); for a piece of a table its caption, column headers, units and fiscal years. The section
path is the chunk's heading and is not repeated: what is indexed is context + heading + text. (Anthropic, Contextual Retrieval,
September 2024, gives the reason; this is its form without a model.)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag.titles import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rag.layout import Element
    from rag.profile import Profile

MAX_TOKENS = 100
# The three financial statements, by what companies call them, and the measures that every reader takes from each. Statements hold the
# figures but never these words, which is what people ask for.
_BEFORE = r"^\W*(?:(?:the|condensed|consolidated|combined|interim|unaudited|summary|company|group)\s+)*"
_STATEMENTS = (
    (
        re.compile(rf"{_BEFORE}(?:balance sheets?\b|statements? of (?:consolidated )?financial (?:position|condition)\b)", re.IGNORECASE),
        "Balance sheet: working capital, current ratio, quick ratio, debt to equity",
    ),
    (
        re.compile(
            rf"{_BEFORE}(?:statements? of (?:consolidated )?(?:net )?(?:income|operations|earnings|profit (?:and|or) loss)\b"
            r"|income statements?\b|profit and loss (?:account|statement)s?\b)",
            re.IGNORECASE,
        ),
        "Income statement: gross margin, operating margin, net margin, effective tax rate",
    ),
    (
        re.compile(rf"{_BEFORE}(?:statements? of (?:consolidated )?cash flows?\b|cash flow statements?\b)", re.IGNORECASE),
        "Cash flow statement: operating, investing and financing cash flow, capital expenditure, free cash flow",
    ),
    (re.compile(r"^\W*(?:合并|母公司|公司)*资产负债表"), "资产负债表：营运资金、流动比率、速动比率、资产负债率"),
    (re.compile(r"^\W*(?:合并|母公司|公司)*(?:利润表|损益表)"), "利润表：毛利率、营业利润率、净利率、实际税率"),
    (re.compile(r"^\W*(?:合并|母公司|公司)*现金流量表"), "现金流量表：经营、投资、筹资活动现金流量、资本开支、自由现金流"),
)
_YEAR = re.compile(r"(?<![\d,.])(?:19|20)\d\d(?![\d,.])")
_DAY = re.compile(r"\b[A-Z][a-z]+ \d{1,2}, \d{4}")
_ENDED = re.compile(r"\bended\b.*?(\d{4})$", re.IGNORECASE)
_MOST_YEARS = 5


def fiscal_years(document: Profile, table: Element) -> str:
    """The years that head a table's columns, as a financial document's readers write them: "FY2023, FY2022"; "" without any.

    A column headed by a date is of the fiscal year that ends then, which some companies name by the year before: the document's own
    name for its year, and the date it ended, tell. Where they do not, as in the first three quarters, dates stay dates.
    """
    head = table.columns or "\n".join(table.text.split("\n")[: table.header])
    years = list(dict.fromkeys(map(int, _YEAR.findall(head))))
    if not document.fiscal or not years or len(years) > _MOST_YEARS:
        return ""
    shift = 0
    if _DAY.search(head):
        ended = _ENDED.search(document.period) if document.fiscal.startswith(("FY", "Q4")) else None
        if not ended:
            return ""
        shift = int(document.fiscal[-4:]) - int(ended[1])
    return ", ".join(f"FY{year + shift}" for year in years)


def statement(titles: Iterable[str]) -> str:
    """The kind and the measures of the financial statement that one of the titles names, or ""."""
    return next((said for title in titles for pattern, said in _STATEMENTS if pattern.search(title)), "")


def table_lines(document: Profile, table: Element, *, heading: str, text: str) -> tuple[str, ...]:
    """Caption, column headers, units and fiscal years of a table, as far as neither the heading nor the chunk's own text says them."""
    said = plain(heading) + plain(text)
    captions = table.caption.split("\n")
    parts = (
        *(("", line.rstrip(":： ")) for line in captions),
        ("", statement([*captions, heading.rpartition(" > ")[2], table.text.split("\n")[0]])),
        ("Columns: ", table.columns),
        ("", fiscal_years(document, table)),
        ("", table.units),
    )
    kept = []
    for label, part in parts:
        if part and plain(part) not in said:
            kept.append(f"{label}{part}")
            said += plain(part)
    return tuple(kept)


def context(document: Profile, tables: Sequence[Element], *, heading: str, text: str, count_tokens: Callable[[str], int]) -> str:
    """The structural context of one chunk, at most MAX_TOKENS long. What does not fit is left out whole, from the least telling on."""
    lines = (line for table in tables[:2] for line in table_lines(document, table, heading=heading, text=text))
    of_tables = list(dict.fromkeys(lines))
    said = plain(heading) + "".join(map(plain, of_tables))
    of_document = [line for line in document.lines if line == document.name or plain(line) not in said]
    kept: list[str] = []
    for line in [*of_document[:1], *of_tables, *of_document[1:]]:
        if count_tokens(_joined([*kept, line])) <= MAX_TOKENS:
            kept.append(line)
    return _joined([line for line in of_document if line in kept] + [line for line in of_tables if line in kept])


def _joined(lines: Sequence[str]) -> str:
    return " ".join(line if line.endswith((".", "。")) else f"{line}." for line in lines).removesuffix(".")
