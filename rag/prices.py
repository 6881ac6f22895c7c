"""What a call costs: prices.toml, an operator's additions to it, and the arithmetic. US dollars, Decimal throughout."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from rag.errors import SettingsError
from rag.providers import Usage

MILLION = Decimal(1_000_000)
Amount = Annotated[Decimal, Field(ge=0)]


@dataclass(frozen=True, kw_only=True)
class Rates:
    """US dollars per million tokens of a kind, and per thousand searches; None: not known."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    input: Amount | None = None
    output: Amount | None = None
    cache_write_5m: Amount | None = None  # this and the next two: as `input` where None
    cache_write_1h: Amount | None = None
    cache_read: Amount | None = None
    searches: Amount | None = None


@dataclass(frozen=True, kw_only=True)
class LongRates(Rates):
    """Rates of a call whose prompt, cached tokens included, is longer than `tokens`."""

    tokens: Annotated[int, Field(gt=0)]


@dataclass(frozen=True, kw_only=True)
class ModelPrice(Rates):
    batch: Amount = Decimal(1)  # the part of the price that a call in a batch costs
    over: tuple[LongRates, ...] = ()

    def rates(self, prompt_tokens: int) -> Rates:
        """Those that hold for a prompt of this length."""
        reached = [tier for tier in self.over if prompt_tokens > tier.tokens]
        return max(reached, key=lambda tier: tier.tokens, default=self)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a call cost, and what it would have cost more without the prompt cache and outside a batch."""

    price: Decimal
    saved_by_cache: Decimal  # negative for a call that only writes the cache
    saved_by_batch: Decimal


@dataclass(frozen=True, kw_only=True)
class PriceList:
    models: Mapping[str, ModelPrice]
    date: dt.date
    own: Path  # where an operator's additions are looked for
    own_date: dt.date | None = None  # of the additions; None: there are none

    def model(self, name: str) -> ModelPrice | None:
        """A model's price by its name, or by its name without the date of a snapshot."""
        return self.models.get(name) or self.models.get(re.sub(r"-\d{8}$", "", name))

    def cost(self, usage: Usage, *, calls: int = 1) -> Cost | None:
        """The price of one call, or of so many alike; None when the model, or something that is billed, has no known price."""
        model = self.model(usage.model)
        if model is None:
            return None
        prompt = usage.input_tokens + usage.cache_write_tokens + usage.cache_read_tokens
        rates = model.rates(prompt // max(1, calls))
        plain = _total(rates, replace(usage, input_tokens=prompt, cache_write_tokens=0, cache_write_1h_tokens=0, cache_read_tokens=0))
        cached = _total(rates, usage)
        if plain is None or cached is None:
            return None
        price = cached * model.batch if usage.batch else cached
        return Cost(price=price, saved_by_cache=plain - cached, saved_by_batch=cached - price)


def _total(rates: Rates, usage: Usage) -> Decimal | None:
    def cached(rate: Decimal | None) -> Decimal | None:
        return rates.input if rate is None else rate

    lines = (
        (usage.input_tokens, rates.input, MILLION),
        (usage.output_tokens, rates.output, MILLION),
        (usage.cache_write_tokens - usage.cache_write_1h_tokens, cached(rates.cache_write_5m), MILLION),
        (usage.cache_write_1h_tokens, cached(rates.cache_write_1h), MILLION),
        (usage.cache_read_tokens, cached(rates.cache_read), MILLION),
        (usage.search_units, rates.searches, Decimal(1_000)),
    )
    total = Decimal(0)
    for amount, rate, unit in lines:
        if amount and rate is None:
            return None
        total += amount * (rate or Decimal(0)) / unit
    return total


@dataclass(frozen=True, kw_only=True)
class _File:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    date: dt.date
    currency: Literal["USD"] = "USD"
    models: dict[str, ModelPrice] = field(default_factory=dict)


def load(own: Path) -> PriceList:
    """The shipped list, with the models of the file `own` in place of its own, where there is such a file. Raises SettingsError."""
    shipped = _parse(files("rag").joinpath("prices.toml").read_text(encoding="utf-8"))
    try:
        written = own.read_text(encoding="utf-8")
    except FileNotFoundError:
        return PriceList(models=shipped.models, date=shipped.date, own=own)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The price list {own} cannot be read: {error}. Mend it, or take it away.") from error
    try:
        added = _parse(written)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"The price list {own} is not TOML: {error}. Mend it, or take it away.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SettingsError(f"The price list {own} is wrong at {where}: {first['msg']}. Mend it, or take it away.") from error
    return PriceList(models={**shipped.models, **added.models}, date=shipped.date, own=own, own_date=added.date)


def _parse(written: str) -> _File:
    return TypeAdapter(_File).validate_python(tomllib.loads(written, parse_float=Decimal))
