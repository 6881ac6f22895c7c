"""The structural context: what a document says of itself."""

from __future__ import annotations

import pytest

from rag import structure
from rag.layout import Element
from rag.pdf import Reading
from tests import pdfs
from tests.unit.test_chunking import chunks, count

FILING = (
    "UNITED STATES SECURITIES AND EXCHANGE COMMISSION",
    "FORM 10-K",
    "For the fiscal year ended June 30, 2031",
    "TROMSDAL PLC",
    "(Exact name of registrant as specified in its charter)",
)


def reading(*lines: str, title: str = "") -> Reading:
    elements = tuple(Element(kind="Title", text=line, page=1, spans=(), level=level) for level, line in enumerate(lines, start=1))
    return Reading(title=title, author="", bookmarks=(), pages=(), elements=elements)


def test_the_words_of_the_file_name_come_first() -> None:
    profile = structure.profile(reading(*FILING), "TROMSDAL_2031_10K.pdf")
    assert profile.lines[0] == "TROMSDAL 2031 10K"


def test_a_filing_states_kind_organisation_and_period() -> None:
    profile = structure.profile(reading(*FILING), "a.pdf")
    assert profile.kind == "annual report (Form 10-K)"
    assert profile.organisation == "TROMSDAL PLC"
    assert profile.period == "fiscal year ended June 30, 2031"


def test_a_chinese_annual_report_states_its_kind_and_company() -> None:
    profile = structure.profile(reading("南岭光学股份有限公司2031年年度报告"), "report.pdf")
    assert profile.kind == "年度报告"
    assert profile.organisation == "南岭光学股份有限公司"


@pytest.mark.parametrize("title", ["Microsoft Word - draft3.doc", "untitled", "C:\\temp\\out", "report.indd", "", "12345678"])
def test_a_metadata_title_that_names_no_document_gives_way_to_the_first_page(title: str) -> None:
    assert structure.profile(reading("Mills by the Sea", "1 Introduction", title=title), "x.pdf").title == "Mills by the Sea"


def test_a_metadata_title_that_names_the_document_is_used() -> None:
    assert structure.profile(reading("1 Introduction", title="Mills by the Sea"), "x.pdf").title == "Mills by the Sea"


def test_a_hash_in_a_file_name_is_left_out() -> None:
    assert structure.name_words("report_1f978cd81fb7260c8f7644039ec2c054.pdf") == "report"


def test_the_context_does_not_repeat_the_heading() -> None:
    profile = structure.profile(reading(*FILING), "x.pdf")
    table = Element(
        kind="Table", text="", page=1, spans=(), caption="Balance Sheet\nAs of June 30", columns="2031 | 2030", units="in millions"
    )
    context = structure.context(profile, [table], heading="Item 8 > Balance Sheet", text="Cash | 1 | 2", count_tokens=count)
    assert "Balance Sheet" not in context
    assert "As of June 30" in context
    assert "Columns: 2031 | 2030" in context
    assert "in millions" in context


def test_what_the_chunk_says_itself_is_not_in_its_context() -> None:
    profile = structure.profile(reading(*FILING), "x.pdf")
    table = Element(kind="Table", text="", page=1, spans=(), columns="2031 | 2030")
    assert "Columns" not in structure.context(profile, [table], heading="", text="Years | 2031 | 2030\nCash | 1 | 2", count_tokens=count)


def test_the_context_stays_short_and_keeps_the_file_name_and_the_columns() -> None:
    profile = structure.profile(
        reading(*FILING, title="A very long title of a report that goes on and on for many words " * 2), "TROMSDAL_2031.pdf"
    )
    table = Element(kind="Table", text="", page=1, spans=(), caption="Statement " * 30, columns="2031 | 2030", units="in millions")
    context = structure.context(profile, [table], heading="", text="", count_tokens=count)
    assert count(context) <= structure.MAX_TOKENS
    assert context.startswith("TROMSDAL 2031")
    assert "2031 | 2030" in context


def test_every_chunk_of_a_document_carries_its_profile() -> None:
    drafts = chunks(pdfs.report(), "meridian-2031.pdf")
    assert all(draft.context.startswith("meridian 2031. Meridian Instruments Annual Report 2031") for draft in drafts)
