"""What a call costs, from the shipped list and an operator's additions."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from rag import prices
from rag.deps import ANSWERING_MODEL, COHERE_RERANKER, SITUATING_MODEL, VOYAGE_RERANKER
from rag.errors import SettingsError
from rag.prices import PriceList
from rag.providers import Usage

HAIKU = Usage(model="claude-haiku-5-5")
SEARCH = Usage(model="rerank-v4.0-pro", search_units=2)


@pytest.fixture
def shipped(tmp_path: Path) -> PriceList:
    return prices.load(tmp_path / "prices.toml")


def price(listed: PriceList, usage: Usage) -> Decimal | None:
    cost = listed.cost(usage)
    return cost and cost.price


def test_each_kind_of_token_has_its_own_price(shipped: PriceList) -> None:
    assert price(shipped, replace(HAIKU, input_tokens=10_000)) == Decimal("0.001")
    assert price(shipped, replace(HAIKU, output_tokens=10_000)) == Decimal("0.005")
    assert price(shipped, replace(HAIKU, cache_write_tokens=10_000)) == Decimal("0.00125")
    assert price(shipped, replace(HAIKU, cache_write_tokens=10_000, cache_write_1h_tokens=10_000)) == Decimal("0.002")
    assert price(shipped, replace(HAIKU, cache_read_tokens=10_000)) == Decimal("0.0001")


def test_a_million_small_calls_cost_what_one_large_sum_does(shipped: PriceList) -> None:
    one = price(shipped, replace(HAIKU, input_tokens=1))
    assert one is not None
    assert sum([one] * 1_000_000) == Decimal("0.10")


def test_a_long_prompt_is_dearer_from_its_first_token_and_cached_tokens_make_it_long(shipped: PriceList) -> None:
    assert price(shipped, replace(HAIKU, input_tokens=100_000)) == Decimal("0.01")
    assert price(shipped, replace(HAIKU, input_tokens=100_001)) == Decimal("0.0500005")
    assert price(shipped, replace(HAIKU, input_tokens=1, cache_read_tokens=100_000)) == Decimal("0.0050005")
    assert price(shipped, replace(HAIKU, output_tokens=200_000)) == Decimal("0.1")


def test_a_call_in_a_batch_costs_half(shipped: PriceList) -> None:
    used = replace(HAIKU, input_tokens=300, output_tokens=80, cache_read_tokens=8_000)
    alone, batched = shipped.cost(used), shipped.cost(replace(used, batch=True))
    assert alone
    assert batched
    assert batched.price * 2 == alone.price
    assert (alone.saved_by_batch, batched.saved_by_batch) == (0, batched.price)
    assert alone.saved_by_cache == batched.saved_by_cache == Decimal("0.00072")


def test_a_call_that_writes_the_cache_saves_nothing_yet(shipped: PriceList) -> None:
    cost = shipped.cost(replace(HAIKU, cache_write_tokens=8_000))
    assert cost
    assert cost.saved_by_cache == Decimal("-0.0002")


def test_a_search_is_priced_by_its_units_and_an_embedding_by_its_tokens(shipped: PriceList) -> None:
    assert price(shipped, SEARCH) == Decimal("0.005")
    assert price(shipped, Usage(model="voyage-4", input_tokens=1_000_000)) == Decimal("0.06")


@pytest.mark.parametrize(
    "usage",
    [replace(HAIKU, model="nobody-knows-me", input_tokens=5), replace(SEARCH, model="voyage-4"), replace(HAIKU, search_units=1)],
    ids=["the model", "searches of a model priced by tokens", "searches of a chat model"],
)
def test_what_has_no_known_price_has_none_rather_than_nothing(shipped: PriceList, usage: Usage) -> None:
    assert shipped.cost(usage) is None


def test_a_dated_snapshot_costs_what_its_model_does(shipped: PriceList) -> None:
    dated = replace(HAIKU, model="claude-haiku-4-5-20251001", input_tokens=1_000_000)
    assert price(shipped, dated) == Decimal(1)


def test_the_models_of_the_default_configuration_are_priced(shipped: PriceList) -> None:
    assert all(shipped.model(name) for name in (SITUATING_MODEL, ANSWERING_MODEL, COHERE_RERANKER, VOYAGE_RERANKER))


def test_an_operators_list_replaces_a_models_price_and_adds_models(tmp_path: Path) -> None:
    own = tmp_path / "prices.toml"
    own.write_text('date = 2027-01-31\n[models."gpt-9"]\ninput = 3\noutput = 9\n[models.claude-haiku-5-5]\ninput = 7\n')
    listed = prices.load(own)
    assert price(listed, Usage(model="gpt-9", input_tokens=1_000, output_tokens=1_000)) == Decimal("0.012")
    assert price(listed, replace(HAIKU, input_tokens=1_000, cache_read_tokens=1_000)) == Decimal("0.014")  # no cheaper cache is listed
    assert price(listed, replace(HAIKU, output_tokens=1)) is None
    assert price(listed, SEARCH) == Decimal("0.005")
    assert str(listed.own_date) == "2027-01-31"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("models = [", "not TOML"),
        ("[models.a]\ninput = 1\n", "date"),
        ('date = 2027-01-31\ncurrency = "EUR"\n', "currency"),
        ("date = 2027-01-31\n[models.a]\ninput = -1\n", "models.a.input"),
        ("date = 2027-01-31\n[models.a]\ninptu = 1\n", "models.a.inptu"),
        ('date = 2027-01-31\n[models.a]\ninput = "dear"\n', "models.a.input"),
    ],
)
def test_a_broken_list_is_refused_with_its_place(tmp_path: Path, written: str, told: str) -> None:
    own = tmp_path / "prices.toml"
    own.write_text(written)
    with pytest.raises(SettingsError, match=told) as refused:
        prices.load(own)
    assert str(own) in str(refused.value)


def test_a_list_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="cannot be read"):
        prices.load(tmp_path / "prices.toml")
