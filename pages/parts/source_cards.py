"""The sources of an answer as cards: which document and page, what it says, why it was found."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from db.chunks import STRUCTURAL
from pages.parts.escape import shortened
from pages.parts.i18n import _
from pages.parts.scan_notice import is_scanned
from pages.parts.tree_component import Node, button

if TYPE_CHECKING:
    from pages.parts.state import Answer, Found, Source

SNIPPET = 240  # characters


def cards_tree(read: Answer, *, most: int) -> Node:
    """The first `most` cards in order of rank; those that the answer cites carry its numbers."""
    cited: dict[tuple[int | None, int], list[int]] = defaultdict(list)
    for citation in read.citations:
        cited[citation.document_id, citation.ord].append(citation.number)
    return [
        "div",
        {"c": "cards"},
        *(
            _card(read, source, sorted(number for found in source.found for number in cited[found.document_id, found.ord]))
            for source in read.sources[:most]
        ),
    ]


def _card(read: Answer, source: Source, numbers: list[int]) -> Node:
    best = source.best
    return button(
        [
            "span",
            {"c": "top"},
            ["span", {"c": "name", "title": best.filename}, best.filename],
            *(["span", {"c": "badge"}, str(number)] for number in numbers),
            ["span", {"c": "faint small"}, pages_of((source.found[0].first_page, source.found[-1].last_page))],
        ],
        *([["span", {"c": "faint small line"}, section_of(best)]] if best.heading else []),
        ["span", {"c": "snippet small"}, shortened(" ".join(best.snippet.split()), SNIPPET)],
        ["span", {"c": "faint small"}, why_found(best)],
        *([["span", {"c": "scan small"}, _("read from a scan")]] if any(is_scanned(read, found) for found in source.found) else []),
        act=f"card:{best.rank}",
        classes="card",
    )


def section_of(found: Found) -> str:
    """The innermost two headings it stands under."""
    return " › ".join(found.heading.split(" > ")[-2:])


def pages_of(pages: tuple[int, int] | None) -> str:
    """The first and the last page in a word or two; nothing where they are not known."""
    if pages is None:
        return ""
    first, last = pages
    if first == last:
        return _("p. {page}").format(page=first)
    return _("pp. {first}–{last}").format(first=first, last=last)


def why_found(found: Found) -> str:
    """Which searches found it, and where each placed it."""
    names = {"dense": _("by meaning: {rank}"), "bm25": _("by its words: {rank}"), "reranked": _("reranked: {rank}")}
    return " · ".join(name.format(rank=found.stages[stage][0]) for stage, name in names.items() if stage in found.stages)


def stage_names() -> dict[str, str]:
    """Each stage as readers know it, in order."""
    return {"dense": _("By meaning"), "bm25": _("By its words (BM25)"), "fused": _("Both together"), "reranked": _("Reranked")}


def stages_tree(found: Found) -> Node:
    """A table of the rank and score at each stage that a chunk went through."""
    rows: list[Node] = [["tr", {}, *(["th", {"c": "faint"}, title] for title in (_("Search"), _("Rank"), _("Score")))]]
    for stage, name in stage_names().items():
        if stage in found.stages:
            rank, score = found.stages[stage]
            rows.append(["tr", {}, ["td", {}, name], ["td", {}, str(rank)], ["td", {}, f"{score:.4g}"]])
        elif stage != "reranked":
            rows.append(["tr", {"c": "faint"}, ["td", {}, name], ["td", {}, _("not found")], ["td", {}, ""]])
    return ["table", {"c": "ranks"}, ["tbody", {}, *rows]]


def context_label(written_by: str) -> str:
    """What a context is and who wrote it."""
    if written_by == STRUCTURAL:
        return _("Structural context, used for retrieval only")
    return _("Context written by a model, used for retrieval only")
