"""Contexts by the batch: what is submitted, how a batch is found again, and what its results become."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import anthropic
import pytest

from rag.errors import RejectedRequest, TransientProviderError
from rag.providers import Written
from rag.providers.claude_situator import ClaudeSituator
from tests import standin
from tests.unit.test_anthropic_situating import MODEL, PROMPT

ASKED = [(f"token-{at}", replace(PROMPT, suffix=f"<chunk>\nSentence {at}.\n</chunk>")) for at in range(8)]


@pytest.fixture
def api():
    with standin.anthropic() as running:
        yield running


@pytest.fixture
def batches(api):
    return ClaudeSituator(model=MODEL, api_key=api.key, base_url=api.url).batches


def yesterday():
    return datetime.now(UTC) - timedelta(days=1)


def test_every_request_of_a_batch_is_answered_under_its_custom_id(batches):
    batch = batches.submit(ASKED)
    assert batches.has_ended(batch)
    results = dict(batches.results(batch))
    assert sorted(results) == [custom_id for custom_id, _ in ASKED]
    assert all(isinstance(result, Written) and "Annual report" in result.text for result in results.values())


@pytest.mark.parametrize(("share", "writes"), [(1.0, 1), (0.5, 5), (0.0, 8)])
def test_in_a_batch_the_cache_is_hit_as_often_as_it_happens(api, batches, share, writes):
    api.batches.share = share
    usages = [result.usage for _, result in batches.results(batches.submit(ASKED))]
    assert sum(usage.cache_write_tokens > 0 for usage in usages) == writes
    assert all((usage.cache_write_tokens > 0) != (usage.cache_read_tokens > 0) for usage in usages)


def test_a_batch_under_way_has_no_results_yet(api, batches):
    api.batches.held = True
    batch = batches.submit(ASKED)
    assert not batches.has_ended(batch)
    api.batches.finish()
    assert batches.has_ended(batch)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("errored", TransientProviderError),
        ("expired", TransientProviderError),
        ("canceled", TransientProviderError),
        ("invalid", RejectedRequest),
    ],
)
def test_what_was_not_answered_is_an_error_of_its_request(api, batches, kind, error):
    api.batches.spoil_next(kind, 2)
    results = dict(batches.results(batches.submit(ASKED)))
    assert [type(results[custom_id]) for custom_id, _ in ASKED] == [error] * 2 + [Written] * 6


def test_a_batch_that_was_taken_is_found_by_its_token(api, batches):
    batch = batches.submit(ASKED)
    assert batches.find("token", requests=8, since=yesterday()) == batch
    assert batches.find("other", requests=8, since=yesterday()) is None
    assert batches.find("token", requests=7, since=yesterday()) is None
    assert batches.find("token", requests=8, since=datetime.now(UTC) + timedelta(hours=1)) is None


def test_whether_a_batch_was_taken_cannot_be_told_while_one_like_it_is_under_way(api, batches):
    api.batches.held = True
    batch = batches.submit(ASKED)
    with pytest.raises(TransientProviderError, match="may be"):
        batches.find("token", requests=8, since=yesterday())
    api.batches.finish()
    assert batches.find("token", requests=8, since=yesterday()) == batch


def test_a_batch_is_found_behind_many_others(batches):
    batch = batches.submit(ASKED)
    for at in range(120):
        batches.submit([(f"other-{at}", PROMPT)])
    assert batches.find("token", requests=8, since=yesterday()) == batch


def test_a_submission_that_fails_is_not_repeated_by_the_client(api, batches):
    api.drop_next()
    with pytest.raises(TransientProviderError):
        batches.submit(ASKED)
    assert len(api.requests) == 1


def test_a_batch_that_the_key_cannot_see_is_for_good(batches):
    with pytest.raises(RejectedRequest, match="does not know the batch"):
        batches.has_ended("msgbatch_of_someone_else")


@pytest.mark.parametrize("names", [["a", "a"], ["a b"], ["x" * 65], [""], []])
def test_the_stand_in_refuses_what_the_api_refuses(api, names):
    client = anthropic.Anthropic(api_key=api.key, base_url=api.url, max_retries=0)
    params = {"model": MODEL, "max_tokens": 10, "messages": [{"role": "user", "content": "Hello."}]}
    with pytest.raises(anthropic.BadRequestError):
        client.messages.batches.create(requests=[{"custom_id": name, "params": params} for name in names])


def test_the_stand_in_ends_a_batch_that_is_cancelled_or_a_day_old(api):
    client = anthropic.Anthropic(api_key=api.key, base_url=api.url)
    params = {"model": MODEL, "max_tokens": 10, "messages": [{"role": "user", "content": "Hello."}]}
    api.batches.held = True
    one, other = (client.messages.batches.create(requests=[{"custom_id": "a", "params": params}]).id for _ in range(2))
    assert client.messages.batches.cancel(one).processing_status == "canceling"
    assert [line.result.type for line in client.messages.batches.results(one)] == ["canceled"]
    api.elapsed = 90_000.0
    assert [line.result.type for line in client.messages.batches.results(other)] == ["expired"]
