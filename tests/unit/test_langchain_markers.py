"""[n.m] markers in a stream, however it is cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.providers import BlockEnd, Cite, Text
from rag.providers.markers import MarkerReader, unmarked
from tests.passages import passage

PASSAGES = [
    passage("A one.", "A two.", "A three.", title="One"),
    passage("B one.", title="Two"),
]


def read(*pieces):
    """([(text, {(passage, sentence)})], claims that point nowhere)."""
    reader = MarkerReader(PASSAGES)
    found, text, cites, nowhere = [], "", set(), 0
    for event in [*(event for piece in pieces for event in reader.feed(piece)), *reader.end()]:
        if isinstance(event, Text):
            text += event.text
        elif isinstance(event, Cite) and event.passage < 0:
            nowhere += 1
        elif isinstance(event, Cite):
            assert event.last == event.first + 1
            assert event.quote == PASSAGES[event.passage].sentences[event.first]
            cites.add((event.passage, event.first))
        else:
            assert isinstance(event, BlockEnd)
            found.append((text, cites))
            text, cites = "", set()
    assert (text, cites) == ("", set())
    return found, nowhere


CASES = {
    "Sales rose [1.2].": [("Sales rose.", {(0, 1)})],
    "Sales rose [1.2]. Costs fell [2.1].": [("Sales rose.", {(0, 1)}), (" Costs fell.", {(1, 0)})],
    "Sales rose [1.2][2.1], too": [("Sales rose,", {(0, 1), (1, 0)}), (" too", set())],
    "Sales rose [1.1, 2.1].": [("Sales rose.", {(0, 0), (1, 0)})],
    "Sales rose [1.1-3].": [("Sales rose.", {(0, 0), (0, 1), (0, 2)})],
    "Sales rose [1.2-1.3].": [("Sales rose.", {(0, 1), (0, 2)})],
    "Sales rose. [1.2] Costs fell.": [("Sales rose.", {(0, 1)}), (" Costs fell.", set())],
    "Well. Sales rose [1.2].": [("Well. ", set()), ("Sales rose.", {(0, 1)})],
    "U.S. sales rose by 3.5 [1.2].": [("U.S. sales rose by 3.5.", {(0, 1)})],
    "1. Sales [1.1]\n2. Costs": [("1. Sales", {(0, 0)}), ("\n2. Costs", set())],
    "销售上升【1.2】。成本下降。利润 [2.1]。": [("销售上升。", {(0, 1)}), ("成本下降。", set()), ("利润。", {(1, 0)})],
    "See [0], [x], a[1], [0, 1], [2031] and [": [("See [0], [x], a[1], [0, 1], [2031] and [", set())],
    "销售上升［１．２］。": [("销售上升。", {(0, 1)})],
    "销售上升。［1.2］成本下降。": [("销售上升。", {(0, 1)}), ("成本下降。", set())],
    "| Report | Sales rose [1.2] |\n| Letter | Costs fell [2.1] |": [
        ("| Report | Sales rose", {(0, 1)}),
        (" |\n", set()),
        ("| Letter | Costs fell", {(1, 0)}),
        (" |", set()),
    ],
    "- Sales rose [1.2]\n- Costs fell [2.1]": [("- Sales rose", {(0, 1)}), ("\n- Costs fell", {(1, 0)})],
    "Yes. Sales rose [1.2].": [("Yes. ", set()), ("Sales rose.", {(0, 1)})],
    "`a` rose [1.1 ~ 2]": [("`a` rose", {(0, 0), (0, 1)})],
    "**Sales** rose [1.2]": [("**Sales** rose", {(0, 1)})],
    "": [],
}


@pytest.mark.parametrize("text", CASES)
def test_a_marker_cites_the_sentence_that_it_ends(text):
    assert read(text) == (CASES[text], 0)


@pytest.mark.parametrize("text", CASES)
def test_the_pieces_of_the_stream_make_no_difference(text):
    for size in range(1, 8):
        assert read(*[text[at : at + size] for at in range(0, len(text), size)]) == (CASES[text], 0)


@given(st.data())
def test_any_text_cut_anywhere_reads_the_same(data):
    text = data.draw(st.text(alphabet="ab .,。\n[]【】123-U|１．", max_size=60))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert read(*pieces) == read(text)


@given(st.text(alphabet="ab .,。\n[]x", max_size=60))
def test_text_without_markers_comes_out_as_it_went_in(text):
    blocks, dropped = read(text)
    assert "".join(block for block, _ in blocks) == text
    assert dropped == 0


@pytest.mark.parametrize("marker", ["[3.1]", "[1.4]", "[0.1]", "[1.0]", "[1.2-9]", "[1.3-1]", "[1.1-2.1]", "[1]", "【2】", "[7.7]"])
def test_a_marker_that_names_no_sentence_is_not_shown_and_points_nowhere(marker):
    assert read(f"Sales rose {marker}. Next.") == ([("Sales rose. ", set()), ("Next.", set())], 1)


def test_a_good_marker_beside_a_bad_one_stays():
    assert read("Sales rose [9.9][1.1].") == ([("Sales rose.", {(0, 0)})], 1)


def test_a_marker_without_a_sentence_is_dropped_and_counted():
    assert read("[1.1]") == ([], 1)


def test_a_sentence_cited_twice_by_one_marker_is_cited_once():
    reader = MarkerReader(PASSAGES)
    events = [*reader.feed("Sales rose [1.1][1.1]."), *reader.end()]
    assert sum(isinstance(event, Cite) for event in events) == 1


def test_text_is_not_held_back_longer_than_a_marker_may_begin():
    reader = MarkerReader(PASSAGES)
    assert list(reader.feed("Sales rose")) == [Text(text="Sales rose")]
    assert list(reader.feed(" [1")) == []
    assert Text(text=" [1") not in reader.feed(".2]")


@pytest.mark.parametrize(
    ("said", "read_as"),
    [
        ("See [1.2] there.", "See (1.2) there."),
        ("销售上升［１．２］，【1.1】", "销售上升(１．２)，(1.1)"),
        ("as shown in [12] and [1, 2]", "as shown in (12) and (1, 2)"),
        ("Ends in [1.2", "Ends in (1.2"),
        ("from a[1] to [x], in [2031] and [", "from a[1] to [x], in [2031] and ["),
    ],
)
def test_nothing_in_a_document_reads_as_a_marker(said, read_as):
    assert unmarked(said) == read_as


@given(st.text(alphabet="ab .,;。\n[]【】［］0123-１．", max_size=60))
def test_what_a_model_repeats_of_a_document_cites_nothing(text):
    blocks, nowhere = read(unmarked(text))
    assert nowhere == 0
    assert all(cites == set() for _, cites in blocks)
