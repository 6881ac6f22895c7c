"""The one component that shows text from models and documents: a tree, built in the browser from text nodes and allow-listed elements.

A node is a string or ``[tag, attributes, *children]``. Attributes: ``c`` class names (ours, never from a document), ``title``, ``start``
(of a list), ``act`` (what a click on a button means, such as "cite:3"), ``copy`` (text that a click on a button puts on the clipboard) and
``copied`` (what it says then), ``to`` (of an a: a path of our own, beginning with "/", opened in a new tab, or with ``save`` saved), ``label`` (for screen readers),
``on`` (pressed), ``off`` (disabled), ``open`` (of details; the reader may close and open it), ``tip`` (shown on hover and focus), ``n`` (the
number of a citation: it gets the focus back when what it opened is closed), ``tick`` (a check box, ticked or not), ``bar`` (how much of it
is filled, 0 to 1). Of pictures: ``src`` (a path of our own), ``broken`` (what it means that it did not come), ``at`` (where it lies: left,
top, width and height in per cent), ``wide`` (per cent), ``shape`` (width by height), ``look`` (``at`` names a place, ``centre`` is where in
the scrolled element that is, x and y from 0 to 1: a new one is scrolled to). Of the keyboard: ``keys`` (what each means within an element),
``escape`` (this button is what Escape presses). tree.js ignores whatever it does not know. Classes for all: ``beside`` lays its children side by side where there is
room, ``skeleton`` stands for what is still to come.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeAlias

import streamlit as st

from pages.parts.state import page_state

if TYPE_CHECKING:
    from collections.abc import Callable

Node: TypeAlias = "str | list[Any]"

_SOURCES = files("pages.parts")
_COMPONENT = st.components.v2.component(
    "situate.tree",
    html='<div class="tree"></div><div class="tip" role="tooltip" hidden></div><div class="tip said" role="status" hidden></div>',
    css=_SOURCES.joinpath("tree.css").read_text(encoding="utf-8"),
    js=_SOURCES.joinpath("tree.js").read_text(encoding="utf-8"),
)


LAST = "last"  # the signal of a fragment's last drawing; tree.js knows it too


@dataclass(frozen=True, kw_only=True)
class Click:
    """What was clicked, and how wide the window is (CSS pixels)."""

    act: str
    argument: str
    width: int


def draw_tree(
    tree: Node,
    *,
    key: str,
    on_click: Callable[[Click], None] | None = None,
    signal: str = "",
    on_signal: Callable[[], None] | None = None,
    reveal: bool = False,
) -> None:
    """Draw a tree under a key that no other tree of this run has; `reveal` scrolls to it when it first appears.

    A fragment that draws with the signal LAST is about to go. The browser keeps clicks back until another draws the tree: Streamlit drops
    clicks that are addressed to a fragment that is no more.

    `on_click` runs before the rerun, once for each click, and may name the fragments to rerun. Of several quick clicks Streamlit keeps the
    last; so the browser tells with each those before it, and what was handled is known by its rising number. Each new `signal` comes back from the browser once, to
    `on_signal`: so that a polling fragment, which may rerun nothing but itself, can ask for others.
    """

    def clicked() -> None:
        value = st.session_state[key].get("click")
        if on_click is None or not value:
            return
        handled = page_state().clicks_handled
        fresh = [(int(number), str(told)) for number, told in value["clicks"] if number > handled.get(key, 0)]
        with ExitStack() as each:  # one that names fragments to rerun does so by raising, and must not keep the others from being heard
            for number, told in reversed(fresh):
                act, _, argument = told.partition(":")
                handled[key] = max(number, handled.get(key, 0))
                each.callback(on_click, Click(act=act, argument=argument, width=int(value["width"])))

    def signalled() -> None:
        if on_signal is not None and st.session_state[key].get("signal"):
            on_signal()

    _COMPONENT(key=key, data={"tree": tree, "signal": signal, "reveal": reveal}, on_click_change=clicked, on_signal_change=signalled)


def tick_box(*, act: str, label: str, ticked: bool) -> Node:
    """A check box."""
    return ["button", {"act": act, "label": label, "c": "tick", "tick": ticked}]


def bar(filled: float, *, label: str) -> Node:
    """How far something has come, 0 to 1."""
    return ["div", {"c": "bar", "label": label, "bar": round(min(1.0, max(0.0, filled)), 3)}, ["div", {}]]


def button(*children: Node, act: str, label: str = "", classes: str = "", pressed: bool | None = None, tip: str = "") -> Node:
    """A node that can be clicked, and reached with the keyboard."""
    attributes: dict[str, object] = {"act": act}
    attributes |= {name: value for name, value in {"label": label, "c": classes, "tip": tip}.items() if value}
    if pressed is not None:
        attributes["on"] = pressed
    return ["button", attributes, *children]
