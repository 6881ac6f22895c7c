"""Money, tokens and dates as a reader writes them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from babel.dates import format_date
from babel.numbers import format_compact_decimal, format_currency, format_percent

from pages.parts.i18n import _, language

if TYPE_CHECKING:
    import datetime as dt

    from rag.usage import Spending

CENT = Decimal("0.01")


def dollars(amount: Decimal) -> str:
    """US dollars to the cent, or below ten cents to two digits that say something."""
    if amount and abs(amount) < 10 * CENT:
        places = 1 - amount.adjusted()
        return format_currency(amount, "USD", f"¤0.{'0' * places};-¤0.{'0' * places}", locale=language(), currency_digits=False)
    return format_currency(amount, "USD", locale=language())


def price(spent: Spending) -> str:
    """What was billed, as far as its price is known."""
    if spent.unpriced == spent.calls:
        return _("price not known")
    return dollars(spent.price) + (" + ?" if spent.unpriced else "")


def prompt_tokens(spent: Spending) -> int:
    """Tokens that were sent, cached or not."""
    return spent.input_tokens + spent.cache_write_tokens + spent.cache_read_tokens


def tokens(count: int) -> str:
    """A number of tokens, rounded: 1.2M."""
    return format_compact_decimal(count, locale=language(), fraction_digits=1 if count >= 1000 else 0)


def percent(share: float) -> str:
    return format_percent(share, locale=language())


def day(date: dt.date) -> str:
    return format_date(date, "long", locale=language())
