"""What an exported answer says of its own, in the reader's language."""

from __future__ import annotations

from datetime import UTC

from pages.parts.conversation_groups import readers_now
from pages.parts.i18n import _, told
from rag.export import Words


def export_words() -> Words:
    return Words(
        place=_("{file}, page {page}"),
        references=_("References"),
        uncited=_("not from your documents"),
        abstained=_("Your documents do not seem to hold the answer."),
        extract=_("Extract: the best matching sentences, quoted. No model wrote this."),
        written=_("Written by {model}"),
        searched=_("Searched for: {asked}"),
        stopped=_("Stopped. What was written so far is kept."),
        interrupted=_("Interrupted: the program that wrote this answer ended. What was written is kept."),
        unfinished=_("This answer was still being written."),
        told=told,
        zone=readers_now().tzinfo or UTC,
    )
