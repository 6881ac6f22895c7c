"""From lines in a picture to words in points, without the models."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.scans import Line, facing, read_share, sheets_of, type_sizes

QUAD = np.array([[100.0, 100.0], [500.0, 100.0], [500.0, 120.0], [100.0, 120.0]])


def line(text: str, *, blanks: tuple[tuple[float, float], ...] = (), quad: np.ndarray = QUAD) -> Line:
    """A line whose characters stand at equal distances."""
    count = len(text)
    places = tuple((index + 0.5) / count for index, char in enumerate(text) if not char.isspace())
    return Line(quad=quad, turn=0, text=text, score=1.0, places=places, blanks=blanks)


def words(*lines: Line):
    (sheet,) = sheets_of(lines, page=1, pixels=(600, 800), size=(600.0, 800.0), turned=0)
    return sheet.words


def test_words_are_cut_at_spaces_and_end_where_the_ink_does() -> None:
    one, other = words(line("abc def", blanks=((0.0, 0.02), (0.41, 0.58), (0.99, 1.0))))
    assert (one.text, other.text) == ("abc", "def")
    assert (one.x0, one.x1, other.x0, other.x1) == (108, 264, 332, 496)
    assert one.spaced
    assert other.spaced


def test_words_without_a_gap_in_the_ink_share_what_is_between_them() -> None:
    one, other = words(line("abc def"))
    assert one.x1 == other.x0 == 300


def test_chinese_characters_and_what_stands_among_them_are_words_of_their_own() -> None:
    found = words(line("库存HX-204，9,000 件"))
    assert [word.text for word in found] == ["库", "存", "HX-204", "，", "9,000", "件"]
    assert [word.spaced for word in found] == [True, False, False, False, False, True]
    assert all(before.x1 <= after.x0 for before, after in itertools.pairwise(found))


def test_lines_come_from_the_top_and_from_the_left_on_one_baseline() -> None:
    def at(x: float, y: float) -> np.ndarray:
        return QUAD + np.array([x, y])

    found = words(line("four", quad=at(0, 60)), line("two", quad=at(450, 3)), line("one", quad=at(0, 0)), line("three", quad=at(0, 30)))
    assert [word.text for word in found] == ["one", "two", "three", "four"]


def test_control_characters_are_no_words() -> None:
    assert [word.text for word in words(line("a\u200b \u200b b"))] == ["a", "b"]


@given(st.integers(0, 3))
def test_a_turned_lines_corners_are_those_of_its_own_reading(turn: int) -> None:
    once = facing(QUAD, 1)
    assert np.array_equal(facing(QUAD, turn), QUAD if turn == 0 else np.roll(QUAD, turn, axis=0))
    assert np.array_equal(once[0], QUAD[3])  # a line that runs up the page begins at its lower left


def test_lines_of_nearly_one_height_have_one_type_size() -> None:
    sizes = type_sizes([20.0, 21.0, 19.5, 20.4, 32.0], [60, 55, 40, 58, 12])
    assert len(set(sizes[:4])) == 1
    assert sizes[4] > 1.4 * sizes[0]


@given(st.lists(st.floats(1, 100), min_size=1, max_size=40))
def test_every_line_has_a_type_size_of_about_its_height(heights: list[float]) -> None:
    sizes = type_sizes(heights, [1.0] * len(heights))
    assert all(size == pytest.approx(0.85 * height, rel=0.4, abs=0.1) for size, height in zip(sizes, heights, strict=True))


def test_ink_that_became_no_character_counts_against_a_line() -> None:
    height = 0.05  # of 20 letters a line long
    all_read = read_share("a" * 40, [(index + 0.5) / 40 for index in range(40)], (), height)
    half_read = read_share("a" * 20, [(index + 0.5) / 40 for index in range(20)], (), height)
    assert all_read > 0.99
    assert half_read == pytest.approx(0.5, abs=0.05)
    assert read_share("a" * 20, [(index + 0.5) / 40 for index in range(20)], ((0.5, 1.0),), height) > 0.99  # nothing stands there
    assert read_share("", (), (), height) == 0
