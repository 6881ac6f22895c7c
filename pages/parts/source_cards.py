"""The sources of an answer as cards: which document and page, what it says, why it was found."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pages.parts.escape import shortened
from pages.parts.i18n import _
from pages.parts.tree_component import Node, button

if TYPE_CHECKING:
    from pages.parts.state import Answer, Source

SNIPPET = 240  # characters


def cards_tree(read: Answer, *, most: int) -> Node:
    """The first `most` cards in order of rank; those that the answer cites carry its numbers."""
    cited: dict[tuple[int | None, int], list[int]] = defaultdict(list)
    for citation in read.citations:
        cited[citation.document_id, citation.ord].append(citation.number)
    return ["div", {"c": "cards"}, *(_card(source, cited[source.document_id, source.ord]) for source in read.sources[:most])]


def _card(source: Source, numbers: list[int]) -> Node:
    return button(
        [
            "span",
            {"c": "top"},
            ["span", {"c": "name", "title": source.filename}, source.filename],
            *(["span", {"c": "badge"}, str(number)] for number in numbers),
            ["span", {"c": "faint small"}, pages_of(source)],
        ],
        *([["span", {"c": "faint small line"}, section_of(source)]] if source.heading else []),
        ["span", {"c": "snippet small"}, shortened(" ".join(source.snippet.split()), SNIPPET)],
        ["span", {"c": "faint small"}, why_found(source)],
        act=f"card:{source.rank}",
        classes="card",
    )


def section_of(source: Source) -> str:
    """The innermost two headings it stands under."""
    return " › ".join(source.heading.split(" > ")[-2:])


def pages_of(source: Source) -> str:
    if source.first_page == source.last_page:
        return _("p. {page}").format(page=source.first_page)
    return _("pp. {first}–{last}").format(first=source.first_page, last=source.last_page)


def why_found(source: Source) -> str:
    """Which searches found it, and where each placed it."""
    names = {"dense": _("by meaning: {rank}"), "bm25": _("by its words: {rank}"), "reranked": _("reranked: {rank}")}
    return " · ".join(name.format(rank=source.stages[stage][0]) for stage, name in names.items() if stage in source.stages)


def stages_tree(source: Source) -> Node:
    """A table of the rank and score at each stage that a passage went through."""
    names = {"dense": _("By meaning"), "bm25": _("By its words (BM25)"), "fused": _("Both together"), "reranked": _("Reranked")}
    rows: list[Node] = [["tr", {}, *(["th", {"c": "faint"}, title] for title in (_("Search"), _("Rank"), _("Score")))]]
    for stage, name in names.items():
        if stage in source.stages:
            rank, score = source.stages[stage]
            rows.append(["tr", {}, ["td", {}, name], ["td", {}, str(rank)], ["td", {}, f"{score:.4g}"]])
        elif stage != "reranked":
            rows.append(["tr", {"c": "faint"}, ["td", {}, name], ["td", {}, _("not found")], ["td", {}, ""]])
    return ["table", {"c": "ranks"}, ["tbody", {}, *rows]]
