"""Previous page, which page, next page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pages.parts.i18n import _
from pages.parts.tree_component import Node, button

if TYPE_CHECKING:
    from collections.abc import Sequence


def turner_tree(number: int, last: int, *, home: int | None = None, pages: Sequence[int] = ()) -> list[Node]:
    """Page `number` of `last`. `home` is the page to go back to, where it is another one; `pages` are those that what was opened stands on."""
    ways: list[Node] = []
    if home is not None and home != number and number not in pages:
        ways.append(_way(home, _("Back to the passage")))
    if number in pages and (before := [page for page in pages if page < number]):
        ways.append(_way(before[-1], _("Begins on page {page}").format(page=before[0])))
    if number in pages and (after := [page for page in pages if page > number]):
        ways.append(_way(after[0], _("Continues on page {page}").format(page=after[0])))
    return [
        _arrow("‹", "turn:previous", _("Previous page"), enabled=number > 1),
        ["span", {"c": "which"}, _("Page {page} of {last}").format(page=number, last=last)],
        _arrow("›", "turn:next", _("Next page"), enabled=number < last),
        *ways,
    ]


def _way(page: int, label: str) -> Node:
    return button(label, act=f"turn:{page}", classes="link small")


def _arrow(sign: str, act: str, label: str, *, enabled: bool) -> Node:
    if enabled:
        return button(sign, act=act, classes="arrow", label=label)
    return ["button", {"c": "arrow", "label": label, "off": True}, sign]  # still a button: it may have the focus, which must not get lost
