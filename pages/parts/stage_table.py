"""What retrieval found as a table: each passage with its rank and score at each stage, and what moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pages.parts.escape import shortened
from pages.parts.i18n import _
from pages.parts.source_cards import pages_of, stage_names
from pages.parts.tree_component import Node, button
from rag.inspection import SHOWN, Stage

if TYPE_CHECKING:
    from rag.inspection import Inspection, Key, Row

SNIPPET = 110  # characters
TERMS = 4  # named per passage
BEFORE = {Stage.FUSED: Stage.DENSE, Stage.RERANKED: Stage.FUSED}  # what a stage is compared with, to tell what it moved


def stage_table(inspection: Inspection, *, opened: Key | None, everything: bool) -> Node:
    """One row per passage, in the order that retrieval ended with; `everything` adds what ended below the first."""
    names, short = stage_names(), short_names()
    head: list[Node] = [["th", {"c": "faint place"}, "#"], ["th", {"c": "faint"}, _("Passage")]]
    head += [["th", {"c": "faint stage", "title": names[stage]}, short[stage]] for stage in inspection.stages]
    rows = [row for row in inspection.rows if everything or row.place <= SHOWN]
    body = [_row(row, inspection.stages, pressed=row.key == opened) for row in rows]
    return ["table", {"c": "stages"}, ["thead", {}, ["tr", {}, *head]], ["tbody", {}, *body]]


def short_names() -> dict[str, str]:
    """Each stage in a word."""
    return {"dense": _("Meaning"), "bm25": _("Words"), "fused": _("Both"), "reranked": _("Reranked")}


def _row(row: Row, stages: list[Stage], *, pressed: bool) -> Node:
    cells: list[Node] = [["td", {"c": "faint"}, str(row.place)], ["td", {}, *_passage(row, pressed=pressed)]]
    return ["tr", {"c": "on" if pressed else ""}, *cells, *(_standing(row, stage) for stage in stages)]


def _passage(row: Row, *, pressed: bool) -> list[Node]:
    name = title(row)
    text = shortened(" ".join(row.text.split()), SNIPPET)
    shown: list[Node] = [["div", {"c": "two small"}, text]]
    if row.heading:
        shown.insert(0, ["div", {"c": "faint small line"}, " › ".join(row.heading.split(" > ")[-2:])])
    if row.matches:
        shown.append(["div", {"c": "faint small line"}, _("Words: {terms}").format(terms=_terms(row))])
    if row.chunk is None:
        gone = ["div", {"c": "faint small"}, _("Deleted since: only its ranks are left.")]
        return [["div", {"c": "title line"}, name], *shown, gone]
    return [button(name, act=f"open:{row.key[0]}.{row.key[1]}", classes="title line", pressed=pressed), *shown]


def title(row: Row) -> str:
    """The file and the pages of a passage."""
    return " · ".join(part for part in (pages_of(row.pages), row.document or _("A deleted document")) if part)


def _terms(row: Row) -> str:
    whole = sum(match.score for match in row.matches)
    shares = [f"{match.term} {match.score / whole:.0%}" for match in row.matches[:TERMS]]
    return " · ".join([*shares, *(["…"] if len(row.matches) > TERMS else [])])


def _standing(row: Row, stage: Stage) -> Node:
    standing = row.stages.get(stage)
    if standing is None:
        return ["td", {"c": "faint", "title": _("not found")}, "–"]
    return ["td", {}, ["div", {}, str(standing.rank), " ", _arrow(row, stage)], ["div", {"c": "faint small"}, f"{standing.score:.3g}"]]


def _arrow(row: Row, stage: Stage) -> Node:
    """Places won or lost since the stage before."""
    won = row.moved(BEFORE[stage], stage) if stage in BEFORE else None
    if not won:
        return ""
    names = short_names()
    told = _("{n} higher than in “{list}”") if won > 0 else _("{n} lower than in “{list}”")
    said = told.format(n=abs(won), list=names[BEFORE[stage]])
    return ["span", {"c": "up small" if won > 0 else "down small", "title": said, "label": said}, f"{'▲' if won > 0 else '▼'}{abs(won)}"]
