"""Which sentences of a written answer rest on nothing that was cited.

A sentence is vouched for when any span in it carries a citation, or may still get one. What introduces other text (a heading, the head of a
table's column or row, a lead-in that ends in a colon) is no claim of its own: it is marked when what follows it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from rag import sentences

Node: TypeAlias = "str | list[Any]"
UNCITED = "uncited"  # the class of a span without a citation
_BLOCKS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "td", "th", "pre", "blockquote"})
_HEADS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "th"})


@dataclass(kw_only=True)
class _Leaf:
    """A run of text, and which of its characters are to be marked."""

    text: str
    vouched: bool
    marked: list[bool]


@dataclass(frozen=True, kw_only=True)
class _Sentence:
    """Where a sentence stands in its block's leaves."""

    spans: tuple[tuple[_Leaf, int, int], ...]
    introduces: bool

    @property
    def vouched(self) -> bool:
        return any(leaf.vouched and any(map(str.isalnum, leaf.text[start:end])) for leaf, start, end in self.spans)


def mark(tree: Node, *, title: str, finished: bool) -> Node:
    """The tree with whole sentences marked, where spans without a citation were. `finished`: nothing more follows the last of them."""
    leaves: list[_Leaf] = []
    follows = not finished  # whether what comes next is, or may yet be, vouched for
    for sentence in reversed([s for block, head in _blocks(tree, leaves) for s in _sentences(block, head=head)]):
        vouched = sentence.vouched or (sentence.introduces and follows)
        if not vouched:
            for leaf, start, end in sentence.spans:
                leaf.marked[start:end] = [True] * (end - start)
        follows = vouched
    return _drawn(tree, iter(leaves), title)[0]


def is_marked(tree: Node) -> bool:
    """Whether anything in a tree is marked."""
    return not isinstance(tree, str) and (tree[1].get("c") == UNCITED or any(map(is_marked, tree[2:])))


def _blocks(tree: Node, leaves: list[_Leaf]) -> list[tuple[list[_Leaf], bool]]:
    """The leaves of each block, and whether it is a head; all of them, in order, are added to `leaves`."""
    blocks: list[tuple[list[_Leaf], bool]] = []

    def walk(node: Node, into: list[_Leaf], *, vouched: bool, heads_row: bool = False) -> None:
        if isinstance(node, str):
            leaf = _Leaf(text=node, vouched=vouched, marked=[False] * len(node))
            into.append(leaf)
            leaves.append(leaf)
        elif node[0] == "br":
            into.append(_Leaf(text="\n", vouched=False, marked=[False]))  # ends a sentence; not in the tree
        elif node[0] != "button":
            if node[0] in _BLOCKS:
                into = []
                blocks.append((into, node[0] in _HEADS or heads_row))
            for at, child in enumerate(node[2:]):
                walk(child, into, vouched=vouched and node[1].get("c") != UNCITED, heads_row=node[0] == "tr" and not at)

    loose: list[_Leaf] = []
    blocks.append((loose, False))
    walk(tree, loose, vouched=True)
    return blocks


def _sentences(block: Sequence[_Leaf], *, head: bool) -> Iterator[_Sentence]:
    text = "".join(leaf.text for leaf in block)
    for first, last in sentences.split(text, limit=len(text) + 1):
        if not any(map(str.isalnum, text[first:last])):
            continue
        spans: list[tuple[_Leaf, int, int]] = []
        at = 0
        for leaf in block:
            start, end = max(first - at, 0), min(last - at, len(leaf.text))
            if start < end:
                spans.append((leaf, start, end))
            at += len(leaf.text)
        yield _Sentence(spans=tuple(spans), introduces=head or text[first:last].endswith((":", "：")))


def _drawn(node: Node, leaves: Iterator[_Leaf], title: str) -> list[Node]:
    """The node with its text as the leaves say it is marked."""
    if isinstance(node, str):
        return list(_runs(next(leaves), title))
    if node[0] == "button":
        return [node]
    children = [drawn for child in node[2:] for drawn in _drawn(child, leaves, title)]
    if node[1].get("c") == UNCITED:
        return children
    made: list[Any] = [node[0], node[1], *children]
    return [made]


def _runs(leaf: _Leaf, title: str) -> Iterator[Node]:
    """Stretches of a leaf that are marked alike."""
    at = 0
    while at < len(leaf.text):
        end = next((i for i in range(at, len(leaf.text)) if leaf.marked[i] != leaf.marked[at]), len(leaf.text))
        piece = leaf.text[at:end]
        yield ["span", {"c": UNCITED, "title": title}, piece] if leaf.marked[at] else piece
        at = end
