"""A model that fails, before its answer or in the middle of it: what was found and written stays, and the sentence says what to do."""

from __future__ import annotations

import pytest

from db.conversations import Message, State
from pages.parts import i18n
from rag import conversation
from rag.deps import Deps
from tests import pdfs
from tests.flows.asking import asked, finished
from tests.flows.conftest import SUBJECT, Index
from tests.standin import AnthropicServer

QUESTION = "Who founded Meridian Instruments in Tromsdal?"
AGAIN = "again"  # in every sentence of what passes by itself, and in no other


def failed(deps: Deps) -> Message:
    message = asked(deps, QUESTION)
    assert message.state is State.FAILED
    trace = conversation.trace(deps, SUBJECT, message.id)
    assert trace is not None
    assert trace["hits"], "the sources are there whatever the model does"
    assert i18n.translate(message.error, "zh") != message.error
    return message


@pytest.mark.parametrize(
    ("status", "times", "sentence"),
    [(401, 1, "API key"), (402, 1, "credit"), (403, 1, "may not use"), (404, 1, "no model named")],
)
def test_what_will_not_pass_names_what_to_change(
    agreed: Deps, index: Index, claude: AnthropicServer, status: int, times: int, sentence: str
) -> None:
    index(agreed, pdfs.report())
    claude.fail_next(status, times)
    message = failed(agreed)
    assert sentence in message.error
    assert AGAIN not in message.error
    assert message.parts == ()


@pytest.mark.parametrize(
    ("status", "headers", "sentence"),
    [
        (429, {"retry-after": "120"}, "rate limit"),
        (529, {"retry-after": "120"}, "overloaded"),
        (500, {"retry-after": "120"}, "internal error"),
    ],
)
def test_what_passes_says_to_ask_again(
    agreed: Deps, index: Index, claude: AnthropicServer, status: int, headers: dict[str, str], sentence: str
) -> None:
    index(agreed, pdfs.report())
    claude.fail_next(status, 1, headers)
    message = failed(agreed)
    assert sentence in message.error
    assert AGAIN in message.error
    assert asked(agreed, QUESTION, message.conversation_id).state is State.DONE


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("overloaded_error", "overloaded"),
        ("rate_limit_error", "rate limit"),
        ("api_error", "internal error"),
        (None, "could not be reached"),
    ],
)
def test_what_was_written_before_a_break_is_kept_and_marked(
    agreed: Deps, index: Index, claude: AnthropicServer, broken: str | None, sentence: str
) -> None:
    index(agreed, pdfs.report())
    whole = asked(agreed, QUESTION)
    claude.break_stream_after(14, broken)
    message = failed(agreed)
    assert sentence in message.error
    assert AGAIN in message.error
    written = "".join(part.text for part in message.parts)
    assert written
    assert "".join(part.text for part in whole.parts).startswith(written)
    assert message.parts[0].citations == ()
    assert finished(agreed, conversation.regenerate(agreed, SUBJECT, message.id)).parts == whole.parts


@pytest.mark.parametrize(
    ("reason", "sentence"), [("refusal", "declined"), ("max_tokens", "cut off"), ("model_context_window_exceeded", "cut off")]
)
def test_an_answer_that_the_model_did_not_finish_is_kept_with_the_reason(
    agreed: Deps, index: Index, claude: AnthropicServer, reason: str, sentence: str
) -> None:
    index(agreed, pdfs.report())
    claude.stop_next(reason)
    message = failed(agreed)
    assert sentence in message.error
    assert message.parts
