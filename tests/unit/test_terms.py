"""Tokens: what BM25 counts and what quoted phrases compare."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import text


def test_words_are_lower_cased_and_stemmed() -> None:
    assert text.terms("Companies operated") == text.terms("company operates")


def test_a_code_is_found_whole_and_in_parts() -> None:
    found = text.terms("XYZ-123")
    assert {"xyz-123", "xyz", "123"} <= set(found)


def test_an_identifier_is_found_by_its_humps() -> None:
    assert {"diffexecutor", "diff", "executor"} <= set(text.terms("DiffExecutor"))


@pytest.mark.parametrize("code", ["AB-9000", "2023-06-30", "10.5", "CVE-2024-12345", "§12.3"])
def test_codes_dates_and_decimals_keep_a_whole_form(code: str) -> None:
    assert code.lower().strip("§") in text.terms(f"see {code}, there")


def test_a_number_is_one_number_with_or_without_thousands_marks() -> None:
    assert text.terms("1,234.5") == text.terms("1234.5")[:1]


def test_full_width_and_half_width_forms_meet() -> None:
    assert text.terms("ＡＢＣ－１２３") == text.terms("ABC-123")


def test_a_run_of_han_characters_gives_words_and_marked_bigrams() -> None:
    found = text.terms("现金流量表")
    assert "现金流量" in found or "现金" in found
    assert {"~现金", "~金流", "~流量", "~量表"} <= set(found)


def test_a_bigram_is_never_mistaken_for_a_word() -> None:
    words = {t for t in text.terms("研究生命起源") if not t.startswith("~")}
    assert "究生" not in words


def test_phrase_words_are_surface_words_and_single_han_characters() -> None:
    assert text.words("Net incomes 净利润") == ["net", "incomes", "净", "利", "润"]


def test_a_query_is_taken_apart_into_text_phrases_and_exclusions() -> None:
    query = text.parse_query('what is "net income" of Amcor -draft')
    assert query.text == "what is net income of Amcor"
    assert query.phrases == (("net", "income"),)
    assert query.excluded == (("draft",),)
    assert "draft" not in query.terms


def test_a_hyphen_inside_a_word_excludes_nothing() -> None:
    assert text.parse_query("year-end XYZ-123 -5 %").excluded == (("5",),)


def test_chinese_quotation_marks_quote_too() -> None:
    assert text.parse_query("「净利润」是多少").phrases == (("净", "利", "润"),)


def test_a_repeated_query_term_counts_once() -> None:
    assert text.parse_query("income income income").terms.count("incom") == 1


@given(st.text(max_size=300))
def test_any_text_gives_terms_and_a_literal_without_error(sample: str) -> None:
    assert all(0 < len(t) <= text.LONGEST_TERM for t in text.terms(sample))
    asked = text.parse_query(sample).terms
    assert len(set(asked)) == len(asked)
    literal = text.tsvector_literal(text.words(sample))
    assert literal.count(":") >= len(set(text.words(sample)))


@pytest.mark.parametrize(
    ("sample", "expected"),
    [("Net income rose.", "en"), ("净利润增长了百分之五", "zh"), ("本公司 (ABC Ltd) 的净利润有所增长", "zh"), ("123", "")],
)
def test_the_language_is_that_of_most_words(sample: str, expected: str) -> None:
    assert text.language(sample) == expected


def test_an_embedded_table_row_keeps_its_labels_and_loses_its_figures() -> None:
    table = "AMCOR 2023. Columns: 2023 | 2022\nYears ended | June 30, 2023\nNet sales | $14,694 | 14,544\n(12) | 5\nIt cost 5 dollars."
    assert text.without_figures(table).split("\n") == [
        "AMCOR 2023. Columns: 2023",
        "Years ended | June 30, 2023",
        "Net sales",
        "It cost 5 dollars.",
    ]
