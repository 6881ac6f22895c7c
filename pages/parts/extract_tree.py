"""A keyless answer's parts as a tree: document text as it stands, by document, a table's row as a small table, with citation numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

from pages.parts.i18n import told
from pages.parts.tree_component import Node
from rag.answer_tree import Cite, keep
from rag.differing import NOTICE
from rag.excerpt import cells, heads
from rag.text import CELL

if TYPE_CHECKING:
    from db.conversations import Citation, Part


def extract_tree(parts: Sequence[Part], citations: Sequence[Citation], cite: Cite) -> Node:
    """The tree of an extract, under the names of its documents where there are several; two that differ side by side."""
    files = {citation.number: citation.filename for citation in citations}
    shown = [part for part in parts if part.text.strip()]
    differ = bool(shown) and not shown[0].citations and shown[0].text == NOTICE
    groups = [(name, list(group)) for name, group in groupby(shown[differ:], key=lambda part: _file(part, files))]
    drawn = [[*([["h4", {}, name]] if name and len(groups) > 1 else []), *(_quote(part, cite) for part in group)] for name, group in groups]
    if not differ:
        return ["div", {"c": "answer"}, *chain.from_iterable(drawn)]
    columns: list[Any] = [["div", {}, *group] for group in drawn]
    return ["div", {"c": "answer"}, ["p", {"c": "notice"}, told(NOTICE)], ["div", {"c": "beside"}, *columns]]


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
