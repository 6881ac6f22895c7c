"""What a person has chosen for themselves. What they have not is as the operator's settings say, and for the page as their browser does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from db import Connection, as_subject
from db import preferences as rows
from rag.deps import Deps

NONE = "none"  # for what may be left out altogether: situating and reranking


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """What is empty was not chosen. Models go by their names, without the version of their prompts."""

    answerer: str = ""
    embedder: str = ""
    reranker: str = ""  # or NONE
    situator: str = ""  # or NONE
    language: str = ""  # "en", "zh"


_NAMES = frozenset(field.name for field in fields(Preferences))


def preferences(deps: Deps, subject: str) -> Preferences:
    """The subject's choices. Raises DatabaseAway."""
    with as_subject(deps.pool, subject) as connection:
        return read(connection)


def read(connection: Connection) -> Preferences:
    """The choices of the subject of the caller's transaction. What another version of Situate kept there is passed over."""
    return Preferences(**{name: value for name, value in rows.chosen(connection).items() if name in _NAMES})


def prefer(deps: Deps, subject: str, **changes: str) -> None:
    """Change some of the choices; "" takes one back. Raises DatabaseAway."""
    with as_subject(deps.pool, subject) as connection:
        write(connection, changes)


def write(connection: Connection, changes: Mapping[str, str]) -> None:
    """The same in the caller's transaction."""
    if unknown := changes.keys() - _NAMES:
        raise TypeError(f"no preference is named {', '.join(sorted(unknown))}")
    rows.choose(connection, changes)
