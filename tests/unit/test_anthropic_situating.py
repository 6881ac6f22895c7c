"""Claude writes one context a call, with the window in the prompt cache, through the official client and the stand-in server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.errors import PermanentProviderError, RejectedRequest, TransientProviderError
from rag.providers import Prompt
from rag.providers.claude_situator import ClaudeSituator
from tests import standin

MODEL = "claude-haiku-5-5"
LONG = "<document>\nAnnual report of Example AG, 2023\n" + "The year went as planned. " * 200 + "\n</document>"
PROMPT = Prompt(system="You write notes.", prefix=LONG, suffix="<chunk>\nCosts fell.\n</chunk>", cached=True, most_tokens=400)


@pytest.fixture
def api():
    with standin.anthropic() as running:
        yield running


def situator(api, model=MODEL, **options):
    return ClaudeSituator(model=model, api_key=api.key, base_url=api.url, **options)


def test_a_context_is_written_in_one_line_and_metered(api):
    api.say_next("One line,\n\n  and another. ")
    written = situator(api).write(PROMPT)
    assert (written.text, written.fault) == ("One line, and another.", "")
    assert written.usage.model == MODEL
    assert written.usage.output_tokens > 0


def test_the_first_call_writes_the_cache_and_the_next_reads_it(api):
    claude = situator(api)
    first = claude.write(PROMPT).usage
    second = claude.write(replace(PROMPT, suffix="<chunk>\nSales rose.\n</chunk>")).usage
    assert first.cache_write_tokens == second.cache_read_tokens > 1000
    assert first.cache_read_tokens == second.cache_write_tokens == 0
    assert first.input_tokens + second.input_tokens < 100


def test_a_prefix_that_is_not_to_be_cached_is_sent_plain(api):
    usage = situator(api).write(replace(PROMPT, cached=False)).usage
    assert (usage.cache_write_tokens, usage.cache_read_tokens) == (0, 0)
    assert usage.input_tokens > 1000
    assert "cache_control" not in str(api.requests[0].body)


def test_a_prompt_without_a_prefix_is_one_block(api):
    situator(api).write(replace(PROMPT, prefix=""))
    assert api.requests[0].body["messages"][0]["content"] == [{"type": "text", "text": PROMPT.suffix}]


@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "claude-sonnet-5", "claude-opus-5-5", "claude-haiku-4-5-20251001"])
def test_a_model_is_kept_from_thinking_when_it_lets_itself(api, model):
    assert not situator(api, model=model).write(PROMPT).fault
    body = api.requests[0].body
    assert ("thinking" in body) == (model != "claude-opus-5-5")
    assert (body["max_tokens"] > 1000) == (model == "claude-opus-5-5")


@pytest.mark.parametrize(("model", "cacheable"), [(MODEL, 512), ("claude-sonnet-4-5", 1024), ("claude-haiku-4-5-20251001", 4096)])
def test_the_shortest_prefix_that_is_cached_is_known_by_model(api, model, cacheable):
    claude = situator(api, model=model)
    assert claude.cacheable == cacheable
    written = [
        claude.write(replace(PROMPT, prefix="x" * 4 * size, suffix=str(size))).usage.cache_write_tokens
        for size in (cacheable - 100, cacheable + 100)
    ]
    assert (written[0], written[1] > cacheable) == (0, True)


def test_a_refusal_a_cut_and_an_empty_context_are_faults_and_still_metered(api):
    claude = situator(api)
    api.stop_next("refusal")
    refused = claude.write(PROMPT)
    api.say_next("word " * 2_000)
    cut = claude.write(PROMPT)
    api.say_next(" ")
    empty = claude.write(PROMPT)
    assert "declined" in refused.fault
    assert "cut off" in cut.fault
    assert "nothing" in empty.fault
    assert all(written.usage.output_tokens + written.usage.cache_read_tokens > 0 for written in (refused, cut, empty))


@pytest.mark.parametrize("status", [429, 500, 529])
def test_a_failure_that_may_pass_is_told_at_once_with_the_wait_asked_for(api, status):
    api.fail_next(status, headers={"retry-after": "7"})
    with pytest.raises(TransientProviderError) as caught:
        situator(api).write(PROMPT)
    assert caught.value.retry_after == 7
    assert len(api.requests) == 1


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_failure_of_the_key_or_model_is_for_good(api, status):
    api.fail_next(status)
    with pytest.raises(PermanentProviderError) as caught:
        situator(api).write(PROMPT)
    assert not isinstance(caught.value, RejectedRequest)


@pytest.mark.parametrize("status", [400, 413])
def test_a_rejected_request_says_nothing_about_the_next(api, status):
    api.fail_next(status)
    with pytest.raises(RejectedRequest, match="told to fail"):
        situator(api).write(PROMPT)


def test_a_dropped_connection_and_a_silent_server_are_transient(api):
    api.drop_next()
    with pytest.raises(TransientProviderError, match="could not be reached"):
        situator(api).write(PROMPT)
    api.delay = 0.4
    with pytest.raises(TransientProviderError, match="did not answer in time"):
        situator(api, timeout=0.05).write(PROMPT)


def test_the_name_tells_model_and_prompt_version(api):
    name = situator(api).name
    assert name.startswith(f"{MODEL}/situate-")
    assert len(name.rpartition("-")[2]) == 8
