"""How far the work on all documents has come, and stopping it, going on, or trying again."""

from __future__ import annotations

from pages.parts.document_progress import counts, time_left
from pages.parts.i18n import _, plural
from pages.parts.tree_component import Node, bar, button
from rag.progress import Overall


def overall_tree(overall: Overall) -> list[Node]:
    """A line, a bar and its buttons; nothing while no document waits, is worked on or paused."""
    unsettled = overall.waiting + overall.working + overall.paused
    if not unsettled:
        return []
    text = overall_told(overall)
    acts = []
    if overall.waiting or overall.working:
        acts.append(("pause", _("Pause all")))
    if overall.paused:
        acts.append(("resume", _("Resume all")))
    acts.append(("cancel", _("Cancel all")))
    if overall.failed:
        acts.append(("retry", _("Retry all failed")))
    return [
        [
            "div",
            {"c": "overall"},
            ["div", {"c": "small"}, text],
            bar(overall.pages_done / overall.pages_total if overall.pages_total else 0.0, label=text),
            ["div", {"c": "offers"}, *(button(name, act=f"{act}:all", classes="act small") for act, name in acts)],
        ]
    ]


def overall_told(overall: Overall) -> str:
    """Documents and pages done, the time left, and what has failed or is paused."""
    done = overall.ready + overall.failed
    told = [
        _("{counts} documents").format(counts=counts(done, overall.total)),
        _("{counts} pages").format(counts=counts(overall.pages_done, overall.pages_total)) if overall.pages_total else "",
        time_left(overall.seconds_left) if overall.seconds_left and (overall.waiting or overall.working) else "",
        plural("{n} paused", "{n} paused", overall.paused) if overall.paused else "",
        plural("{n} failed", "{n} failed", overall.failed) if overall.failed else "",
    ]
    return " · ".join(filter(None, told))
