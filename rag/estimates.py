"""What situating documents, or one question, is expected to cost, told before anything is sent; and what may be sent without asking again.

A person's yes to a model covers the documents whose price was told with it. What comes later is sent by itself as long as it costs no more
than SITUATE_ASK_ABOVE_USD a day, those that wait together added up; otherwise it waits, un-sent, for a yes to its own price.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from db import Connection, as_subject
from db import chunks as chunk_rows
from db import documents as document_rows
from db import estimates as rows
from db.documents import Status
from db.estimates import Estimated
from rag import consent, prompts, publication
from rag.consent import M, Purpose, Request
from rag.deps import Deps
from rag.errors import DocumentGone, PriceNotAgreed
from rag.plan import document_title, plan
from rag.providers import Answerer, Embedder, Reranker, Situator, Usage
from rag.windows import tokens

AT_ONCE = 20  # documents that a page waits to have estimated; it takes the others to be like them
PASSAGE_TOKENS = 350  # of a passage with its heading and context, about
ANSWER_TOKENS = 600  # of an answer, with what is thought before it, about
BATCH_HITS = 2  # in a batch one call in so many is taken to find its prefix in the cache; Anthropic tells of 30 to 98 %
PER_SEARCH = 100  # passages that a vendor who bills by the search takes in one


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What is expected to be sent and billed. Token counts are about right; a price is as good as they are."""

    document_ids: tuple[int, ...] = ()
    pages: int = 0
    calls: int = 0
    sent: int = 0  # tokens, cached or not
    written: int = 0
    price: Decimal | None = None  # US dollars; None: not known


def offers(deps: Deps, subject: str, request: Request) -> dict[Purpose, Quote]:
    """What a consent that is asked for would send and cost: of documents those that wait, of questions one."""
    told: dict[Purpose, Quote] = {}
    for situator in _named(deps.situators, request, Purpose.SITUATE):
        told[Purpose.SITUATE] = situating(deps, subject, situator)
    for embedder in _named((*deps.preferred, *deps.other_embedders), request, Purpose.EMBED):
        told[Purpose.EMBED] = embedding(deps, subject, embedder)
    for answerer in _named((*deps.answerers, *deps.other_answerers), request, Purpose.ANSWER):
        told[Purpose.ANSWER] = question(deps, answerer)
    for reranker in _named(deps.rerankers, request, Purpose.RERANK):
        told[Purpose.RERANK] = reranking(deps, reranker)
    return told


def _named(models: Sequence[M], request: Request, purpose: Purpose) -> list[M]:
    """The models that a request asks for."""
    wanted = (request.recipient, request.model)
    return [model for model in models if purpose in request.purposes and (model.recipient, consent.model_name(model)) == wanted]


def situating(deps: Deps, subject: str, situator: Situator) -> Quote:
    """All ready documents that this model has not wholly situated. Many that were never estimated are taken to be like some of them."""
    _estimate(deps, subject, situator, most=AT_ONCE)
    with as_subject(deps.pool, subject) as connection:
        known = [e for e in rows.estimates(connection, situator.name) if e.left > 0]
        others = rows.unestimated(connection, situator.name)
    quoted = _quote(deps, situator, known)
    factor = 1 + sum(chunks for _, _, chunks in others) / max(1, sum(e.left for e in known))
    return Quote(
        document_ids=(*quoted.document_ids, *(document_id for document_id, _, _ in others)),
        pages=quoted.pages + sum(pages for _, pages, _ in others),
        calls=round(quoted.calls * factor),
        sent=round(quoted.sent * factor),
        written=round(quoted.written * factor),
        price=None if quoted.price is None else quoted.price * Decimal(factor),
    )


def held(deps: Deps, subject: str) -> tuple[Situator, Quote] | None:
    """The documents that wait for a yes to their price, and who would situate them; None where there are none."""
    situator = consent.serving(deps, subject, Purpose.SITUATE)
    if situator is None or situator.recipient is None:
        return None
    with as_subject(deps.pool, subject) as connection:
        waiting = [e for e in rows.estimates(connection, situator.name) if e.held and e.left > 0]
    return (situator, _quote(deps, situator, waiting)) if waiting else None


def check(deps: Deps, subject: str, document_id: int, situator: Situator) -> None:
    """Whether a document may be sent as far as its price goes. Raises PriceNotAgreed, DocumentGone.

    A model that runs here, or whose price is not known, has no limit.
    """
    if situator.recipient is None:
        return
    _estimate(deps, subject, situator)
    limit = deps.settings.ask_above_usd
    with as_subject(deps.pool, subject) as connection:
        rows.one_at_a_time(connection)
        known = rows.estimates(connection, situator.name)
        this = next((e for e in known if e.document_id == document_id), None)
        if this is None:
            raise DocumentGone("The document was deleted while it waited.")
        if this.cleared:
            return
        together = [e for e in known if e.left > 0 and not e.cleared and e.held == this.held]
        price = _price(deps, situator, [*((e, e.left) for e in together), *((e, e.n_chunks) for e in known if e.unasked)])
        if price is None or price <= limit:
            rows.clear(connection, situator.name, [document_id], agreed=False)
            return
        rows.hold(connection, situator.name, [e.document_id for e in together])
    raise PriceNotAgreed(f"It waits, un-sent, for your yes to its price: more than ${limit} a day is not spent without asking.")


def agree(connection: Connection, situator: Situator, document_ids: Collection[int]) -> None:
    """A person agreed to the price of situating these documents."""
    rows.clear(connection, situator.name, document_ids, agreed=True)


def embedding(deps: Deps, subject: str, embedder: Embedder) -> Quote:
    """All ready documents embedded once."""
    with as_subject(deps.pool, subject) as connection:
        ready = [d for d in document_rows.documents(connection) if d.status is Status.READY]
    passages = sum(d.n_chunks for d in ready)
    cost = deps.prices.cost(Usage(model=consent.model_name(embedder), input_tokens=passages * PASSAGE_TOKENS))
    return Quote(
        document_ids=tuple(d.id for d in ready),
        pages=sum(d.page_count for d in ready),
        calls=math.ceil(passages / publication.REMOTE_BATCH),
        sent=passages * PASSAGE_TOKENS,
        price=cost.price if cost else None,
    )


def question(deps: Deps, answerer: Answerer) -> Quote:
    """One question, answered from as many passages as the settings say."""
    sent = deps.settings.passages * PASSAGE_TOKENS + tokens(prompts.parts("answer")[0])
    cost = deps.prices.cost(Usage(model=consent.model_name(answerer), input_tokens=sent, output_tokens=ANSWER_TOKENS))
    return Quote(calls=1, sent=sent, written=ANSWER_TOKENS, price=cost.price if cost else None)


def reranking(deps: Deps, reranker: Reranker) -> Quote:
    """The candidates of one question put in order, billed by the search or by the token."""
    name, sent = consent.model_name(reranker), reranker.depth * PASSAGE_TOKENS
    cost = deps.prices.cost(Usage(model=name, search_units=math.ceil(reranker.depth / PER_SEARCH)))
    cost = cost or deps.prices.cost(Usage(model=name, input_tokens=sent))
    return Quote(calls=1, sent=sent, price=cost.price if cost else None)


def _estimate(deps: Deps, subject: str, situator: Situator, *, most: int | None = None) -> None:
    """Estimate ready documents that are not yet, at most so many."""
    with as_subject(deps.pool, subject) as connection:
        missing = [document_id for document_id, _, _ in rows.unestimated(connection, situator.name)][:most]
    for document_id in missing:
        with as_subject(deps.pool, subject) as connection:
            documents = document_rows.documents(connection, ids=[document_id])
            chunks = chunk_rows.chunks(connection, document_id)
        for document in documents:  # none when it was deleted meanwhile
            title = document_title(document.title, document.filename)
            expected = plan(chunks, title=title, language=document.language, cacheable=situator.cacheable).estimate()
            with as_subject(deps.pool, subject) as connection:
                rows.put_estimate(
                    connection,
                    document_id=document_id,
                    situator=situator.name,
                    calls=expected.calls,
                    input_tokens=expected.input_tokens,
                    output_tokens=expected.output_tokens,
                    cache_write_tokens=expected.cache_write_tokens,
                    cache_read_tokens=expected.cache_read_tokens,
                )


def _quote(deps: Deps, situator: Situator, found: Sequence[Estimated]) -> Quote:
    def share(e: Estimated, amount: int) -> float:
        return amount * e.left / max(1, e.n_chunks)

    return Quote(
        document_ids=tuple(e.document_id for e in found),
        pages=sum(e.page_count for e in found),
        calls=round(sum(share(e, e.calls) for e in found)),
        sent=round(sum(share(e, e.input_tokens + e.cache_write_tokens + e.cache_read_tokens) for e in found)),
        written=round(sum(share(e, e.output_tokens) for e in found)),
        price=_price(deps, situator, [(e, e.left) for e in found]),
    )


def _price(deps: Deps, situator: Situator, found: Sequence[tuple[Estimated, int]]) -> Decimal | None:
    """About what so many chunks of each document are billed for; None when the model has no known price."""
    total = Decimal(0)
    for e, chunks in found:
        batch = situator.batches is not None and 0 < deps.settings.batch_above < e.n_chunks
        read = e.cache_read_tokens // BATCH_HITS if batch else e.cache_read_tokens
        usage = Usage(
            model=consent.model_name(situator),
            input_tokens=e.input_tokens,
            output_tokens=e.output_tokens,
            cache_write_tokens=e.cache_write_tokens + e.cache_read_tokens - read,
            cache_read_tokens=read,
            batch=batch,
        )
        cost = deps.prices.cost(usage, calls=e.calls)
        if cost is None:
            return None
        total += cost.price * chunks / max(1, e.n_chunks)
    return total
