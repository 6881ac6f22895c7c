"""A keyless answer's parts as a tree: document text as it stands, with its citation numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pages.parts.markdown_tree import Cite, keep
from pages.parts.tree_component import Node

if TYPE_CHECKING:
    from db.conversations import Citation, Part


def extract_tree(parts: Sequence[Part], citations: Sequence[Citation], cite: Cite) -> Node:
    """The tree of an extract. A part without a citation is not of a document, and only what we say ourselves is shown without one."""
    del citations
    quotes: list[Node] = []
    for part in parts:
        if quote := part.text.strip():
            paragraph: list[Any] = ["p", {"c": "quote"}, quote]
            for number in part.citations:
                keep(paragraph, cite(number))
            quotes.append(paragraph)
    return ["div", {"c": "answer"}, *quotes]
