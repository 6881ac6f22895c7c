"""The foot of an answer: what a reader may do with it, and what there is to know about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.conversations import State
from pages.parts.exporting import export_words
from pages.parts.i18n import _, plural
from pages.parts.icon_button import icon_button
from pages.parts.money import price, prompt_tokens, tokens
from pages.parts.scan_notice import scan_told, scanned_numbers
from pages.parts.tree_component import Node, button
from rag import export

if TYPE_CHECKING:
    from pages.parts.state import Answer
    from rag.feedback import Rating


def foot_tree(read: Answer, rating: Rating | None, *, is_last: bool, has_uncited: bool) -> list[Node]:
    """Acts, then facts; nothing where there is neither."""
    acts = _acts(read, rating, is_last=is_last) if read.message.finished else []
    facts = _facts(read, has_uncited=has_uncited)
    drawn: list[Node] = [["div", {"c": "acts"}, *acts]] if acts else []
    return [["div", {"c": "foot faint small"}, *drawn, *facts]] if drawn or facts else []


def _acts(read: Answer, rating: Rating | None, *, is_last: bool) -> list[Node]:
    message = read.message
    good = None if rating is None else rating.good
    acts: list[Node] = []
    if message.parts or message.abstained:
        acts.append(icon_button("thumb_up", act="good", label=_("Good answer"), pressed=good is True))
        acts.append(icon_button("thumb_down", act="bad", label=_("Bad answer"), pressed=good is False))
    if message.parts:
        copied = export.footnotes(message, read.citations, words=export_words())
        acts.append(icon_button("content_copy", label=_("Copy with footnotes"), copy=copied, copied=_("Copied")))
    if is_last and message.state is State.DONE:  # else its notice offers the same
        acts.append(icon_button("refresh", act="again", label=_("Answer again")))
    acts.append(icon_button("more_horiz", act="unfold:more", label=_("More")))
    return acts


def _facts(read: Answer, *, has_uncited: bool) -> list[Node]:
    """How many sources, who wrote it, at what price, and what of it is not from the documents."""
    message = read.message
    foot: list[Node] = []
    if read.sources:
        foot.append(button(plural("{n} source", "{n} sources", len(read.sources)), act="sources", classes="link"))
    if message.finished and message.parts and message.model and not message.is_extract:
        written = _("Written by {model}, which read the documents whole") if message.whole else _("Written by {model}")
        foot.append(["span", {}, written.format(model=message.model)])
    if read.spent:
        sent, made = tokens(prompt_tokens(read.spent)), tokens(read.spent.output_tokens)
        foot.append(["span", {"title": _("{sent} tokens sent, {written} written").format(sent=sent, written=made)}, price(read.spent)])
    if scanned := scan_told(scanned_numbers(read)):
        foot.append(["span", {"c": "scan"}, scanned])
    if message.dropped:
        left_out = plural("{n} citation left out: its quote was not found.", "{n} citations left out: quotes not found.", message.dropped)
        foot.append(["span", {}, left_out])
    if message.left_out:
        told = plural(
            "{n} earlier question was left out of what the model was told.",
            "{n} earlier questions were left out of what the model was told.",
            message.left_out,
        )
        foot.append(["span", {}, told])
    if has_uncited:
        foot.append(["span", {}, ["span", {"c": "uncited"}, _("Dotted text")], " " + _("is not from your documents.")])
    return foot
