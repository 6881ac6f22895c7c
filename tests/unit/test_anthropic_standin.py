"""The stand-in refuses what the API refuses, so that a test which passes means something."""

from __future__ import annotations

import anthropic
import pytest

from tests import standin

TEXT = {"role": "user", "content": "Hello."}
RESULT = {
    "type": "search_result",
    "title": "t",
    "source": "s",
    "content": [{"type": "text", "text": "One."}],
    "citations": {"enabled": True},
}


@pytest.fixture
def api():
    with standin.anthropic() as running:
        yield running


def create(api, body=None, key=None, **fields):
    client = anthropic.Anthropic(api_key=key or api.key, base_url=api.url, max_retries=0)
    request = {"model": "claude-haiku-5-5", "max_tokens": 100, "messages": [TEXT]} | fields
    return client.messages.create(**request, extra_body=body or {})


def user(*blocks):
    return [{"role": "user", "content": list(blocks)}]


def cached(text, **control):
    return {"type": "text", "text": text, "cache_control": {"type": "ephemeral", **control}}


@pytest.mark.parametrize(
    "fields",
    [
        {"body": {"temperature": 1.0}},
        {"body": {"colour": "blue"}},
        {"messages": []},
        {"messages": [TEXT, TEXT]},
        {"messages": [{"role": "assistant", "content": "Hi."}]},
        {"messages": [TEXT, {"role": "assistant", "content": "The answer is ("}]},
        {"messages": [{"role": "user", "content": " "}]},
        {"messages": user()},
        {"messages": user({"type": "text", "text": ""})},
        {"messages": user({"type": "text", "text": "x", "colour": "blue"})},
        {"messages": user({**RESULT, "title": ""})},
        {"messages": user({**RESULT, "content": []})},
        {"messages": user({**RESULT, "content": [{"type": "text", "text": "\n"}]})},
        {"messages": user({**RESULT, "citations": {"enabled": "yes"}})},
        {"messages": user(RESULT, {**RESULT, "citations": {"enabled": False}})},
        {"messages": user({"type": "text", "text": "x", "cache_control": {"type": "forever"}})},
        {"messages": user(cached("x", ttl="2h"))},
        {"messages": user(cached("x"), cached("y", ttl="1h"))},
        {"messages": user(*[cached(str(number)) for number in range(5)])},
        {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        {"model": "claude-sonnet-5-5", "thinking": {"type": "disabled"}},
        {"model": "claude-haiku-4-5-20251001", "output_config": {"effort": "low"}},
        {"max_tokens": 200_000, "stream": True},
    ],
    ids=str,
)
def test_a_malformed_request_is_refused(api, fields):
    with pytest.raises(anthropic.BadRequestError) as caught:
        create(api, **fields)
    assert caught.value.type == "invalid_request_error"
    assert caught.value.request_id == caught.value.response.json()["request_id"]


def test_a_wrong_key_and_an_unknown_model_have_their_own_errors(api):
    with pytest.raises(anthropic.AuthenticationError):
        create(api, key="wrong")
    with pytest.raises(anthropic.NotFoundError):
        create(api, model="claude-nonsense")


def test_a_request_without_a_version_is_refused(api):
    with pytest.raises(anthropic.BadRequestError, match="anthropic-version"):
        anthropic.Anthropic(api_key=api.key, base_url=api.url, default_headers={"anthropic-version": "1999-01-01"}).messages.create(
            model="claude-haiku-5-5", max_tokens=10, messages=[TEXT]
        )


def test_the_cache_is_keyed_by_the_exact_prefix_and_the_model(api):
    long = "The same words again and again. " * 200
    first = create(api, messages=user(cached(long), {"type": "text", "text": "One?"})).usage
    same = create(api, messages=user(cached(long), {"type": "text", "text": "Two?"})).usage
    changed = create(api, messages=user(cached(long + "."), {"type": "text", "text": "Two?"})).usage
    other = create(api, model="claude-opus-5-5", messages=user(cached(long), {"type": "text", "text": "Two?"})).usage
    written = first.cache_creation_input_tokens
    assert written > 1500
    assert first.cache_read_input_tokens == 0
    assert (same.cache_creation_input_tokens, same.cache_read_input_tokens) == (0, written)
    assert changed.cache_read_input_tokens == other.cache_read_input_tokens == 0


def test_a_longer_prefix_reads_the_shorter_and_writes_the_rest(api):
    one, two = "First part of it. " * 200, "Second part of it. " * 200
    first = create(api, messages=user(cached(one), {"type": "text", "text": "?"})).usage
    second = create(api, messages=user(cached(one), cached(two), {"type": "text", "text": "?"})).usage
    assert second.cache_read_input_tokens == first.cache_creation_input_tokens > 0
    assert second.cache_creation_input_tokens > 500


def test_a_prefix_below_the_minimum_is_silently_not_cached(api):
    usage = create(api, messages=user(cached("A few words. "), {"type": "text", "text": "?"})).usage
    assert usage.cache_creation_input_tokens == usage.cache_read_input_tokens == 0


def test_tokens_are_counted_as_they_are_billed(api):
    client = anthropic.Anthropic(api_key=api.key, base_url=api.url)
    counted = client.messages.count_tokens(model="claude-haiku-5-5", messages=[TEXT]).input_tokens
    assert counted == create(api).usage.input_tokens


def test_the_stream_and_the_plain_response_are_the_same_message(api):
    request = {"model": "claude-sonnet-5-5", "max_tokens": 500, "messages": user(RESULT, {"type": "text", "text": "Is it one?"})}
    client = anthropic.Anthropic(api_key=api.key, base_url=api.url)
    with client.messages.stream(**request) as stream:
        streamed = stream.get_final_message()
    plain = client.messages.create(**request)
    assert [(block.type, getattr(block, "text", "")) for block in streamed.content] == [
        (block.type, getattr(block, "text", "")) for block in plain.content
    ]
    assert streamed.content[0].type == "thinking"
    assert streamed.stop_reason == plain.stop_reason == "end_turn"


def test_an_answer_is_cut_at_max_tokens(api):
    api.say_next("word " * 100)
    message = create(api, max_tokens=10)
    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 10
    assert len(message.content[-1].text) <= 40
