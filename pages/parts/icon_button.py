"""A button that shows a sign and says its name: to screen readers always, to others on hover and focus."""

from __future__ import annotations

from pages.parts.tree_component import Node, button


def icon_button(icon: str, *, label: str, act: str = "", pressed: bool | None = None, copy: str = "", copied: str = "") -> Node:
    """`icon` is a name of Material Symbols, which Streamlit brings along. With `copy` a click puts that text on the clipboard."""
    node = button(["span", {"c": "icon"}, icon], act=act, label=label, classes="icon-button", pressed=pressed, tip=label)
    attributes: dict[str, object] = node[1]  # type: ignore[assignment]  # a button is a list
    if not act:
        del attributes["act"]
    if copy:
        attributes |= {"copy": copy, "copied": copied}
    return node
