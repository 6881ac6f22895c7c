"""Saying that the documents do not hold the answer: what was searched, what came nearest, and the ways on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pages.parts.i18n import _, plural
from pages.parts.source_cards import pages_of
from pages.parts.tree_component import Node, button

if TYPE_CHECKING:
    from pages.parts.state import Answer, Found, Source

NEAREST = 3  # passages that are offered


def abstention_tree(read: Answer, *, restricted: bool, is_last: bool) -> list[Node]:
    """The notice above what was written, if anything was."""
    said: list[Node] = [["strong", {}, _("Your documents do not seem to hold the answer.")]]
    if searched := searched_told(read):
        said.append(["span", {}, " " + searched])
    if read.message.parts:
        said.append(["span", {}, " " + _("What follows does not rest on them.")])
    if restricted and is_last:
        said.append(["div", {"c": "offers small"}, button(_("Ask all documents"), act="widen", classes="link")])
    return [["div", {"c": "notice"}, *said]]


def nearest_tree(read: Answer) -> list[Node]:
    """The passages that came nearest, each opening its page."""
    if not read.sources:
        return []
    return [
        ["p", {"c": "label faint small"}, _("What came nearest:")],
        ["div", {"c": "cards nearest"}, *map(_card, read.sources[:NEAREST])],
    ]


def _card(source: Source) -> Node:
    best = source.best
    return button(
        ["span", {"c": "top small"}, ["span", {"c": "name", "title": best.filename}, best.filename], ["span", {"c": "faint"}, _page(best)]],
        ["span", {"c": "line small faint"}, " ".join(best.snippet.split())],
        act=f"card:{best.rank}",
        classes="card",
    )


def _page(found: Found) -> str:
    return pages_of((found.first_page, found.last_page))


def searched_told(read: Answer) -> str:
    """What was searched, or read whole."""
    search = read.search
    if not search.documents:
        return ""
    of = plural("{n} document", "{n} documents", search.documents)
    if read.message.whole:
        return _("The model read {documents} whole.").format(documents=of)
    return _("Searched {passages} of {documents}.").format(passages=plural("{n} passage", "{n} passages", search.passages), documents=of)
