"""The sources of an answer as cards: which document and page, what it says, why it was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.chunks import STRUCTURAL
from pages.parts.escape import shortened
from pages.parts.i18n import _
from pages.parts.scan_notice import is_scanned
from pages.parts.tree_component import Node, button

if TYPE_CHECKING:
    from db.conversations import Citation
    from pages.parts.state import Answer, Found, Source

SNIPPET = 240  # characters
AROUND_QUOTE = 80  # characters of its passage before and behind it


def cards_tree(read: Answer, *, most: int) -> Node:
    """The first `most` cards in order of rank; those that the answer cites carry its numbers and show the quote."""
    return ["div", {"c": "cards"}, *(_card(read, source, _cited(read, source)) for source in read.sources[:most])]


def waiting_tree() -> Node:
    """What stands for the cards while the search goes on."""
    card: Node = ["div", {"c": "card"}, *(["div", {"c": f"skeleton {width}"}] for width in ("short", "long", "long"))]
    return ["div", {"c": "cards"}, ["p", {"c": "faint small title"}, _("The sources appear here.")], card, card, card]


def _cited(read: Answer, source: Source) -> list[Citation]:
    """The answer's citations of what a card stands for; of a document that was read whole, all of them."""
    held = {(found.document_id, found.ord) for found in source.found}
    whole = {found.document_id for found in source.found} if read.message.whole else set()
    cited = [c for c in read.citations if c.document_id in whole or (c.document_id, c.ord) in held]
    return sorted(cited, key=lambda citation: citation.number)


def _card(read: Answer, source: Source, cited: list[Citation]) -> Node:
    best = source.best
    whole = read.message.whole
    pages = "" if whole else pages_of((source.found[0].first_page, source.found[-1].last_page))
    why = _("read whole") if whole else why_found(best)
    return button(
        [
            "span",
            {"c": "top"},
            ["span", {"c": "name", "title": best.filename}, best.filename],
            *(["span", {"c": "badge", "label": _("Cited as {number}").format(number=c.number)}, str(c.number)] for c in cited),
            ["span", {"c": "faint small"}, pages],
        ],
        *([["span", {"c": "faint small line"}, section_of(best)]] if best.heading and not whole else []),
        ["span", {"c": "snippet small"}, *_snippet(" ".join(best.snippet.split()), " ".join(cited[0].quote.split()) if cited else "")],
        *([["span", {"c": "faint small"}, why]] if why else []),
        *([["span", {"c": "scan small"}, _("read from a scan")]] if any(is_scanned(read, found) for found in source.found) else []),
        act=f"card:{best.rank}",
        classes="card cited" if cited else "card",
    )


def _snippet(text: str, quote: str) -> list[Node]:
    """How a passage begins, or what is quoted of it, in bold where it stands."""
    if not quote:
        return [shortened(text, SNIPPET)]
    before, found, after = text.partition(quote)
    start = before if len(before) <= AROUND_QUOTE else "… " + before[-AROUND_QUOTE:]
    return [start if found else "… ", ["strong", {}, shortened(quote, SNIPPET)], shortened(after, AROUND_QUOTE) if after else " …"]


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
