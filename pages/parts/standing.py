"""How a document stands, as readers are told it: one word, one sign and one colour for each state, everywhere the same."""

from __future__ import annotations

from enum import StrEnum

from db.documents import Document, Status
from pages.parts.i18n import _
from pages.parts.tree_component import Node


class Standing(StrEnum):
    """Also the class of its sign in tree.css."""

    WAITING = "waiting-turn"
    WORKING = "working"
    PAUSED = "paused"
    READY = "ready"
    NOTED = "noted"  # ready, and there is something to know before one trusts answers from it
    LOCKED = "locked"  # failed for want of a password
    FAILED = "failed"
    REPLACED = "replaced"  # a newer version answers in its place


def standing(document: Document) -> Standing:
    match document.status:
        case Status.QUEUED:
            return Standing.WAITING
        case Status.WORKING:
            return Standing.WORKING
        case Status.PAUSED:
            return Standing.PAUSED
        case Status.FAILED:
            return Standing.LOCKED if document.needs_password else Standing.FAILED
        case Status.SUPERSEDED:
            return Standing.REPLACED
        case _:
            return Standing.NOTED if document.note else Standing.READY


def standing_name(of: Standing) -> str:
    names = {
        Standing.WAITING: _("Waiting for its turn"),
        Standing.WORKING: _("In work"),
        Standing.PAUSED: _("Paused"),
        Standing.READY: _("Ready"),
        Standing.NOTED: _("Ready, with notes"),
        Standing.LOCKED: _("Needs its password"),
        Standing.FAILED: _("Failed"),
        Standing.REPLACED: _("Replaced by a newer version"),
    }
    return names[of]


def signed(of: Standing, *said: Node) -> Node:
    """A line that begins with the state's sign."""
    return ["div", {"c": f"signed {of}"}, ["span", {"c": "said"}, *said]]
