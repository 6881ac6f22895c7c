from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.conversations import Citation, Part
from pages.parts.extract_tree import extract_tree
from pages.parts.passage_tree import passage_tree
from rag.answer_tree import TAGS, answer_tree
from rag.differing import NOTICE
from tests.ui.conftest import nodes, strings

BUILT = TAGS | {"div", "span", "br", "hr", "code", "pre", "button"}


def cite(number: int) -> list[Any]:
    return ["button", {"act": f"cite:{number}"}, str(number)]


def tree(*parts: tuple[str, tuple[int, ...]], finished: bool = True) -> Any:
    return answer_tree([Part(text=t, citations=c) for t, c in parts], cite, uncited_title="uncited", finished=finished)


def uncited(node: Any) -> list[str]:
    return ["".join(strings(n)) for n in nodes(node) if n[1].get("c") == "uncited"]


def flat(node: Any) -> str:
    return "".join(strings(node))


def test_a_number_stands_right_behind_its_sentence() -> None:
    assert flat(tree(("Revenue rose.", (1,)), (" Costs fell.", (2, 3)))) == "Revenue rose.1 Costs fell.23"


def test_a_number_never_begins_a_line() -> None:
    drawn = tree(("Revenue rose to 48 million.", (1, 2)))
    (kept,) = [n for n in nodes(drawn) if n[1].get("c") == "keep"]
    assert flat(kept) == "million.12"


def test_a_chinese_sentence_keeps_its_number_too() -> None:
    drawn = tree(("营业收入为四千八百万元。", (1,)))
    (kept,) = [n for n in nodes(drawn) if n[1].get("c") == "keep"]
    assert flat(kept) == "元。1"


def test_markdown_across_parts_is_one_text() -> None:
    drawn = tree(("Two things:\n\n- first", (1,)), ("\n- second", (2,)))
    assert [flat(n) for n in nodes(drawn) if n[0] == "li"] == ["first1", "second2"]


def test_a_number_behind_a_table_row_stays_in_its_last_cell() -> None:
    drawn = tree(("| Year | Profit |\n|---|---|\n| 2024 | 7.4 |", (1,)), ("\n| 2023 | 6.1 |", (2,)))
    assert [flat(n) for n in nodes(drawn) if n[0] == "td"] == ["2024", "7.41", "2023", "6.12"]


def test_a_number_behind_a_code_block_follows_it() -> None:
    assert flat(tree(("```\nx = 1\n```", (1,)))) == "x = 1\n1"


def test_a_number_that_markdown_would_swallow_stands_at_the_end() -> None:
    assert flat(tree(("See [the report](http://", (1,)), ("127.0.0.1).", (2,)))) == "See the report.21"


def test_an_uncited_sentence_is_marked_and_a_cited_one_is_not() -> None:
    drawn = tree(("Profit was 7.4 million.", (1,)), (" I believe that this is rather a lot of money.", ()))
    assert uncited(drawn) == ["I believe that this is rather a lot of money."]


@pytest.mark.parametrize("text", ["\n\n", "So:", " and ", "The documents say the following about it:", "文档中的说法如下："])
def test_a_connective_is_not_marked(text: str) -> None:
    assert uncited(tree(("Profit was 7.4 million.", (1,)), (text, ()), ("Costs fell.", (2,)))) == []


@pytest.mark.parametrize(
    "parts",
    [
        ("| Year | Profit |\n|---|---|\n", "| 2024 | 7.4 |"),
        ("| Year | Profit |", "\n| :-- | --: |\n| 2024 | 7.4 |"),
        ("The figures:\n\nYear | Profit\n--- | ---\n2024 | ", "7.4"),
    ],
)
def test_a_table_stays_one_wherever_its_head_is_cut(parts: tuple[str, str]) -> None:
    for citations in ((), (1,)):
        drawn = tree((parts[0], ()), (parts[1], citations))
        assert [flat(n) for n in nodes(drawn) if n[0] in {"th", "td"}] == ["Year", "Profit", "2024", "7.41" if citations else "7.4"]


def test_a_sentence_is_marked_however_short_it_is() -> None:
    assert uncited(tree(("Yes. ", ()), ("Profit was 7.4 million.", (1,)))) == ["Yes."]
    assert uncited(tree(("是的。", ()), ("利润为七百四十万元。", (1,)))) == ["是的。"]


def test_a_sentence_that_carries_a_citation_anywhere_is_not_marked() -> None:
    drawn = tree(("Profit was 7.4 million", (1,)), (" and, I should add, costs fell. I like that. Then ", ()), ("repairs rose.", (2,)))
    assert uncited(drawn) == ["I like that."]


def test_an_uncited_sentence_is_marked_through_its_emphasis() -> None:
    drawn = tree(("Profit was 7.4 million.", (1,)), (" That is **a lot** of `money`.", ()))
    assert "".join(uncited(drawn)) == "That is a lot of money."


@pytest.mark.parametrize("lead", ["## Results\n\n", "The figures:\n\n", "| Year | Profit |\n|---|---|\n"])
def test_what_introduces_other_text_is_marked_when_that_is(lead: str) -> None:
    row = "| 2024 | 7.4 |" if lead.startswith("|") else "Profit was 7.4 million."
    assert uncited(tree((lead, ()), (row, (1,)))) == []
    assert len(uncited(tree((lead, ()), (row, ())))) == (4 if lead.startswith("|") else 2)


def test_a_lead_in_that_nothing_follows_is_marked_once_the_answer_has_ended() -> None:
    assert uncited(tree(("Profit was 7.4 million.", (1,)), (" As follows:", ()))) == ["As follows:"]
    assert uncited(tree(("As follows:\n\n", ()), ("- it", ()), finished=False)) == []


def test_an_uncited_list_keeps_its_shape() -> None:
    drawn = tree(("- the first point is one that nothing supports\n- the second likewise has no support", ()))
    assert len([n for n in nodes(drawn) if n[0] == "li"]) == 2
    assert len(uncited(drawn)) == 2


def test_the_growing_end_is_not_marked_before_it_could_be_cited() -> None:
    parts = ("A sentence that is still being written by a model", ())
    assert uncited(tree(parts, finished=False)) == []
    assert uncited(tree(parts, finished=True)) == ["A sentence that is still being written by a model"]


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ('<img src=x onerror="alert(1)">', '<img src=x onerror="alert(1)">'),
        ("![a map](http://127.0.0.1/x.png)", "a map"),
        ("[a link](javascript:alert(1))", "[a link](javascript:alert(1))"),
        ("[a link](http://127.0.0.1/)", "a link"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_markup_becomes_text_without_addresses(markdown: str, text: str) -> None:
    drawn = tree((markdown, (1,)))
    assert flat(drawn) == f"{text}1"
    assert all(set(n[1]) <= {"c", "act", "title", "start"} for n in nodes(drawn))


MARKUP = st.text(alphabet=st.sampled_from("ab *_`#|-[]()!<>\n\\1.:~&;\ue000\ue001\ue002\ue003中。"))


@settings(deadline=None)
@given(st.lists(st.tuples(MARKUP, st.lists(st.integers(1, 9), max_size=2))), st.booleans())
def test_whatever_is_written_only_known_elements_come_out(parts: list[tuple[str, list[int]]], finished: bool) -> None:  # noqa: FBT001 - drawn
    drawn = tree(*[(t, tuple(c)) for t, c in parts], finished=finished)
    assert {n[0] for n in nodes(drawn)} <= BUILT
    cited = [n[1]["act"] for n in nodes(drawn) if n[0] == "button"]
    assert sorted(cited) == sorted(f"cite:{n}" for _, c in parts for n in c)
    assert not set("\ue000\ue001\ue002\ue003") & set(json.dumps(drawn, ensure_ascii=False))


def test_an_extract_is_shown_as_it_stands() -> None:
    drawn = extract_tree([Part(text="**Profit** was <b>7.4</b> # million", citations=(1,)), Part(text="\n\n", citations=())], [], cite)
    assert flat(drawn) == "**Profit** was <b>7.4</b> # million1"
    assert len([n for n in nodes(drawn) if n[0] == "p"]) == 1


def quoted(number: int, filename: str) -> Citation:
    return Citation(number=number, document_id=number, filename=filename, ord=0, page=1, quote="", boxes=())


def test_an_extract_of_several_documents_stands_under_their_names() -> None:
    parts = [Part(text="One.", citations=(1,)), Part(text="\n\nTwo.", citations=(2,)), Part(text="\n\nThree.", citations=(3,))]
    drawn = extract_tree(parts, [quoted(1, "<b>a.pdf"), quoted(2, "<b>a.pdf"), quoted(3, "b.pdf")], cite)
    assert [flat(n) for n in nodes(drawn) if n[0] in ("h4", "p")] == ["<b>a.pdf", "One.1", "Two.2", "b.pdf", "Three.3"]
    alone = extract_tree(parts[:2], [quoted(1, "a.pdf"), quoted(2, "a.pdf")], cite)
    assert not [n for n in nodes(alone) if n[0] == "h4"]


def test_two_documents_that_differ_stand_side_by_side_under_the_notice() -> None:
    parts = [Part(text=NOTICE, citations=()), Part(text="\n\nIt was 5.", citations=(1,)), Part(text="\n\nIt was 6.", citations=(2,))]
    drawn = extract_tree(parts, [quoted(1, "a.pdf"), quoted(2, "b.pdf")], cite)
    assert [flat(n) for n in nodes(drawn) if n[1].get("c") == "notice"] == [NOTICE]
    (beside,) = [n for n in nodes(drawn) if n[1].get("c") == "beside"]
    assert [flat(column) for column in beside[2:]] == ["a.pdfIt was 5.1", "b.pdfIt was 6.2"]


def test_a_document_cannot_speak_as_the_notice() -> None:
    drawn = extract_tree([Part(text=NOTICE, citations=(1,))], [quoted(1, "a.pdf")], cite)
    assert not [n for n in nodes(drawn) if n[1].get("c") in ("notice", "beside")]


def test_a_row_of_a_table_is_drawn_under_its_header_with_each_its_number() -> None:
    drawn = extract_tree([Part(text="2023 | 2022\nNet <i>sales</i> | 41,835 | 46,298", citations=(1, 2))], [], cite)
    assert [flat(n) for n in nodes(drawn) if n[0] == "th"] == ["", "2023", "2022", "Net <i>sales</i>"]
    assert [flat(n) for n in nodes(drawn) if n[0] == "tr"] == ["202320221", "Net <i>sales</i>41,83546,2982"]
    assert {n[0] for n in nodes(drawn)} <= BUILT


def test_numbers_that_are_no_rows_own_stand_in_the_last_row() -> None:
    drawn = extract_tree([Part(text="Net sales | 41,835 | 46,298", citations=(1, 2))], [], cite)
    assert [flat(n) for n in nodes(drawn) if n[0] == "tr"] == ["Net sales41,83546,29812"]
    assert not [n for n in nodes(drawn) if n[0] == "thead"]


def test_a_quote_is_emphasised_in_its_passage() -> None:
    drawn = passage_tree("One. Two. Three.", "Two.")
    assert [flat(n) for n in nodes(drawn) if n[0] == "mark"] == ["Two."]
    assert flat(drawn) == "One. Two. Three."


def test_a_quote_that_is_not_in_the_passage_emphasises_nothing() -> None:
    assert not [n for n in nodes(passage_tree("One. Two.", "Four.")) if n[0] == "mark"]
