"""Contexts that a model writes for the copies of an evaluation: never before their price is known and allowed."""

from __future__ import annotations

import time
from dataclasses import replace
from decimal import ROUND_UP, Decimal
from functools import partial

from db import as_subject
from db import chunks as chunk_rows
from rag import consent, estimates, publication, situate
from rag.consent import Purpose
from rag.deps import Deps
from rag.errors import PriceNotAgreed, QuestionSetError
from rag.providers import Situator
from rag.scratch import Copy, Progress

STEP = "situating"
FRUITLESS = 4  # rounds in a row that brought nothing, after which the rest keeps its structural context


def write_contexts(deps: Deps, subject: str, copy: Copy, *, spend: Decimal, progress: Progress) -> list[str]:
    """Situate every document of a copy; what is to be known about chunks that were left without, a sentence each.

    Raises QuestionSetError where no model may, PriceNotAgreed where it would cost more than `spend` US dollars: then nothing was sent.
    """
    situator = consent.serving(deps, subject, Purpose.SITUATE)
    if situator is None:
        raise QuestionSetError(
            "No model may write contexts here: configure a situator, and agree in the page that it reads your documents."
        )
    # answers are waited for (a batch may take a day), and what was allowed here is the limit
    prompt = replace(deps, settings=deps.settings.model_copy(update={"batch_above": 0, "ask_above_usd": spend}))
    if situator.recipient is not None:
        _check_price(prompt, subject, situator, spend)
    for done, document_id in enumerate(copy.names):
        _situate(prompt, subject, document_id, progress=partial(progress, STEP, done, len(copy.names)))
    left = _left(deps, subject, copy)
    return [f"Passages that kept their structural context, because the model did not write theirs: {left:,}."] if left else []


def _check_price(deps: Deps, subject: str, situator: Situator, spend: Decimal) -> None:
    """Raises PriceNotAgreed. The subject has no other documents yet."""
    quote = estimates.situating(deps, subject, situator)
    said = f"Situating the copies would send about {quote.sent:,} tokens to {situator.recipient}"
    if quote.price is None:
        raise PriceNotAgreed(f"{said}, and the price of {situator.name} is not known. Add it to the price list, then measure again.")
    price = quote.price.quantize(Decimal("0.01"), rounding=ROUND_UP)
    if price > spend:
        raise PriceNotAgreed(f"{said}, for about ${price}. Nothing was sent; allow it with --spend {price}.")


def _situate(deps: Deps, subject: str, document_id: int, *, progress: publication.Pulse) -> None:
    """Rounds until nothing is left to do, or nothing comes of them."""
    fruitless = 0
    while fruitless < FRUITLESS:
        progress()
        outcome = situate.situate(deps, subject, document_id, pulse=progress)
        if outcome.again is None:
            return
        fruitless = 0 if outcome.progressed else fruitless + 1
        until = time.monotonic() + max(outcome.again, 2.0**fruitless)
        while (left := until - time.monotonic()) > 0:
            progress()  # a stop is heeded while waiting
            time.sleep(min(left, 1.0))


def _left(deps: Deps, subject: str, copy: Copy) -> int:
    with as_subject(deps.pool, subject) as connection:
        return sum(
            chunk.context_by == chunk_rows.STRUCTURAL for document_id in copy.names for chunk in chunk_rows.chunks(connection, document_id)
        )
