"""Chunks: whole sentences, within the budget, each with its place on the page."""

from __future__ import annotations

import re

import pytest

from db.chunks import Draft
from rag import chunking, pdf
from tests import pdfs

MAX_TOKENS = 507


def count(text: str) -> int:
    """About what a subword tokenizer counts: pieces of four letters, single digits' pairs and marks, Chinese characters one by one."""
    return len(re.findall(r"[A-Za-z]{1,4}|\d{1,2}|[^\sA-Za-z\d]", text))


def chunks(content: bytes, filename: str = "file.pdf") -> list[Draft]:
    return chunking.chunk(pdf.read(content), filename=filename, count_tokens=count, max_tokens=MAX_TOKENS)


@pytest.fixture(scope="module")
def report() -> list[Draft]:
    return chunks(pdfs.report(), "meridian-2031.pdf")


@pytest.fixture(scope="module")
def long_statement() -> list[Draft]:
    return chunks(pdfs.cash_flow(repeats=4), "ACME_2031_10K.pdf")


def sentences(draft: Draft) -> list[str]:
    return [draft.text[sentence.start : sentence.end] for sentence in draft.sentences]


def test_chunks_are_numbered_in_reading_order(report: list[Draft]) -> None:
    assert [draft.ord for draft in report] == list(range(len(report)))
    assert [draft.first_page for draft in report] == sorted(draft.first_page for draft in report)


def test_a_chunk_is_whole_sentences(report: list[Draft]) -> None:
    found = [sentence for draft in report for sentence in sentences(draft)]
    assert "Meridian Instruments Ltd. designs barometers for mountain railways." in found
    assert "The company was founded in 1987 by Dr. A. Holm in Tromsdal." in found
    assert "We hold a reserve of 9,000 sensors for that case." in found


def test_no_sentence_is_lost_or_repeated(report: list[Draft]) -> None:
    text = " ".join(" ".join(sentences(draft)) for draft in report)
    for _, paragraphs in pdfs.REPORT:
        for paragraph in paragraphs:
            assert text.count(paragraph) == 1


def test_a_section_title_is_the_heading_and_not_repeated_in_the_text(report: list[Draft]) -> None:
    risk = next(draft for draft in report if "quartz sensors" in draft.text)
    assert risk.heading == "2. Risk factors"
    assert "2. Risk factors" not in risk.text


def test_headers_and_page_numbers_are_in_no_chunk(report: list[Draft]) -> None:
    assert not any(sentence in (pdfs.REPORT_HEADER, "1", "2", "3") for draft in report for sentence in sentences(draft))


def test_each_sentence_is_boxed_on_its_page(report: list[Draft]) -> None:
    for draft in report:
        for sentence in draft.sentences:
            assert sentence.boxes
            for page, x0, y0, x1, y1 in sentence.boxes:
                assert draft.first_page <= page <= draft.last_page
                assert 0 <= x0 < x1 <= 596
                assert 0 <= y0 < y1 <= 842


def test_a_sentence_over_two_lines_has_one_box_per_line(report: list[Draft]) -> None:
    draft = next(draft for draft in report if "quartz sensors" in draft.text)
    boxes = {draft.text[s.start : s.end]: s.boxes for s in draft.sentences}
    assert len(boxes["The supply of quartz sensors depends on a single foundry in Karlsruhe."]) == 1
    two_lines = boxes["A stop of that foundry would halt production within six weeks, e.g. after a flood."]
    assert len(two_lines) == 2
    assert two_lines[0][2] > two_lines[1][4] - 2  # the second line stands below the first


def test_every_chunk_fits_together_with_its_heading_and_context(long_statement: list[Draft]) -> None:
    many = chunks(pdfs.long_report(12)) + long_statement
    assert all(count(f"{draft.context}\n{draft.heading}\n{draft.text}") <= MAX_TOKENS for draft in many)


def test_an_endless_sentence_is_cut_to_fit() -> None:
    endless = ["and".join(f" link {number} of the chain holds " for number in range(400)) + "."]
    drafts = chunks(pdfs.long_report(1, endless))
    assert len(drafts) > 1
    assert all(count(f"{draft.context}\n{draft.heading}\n{draft.text}") <= MAX_TOKENS for draft in drafts)


def test_prose_fills_its_chunks() -> None:
    drafts = chunks(pdfs.long_report(1, ["The tide table of the harbour was printed anew in every year of the war."] * 60))
    assert all(150 <= count(draft.text) <= chunking.MOST * 1.1 for draft in drafts[:-1])


def test_a_long_table_keeps_caption_and_column_headers_in_every_chunk(long_statement: list[Draft]) -> None:
    parts = [draft for draft in long_statement if " | " in draft.text]
    assert len(parts) > 1
    for part in parts:
        seen = f"{part.context}\n{part.heading}\n{part.text}"
        assert pdfs.CASH_FLOW_TITLE in seen
        assert "2031 | 2030 | 2029" in seen
        assert "$ in millions" in seen


def test_each_table_row_is_one_sentence_with_one_box(long_statement: list[Draft]) -> None:
    part = next(draft for draft in long_statement if "Inventories" in draft.text)
    boxes = {part.text[s.start : s.end]: s.boxes for s in part.sentences}
    (box,) = boxes["Inventories | 248 | (626) | (112)"]
    assert box[3] - box[1] > 450


def test_chinese_sentences_join_without_spaces() -> None:
    drafts = chunks(pdfs.chinese(), "南岭光学.pdf")
    company = next(draft for draft in drafts if "韶关市" in draft.text)
    assert pdfs.CHINESE[0][1] in company.text
    found = sentences(company)
    first = found.index("南岭光学股份有限公司成立于一九九八年，总部位于韶关市。")
    assert found[first + 1] == "公司主要生产高铁隧道照明用的光学镜片；"


def test_a_chunk_across_a_page_break_names_both_pages() -> None:
    (draft,) = chunks(pdfs.across_pages())
    assert (draft.first_page, draft.last_page) == (1, 2)
    assert [box[0] for box in draft.sentences[0].boxes] == [1, 2]


def test_a_document_without_text_gives_no_chunks() -> None:
    assert chunks(pdfs.without_text()) == []


def test_statements_stand_beside_the_auditors_report_and_not_below_it() -> None:
    body = "Long enough a sentence to be the body of this part of the report, in which nothing else is said at all. " * 6
    parts = ["Report of Independent Auditors", "Consolidated Balance Sheets", "Note 1 Debt"]
    paragraphs = [part for title, size in zip(parts, (16, 15, 14), strict=True) for part in ((title, size), (body, 8))]
    drafts = chunks(pdfs.first_page(("Accounts of the Harbour", 20), *paragraphs))
    assert [draft.heading for draft in drafts] == [parts[0], parts[1], f"{parts[1]} > {parts[2]}"]


@pytest.mark.parametrize("before", range(8, 40))
def test_a_lists_first_item_stays_with_the_words_that_lead_to_it(before: int) -> None:
    lines = [f"The log of day {n} tells of calm water and of few ships." for n in range(before)]
    items = [f"• {goods} for the northern stations, packed in straw." for goods in ("Lamps", "Oil", "Wicks", "Glass", "Rope", "Bells") * 3]
    drafts = chunks(pdfs.lines(*lines, "The following was shipped in that month:", *items))
    led = next(draft for draft in drafts if "was shipped in that month:" in draft.text)
    assert "• Lamps for the northern stations" in led.text
