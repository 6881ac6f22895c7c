"""Situating by the batch: each token at half the price, up to a day. Nobody waits for it; the job comes back to look.

A batch is noted before it is submitted and named once the provider has answered. A crash in between leaves a nameless one, which is looked
for among the provider's batches before anything is submitted again: no chunk is ever in two batches.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from itertools import islice

from db import as_subject
from db import batches as batch_rows
from db.batches import Batch
from rag.contexts import Contexts
from rag.errors import DocumentGone, PermanentProviderError, ProviderError, RejectedRequest, TransientProviderError
from rag.plan import Plan
from rag.providers import Batches, Prompt, Written
from rag.publication import Pulse

STORED = 100  # results stored in one transaction


def submit(contexts: Contexts, batches: Batches, ahead: Plan, summary: str) -> None:
    """Hand the waiting chunks over, window after window, so that neighbours may find one another's cache. Raises ProviderError."""
    asked = [pair for window in ahead.windows for pair in ahead.prompts(window, summary).items()]
    for at in range(0, len(asked), batches.most):
        _submit(contexts, batches, asked[at : at + batches.most])


def _submit(contexts: Contexts, batches: Batches, asked: Sequence[tuple[int, Prompt]]) -> None:
    token = secrets.token_hex(8)
    with as_subject(contexts.deps.pool, contexts.subject) as connection:
        noted = batch_rows.add_batch(
            connection,
            document_id=contexts.document.id,
            situator=contexts.situator.name,
            token=token,
            ords=[ord_ for ord_, _ in asked],
        )
    if noted is None:
        raise DocumentGone("The document was deleted while it was being worked on.")
    try:
        remote = batches.submit([(f"{token}-{ord_}", prompt) for ord_, prompt in asked])
    except PermanentProviderError:  # it was answered: nothing was taken
        _drop(contexts, noted)
        raise
    _name(contexts, noted, remote)


def collect(contexts: Contexts, batches: Batches, *, pulse: Pulse) -> set[int]:
    """Store the results of batches that have ended; the chunks of those that have not.

    Raises RejectedRequest for a batch that the provider does not know, which is forgotten, and PermanentProviderError.
    """
    with as_subject(contexts.deps.pool, contexts.subject) as connection:
        noted = batch_rows.batches(connection, document_id=contexts.document.id, situator=contexts.situator.name)
    held: set[int] = set()
    for batch in noted:
        try:
            ended = _has_ended(contexts, batches, batch)
        except TransientProviderError:
            ended = None
        except RejectedRequest:
            _drop(contexts, batch)
            raise
        if ended is None:
            held |= set(batch.ords)
            continue
        if ended:
            _store(contexts, batches.results(ended), batch, pulse=pulse)
        _drop(contexts, batch)
    return held


def _has_ended(contexts: Contexts, batches: Batches, batch: Batch) -> str | None:
    """The id of a batch whose results are there; "" when it was never taken; None while it is under way."""
    remote = batch.remote or batches.find(batch.token, requests=batch.requests, since=batch.noted_at)
    if not remote:
        return ""
    if not batch.remote:
        _name(contexts, batch, remote)
    return remote if batches.has_ended(remote) else None


def _store(contexts: Contexts, results: Iterator[tuple[str, Written | ProviderError]], batch: Batch, *, pulse: Pulse) -> None:
    awaited = set(batch.ords)
    answers = ((int(custom_id.rpartition("-")[2]), answer) for custom_id, answer in results)
    new = ((ord_, answer) for ord_, answer in answers if ord_ in awaited)  # a crash may have stored some
    while some := list(islice(new, STORED)):
        contexts.keep(some, batch)
        pulse()


def _name(contexts: Contexts, batch: Batch, remote: str) -> None:
    with as_subject(contexts.deps.pool, contexts.subject) as connection:
        batch_rows.name_batch(connection, batch.id, remote)


def _drop(contexts: Contexts, batch: Batch) -> None:
    with as_subject(contexts.deps.pool, contexts.subject) as connection:
        batch_rows.drop_batch(connection, batch.id)
