"""Answers and conversations as Markdown with numbered references, in which nothing of a document is active."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from html import unescape

import pytest
from markdown_it import MarkdownIt

from db import as_subject
from db.conversations import State
from rag import conversation, export
from rag.deps import Deps
from rag.errors import ConversationError
from rag.export import Words
from rag.providers import BlockEnd, Cite, Passage, Text
from rag.providers.fake import FakeAnswerer
from tests import pdfs
from tests.flows.asking import asked, finished
from tests.flows.conftest import SUBJECT, Index

HOSTILE = "![chart](http://evil.example/x.png) <img src=x onerror=alert(1)> is *what* [they](http://evil.example) said."


class Script(FakeAnswerer):
    """Writes two sentences that rest on the first passage, and one that rests on nothing."""

    @property
    def is_extract(self) -> bool:
        return False

    def _quoted(self, passages):  # type: ignore[no-untyped-def]  # as the fake has it
        passage: Passage = passages[0]
        for text, sentence in (("It is said.", 0), (" I wonder whether that is so.", None), (" It is said again!", 0)):
            yield Text(text=text)
            if sentence is not None:
                yield Cite(passage=0, first=sentence, last=sentence + 1, quote=passage.sentences[sentence])
            yield BlockEnd()


def test_a_conversation_is_written_out_with_one_list_of_references(deps: Deps, index: Index) -> None:
    index(deps, pdfs.lines("The lamp was lit in Ulm."), "lamp.pdf")
    writing = replace(deps, answerers=(Script(),))
    first = asked(writing, "Was the # lamp lit?")
    asked(writing, "By whom?", first.conversation_id)
    conversation.rename(writing, SUBJECT, first.conversation_id, "Lamps & <lights>")
    text = export.markdown(writing, SUBJECT, first.conversation_id)
    when = f"{first.created_at:%Y-%m-%d %H:%M} UTC"
    answer = "It is said.[1] (not from your documents: I wonder whether that is so.) It is said again![1]"
    assert text.split("\n\n")[:4] == ["# Lamps & \\<lights>", "## Was the # lamp lit?", answer, f"*Written by fake-answerer · {when}*"]
    assert text.split("\n\n")[4:6] == ["## By whom?", answer]
    assert text.endswith("\n\n## References\n\n[1] lamp.pdf, page 1: “The lamp was lit in Ulm.”\n")
    only = export.markdown(writing, SUBJECT, first.conversation_id, message_id=first.id)
    assert only.startswith("## Was the # lamp lit?\n\nIt is said.[1]")
    assert "By whom?" not in only


def test_references_are_numbered_through_the_document(deps: Deps, index: Index) -> None:
    index(deps, pdfs.lines("The lamp was lit in Ulm."), "ulm.pdf")
    index(deps, pdfs.lines("The wheel was turned in Trier."), "trier.pdf")
    one = replace(deps, answerers=(FakeAnswerer(quotes=1),))
    first = asked(one, "Where was the lamp lit?")
    asked(one, "Where was the wheel turned?", first.conversation_id)
    asked(one, "Where was the lamp lit?", first.conversation_id)
    text = export.markdown(one, SUBJECT, first.conversation_id)
    assert "The lamp was lit in Ulm.[1]" in text
    assert "The wheel was turned in Trier.[2]" in text
    assert text.count("The lamp was lit in Ulm.[1]") == 2
    assert text.count("No model wrote this.") == 3
    references = text.split("## References\n\n")[1].split("\n\n")
    assert [r.split(":")[0] for r in references] == ["[1] ulm.pdf, page 1", "[2] trier.pdf, page 1"]


@pytest.mark.parametrize("written", [False, True])
def test_a_hostile_document_is_quoted_verbatim_and_nothing_of_it_is_active(deps: Deps, index: Index, *, written: bool) -> None:
    index(deps, pdfs.lines(HOSTILE), "![a](http:||evil.example) <b>.pdf")
    asking = replace(deps, answerers=(Script() if written else FakeAnswerer(quotes=1),))
    message = asked(asking, f"What of {HOSTILE}?")
    _, citations = conversation.follow(asking, SUBJECT, message.id)
    assert [c.quote for c in citations] == [HOSTILE]
    for text in (export.markdown(asking, SUBJECT, message.conversation_id), export.footnotes(message, citations)):
        html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
        assert not [tag for tag in ("<a", "<img", "<b>", "onerror=alert(1)>") if tag in html]
        assert f"“{HOSTILE}”" in unescape(html)
        assert "![a](http:||evil.example) <b>.pdf, page 1" in unescape(html)


def test_what_is_missing_is_said(deps: Deps, index: Index) -> None:
    index(deps, pdfs.lines("The lamp was lit in Ulm."), "lamp.pdf")
    message = asked(replace(deps, answerers=(Script(),)), "Was it lit?")
    told = {
        State.STOPPED: ("stopped", "*Stopped. What was written so far is kept.*"),
        State.FAILED: ("failed", "*The model is \\[overloaded\\].*"),
        State.INTERRUPTED: ("answering", "*Interrupted: the program that wrote this answer ended. What was written is kept.*"),
    }
    for stored, sentence in told.values():
        with as_subject(deps.pool, SUBJECT) as connection:
            connection.execute(
                "update messages set state = %s, error = 'The model is [overloaded].', beat_at = now() - interval '1 minute' where id = %s",
                [stored, message.id],
            )
        text = export.markdown(deps, SUBJECT, message.conversation_id)
        assert f"said again![1]\n\n{sentence}\n\n*Written by" in text
    with as_subject(deps.pool, SUBJECT) as connection:
        connection.execute(
            "update messages set state = 'done', abstained = true, asked = 'the *lamp*', notes = '[\"2 of 3 documents are ready; those were asked.\"]'"
        )
    text = export.markdown(deps, SUBJECT, message.conversation_id)
    assert "*Searched for: the \\*lamp\\**\n\n*2 of 3 documents are ready; those were asked.*\n\n*Your documents do not seem" in text
    assert "not from your documents:" not in text


def test_an_export_speaks_the_readers_language_and_time(deps: Deps, index: Index) -> None:
    index(deps, pdfs.lines("The lamp was lit in Ulm."), "lamp.pdf")
    message = asked(replace(deps, answerers=(Script(),)), "Was it lit?")
    words = Words(
        place="{file},第 {page} 页",
        references="参考",
        uncited="不来自您的文档",
        written="由 {model} 撰写",
        zone=timezone(timedelta(hours=8), "CST"),
    )
    text = export.markdown(deps, SUBJECT, message.conversation_id, words=words)
    when = message.created_at.astimezone(words.zone)
    assert "(不来自您的文档: I wonder whether that is so.)" in text
    assert f"*由 fake-answerer 撰写 · {when:%Y-%m-%d %H:%M} CST*" in text
    assert text.endswith("## 参考\n\n[1] lamp.pdf,第 1 页: “The lamp was lit in Ulm.”\n")


def test_what_is_not_there_is_not_exported(deps: Deps) -> None:
    message = asked(deps, "Anything?")
    assert "## Anything?" in export.markdown(deps, SUBJECT, message.conversation_id), "an answer that failed is told"
    again = finished(deps, conversation.edit(deps, SUBJECT, message.id, "Something?"))
    assert "Anything?" not in export.markdown(deps, SUBJECT, message.conversation_id).split("\n", 1)[1]
    for subject, conversation_id, message_id in (
        ("somebody-else", message.conversation_id, None),
        (SUBJECT, message.conversation_id, message.id),
        (SUBJECT, 10**9, None),
    ):
        with pytest.raises(ConversationError):
            export.markdown(deps, subject, conversation_id, message_id=message_id)
    conversation.delete(deps, SUBJECT, again.conversation_id)
    with pytest.raises(ConversationError):
        export.markdown(deps, SUBJECT, again.conversation_id)
