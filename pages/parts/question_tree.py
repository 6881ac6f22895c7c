"""A question as the conversation shows it, with what was searched for where that is something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pages.parts.i18n import _
from pages.parts.icon_button import icon_button
from pages.parts.tree_component import Node, button

if TYPE_CHECKING:
    from db.conversations import Message


def question_tree(message: Message) -> list[Node]:
    """The person's words, and below them the way to other ones."""
    below: list[Node] = []
    if message.asked:
        below.append(["span", {"c": "searched"}, _("Searched for: {asked}").format(asked=message.asked)])
        if message.finished:
            below.append(icon_button("edit", act="unfold:asked", label=_("Change what is searched for")))
    if message.replaces and message.finished:
        below.append(button(_("Earlier answer"), act="back", classes="link"))
    if message.finished:
        edit = icon_button("edit", act="unfold:question", label=_("Edit the question"))
        bubble: Node = ["div", {"c": "question"}, edit, ["span", {}, message.question]]
    else:
        bubble = ["div", {"c": "question"}, ["span", {}, message.question]]
    return [bubble, ["div", {"c": "beneath faint small"}, *below]] if below else [bubble]
