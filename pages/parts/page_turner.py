"""Previous page, which page, next page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pages.parts.i18n import _
from pages.parts.tree_component import Click, Node, button, draw_tree

if TYPE_CHECKING:
    from collections.abc import Callable


def page_turner(number: int, last: int, *, key: str, on_turn: Callable[[int], None], home: int | None = None) -> None:
    """Draw it for page `number` of `last`; `home` is the page that a further button leads back to, where it is another one."""

    def clicked(click: Click) -> None:
        on_turn(min(max(1, int(click.argument)), last))

    back: list[Node] = []
    if home is not None and home != number:
        back.append(button(_("Back to the passage"), act=f"turn:{home}", classes="link small"))
    draw_tree(
        [
            "div",
            {"c": "turner"},
            _arrow("‹", number - 1, _("Previous page"), enabled=number > 1),
            ["span", {}, _("Page {page} of {last}").format(page=number, last=last)],
            _arrow("›", number + 1, _("Next page"), enabled=number < last),
            *back,
        ],
        key=key,
        on_click=clicked,
    )


def _arrow(sign: str, page: int, label: str, *, enabled: bool) -> Node:
    if enabled:
        return button(sign, act=f"turn:{page}", classes="arrow", label=label)
    return ["button", {"c": "arrow", "label": label, "off": True}, sign]  # still a button: it may have the focus, which must not get lost
