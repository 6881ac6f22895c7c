"""A passage as a tree. See tree_component."""

from __future__ import annotations

from pages.parts.tree_component import Node


def passage_tree(text: str, quote: str) -> Node:
    """A passage with the quote in it emphasised."""
    at = text.find(quote) if quote else -1
    if at < 0:
        return ["p", {"c": "passage"}, text]
    return ["p", {"c": "passage"}, text[:at], ["mark", {}, quote], text[at + len(quote) :]]
