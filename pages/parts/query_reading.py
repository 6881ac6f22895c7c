"""How a query was read, which models searched, and where the time went."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pages.parts.i18n import _, plural
from pages.parts.tree_component import Node
from rag.text import HAN

if TYPE_CHECKING:
    from rag.inspection import Inspection


_BETWEEN_HAN = re.compile(rf"(?<=[{HAN}]) (?=[{HAN}])")


def query_tree(inspection: Inspection) -> Node:
    """The query's tokens as they are looked up, then one line each for the models and for the time."""
    trace = inspection.trace
    lines = [
        _chips(_("Words looked up"), [_term(term, inspection.idf) for term in trace.terms]),
        _chips(_("Every passage holds"), [["span", {"c": "chip"}, f"“{_joined(phrase)}”"] for phrase in trace.phrases]),
        _chips(_("No passage holds"), [["span", {"c": "chip"}, ["span", {"c": "without"}, _joined(word)]] for word in trace.excluded]),
    ]
    return [
        "div",
        {"c": "reading"},
        *(line for line in lines if line),
        ["p", {"c": "faint small"}, _models(inspection)],
        ["p", {"c": "faint small"}, _times(trace.seconds)],
    ]


def _chips(label: str, chips: list[Node]) -> Node:
    return ["p", {"c": "chips"}, ["span", {"c": "faint small"}, label], *chips] if chips else ""


def _joined(words: str) -> str:
    """Without the spaces between Han characters, each of which is a word to the index."""
    return _BETWEEN_HAN.sub("", words)


def _term(term: str, idf: dict[str, float]) -> Node:
    if term not in idf:
        return ["span", {"c": "chip faint", "title": _("No passage shown here holds it.")}, term]
    return ["span", {"c": "chip", "title": _("Weight {idf}: the rarer, the more").format(idf=f"{idf[term]:.2f}")}, term]


def _models(inspection: Inspection) -> str:
    trace = inspection.trace
    said = [plural("{n} passage searched", "{n} passages searched", trace.chunks)]
    if trace.embedder:
        said.append(_("meaning: {model}").format(model=trace.embedder))
    said.append(_("reranked by {model}").format(model=trace.reranker) if trace.reranker else _("not reranked"))
    return " · ".join(said)


def _times(seconds: dict[str, float]) -> str:
    names = {
        "embed": _("reading the query"),
        "dense": _("by meaning"),
        "bm25": _("by its words"),
        "fuse": _("both together"),
        "fetch": _("fetching"),
        "rerank": _("reranking"),
    }
    parts = [f"{said} {seconds[name] * 1000:,.0f} ms" for name, said in names.items() if name in seconds]
    return _("{seconds} s in all: {parts}").format(seconds=f"{sum(seconds.values()):.2f}", parts=" · ".join(parts))
