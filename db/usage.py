"""What calls were billed for, and consents: to which models a person agreed that text is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from psycopg.rows import class_row

from db import Connection


class By(StrEnum):
    """What spending is added up by."""

    MODEL = "model"
    DOCUMENT = "document"
    ANSWER = "answer"
    DAY = "day"  # and model


@dataclass(frozen=True, kw_only=True)
class Spending:
    """What several calls were billed for."""

    key: str  # the model, the day, or the id of the document or message; "" when that was deleted
    label: str  # of a document its file name, of an answer its question, of a day the model
    last: datetime
    calls: int
    input_tokens: int  # at the plain price
    output_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    search_units: int
    price: Decimal  # US dollars, of the calls whose price is known
    unpriced: int  # calls without a known price
    saved_by_cache: Decimal
    saved_by_batch: Decimal


@dataclass(frozen=True, kw_only=True)
class Consent:
    recipient: str
    model: str
    purpose: str  # answer, embed, rerank, situate
    granted_at: datetime


def grant(connection: Connection, *, recipient: str, model: str, purpose: str) -> None:
    """The subject agrees that text is sent to this model for this purpose."""
    connection.execute(
        "insert into consents (recipient, model, purpose) values (%s, %s, %s) on conflict do nothing", [recipient, model, purpose]
    )


def withdraw(connection: Connection, *, recipient: str, model: str) -> None:
    connection.execute("delete from consents where recipient = %s and model = %s", [recipient, model])


def consents(connection: Connection) -> list[Consent]:
    """What the subject has agreed to."""
    with connection.cursor(row_factory=class_row(Consent)) as cursor:
        return cursor.execute("select recipient, model, purpose, granted_at from consents order by recipient, model, purpose").fetchall()


def add_usage(
    connection: Connection,
    *,
    purpose: str,
    model: str,
    input_tokens: int = 0,
    output_tokens: int = 0,
    cache_write_tokens: int = 0,
    cache_write_1h_tokens: int = 0,
    cache_read_tokens: int = 0,
    search_units: int = 0,
    batch: bool = False,
    price: Decimal | None = None,
    saved_by_cache: Decimal = Decimal(0),
    saved_by_batch: Decimal = Decimal(0),
    document_id: int | None = None,
    message_id: int | None = None,
) -> None:
    """Note what one call was billed for, with its price as it is now; None for an unknown one."""
    connection.execute(
        """insert into usage (purpose, model, document_id, message_id, input_tokens, output_tokens, cache_write_tokens,
                              cache_write_1h_tokens, cache_read_tokens, search_units, batch, price, saved_by_cache, saved_by_batch)
           values (%s, %s, (select id from documents where id = %s), (select id from messages where id = %s),
                   %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [
            purpose,
            model,
            document_id,
            message_id,
            input_tokens,
            output_tokens,
            cache_write_tokens,
            cache_write_1h_tokens,
            cache_read_tokens,
            search_units,
            batch,
            price,
            saved_by_cache,
            saved_by_batch,
        ],
    )


def spending(
    connection: Connection, by: By, *, since: datetime | None = None, messages: Sequence[int] | None = None, limit: int = 1000
) -> list[Spending]:
    """The subject's usage added up, the latest first: since a time, or of some answers."""
    with connection.cursor(row_factory=class_row(Spending)) as cursor:
        return cursor.execute(
            """select key, label, max(at) as last, count(*)::int as calls,
                      sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
                      sum(cache_write_tokens)::bigint as cache_write_tokens, sum(cache_read_tokens)::bigint as cache_read_tokens,
                      sum(search_units)::bigint as search_units, coalesce(sum(price), 0) as price,
                      count(*) filter (where price is null)::int as unpriced,
                      sum(saved_by_cache) as saved_by_cache, sum(saved_by_batch) as saved_by_batch
               from (select u.*,
                            coalesce(case %(by)s when 'model' then u.model when 'document' then u.document_id::text
                                     when 'answer' then u.message_id::text else to_char(u.at, 'YYYY-MM-DD') end, '') as key,
                            coalesce(case %(by)s when 'document' then d.filename when 'answer' then m.question when 'day' then u.model end, '') as label
                     from usage u left join documents d on d.id = u.document_id left join messages m on m.id = u.message_id
                     where (%(since)s::timestamptz is null or u.at >= %(since)s)
                       and (%(messages)s::bigint[] is null or u.message_id = any (%(messages)s))
                       and (%(by)s <> 'document' or u.purpose in ('situate', 'embed'))
                       and (%(by)s <> 'answer' or u.purpose not in ('situate', 'embed'))) as u
               group by key, label order by last desc limit %(limit)s""",
            {"by": by.value, "since": since, "messages": None if messages is None else list(messages), "limit": limit},
        ).fetchall()
