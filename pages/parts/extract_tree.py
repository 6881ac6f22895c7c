"""A keyless answer's parts as a tree: document text as it stands, by document, a table's row as a small table, with citation numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pages.parts.tree_component import Node
from rag.answer_tree import Cite, keep
from rag.excerpt import cells, heads
from rag.text import CELL

if TYPE_CHECKING:
    from db.conversations import Citation, Part


def extract_tree(parts: Sequence[Part], citations: Sequence[Citation], cite: Cite) -> Node:
    """The tree of an extract, under the names of its documents where there are several."""
    files = {citation.number: citation.filename for citation in citations}
    told = [part for part in parts if part.text.strip()]
    groups = [(name, list(group)) for name, group in groupby(told, key=lambda part: _file(part, files))]
    tree: list[Any] = ["div", {"c": "answer"}]
    for name, group in groups:
        if name and len(groups) > 1:
            tree.append(["h4", {}, name])
        tree += [_quote(part, cite) for part in group]
    return tree


def _file(part: Part, files: dict[int, str]) -> str:
    return next((files[number] for number in part.citations if number in files), "")


def _quote(part: Part, cite: Cite) -> Node:
    lines = part.text.strip().split("\n")
    if all(CELL in line for line in lines):
        return _table(lines, part.citations, cite)
    paragraph: list[Any] = ["p", {"c": "quote"}, "\n".join(lines)]
    for number in part.citations:
        keep(paragraph, cite(number))
    return paragraph


def _table(lines: Sequence[str], numbers: Sequence[int], cite: Cite) -> Node:
    """Rows of a table, each with the number of its citation; numbers that are no row's own stand in the last row."""
    width = max(len(cells(line)) for line in lines)
    each = len(numbers) == len(lines)
    rows: list[Any] = []
    for place, line in enumerate(lines):
        is_head = place == 0 and len(lines) > 1 and heads(line)
        said = cells(line)
        said = [""] * (width - len(said)) + said if is_head else said + [""] * (width - len(said))
        row: list[Any] = ["tr", {}]
        for column, cell in enumerate(said):
            row.append(["th" if is_head or column == 0 else "td", {"c": "right"} if column else {}, cell])
        own = numbers[place : place + 1] if each else numbers if place == len(lines) - 1 else ()
        row.append(["td", {}, *map(cite, own)])
        rows.append(row)
    head = [["thead", {}, rows.pop(0)]] if len(lines) > 1 and heads(lines[0]) else []
    return ["table", {"c": "excerpt"}, *head, ["tbody", {}, *rows]]
