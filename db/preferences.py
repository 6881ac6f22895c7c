"""What each person has chosen: models, language and the like, each by its name."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg.types.json import Jsonb

from db import Connection


def chosen(connection: Connection) -> dict[str, str]:
    """The subject's choices; what is absent is as the settings say."""
    row = connection.execute("select chosen from preferences").fetchone()
    return {} if row is None else dict(row[0])


def choose(connection: Connection, changes: Mapping[str, str]) -> None:
    """Change some of the subject's choices and keep the others; "" takes one back."""
    connection.execute(
        """insert into preferences (chosen) values (jsonb_strip_nulls(%(changes)s))
           on conflict (subject) do update set chosen = jsonb_strip_nulls(preferences.chosen || %(changes)s)""",
        {"changes": Jsonb({name: value or None for name, value in changes.items()})},
    )
