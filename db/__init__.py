"""Everything that speaks SQL: a pool, the subject a transaction acts for, and one module per kind of row.

Row-level security is forced on every table with people's data. `as_subject` opens the one kind of transaction the application uses; a
connection taken from the pool without it sees no rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import psycopg
from pgvector.psycopg import register_vector
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

Connection = psycopg.Connection[Any]


class Pool(Protocol):
    """Where connections come from. Each is one transaction, committed when its block ends well."""

    def connection(self) -> AbstractContextManager[Connection]: ...


class DatabaseRefused(Exception):
    """The database cannot be used; str() says why and what to do."""


class DatabaseAway(Exception):
    """The database does not answer just now; what was asked can be asked again when it is back."""


class DatabaseLeft(DatabaseAway):
    """This process is ending and has let go of the database; it will not be back."""


class DatabaseFull(DatabaseAway):
    """The disk that the database lies on is full; what was being stored was not, and can be stored once there is room."""


# A client that sleeps, or whose machine is gone, holds its rows for so long at most: whoever takes its work up waits no longer.
SESSION = "-c timezone=UTC -c idle_in_transaction_session_timeout=20s -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"


def session(url: str) -> str:
    """The options of a session at `url`: those that the address itself asks for (some providers need them there), and ours."""
    return " ".join(filter(None, (str(conninfo_to_dict(url).get("options") or ""), SESSION)))


def _configure(connection: Connection) -> None:
    register_vector(connection)
    connection.commit()


def open_pool(url: str, *, max_size: int = 12, patience: float = 10) -> ConnectionPool[Connection]:
    """A pool of connections to a migrated database. Connections are checked before use, so a restarted server is found again.

    `patience` is how many seconds a call waits for a connection before it raises DatabaseAway.
    """
    return ConnectionPool(
        url,
        min_size=1,
        max_size=max_size,
        timeout=patience,
        reconnect_timeout=5,  # it doubles its pauses: after a longer outage it would look again only when that has lasted as long once more
        configure=_configure,
        check=ConnectionPool.check_connection,
        kwargs={"options": f"{session(url)} -c jit=off", "connect_timeout": 5},  # jit: compiling takes longer than our queries
        open=True,
    )


@contextmanager
def as_subject(pool: Pool, subject: str, *, snapshot: bool = False) -> Iterator[Connection]:
    """One transaction in which row-level security lets `subject`'s rows through; committed when the block ends well.

    With `snapshot` every statement sees the database as it was at the first: for reading what several statements must agree on.

    Raises DatabaseAway when the server cannot be reached or goes away in the middle.
    """
    try:
        with pool.connection() as connection:
            if snapshot:
                connection.execute("set transaction isolation level repeatable read")
            connection.execute("select set_config('situate.subject', %s, true)", [subject])
            yield connection
    except PoolClosed as error:
        raise DatabaseLeft(AWAY) from error
    except PoolTimeout as error:
        raise DatabaseAway(AWAY) from error
    except psycopg.errors.IdleInTransactionSessionTimeout as error:  # this process slept in the middle
        raise DatabaseAway(AWAY) from error
    except psycopg.errors.DiskFull as error:
        raise DatabaseFull(FULL) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        if isinstance(error, psycopg.OperationalError) and error.sqlstate and not error.sqlstate.startswith(("08", "57")):
            raise
        raise DatabaseAway(AWAY) from error


FULL = "The disk that the database lies on is full. What was being stored was not; free some space, and try again."
AWAY = "The database does not answer. Nothing is lost; try again in a moment."
