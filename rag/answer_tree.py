"""An answer's parts as a tree of allow-listed elements, with citation numbers inside the sentences.

A node is a string or ``[tag, attributes, *children]``; a page draws the tree (pages.parts.tree_component), rag.markdown writes it out. Model
and document text is data: raw HTML is shown as text, images become their description, links lose their address.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

from rag.uncited import UNCITED, Node, mark

if TYPE_CHECKING:
    from markdown_it.token import Token

    from db.conversations import Part

MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
TAGS = frozenset(
    {"p", "strong", "em", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "blockquote"}
)

# Marks inside the joined markdown, in characters that no text may hold (Unicode's private use area; stripped from parts beforehand).
_CITE, _END_CITE, _UNCITED, _END_UNCITED = "\ue000", "\ue001", "\ue002", "\ue003"
_MARKS = re.compile(f"{_CITE}(\\d+){_END_CITE}|({_UNCITED})|({_END_UNCITED})")
_OURS = str.maketrans("", "", _CITE + _END_CITE + _UNCITED + _END_UNCITED)
_RULE = r"(?=[^\n]*\|)[ \t]*[|:-][ \t|:-]*"  # the line below a table's head; a mark in it would undo the table
_BLOCK_OPENING = re.compile(rf"(?:\s*{_RULE}(?:\n|$))?\s*(?:(?:[-*+]|\d{{1,9}}[.)]|#{{1,6}}|>|\|)[ \t]*)*(?:[*_]{{1,3}}(?=\S))?")
_CLOSING_RULE = re.compile(rf"\n{_RULE}$")
_EMPHASIS_END = re.compile(r"(?<=[^\s\\])[*_]{1,3}$")  # beside a mark it would end no emphasis
_LAST_WORD = re.compile(r"[\u2e80-\uffff]{1,2}$|[^\s\u2e80-\uffff]{1,16}$")

Cite = Callable[[int], Node]


def answer_tree(parts: Sequence[Part], cite: Cite, *, uncited_title: str, finished: bool) -> Node:
    """The tree of a written answer. Sentences without a citation are marked, but not while they may still get one."""
    written: list[str] = []
    for index, part in enumerate(parts):
        text = part.text.translate(_OURS)
        growing = not finished and index == len(parts) - 1
        if part.citations:
            text = _before_end(text, "".join(f"{_CITE}{n}{_END_CITE}" for n in part.citations))
        elif not growing and any(map(str.isalnum, text)):
            opening = _BLOCK_OPENING.match(text)
            at = opening.end() if opening else 0
            text = _before_end(text[:at] + _UNCITED + text[at:], _END_UNCITED)
        written.append(text)
    expected = Counter(number for part in parts for number in part.citations)
    return mark(_Builder(cite).build(MARKDOWN.parse("".join(written)), expected), title=uncited_title, finished=finished)


def keep(parent: list[Any], citation: Node) -> None:
    """Append a citation so that its number never begins a line: it stays with the end of the word before it."""
    before = parent[-1]
    if isinstance(before, list) and before[1].get("c") == "keep":
        before.append(citation)
    elif isinstance(before, str) and (word := _LAST_WORD.search(before)):
        parent[-1] = before[: word.start()]
        parent.append(["span", {"c": "keep"}, word[0], citation])
    else:
        parent.append(citation)


def _before_end(text: str, mark: str) -> str:
    """Put a mark behind the last word: before closing white space, the end of emphasis and a table row's last bar, after a code fence."""
    body = text.rstrip()
    if rule := _CLOSING_RULE.search(body):
        body = body[: rule.start()].rstrip()
    tail = text[len(body) :]
    if body.endswith("```"):
        return f"{body}\n\n{mark}{tail}"
    if body.endswith("|"):
        return f"{body[:-1].rstrip()}{mark} |{tail}"
    end = _EMPHASIS_END.search(body)
    at = end.start() if end else len(body)
    return body[:at] + mark + body[at:] + tail


class _Builder:
    """Walks markdown-it's tokens; `uncited` runs across them."""

    def __init__(self, cite: Cite) -> None:
        self._cite = cite
        self._root: list[Any] = ["div", {"c": "answer"}]
        self._stack = [self._root]
        self._uncited = False
        self._cited: Counter[int] = Counter()

    def build(self, tokens: Sequence[Token], expected: Counter[int]) -> Node:
        """The tree; a number that markdown swallowed (in a link's address, behind an open code fence) stands at the end."""
        self._walk(tokens)
        if swallowed := expected - self._cited:
            self._root.append(["p", {}, *map(self._cite, swallowed.elements())])
        return self._root

    def _walk(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            if token.type == "inline":
                self._walk(token.children or [])
            elif token.nesting == 1:
                node: list[Any] = [token.tag if token.tag in TAGS else "span", _attributes(token.attrs)]
                self._add(node)
                self._stack.append(node)
            elif token.nesting == -1:
                self._stack.pop()
            else:
                self._leaf(token)

    def _leaf(self, token: Token) -> None:
        match token.type:
            case "text" | "image":  # an image is shown as its description; nothing is fetched
                self._text(token.content)
            case "softbreak":
                self._text(" ")
            case "hardbreak":
                self._add(["br", {}])
            case "hr":
                self._add(["hr", {}])
            case "code_inline":
                self._marked("code", token.content)
            case "fence" | "code_block":
                self._marked("pre", token.content)

    def _marked(self, tag: str, content: str) -> None:
        """Code, whose marks go behind it."""
        node: list[Any] = [tag, {}]
        self._add(node)
        self._stack.append(node)
        self._span(_MARKS.sub("", content))
        self._stack.pop()
        for found in _MARKS.finditer(content):
            self._mark(found)

    def _text(self, content: str) -> None:
        at = 0
        for found in _MARKS.finditer(content):
            self._span(content[at : found.start()])
            self._mark(found)
            at = found.end()
        self._span(content[at:])

    def _mark(self, found: re.Match[str]) -> None:
        if found[1]:
            self._cited[int(found[1])] += 1
            keep(self._stack[-1], self._cite(int(found[1])))
        else:
            self._uncited = found[2] is not None

    def _span(self, text: str) -> None:
        if text:
            self._add(["span", {"c": UNCITED}, text] if self._uncited else text)

    def _add(self, node: Node) -> None:
        self._stack[-1].append(node)


def _attributes(attrs: Mapping[str, str | int | float]) -> dict[str, object]:
    """Of markdown's attributes only a list's first number and a cell's alignment matter."""
    kept: dict[str, object] = {}
    if isinstance(attrs.get("start"), int):
        kept["start"] = attrs["start"]
    if attrs.get("style") == "text-align:right":
        kept["c"] = "right"
    return kept
