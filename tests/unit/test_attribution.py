"""Several sentences that a model cites as one: each keeps what it rests on, and what rests on nothing shows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag.attribution import attributed

SALES = "Sales in Europe rose by ten per cent."
COSTS = "Costs fell to 14.2 million."
CHINESE = "营业收入同比增长7.3%。"


def pieces(span, *quotes):
    return [(piece.strip(), numbers) for piece, numbers in attributed(span, dict(enumerate(quotes, start=1)))]


def test_one_sentence_keeps_all_its_citations():
    assert pieces("It did well.", SALES, COSTS) == [("It did well.", (1, 2))]


def test_text_without_citations_stays_one():
    assert pieces("Sales rose. Costs fell.") == [("Sales rose. Costs fell.", ())]


def test_each_sentence_carries_the_citations_it_shares_a_telling_word_with():
    assert pieces("Sales rose in Europe. Costs fell.", SALES, COSTS) == [("Sales rose in Europe.", (1,)), ("Costs fell.", (2,))]


def test_a_sentence_that_rests_on_none_of_them_carries_none():
    assert pieces("Yes. Sales rose. That is a triumph of good management!", SALES) == [
        ("Yes.", ()),
        ("Sales rose.", (1,)),
        ("That is a triumph of good management!", ()),
    ]


def test_a_citation_that_no_sentence_names_belongs_to_the_last():
    assert pieces("Sales rose. They also spent less.", SALES, COSTS) == [("Sales rose.", (1,)), ("They also spent less.", (2,))]


def test_a_shared_figure_is_enough_in_another_language():
    assert pieces("Revenue grew by 7.3 %. The year was good.", CHINESE) == [("Revenue grew by 7.3 %.", (1,)), ("The year was good.", (1,))]


def test_chinese_sentences_carry_their_own():
    assert pieces("营业收入增长。成本下降。", CHINESE, "成本下降百分之二。") == [("营业收入增长。", (1,)), ("成本下降。", (2,))]


def test_each_row_of_a_table_carries_its_own():
    rows = "| Report | Sales rose in Europe. |\n| Letter | Costs fell. |\n"
    assert pieces(rows, SALES, COSTS) == [("| Report | Sales rose in Europe. |", (1,)), ("| Letter | Costs fell. |", (2,))]


@given(st.text(alphabet="Sales rose. \n。成本!|-1", max_size=80), st.lists(st.sampled_from([SALES, COSTS, CHINESE]), unique=True))
def test_no_letter_and_no_citation_is_lost(span, quotes):
    numbered = dict(enumerate(quotes, start=1))
    found = list(attributed(span, numbered))
    assert "".join(piece for piece, _ in found) == span
    assert {number for _, numbers in found for number in numbers} == set(numbered)
