"""The library as one tree: what each document's state is, how far the work on it has come, and what can be done about it.

One component draws all rows: a row of Streamlit's own widgets costs seven elements, each sent anew with each look.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from db.documents import Situating, Status
from pages.parts.document_progress import progress_bar, told_progress
from pages.parts.entries import Entry
from pages.parts.i18n import _, plural, told
from pages.parts.situating import can_be_situated, situating_told
from pages.parts.standing import Standing, signed, standing_name
from pages.parts.tree_component import Node, button, tick_box


def rows_tree(listed: Sequence[Entry], *, ticked: Collection[int], situator: str | None, shelves: bool) -> Node:
    """These entries as rows; `shelves` says in which collection each is, `situator` is who would situate a document now."""
    return ["div", {"c": "docs"}, *(_row(entry, ticked=entry.latest.id in ticked, situator=situator, shelves=shelves) for entry in listed)]


def _row(entry: Entry, *, ticked: bool, situator: str | None, shelves: bool) -> Node:
    document = entry.latest
    name = document.filename
    labels: list[Node] = []
    if document.version > 1:
        labels.append(["span", {"c": "chip"}, _("version {n}").format(n=document.version)])
    if shelves:
        labels.append(["span", {"c": "chip"}, document.collection])
    below: list[Node] = [["div", {"c": "small"}, line] for line in said_of(entry, situator=situator)]
    if offered := offers(entry, situator=situator):
        below.append(["div", {"c": "offers small"}, *offered])
    return [
        "div",
        {"c": "doc"},
        tick_box(act=f"tick:{document.id}", label=_("Choose {file}").format(file=name), ticked=ticked),
        [
            "div",
            {"c": "doc-body"},
            ["div", {"c": "doc-top"}, button(name, act=f"read:{document.id}", classes="title line"), *labels],
            *state_of(entry),
            *below,
        ],
    ]


def state_of(entry: Entry) -> list[Node]:
    """The state with its sign, and a bar while work is under way."""
    document = entry.latest
    if document.status is Status.WORKING:
        return [["div", {"c": "small"}, signed(Standing.WORKING, told_progress(document))], progress_bar(document)]
    line: Node = ["div", {"c": "small"}, signed(entry.standing, facts(entry))]
    if document.status is Status.READY and document.stage:
        return [line, ["div", {"c": "faint small"}, told_progress(document)], progress_bar(document)]
    return [line]


def facts(entry: Entry) -> str:
    """Its state, and what there is to know about it, in a line."""
    document = entry.latest
    size = f"{document.size / (1 << 20):.1f} MB" if document.size >= 100 << 10 else f"{max(1, document.size >> 10)} kB"
    known = [plural("{n} page", "{n} pages", document.page_count)] if document.page_count else []
    if document.status is Status.READY:
        known.append(plural("{n} passage", "{n} passages", document.n_chunks))
    return " · ".join([standing_name(entry.standing), *known, size])


def said_of(entry: Entry, *, situator: str | None) -> list[str]:
    """The sentences below: why it failed, what is worth knowing, which version answers meanwhile, how its contexts stand."""
    document, older = entry.latest, entry.answering
    said = [told(document.error if document.status is Status.FAILED else document.note)]
    if older:
        answers = _("Version {n} still answers.") if document.status is Status.FAILED else _("Version {n} answers meanwhile.")
        said.append(answers.format(n=older.version))
    if document.status is Status.READY and not document.stage:  # else a bar shows it
        said.append(situating_told(document, situator=situator))
    return [sentence for sentence in said if sentence]


def offers(entry: Entry, *, situator: str | None) -> list[Node]:
    """What a person may do about its state, as buttons."""
    document = entry.latest
    acts: list[tuple[str, str]] = []
    away = ("discard", _("Discard version {n}").format(n=document.version)) if entry.answering else ("delete", _("Delete"))
    if entry.standing is Standing.FAILED:
        acts += [("retry", _("Retry")), away]
    elif entry.standing is Standing.LOCKED:
        acts += [("unlock", _("Enter the password")), away]
    elif entry.standing in {Standing.WAITING, Standing.WORKING}:
        acts += [("pause", _("Pause")), ("cancel", _("Cancel"))]
    elif entry.standing is Standing.PAUSED:
        acts += [("resume", _("Resume")), ("cancel", _("Cancel"))]
    elif can_be_situated(document, situator=situator):
        acts.append(("situate", _("Situate") if document.situating is Situating.NOT else _("Situate again")))
    if entry.answering:
        acts.append(("older", _("Open version {n}").format(n=entry.answering.version)))
    return [
        button(label, act=f"{act}:{document.id}", classes="link", label=_("{action}: {file}").format(action=label, file=document.filename))
        for act, label in acts
    ]
