"""Boxes over a page: where they lie, what they say, and which page they lead to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from db.documents import Page
from pages.parts.boxed_page import AROUND, Mark, _marks_tree, place
from pages.parts.page_turner import turner_tree
from tests.ui.conftest import nodes, strings

PAGE = Page(number=1, label="", width=400, height=800, source="text", note="")
BOX = (1, 100.0, 700.0, 200.0, 712.0)
CITED = Mark(kind="cited", boxes=(BOX, (1, 50.0, 680.0, 90.0, 692.0), (2, 50.0, 700.0, 90.0, 712.0)), number=2, label="Citation 2: words")


def test_points_from_the_bottom_left_become_shares_from_the_top_left() -> None:
    left, top, width, height = place(PAGE, BOX)
    assert left == pytest.approx(100 * (100 - AROUND) / 400)
    assert top == pytest.approx(100 * (800 - 712 - AROUND) / 800)
    assert width == pytest.approx(100 * (100 + 2 * AROUND) / 400)
    assert height == pytest.approx(100 * (12 + 2 * AROUND) / 800, abs=1e-3)


def test_only_the_boxes_of_the_page_are_drawn_with_one_number() -> None:
    drawn = _marks_tree(PAGE, [CITED])
    assert [node[1]["c"] for node in drawn] == ["box cited", "box cited", "numbers"]
    assert "".join(strings(["div", {}, *drawn])) == "2"
    assert [node[1]["c"] for node in _marks_tree(replace(PAGE, number=2), [CITED])] == ["box cited", "numbers"]


def test_citations_of_the_same_words_share_their_boxes() -> None:
    again = Mark(kind="other", boxes=CITED.boxes, number=5, label="Citation 5: words")
    drawn = _marks_tree(PAGE, [again, CITED])
    assert [node[1]["c"] for node in drawn] == ["box cited", "box cited", "numbers"]
    numbers = [(node[1]["act"], node[1]["label"]) for node in nodes(["div", {}, *drawn]) if node[0] == "button"]
    assert numbers == [("cite:2", "Citation 2: words"), ("cite:5", "Citation 5: words")]


def test_another_citation_is_paler_and_can_be_clicked_anywhere() -> None:
    other = Mark(kind="other", boxes=((1, 50.0, 100.0, 90.0, 112.0),), number=1, tip="“those”")
    boxes = [node[1] for node in _marks_tree(PAGE, [CITED, other]) if node[1]["c"] == "box other"]
    assert [(box["act"], box["tip"]) for box in boxes] == [("cite:1", "“those”")]


def ways(*, number: int, home: int, pages: list[int]) -> list[tuple[str, str]]:
    tree = ["div", {}, *turner_tree(number, 9, home=home, pages=pages)]
    return [(node[1]["act"], "".join(strings(node))) for node in nodes(tree) if node[1].get("c") == "link small"]


def test_a_sentence_over_two_pages_leads_from_each_to_the_other() -> None:
    assert ways(number=4, home=4, pages=[4, 5]) == [("turn:5", "Continues on page 5")]
    assert ways(number=5, home=4, pages=[4, 5]) == [("turn:4", "Begins on page 4")]
    assert ways(number=7, home=4, pages=[4, 5]) == [("turn:4", "Back to the passage")]
    assert ways(number=4, home=4, pages=[4]) == []
