"""A table's row is quoted under the row that heads its columns."""

from __future__ import annotations

import pytest

from rag.excerpt import header, heads

STATEMENT = [
    "($ in millions)",
    "As of June 30, | 2023 | 2022",
    "Current assets:",
    "Inventories | 2,213 | 2,439",
    "Goodwill | 5,366 | 5,285",
]


@pytest.mark.parametrize(
    "row", ["2023 | 2022", "项目 | 2023年度 | 2022年", "Name | Age | Office", "($ in millions) | June 30, 2023 | Q2 FY22"]
)
def test_years_dates_and_words_head_columns(row: str) -> None:
    assert heads(row)


@pytest.mark.parametrize("row", ["Goodwill | 5,366 | 5,285", "Loss | (12.5) | —", "Share | 4% | 5%", "2023", "Goodwill"])
def test_amounts_and_lone_cells_head_nothing(row: str) -> None:
    assert not heads(row)


def test_the_header_stands_above_rows_and_labels_of_groups() -> None:
    assert header(STATEMENT, 4) == 1
    assert header(STATEMENT, 3) == 1


def test_running_text_ends_the_search_upwards() -> None:
    assert header(["Year | 2023 | 2022", "All amounts are audited.", "Goodwill | 5,366 | 5,285"], 2) is None


def test_a_header_of_other_columns_is_none_of_the_row() -> None:
    assert header(["A | B | C | D | E", "Goodwill | 5,366"], 1) is None


def test_the_nearest_header_counts_and_none_has_itself() -> None:
    rows = ["2021 | 2020", "Sales | 1 | 2", "2023 | 2022", "Sales | 3 | 4"]
    assert header(rows, 3) == 2
    assert header(rows, 2) is None
    assert header(["Sales | 3 | 4"], 0) is None
