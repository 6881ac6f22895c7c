"""Questions asked again: the messages that a new one takes the place of, and their way back.

A message that is asked again, or in other words, begins a new branch: it takes the place of the old one and of all that followed it, which
point to it by `replaced_by`. So a branch is what points to one message, and branches of one place form a chain from the oldest to the one
that is shown. Bringing back turns the chain by one: what is shown goes to its oldest end, so that every branch comes round.
"""

from __future__ import annotations

from db import Connection
from db.conversations import SILENCE


def set_aside(connection: Connection, message_id: int, *, by: int) -> bool:
    """Let the new message `by` take the place of a message and of all later ones; False when another did meanwhile.

    The caller holds the conversation.
    """
    return message_id in _replace(connection, message_id, by=by)


def bring_back(connection: Connection, message_id: int) -> bool:
    """Show what a message took the place of; it and all later ones are set aside. False when there is nothing, or it is not shown itself.

    The caller holds the conversation.
    """
    chain = connection.execute(
        """with recursive older as (
               select min(id) as id, 1 as age from messages where replaced_by = %(id)s
               union all select (select min(m.id) from messages m where m.replaced_by = o.id), age + 1 from older o where o.id is not null)
           select id from older where id is not null order by age""",
        {"id": message_id},
    ).fetchall()
    if not chain:
        return False
    back = [row[0] for row in connection.execute("select id from messages where replaced_by = %s", [message_id])]
    if message_id not in _replace(connection, message_id, by=chain[-1][0]):
        return False
    connection.execute("update messages set replaced_by = null where id = any (%s)", [back])
    return True


def _replace(connection: Connection, message_id: int, *, by: int) -> list[int]:
    """What is shown of a conversation from a message on is set aside for another, and not written to its end.

    An answer that was cut off before stays interrupted.
    """
    rows = connection.execute(
        """update messages m set replaced_by = %(by)s,
                  state = case when m.state in ('searching', 'answering') and m.beat_at >= clock_timestamp() - make_interval(secs => %(silence)s)
                               then 'stopped' else m.state end
           from messages old
           where old.id = %(id)s and m.conversation_id = old.conversation_id and m.id >= old.id and m.id <> %(by)s and m.replaced_by is null
           returning m.id""",
        {"id": message_id, "by": by, "silence": SILENCE},
    )
    return [found for (found,) in rows]
