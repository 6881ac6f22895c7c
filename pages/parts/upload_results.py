"""What became of the files dropped last: a sentence for each, or counts where there are many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from pages.parts.i18n import _, plural, told
from pages.parts.state import Uploaded, page_state
from pages.parts.tree_component import Click, Node, button, draw_tree

FEW = 6  # files that each get their line
LISTED = 30  # lines at most


def upload_results(uploads: Sequence[Uploaded]) -> None:
    """Draw them. A file that is here already, or replaces an earlier one, opens with a click."""
    draw_tree(results_tree(uploads), key="uploads", on_click=_open)


def results_tree(uploads: Sequence[Uploaded]) -> Node:
    """Of many files, those that were simply stored are counted only."""
    if len(uploads) <= FEW:
        return ["ul", {"c": "results"}, *map(_line, uploads)]
    notable = [upload for upload in uploads if upload.kind != "stored"]
    lines = [_line(upload) for upload in notable[:LISTED]]
    if left := len(notable) - len(lines):
        lines.append(["li", {"c": "faint"}, plural("and {n} more", "and {n} more", left)])
    return ["div", {}, ["p", {"c": "title"}, counted(uploads)], ["ul", {"c": "results"}, *lines]]


def counted(uploads: Sequence[Uploaded]) -> str:
    """How many files had which end."""
    n = Counter(upload.kind for upload in uploads)
    told_of = {
        "stored": plural("{n} file stored", "{n} files stored", n["stored"]),
        "version": plural("{n} new version", "{n} new versions", n["version"]),
        "duplicate": plural("{n} here already", "{n} here already", n["duplicate"]),
        "refused": plural("{n} refused", "{n} refused", n["refused"]),
    }
    return " · ".join(text for kind, text in told_of.items() if n[kind])


def _line(upload: Uploaded) -> Node:
    line: list[object] = ["li", {"c": upload.kind}, told(upload.sentence)]
    if upload.document_id is not None and upload.kind != "stored":
        line += [" ", button(_("Open it"), act=f"read:{upload.document_id}", classes="link")]
    return line


def _open(click: Click) -> None:
    page_state().read(int(click.argument))
    st.rerun()
