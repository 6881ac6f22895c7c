"""Above the list: its groups with their sizes, and what can be done with the documents that are ticked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pages.parts.entries import GROUPS, Entry
from pages.parts.i18n import _, plural
from pages.parts.standing import Standing
from pages.parts.tree_component import Node, button, tick_box


def groups_tree(sizes: Mapping[str, int], *, everything: int, chosen: str) -> Node:
    """The groups that hold something, as a choice of one."""
    names = {"work": _("In work"), "ready": _("Ready"), "noted": _("With notes"), "failed": _("Failed")}
    held = [("", _("All"), everything), *((group, names[group], sizes[group]) for group in GROUPS if sizes[group])]
    return [
        "div",
        {"c": "groups"},
        *(
            button(name, ["span", {"c": "faint"}, f" {size:,}"], act=f"group:{group}", classes="group", pressed=group == chosen)
            for group, name, size in held
        ),
    ]


def head_tree(listed: Sequence[Entry], ticked: Collection[int]) -> Node:
    """How many there are, or how many are ticked and what can be done with them."""
    ids = {entry.latest.id for entry in listed}
    every = bool(ids) and ids <= set(ticked)
    tick_all = tick_box(act="all:", label=_("Choose all of them"), ticked=every)
    if not ticked:
        return ["div", {"c": "doc-head"}, tick_all, ["span", {"c": "faint small"}, plural("{n} document", "{n} documents", len(listed))]]
    standings = {entry.standing for entry in listed if entry.latest.id in ticked}
    acts = [
        ("move", _("Move")),
        *([("pause", _("Pause"))] if standings & {Standing.WAITING, Standing.WORKING} else []),
        *([("resume", _("Resume"))] if Standing.PAUSED in standings else []),
        *([("cancel", _("Cancel"))] if standings & GROUPS["work"] else []),
        *([("retry", _("Retry"))] if Standing.FAILED in standings else []),
        ("delete", _("Delete")),
    ]
    return [
        "div",
        {"c": "doc-head"},
        tick_all,
        ["span", {"c": "small"}, plural("{n} chosen", "{n} chosen", len(ticked))],
        *(button(name, act=f"{act}:", classes="act small") for act, name in acts),
        button(_("Choose none"), act="clear:", classes="link small"),
    ]
