"""Which of Anthropic's failures are permanent, which may pass, and what a person reads."""

from __future__ import annotations

import pytest

from rag.errors import PermanentProviderError, TransientProviderError
from rag.providers import Text, Usage
from rag.providers.anthropic import ClaudeAnswerer
from tests import standin
from tests.passages import passage

PASSAGE = passage("Costs fell last year.", title="Letter")


@pytest.fixture
def api():
    with standin.anthropic() as running:
        yield running


def ask(api, *, key=None, model="claude-sonnet-5-5", url=None, **options):
    claude = ClaudeAnswerer(model=model, api_key=key or api.key, base_url=url or api.url, **options)
    return list(claude.stream("Did costs fall?", [PASSAGE], []))


def test_a_wrong_key_is_permanent_and_names_the_key_not_its_value(api):
    with pytest.raises(PermanentProviderError, match="API key") as caught:
        ask(api, key="a-wrong-secret")
    assert "a-wrong-secret" not in str(caught.value)


def test_an_unknown_model_is_permanent_and_named(api):
    with pytest.raises(PermanentProviderError, match="no model named claude-nonsense-9"):
        ask(api, model="claude-nonsense-9")


@pytest.mark.parametrize(("status", "sentence"), [(402, "credit"), (403, "may not use"), (413, "told to fail"), (400, "told to fail")])
def test_permanent_failures_are_not_repeated(api, status, sentence):
    api.fail_next(status)
    with pytest.raises(PermanentProviderError, match=sentence):
        ask(api)
    assert len(api.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 529])
def test_a_failure_that_passes_is_not_seen(api, status):
    api.fail_next(status, headers={"retry-after-ms": "5"})
    assert any(isinstance(event, Text) for event in ask(api))
    assert len(api.requests) == 2


@pytest.mark.parametrize(
    ("status", "sentence"), [(429, "rate limit"), (500, "internal error"), (504, "internal error"), (529, "overloaded")]
)
def test_a_failure_that_stays_is_transient(api, status, sentence):
    api.fail_next(status, times=3, headers={"retry-after-ms": "5"})
    with pytest.raises(TransientProviderError, match=sentence):
        ask(api)


def test_a_long_wait_is_reported_and_not_slept_through(api):
    api.fail_next(429, headers={"retry-after": "3600"})
    with pytest.raises(TransientProviderError) as caught:
        ask(api)
    assert caught.value.retry_after == 3600
    assert len(api.requests) == 1


def test_a_wait_in_milliseconds_is_reported_in_seconds(api):
    api.fail_next(529, headers={"retry-after-ms": "90000"})
    with pytest.raises(TransientProviderError) as caught:
        ask(api)
    assert caught.value.retry_after == 90


def test_a_server_that_is_not_there_is_transient(api):
    url = api.url
    api.close()
    with pytest.raises(TransientProviderError, match="could not be reached"):
        ask(api, url=url)


def test_silence_before_the_answer_is_transient(api):
    api.delay = 0.5
    with pytest.raises(TransientProviderError, match="in time"):
        ask(api, timeout=0.05)


def test_silence_in_mid_stream_is_transient_and_keeps_what_was_written(api):
    api.event_delay = 0.5
    events = []
    claude = ClaudeAnswerer(model="claude-haiku-4-5-20251001", api_key=api.key, base_url=api.url, timeout=0.2)
    with pytest.raises(TransientProviderError, match="in time"):
        events.extend(claude.stream("Did costs fall?", [PASSAGE], []))
    assert isinstance(events[-1], Usage)
    assert len(api.requests) == 1
