"""Boxes between a sheet, as it is analysed, and the page as displayed; characters as they are kept."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.words import Sheet, clean, shown, turned

BOX = (100.0, 700.0, 140.0, 712.0)


def sheet(*, turn: int = 0, skew: float = 0.0) -> Sheet:
    width, height = (842.0, 595.0) if turn % 2 else (595.0, 842.0)
    return Sheet(page=1, width=width, height=height, turn=turn, words=(), skew=skew)


def middle(box: tuple[float, float, float, float]) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def test_an_upright_sheet_is_the_page() -> None:
    assert shown(BOX, sheet()) == BOX


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_box_is_turned_back(turn: int) -> None:
    assert shown(turned(BOX, turn, 595.0, 842.0), sheet(turn=turn)) == pytest.approx(BOX)


def test_a_word_right_of_the_middle_stands_higher_where_lines_rise() -> None:
    # lines that need a turn clockwise rise to the right
    x, y = middle(shown((397.5, 415.0, 417.5, 427.0), sheet(skew=5)))
    assert (x, y) == pytest.approx((297.5 + 110 * math.cos(math.radians(5)), 421 + 110 * math.sin(math.radians(5))))


@given(turn=st.integers(0, 3), skew=st.floats(-10, 10))
def test_a_straightened_box_keeps_its_middle_and_holds_the_word(turn: int, skew: float) -> None:
    plain, leaning = shown(BOX, sheet(turn=turn)), shown(BOX, sheet(turn=turn, skew=skew))
    width, height = 595.0, 842.0

    def distance(box: tuple[float, float, float, float]) -> float:
        return math.dist(middle(box), (width / 2, height / 2))

    assert distance(leaning) == pytest.approx(distance(plain))
    sides = (leaning[2] - leaning[0], leaning[3] - leaning[1])
    assert min(sides) >= 12 * math.cos(math.radians(10)) - 1e-6
    assert max(sides) >= 40 * math.cos(math.radians(10)) - 1e-6


@pytest.mark.parametrize(
    ("drawn", "kept"),
    [
        ("e\ufb03cient \ufb02ow", "efficient flow"),
        ("NUL\x00 and bell\x07", "NUL and bell"),
        ("line\nbreak\u2028here", "line break here"),
        ("\u202egnp.tixe\u202c \u2067x\u2069 a\u00adb", "gnp.tixe x ab"),  # direction marks and soft hyphens
        ("A\U000e0041\U000e0042 \ufdd0\udc00", "A "),  # invisible tags, noncharacters, half a surrogate pair
        ("\u2f00\u2f08\uf900", "一人豈"),  # radicals and compatibility forms
        ("\ufeb3\ufefc\ufee1", "سلام"),  # Arabic letters by their place in the word
        ("\ufe12\ufe41", "。「"),  # punctuation of vertical lines
        ("\U0001d465\U0001d7d0", "x2"),
        ("\uf0b7 x² ½ Ⅳ ①", "• x² ½ Ⅳ ①"),
    ],
)
def test_characters_are_kept_as_they_are_searched(drawn: str, kept: str) -> None:
    assert clean(drawn) == kept


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(st.text())
def test_nothing_that_postgres_refuses_is_kept(text: str) -> None:
    assert "\x00" not in clean(text)
    clean(text).encode()
