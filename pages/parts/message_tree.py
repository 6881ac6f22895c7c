"""A question and its answer, as far as it has come, as one tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pages.parts.abstention import abstention_tree, nearest_tree
from pages.parts.answer_foot import foot_tree
from pages.parts.answer_standing import standing_tree
from pages.parts.extract_tree import extract_tree
from pages.parts.i18n import _
from pages.parts.question_tree import question_tree
from pages.parts.state import page_state
from pages.parts.tree_component import Node, button
from rag.answer_tree import answer_tree
from rag.uncited import is_marked

if TYPE_CHECKING:
    from collections.abc import Callable

    from pages.parts.state import Answer
    from rag.feedback import Rating


def message_tree(
    read: Answer, *, rating: Rating | None = None, is_last: bool = True, restricted: bool = False, with_question: bool = True
) -> Node:
    """`restricted`: not all documents were asked. The question is left out where a form stands in its place."""
    message = read.message
    tree: list[Node] = question_tree(message) if with_question else []
    if message.abstained:
        tree += abstention_tree(read, restricted=restricted, is_last=is_last)
    elif message.is_extract and message.parts:
        tree.append(["p", {"c": "label faint small"}, _("Extract: the best matching sentences, quoted. No model wrote this.")])
    written: list[Node] = [_written(read)] if message.parts else []
    tree += written
    if message.abstained:
        tree += nearest_tree(read)
    tree += standing_tree(read)
    tree += foot_tree(read, rating, is_last=is_last, has_uncited=any(map(is_marked, written)))
    return ["div", {}, *tree]


def _written(read: Answer) -> Node:
    message = read.message
    cite = _citer(read)
    if message.is_extract:
        return extract_tree(message.parts, read.citations, cite)
    if message.abstained:  # the notice above marks all of it
        return ["div", {"c": "unsupported"}, answer_tree(message.parts, cite, uncited_title="", finished=False)]
    return answer_tree(message.parts, cite, uncited_title=_("Not from your documents"), finished=message.finished)


def _citer(read: Answer) -> Callable[[int], Node]:
    by_number = {c.number: c for c in read.citations}
    opened = page_state().opened
    active = opened.number if opened and opened.message_id == read.message.id else None

    def cite(number: int) -> Node:
        citation = by_number.get(number)
        if citation is None:  # its row follows with the next look
            return ["span", {"c": "cite"}, str(number)]
        where = _("{file}, page {page}").format(file=citation.filename, page=citation.page)
        node = button(
            str(number),
            act=f"cite:{number}",
            classes="cite",
            pressed=number == active,
            label=_("Source {number}: {where}").format(number=number, where=where),
            tip=f"{where}\n“{citation.quote}”",
        )
        node[1]["n"] = number  # type: ignore[index]  # a button is a list
        return node

    return cite
