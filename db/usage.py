"""Tokens spent, and consents: to whom a person agreed that text is sent."""

from __future__ import annotations

from db import Connection


def grant(connection: Connection, recipient: str) -> None:
    """The subject agrees that text is sent to this recipient."""
    connection.execute("insert into consents (recipient) values (%s) on conflict do nothing", [recipient])


def withdraw(connection: Connection, recipient: str) -> None:
    connection.execute("delete from consents where recipient = %s", [recipient])


def recipients(connection: Connection) -> set[str]:
    """To whom the subject has agreed that text is sent."""
    return {name for (name,) in connection.execute("select recipient from consents")}


def add_usage(
    connection: Connection,
    *,
    purpose: str,
    model: str,
    input_tokens: int,
    output_tokens: int,
    cache_write_tokens: int,
    cache_read_tokens: int,
    document_id: int | None = None,
    message_id: int | None = None,
) -> None:
    """Note what one call was billed for."""
    connection.execute(
        """insert into usage (purpose, model, document_id, message_id, input_tokens, output_tokens, cache_write_tokens, cache_read_tokens)
           values (%s, %s, (select id from documents where id = %s), %s, %s, %s, %s, %s)""",
        [purpose, model, document_id, message_id, input_tokens, output_tokens, cache_write_tokens, cache_read_tokens],
    )
