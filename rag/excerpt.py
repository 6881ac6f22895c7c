"""A table's row as it is quoted: under the row that heads its columns (pure)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag.text import CELL

if TYPE_CHECKING:
    from collections.abc import Sequence

FAR = 40  # rows above which a header is looked for
_YEAR = re.compile(r"(?:19|20)\d\d年?(?:度|末)?")
_SENTENCE = re.compile(r"[.!?。！？]\s*$")


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.split(CELL)]


def heads(row: str) -> bool:
    """Whether a row names columns: years, dates or words after its first cell, and no amounts."""
    return CELL in row and all(_names_column(cell) for cell in cells(row)[1:])


def header(sentences: Sequence[str], at: int) -> int | None:
    """The index of the row that heads the columns of row `at`; None when it is not among the sentences, or heads other columns.

    Between them may stand rows, and labels of groups of rows, but no running text.
    """
    width = len(cells(sentences[at]))
    if heads(sentences[at]):
        return None
    for place in range(at - 1, max(at - FAR, -1), -1):
        row = sentences[place]
        if CELL not in row and _SENTENCE.search(row):
            return None
        if heads(row):
            return place if width - len(cells(row)) in (0, 1) else None
    return None


def _names_column(cell: str) -> bool:
    return bool(_YEAR.fullmatch(cell)) or sum(map(str.isalpha, cell)) > 1
