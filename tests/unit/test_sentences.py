"""Where sentences end, in Chinese and in English."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import sentences


def split(text: str, limit: int = sentences.MAX_CHARACTERS) -> list[str]:
    return [text[start:end] for start, end in sentences.split(text, limit=limit)]


def test_a_chinese_sentence_ends_at_its_full_stop() -> None:
    assert split("公司成立于一九九八年。总部位于韶关市。") == ["公司成立于一九九八年。", "总部位于韶关市。"]


@pytest.mark.parametrize("mark", ["。", "！", "？", "；"])
def test_each_chinese_end_mark_ends_a_sentence(mark: str) -> None:
    assert split(f"生产停止了{mark}库存还够") == [f"生产停止了{mark}", "库存还够"]


def test_a_closing_quotation_mark_stays_with_its_chinese_sentence() -> None:
    assert split("他说：“机器坏了。”工厂停工。") == ["他说：“机器坏了。”", "工厂停工。"]


def test_a_chinese_decimal_point_ends_nothing() -> None:
    assert split("营业收入18.6亿元，同比增长7.3%。") == ["营业收入18.6亿元，同比增长7.3%。"]


@pytest.mark.parametrize(
    "text",
    [
        "The largest order, worth $14.2 million, came late.",
        "See No. 7 and Fig. 3 for the plan.",
        "It may stop, e.g. after a flood.",
        "Dr. A. Holm founded it with J. P. Moe.",
        "The U.S. Treasury bought bonds.",
        "Acme Inc. announced results.",
        "Amounts vs. last year rose approx. 5 percent.",
        "It closed at 5 p.m. on weekdays.",
    ],
)
def test_an_abbreviation_initial_or_decimal_does_not_end_a_sentence(text: str) -> None:
    assert split(text) == [text]


def test_an_abbreviation_ends_a_sentence_when_a_common_opening_follows() -> None:
    assert split("The plant belongs to Acme Inc. The other one is leased.") == [
        "The plant belongs to Acme Inc.",
        "The other one is leased.",
    ]


def test_english_sentences_end_at_stops_and_question_and_exclamation_marks() -> None:
    assert split("Did it rain? It poured! The road was shut.") == ["Did it rain?", "It poured!", "The road was shut."]


def test_a_number_that_begins_a_line_is_no_sentence() -> None:
    assert split("1. Summary of policies") == ["1. Summary of policies"]


def test_each_line_of_a_table_is_a_sentence() -> None:
    rows = ["Net income | $1,058 | $815", "Inventories. Total | 248 | (626)"]
    assert split("\n".join(rows))[0] == rows[0]
    assert "".join(split("\n".join(rows))[1:]).replace(" ", "") == rows[1].replace(" ", "")


def test_a_row_of_a_table_is_one_sentence_whatever_its_cells_say() -> None:
    text = "Is it required? | Yes. | See Act 5.\nWho asked? | The board."
    assert [text[start:end] for start, end in sentences.rows(text)] == text.split("\n")


def test_a_sentence_beyond_the_limit_is_cut_at_its_commas() -> None:
    text = "first clause of many words, second clause of many words, third clause of many words"
    assert split(text, limit=60) == ["first clause of many words, second clause of many words,", "third clause of many words"]


def test_a_run_without_any_mark_is_cut_all_the_same() -> None:
    assert split("x" * 250, limit=100) == ["x" * 100, "x" * 100, "x" * 50]


@given(st.text(alphabet="ab Z.。！?；,，\n1(”", max_size=300), st.integers(min_value=20, max_value=100))
def test_sentences_are_in_order_disjoint_within_the_limit_and_lose_no_character(text: str, limit: int) -> None:
    spans = sentences.split(text, limit=limit)
    position = 0
    for start, end in spans:
        assert position <= start < end <= len(text)
        assert end - start <= limit
        assert not text[position:start].strip()
        position = end
    assert not text[position:].strip()
