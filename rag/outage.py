"""Outlasting a short absence of the database: what was produced meanwhile is stored once it is back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from db import DatabaseAway, DatabaseLeft, as_subject

if TYPE_CHECKING:
    from rag.deps import Deps

LONGEST = 120.0  # seconds; a restart of Postgres takes less than half of that
PAUSE = 0.5  # seconds between two attempts

log = logging.getLogger(__name__)
T = TypeVar("T")


def is_over(deps: Deps) -> bool:
    """Whether the database answers."""
    try:
        with as_subject(deps.pool, deps.settings.subject):
            return True
    except DatabaseAway:
        return False


def outlast(attempt: Callable[[], T]) -> T:
    """What `attempt` gives, made again for as long as an absence may last. Raises DatabaseAway, and whatever else the attempt raises."""
    until = time.monotonic() + LONGEST
    while True:
        try:
            return attempt()
        except DatabaseAway as error:
            if isinstance(error, DatabaseLeft) or time.monotonic() > until:
                raise
            log.warning("the database is away; trying again")
            time.sleep(PAUSE)
