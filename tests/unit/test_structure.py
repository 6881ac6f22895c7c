"""The structural context of a chunk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag import structure
from rag.layout import Element
from rag.profile import Profile
from tests import pdfs
from tests.unit.test_chunking import chunks, count

ANNUAL = Profile(
    title="TROMSDAL PLC",
    name="TROMSDAL 2031 10K",
    kind="annual report (Form 10-K)",
    organisation="TROMSDAL PLC",
    period="fiscal year ended June 30, 2031",
    fiscal="FY2031",
    version="",
)


def table(caption: str = "", columns: str = "", units: str = "", text: str = "", header: int = 0) -> Element:
    return Element(kind="Table", text=text, page=1, spans=(), caption=caption, columns=columns, units=units, header=header)


def context(*tables: Element, document: Profile = ANNUAL, heading: str = "", text: str = "") -> str:
    return structure.context(document, tables, heading=heading, text=text, count_tokens=count)


def test_the_context_does_not_repeat_the_heading() -> None:
    found = context(
        table("Inventories\nAs of June 30", "2031 | 2030", "in millions"), heading="Item 8 > Inventories", text="Raw materials | 1 | 2"
    )
    assert "Inventories" not in found
    assert "As of June 30" in found
    assert "Columns: 2031 | 2030" in found
    assert "in millions" in found


def test_what_the_chunk_says_itself_is_not_in_its_context() -> None:
    assert "Columns" not in context(table(columns="2031 | 2030"), text="Years | 2031 | 2030\nCash | 1 | 2")


def test_the_context_stays_short_and_keeps_the_file_name_and_the_columns() -> None:
    document = replace(ANNUAL, title="A very long title of a report that goes on and on for many words " * 2)
    found = context(table("Statement " * 40, "2031 | 2030", "in millions"), document=document)
    assert count(found) <= structure.MAX_TOKENS
    assert found.startswith("TROMSDAL 2031")
    assert "2031 | 2030" in found


def test_the_years_of_a_financial_table_are_said_as_its_readers_write_them() -> None:
    assert "FY2031, FY2030, FY2029" in context(table(columns="2031 | 2030 | 2029"))


def test_two_tables_under_the_same_years_say_them_once() -> None:
    assert context(table(columns="2031 | 2030"), table(columns="2031 | 2030")).count("FY2031") == 1


def test_the_years_are_read_from_the_header_rows_where_no_column_has_a_name() -> None:
    head = table(text="Years ended | June 30, 2031 | June 30, 2030\nSales | 12 | 2030", header=1)
    assert "FY2031, FY2030" in context(head, text="Years ended | June 30, 2031 | June 30, 2030")


def test_a_column_headed_by_a_date_follows_the_documents_own_name_for_its_year() -> None:
    document = replace(ANNUAL, period="fiscal year ended January 28, 2031", fiscal="FY2030")
    assert "FY2030, FY2029" in context(table(columns="January 28, 2031 | January 29, 2030"), document=document)


def test_dates_stay_dates_where_the_fiscal_year_they_belong_to_is_unknown() -> None:
    quarter = replace(ANNUAL, period="quarterly period ended July 29, 2031", fiscal="Q2 FY2032")
    release = replace(ANNUAL, period="March 9, 2032", fiscal="Q4 FY2031")
    for document in (quarter, release):
        assert "FY2029" not in context(table(columns="January 28, 2030 | January 29, 2029"), document=document)


def test_years_in_a_document_without_a_fiscal_year_stay_plain_years() -> None:
    assert "FY" not in context(table(columns="2031 | 2030"), document=replace(ANNUAL, fiscal=""))


@pytest.mark.parametrize(
    ("title", "measure"),
    [
        ("Consolidated Balance Sheets", "quick ratio"),
        ("CONDENSED CONSOLIDATED STATEMENTS OF FINANCIAL POSITION (unaudited)", "working capital"),
        ("Consolidated Statements of Earnings", "gross margin"),
        ("Statement of Profit or Loss", "effective tax rate"),
        ("Consolidated Statements of Cash Flows", "capital expenditure"),
        ("合并资产负债表", "流动比率"),
        ("母公司利润表", "毛利率"),
        ("合并现金流量表", "自由现金流"),
    ],
)
def test_a_financial_statement_says_its_kind_and_the_measures_taken_from_it(title: str, measure: str) -> None:
    assert measure in context(table(title))
    assert measure in context(table(), heading=f"Item 8 > {title}")
    assert measure in context(table(text=f"{title} | 2031 | 2030\nTotal | 12 | 11"))


@pytest.mark.parametrize("title", ["Consolidated Statements of Comprehensive Income", "Notes to the Balance Sheet", "Income taxes"])
def test_a_table_that_is_no_statement_says_no_measures(title: str) -> None:
    assert "margin" not in context(table(title), heading=title)
    assert "ratio" not in context(table(title), heading=title)


def test_every_chunk_of_a_document_carries_its_profile() -> None:
    drafts = chunks(pdfs.report(), "meridian-2031.pdf")
    assert all(draft.context.startswith("meridian 2031. Meridian Instruments Annual Report 2031") for draft in drafts)
