"""Contexts that a model writes for the copies of an evaluation: never before their price is known and allowed."""

from __future__ import annotations

import time
from dataclasses import replace
from decimal import Decimal
from functools import partial

from db import as_subject
from db import chunks as chunk_rows
from rag import consent, publication, situate
from rag.consent import Purpose
from rag.deps import Deps
from rag.errors import QuestionSetError
from rag.plan import Estimate, plan
from rag.providers import Situator, Usage
from rag.scratch import Copy, Progress

STEP = "situating"
FRUITLESS = 4  # rounds in a row that brought nothing, after which the rest keeps its structural context


def write_contexts(deps: Deps, subject: str, copy: Copy, *, spend: Decimal, progress: Progress) -> list[str]:
    """Situate every document of a copy; what is to be known about chunks that were left without, a sentence each.

    Raises QuestionSetError where no model may, or where it would cost more than `spend` US dollars: then nothing was sent.
    """
    situator = consent.first_allowed(deps.situators, consent.granted(deps, subject), Purpose.SITUATE)
    if situator is None:
        raise QuestionSetError(
            "No model may write contexts here: configure a situator, and agree in the page that it reads your documents."
        )
    # answers are waited for: a batch may take a day
    prompt = replace(deps, settings=deps.settings.model_copy(update={"batch_above": 0}))
    if situator.recipient is not None:
        _check_price(prompt, subject, copy, situator, spend)
    for done, document_id in enumerate(copy.names):
        _situate(prompt, subject, document_id, progress=partial(progress, STEP, done, len(copy.names)))
    left = _left(deps, subject, copy)
    return [f"Passages that kept their structural context, because the model did not write theirs: {left:,}."] if left else []


def _check_price(deps: Deps, subject: str, copy: Copy, situator: Situator, spend: Decimal) -> None:
    expected = Estimate()
    for document_id in copy.names:
        document = publication.load(deps, subject, document_id)
        with as_subject(deps.pool, subject) as connection:
            chunks = chunk_rows.chunks(connection, document_id)
        expected += plan(chunks, title=document.title, language=document.language, cacheable=situator.cacheable).estimate()
    sent = expected.input_tokens + expected.cache_write_tokens + expected.cache_read_tokens
    price = _price(deps, situator, expected)
    said = f"Situating the copies would send about {sent:,} tokens to {situator.recipient}"
    if price is None:
        raise QuestionSetError(f"{said}, and the price of {situator.name} is not known. Add it to the price list, then measure again.")
    if price > spend:
        raise QuestionSetError(f"{said}, for about ${price:.2f}. Nothing was sent; allow it with --spend {price:.2f}.")


def _price(deps: Deps, situator: Situator, expected: Estimate) -> Decimal | None:
    """About what all calls will be billed for, each like the mean of them; None for an unknown price."""
    calls = max(1, expected.calls)
    usage = Usage(
        model=consent.model_name(situator),
        input_tokens=expected.input_tokens // calls,
        output_tokens=expected.output_tokens // calls,
        cache_write_tokens=expected.cache_write_tokens // calls,
        cache_read_tokens=expected.cache_read_tokens // calls,
    )
    cost = deps.prices.cost(usage)
    return None if cost is None else cost.price * calls


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
