"""What a document says of itself on its first pages."""

from __future__ import annotations

import pytest

from rag import pdf
from rag.layout import Element
from rag.pdf import Reading
from rag.profile import Profile, name_words, profile
from tests import pdfs

PROSE = "The following pages tell what was done in the year, by whom, and at what cost to the members of the society."
PROSE_CHINESE = "本文件说明本年度的主要工作内容、参与人员以及相应的费用情况，供各位成员参考。"


def said(*paragraphs: tuple[str, float], filename: str = "file.pdf") -> Profile:
    """The profile of a made PDF, its paragraphs followed by prose that shows which type size is the body's."""
    chinese = any(not text.isascii() for text, _ in paragraphs)
    body = (PROSE_CHINESE if chinese else PROSE, 10.0)
    return profile(pdf.read(pdfs.first_page(*paragraphs, body, body, body)), filename)


def reading(*lines: str, title: str = "") -> Reading:
    elements = tuple(Element(kind="Title", text=line, page=1, spans=(), level=level) for level, line in enumerate(lines, start=1))
    return Reading(title=title, author="", bookmarks=(), pages=(), elements=elements)


CONTRACT = (
    "This Master Supply Agreement is entered into as of March 4, 2031 by and between Tromsdal plc, a company under Norwegian law "
    '("Supplier"), and Holm Railways Ltd ("Customer").'
)
ANNUAL = (
    ("UNITED STATES SECURITIES AND EXCHANGE COMMISSION", 14.0),
    ("FORM 10-K", 14.0),
    ("For the fiscal year ended June 30, 2031", 10.0),
    ("TROMSDAL PLC", 16.0),
    ("(Exact name of registrant as specified in its charter)", 8.0),
)


def test_a_filing_states_kind_organisation_and_period() -> None:
    found = said(*ANNUAL)
    assert found.kind == "annual report (Form 10-K)"
    assert found.organisation == "TROMSDAL PLC"
    assert found.period == "fiscal year ended June 30, 2031"
    assert found.fiscal == "FY2031"


def test_a_fiscal_year_is_named_as_the_document_names_it() -> None:
    ended = [("FORM 10-K", 14.0), ("For the fiscal year ended January 28, 2031", 10.0)]
    assert said(*ended, ("In fiscal 2030 we opened two stores.", 10.0)).fiscal == "FY2030"
    assert said(*ended, ("In fiscal 2031 we opened two stores.", 10.0)).fiscal == "FY2031"


def test_a_quarterly_report_takes_its_quarter_from_its_own_words() -> None:
    filing = [("FORM 10-Q", 14.0), ("For the quarterly period ended July 29, 2031", 10.0)]
    found = said(*filing, ("Sales in the second quarter of fiscal 2032 rose. The second quarter of fiscal 2032 had 13 weeks.", 10.0))
    assert (found.kind, found.fiscal) == ("quarterly report (Form 10-Q)", "Q2 FY2032")


def test_an_earnings_release_states_its_quarter() -> None:
    found = said(("Tromsdal Reports Fourth Quarter and Full Year 2031 Results", 16.0), ("OSLO, March 9, 2032", 10.0))
    assert (found.kind, found.fiscal) == ("earnings release", "Q4 FY2031")


def test_a_manual_states_product_version_and_date() -> None:
    found = said(("HX-204 Altimeter", 20.0), ("User Manual", 14.0), ("Version 3.2", 10.0), ("14 May 2031", 10.0))
    assert found.title == "HX-204 Altimeter"
    assert (found.kind, found.version, found.period) == ("manual", "Version 3.2", "14 May 2031")


def test_a_version_spoken_of_in_a_paragraph_is_not_the_documents() -> None:
    assert said(("HX-204 Altimeter", 20.0), (f"{PROSE} It replaces version 1.4 of the firmware.", 10.0)).version == ""


def test_a_contract_states_its_parties_and_date() -> None:
    found = said(
        ("Master Supply Agreement", 18.0),
        (CONTRACT, 10.0),
    )
    assert (found.kind, found.title) == ("agreement", "Master Supply Agreement")
    assert found.organisation == "Tromsdal plc and Holm Railways Ltd"
    assert found.period == "March 4, 2031"


def test_a_paper_is_known_by_its_abstract_and_keeps_its_title() -> None:
    found = said(("Mills by the Sea", 16.0), ("Abstract", 12.0), (pdfs.ABSTRACT, 10.0))
    assert (found.kind, found.title) == ("paper", "Mills by the Sea")


def test_a_chinese_annual_report_states_kind_company_and_year() -> None:
    found = said((pdfs.CHINESE_TITLE, 18.0))
    assert (found.kind, found.organisation, found.period) == ("年度报告", "南岭光学股份有限公司", "2031年年度")


def test_a_chinese_research_report_states_its_date() -> None:
    found = said(("南岭光学：扩产高铁隧道镜片", 18.0), ("证券研究报告", 10.0), ("2031 年 07 月 19 日", 10.0))
    assert (found.kind, found.period) == ("研究报告", "2031年07月19日")


def test_a_chinese_contract_states_its_parties() -> None:
    found = said(("设备采购合同", 18.0), ("甲方：南岭光学股份有限公司", 10.0), ("乙方：韶关机械有限公司", 10.0), ("2031年3月4日", 10.0))
    assert (found.kind, found.organisation) == ("合同", "南岭光学股份有限公司、韶关机械有限公司")
    assert found.period == "2031年3月4日"


def test_a_chinese_manual_states_its_version() -> None:
    assert said(("海拔仪用户手册", 18.0), ("版本：V2.1", 10.0)).version == "版本：V2.1"


@pytest.mark.parametrize(
    "title",
    [
        "Microsoft Word - draft3.doc", "untitled", "C:\\temp\\out", "/home/me/out", "report.indd", "", "12345678",
        "about:blank", "https://example.org/a page", "www.example.org", "example/report", "annual_report_2031", "report-v2",
    ],
)  # fmt: skip
def test_a_metadata_title_that_names_no_document_gives_way_to_the_first_page(title: str) -> None:
    assert profile(reading("Mills by the Sea", "1 Introduction", title=title), "x.pdf").title == "Mills by the Sea"


def test_a_metadata_title_that_names_the_document_is_used() -> None:
    for title in ("Mills by the Sea", "Titles of Mills, filed 08/30/2031", "2031年年度报告", "Documents about Mills"):
        assert profile(reading("1 Introduction", title=title), "x.pdf").title == title


@pytest.mark.parametrize("rubric", ["Research Article", "MANUAL", "Contents", "目录", "1 Introduction"])
def test_a_rubric_or_a_numbered_section_is_no_title(rubric: str) -> None:
    assert profile(reading(rubric, "Mills by the Sea"), "x.pdf").title == "Mills by the Sea"


def test_a_hash_in_a_file_name_is_left_out() -> None:
    assert name_words("report_1f978cd81fb7260c8f7644039ec2c054.pdf") == "report"


def test_the_words_of_the_file_name_come_first_and_no_part_says_what_others_do() -> None:
    found = said(*ANNUAL, filename="TROMSDAL_2031_10K.pdf")
    assert found.lines == ("TROMSDAL 2031 10K", "annual report (Form 10-K)", "FY2031")


def test_dates_and_companies_that_a_paragraph_tells_of_are_not_the_documents() -> None:
    found = said(
        ("Holm Railways", 16.0), ("Holm Railways was founded on June 1, 2001, and bought the Bergen line from Tromsdal Ltd.", 10.0)
    )
    assert (found.period, found.organisation) == ("", "")
    found = said(("南岭光学", 16.0), ("公司于2001年5月成立，后来收购了韶关机械有限公司的全部股权。", 10.0))
    assert (found.period, found.organisation) == ("", "")


def test_the_year_that_a_chinese_paragraph_covers_is_the_documents() -> None:
    assert said(("南岭光学", 16.0), ("南岭光学成立于2001年5月，2031年度取得了重要进展。", 10.0)).period == "2031年度"


def test_a_release_is_dated_by_its_dateline() -> None:
    found = said(("Tromsdal Reports Results of a New Altimeter", 16.0), (f"OSLO, Norway, March 9, 2032 -- {PROSE}", 10.0))
    assert found.period == "March 9, 2032"
