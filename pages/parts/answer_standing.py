"""How an answer stands: under way, ended early, and what is worth knowing about its search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.conversations import State
from pages.parts.i18n import _, told
from pages.parts.tree_component import Node, button

if TYPE_CHECKING:
    from db.conversations import Message
    from pages.parts.state import Answer


def standing_tree(read: Answer) -> list[Node]:
    """What is to be said below an answer."""
    message = read.message
    said: list[Node] = [["p", {"c": "note faint small"}, told(note)] for note in message.notes]
    if not message.finished and not message.parts:
        said.append(["div", {"c": "to-come"}, *(["div", {"c": f"skeleton line-{n}"}] for n in (1, 2, 3))])
    if message.state is State.SEARCHING:
        said.append(["p", {"c": "faint waiting"}, _("Searching your documents")])
    elif message.state is State.ANSWERING:
        said.append(["p", {"c": "faint waiting"}, _("Writing the answer") if message.parts else _("Reading the sources")])
    elif ended := _ended_early(message):
        said.append(["div", {"c": "notice"}, f"{ended} ", button(_("Try again"), act="again", classes="link")])
    return said


def _ended_early(message: Message) -> str:
    match message.state:
        case State.FAILED:
            return told(message.error)
        case State.STOPPED:
            return _("Stopped. What was written so far is kept.") if message.parts else _("Stopped.")
        case State.INTERRUPTED:
            return _("Interrupted: the program that wrote this answer ended. What was written is kept.")
        case _:
            return ""


def names_settings(message: Message) -> bool:
    """Whether the settings are the way on: a key that is refused, a model that is gone. Asking again would not help."""
    return message.state is State.FAILED and "page Settings" in message.error
