"""Writing Markdown in which nothing of a document or a model is active: no link, no image, no HTML, no formula (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rag.uncited import UNCITED, Node, is_marked

_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*:(?=//)|www(?=\.))\S*", re.IGNORECASE)  # some readers make a link of it by themselves
_JOINT = re.compile(r"[:/.@]")
_ACTIVE = re.compile(
    r"""[`*\[\]<]                        # code, emphasis, links, HTML
      | \\(?=[!-/:-@\[-`{-~]|$)          # an escape
      | &(?=[#A-Za-z])                   # an entity
      | (?<![^\W_])_ | _(?![^\W_])       # emphasis again; not inside a word
      | ~(?=.*~) | (?<=~)~               # struck out
      | \$(?!\d)                         # a formula
      | (?<=\S)@(?=\S)                   # a mail address""",
    re.VERBOSE,
)
_OPENING = re.compile(r">|[#+\-=:]+(?=\s|$)|[-=:]{2,}|\d{1,9}(?P<end>[.)])(?=\s|$)")  # begins a quotation, a heading, a list, a rule
_INLINE = frozenset({"strong", "em", "code", "span", "button", "br"})


def literal(text: str) -> str:
    """Text on one line that Markdown shows as it stands."""
    line = " ".join(text.split())
    return _opened(_escaped(line))


def _escaped(text: str) -> str:
    written, at = [], 0
    for address in _ADDRESS.finditer(text):
        written += [_ACTIVE.sub(r"\\\g<0>", text[at : address.start()]), _JOINT.sub(r"\\\g<0>", _ACTIVE.sub(r"\\\g<0>", address[0]))]
        at = address.end()
    return "".join([*written, _ACTIVE.sub(r"\\\g<0>", text[at:])])


def _opened(line: str) -> str:
    """A line that begins a paragraph and nothing else."""
    opening = _OPENING.match(line)
    if opening is None:
        return line
    at = opening.start("end") if opening["end"] else 0
    return f"{line[:at]}\\{line[at:]}"


def written(tree: Node, *, uncited: str) -> str:
    """The tree of an answer (rag.answer_tree). A citation's number stands in brackets, and what rests on none behind the words `uncited`, if any."""
    return "\n\n".join(_blocks(tree[2:], uncited))


def _blocks(nodes: Sequence[Node], uncited: str) -> Iterator[str]:
    """Paragraphs, lists, tables...: what stands between empty lines."""
    for in_line, run in groupby(nodes, key=lambda node: isinstance(node, str) or node[0] in _INLINE):
        found = list(run)
        blocks = [["p", {}, *found]] if in_line else [node for node in found if not isinstance(node, str)]
        yield from filter(None, [_block(block, uncited) for block in blocks])


def _block(node: list[Any], uncited: str) -> str:
    tag, children = node[0], node[2:]
    match tag:
        case "p":
            text = _opened(_line(children, uncited))
        case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
            text = f"#### {_line(children, uncited)}"  # below the question's
        case "hr":
            text = "---"
        case "pre":
            content = _plain(node).strip("\n")
            fence = "`" * max(3, 1 + _longest_run(content))
            lead = f"({_escaped(uncited)}:)\n\n" if uncited and is_marked(node) else ""
            text = f"{lead}{fence}\n{content}\n{fence}"
        case "blockquote":
            text = "\n".join(f"> {line}".rstrip() for line in "\n\n".join(_blocks(children, uncited)).split("\n"))
        case "ul" | "ol":
            text = _list(node, uncited)
        case "table":
            text = _table(node, uncited)
        case _:
            text = "\n\n".join(_blocks(children, uncited))
    return text


def _list(node: list[Any], uncited: str) -> str:
    number = node[1].get("start", 1)
    items = []
    for item in _elements(node):
        marker = f"{number}. " if node[0] == "ol" else "- "
        number += 1
        held = list(_blocks(item[2:], uncited))
        together = "\n" if all(line.lstrip().startswith(("- ", "1. ")) for line in held[1:]) else "\n\n"
        items.append(marker + together.join(held).replace("\n", "\n" + " " * len(marker)))
    return "\n".join(items)


def _table(node: list[Any], uncited: str) -> str:
    rows = [
        [_line(cell[2:], uncited).replace("|", "\\|") for cell in _elements(row)] for part in _elements(node) for row in _elements(part)
    ]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines[:1], "|" + " --- |" * len(rows[0]), *lines[1:]]) if rows else ""


@dataclass(frozen=True, kw_only=True)
class _Piece:
    text: str
    data: bool  # of a document or a model; else what we wrote
    uncited: bool


def _line(nodes: Sequence[Node], uncited: str) -> str:
    """Words in one line, with their emphasis and citations."""
    pieces = [_Piece(text="", data=False, uncited=False)]
    for piece in _pieces(nodes, uncited=False):
        last = pieces[-1]
        if piece.data and last.data and piece.uncited == last.uncited:
            pieces[-1] = _Piece(text=last.text + piece.text, data=True, uncited=piece.uncited)
        else:
            pieces.append(piece)
    line, marking, after_number = "", False, False
    for piece in pieces:
        text = _escaped(re.sub(r"\s+", " ", piece.text)) if piece.data else piece.text
        if after_number and text[:1] in {"(", ":"}:
            text = f"\\{text}"  # else the number and what stands in the parentheses would be a link
        if piece.uncited and uncited and not marking and text.strip():
            lead = len(text) - len(text.lstrip())
            text, marking = f"{text[:lead]}({_escaped(uncited)}: {text[lead:]}", True
        elif marking and not piece.uncited and text.strip(" *`"):
            line, marking = f"{line.rstrip()}) ", False
            text = text.lstrip()
        line += text
        after_number = bool(text) and not piece.data and text.endswith("]")
    return (f"{line.rstrip()})" if marking else line).strip()


def _pieces(nodes: Sequence[Node], *, uncited: bool) -> Iterator[_Piece]:
    for node in nodes:
        if isinstance(node, str):
            yield _Piece(text=node, data=True, uncited=uncited)
            continue
        marked = uncited or (is_marked(node) if node[0] == "code" else node[1].get("c") == UNCITED)
        if node[0] == "button":
            yield _Piece(text=f"[{_plain(node)}]", data=False, uncited=False)
        elif node[0] == "code":
            content = " ".join(_plain(node).split())
            fence = "`" * (1 + _longest_run(content))
            yield _Piece(text=f"{fence} {content} {fence}" if "`" in content else f"{fence}{content}{fence}", data=False, uncited=marked)
        elif node[0] in {"strong", "em"}:
            sign = _Piece(text="**" if node[0] == "strong" else "*", data=False, uncited=uncited)
            yield sign
            yield from _pieces(node[2:], uncited=marked)
            yield sign
        elif node[0] == "br":
            yield _Piece(text=" ", data=True, uncited=marked)
        else:
            yield from _pieces(node[2:], uncited=marked)


def _elements(node: list[Any]) -> list[list[Any]]:
    """The children that are no text, which in lists and tables is white space."""
    return [child for child in node[2:] if not isinstance(child, str)]


def _plain(node: Node) -> str:
    return node if isinstance(node, str) else "".join(map(_plain, node[2:]))


def _longest_run(content: str) -> int:
    """The longest run of backticks."""
    return max(map(len, re.findall("`+", content)), default=0)
