"""A cluster of the embedded Postgres as files: made by initdb, configured anew at each start, and the addresses it answers at."""

from __future__ import annotations

import os
import pwd
import re
import shutil
from typing import TYPE_CHECKING
from urllib.parse import quote

from db import DatabaseRefused
from db.embedded_files import PORT, Owner, Place, find_programs, run_as, write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ROLE = "situate"  # the application's plain role, and the name of its database
SUPERUSER = "postgres"


def initialise(place: Place, data: Path, *, sync: bool) -> None:
    """Make a cluster in `data`, in place of what an interrupted attempt left. The builtin locale is the same on every platform.

    Raises DatabaseRefused.
    """
    if data.exists():
        shutil.rmtree(data)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    options = ["--auth=peer", "--username", SUPERUSER, *locale, "--no-instructions", *([] if sync else ["--no-sync"])]
    done = run_as(place.owner, [str(find_programs(place) / "initdb"), "-D", str(data), *options])
    if done.returncode != 0:
        raise DatabaseRefused(
            f"The embedded Postgres could not make its files in {place.root}: {advised(reason(done.stdout + done.stderr))}"
        )
    with (data / "postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.write("\ninclude 'situate.conf'  # written anew at each start\n")


def configure(data: Path, owner: Owner, settings: Mapping[str, str], *, sockets: Path) -> None:
    """Let the cluster answer in the folder `sockets`, to `owner` and this process's user."""
    lines = {**settings, "unix_socket_directories": '"' + str(sockets).replace('"', '""') + '"'}
    write_private(data / "situate.conf", "".join(f"{name} = {_quoted(value)}\n" for name, value in lines.items()), owner)
    admit(data, owner)


def admit(data: Path, owner: Owner) -> None:
    """Let `owner` and this process's user connect, and nobody else."""
    write_private(data / "pg_hba.conf", "local all all peer map=situate\n", owner)
    people = dict.fromkeys((owner.name, pwd.getpwuid(os.geteuid()).pw_name))
    write_private(data / "pg_ident.conf", "".join(f'situate "{person}" all\n' for person in people), owner)


def address(sockets: Path, role: str, *, database: str = ROLE, port: int = PORT) -> str:
    """The URL of a database of the cluster that answers in `sockets`."""
    return f"postgresql://{role}@/{quote(database, safe='')}?host={quote(os.fsencode(sockets), safe='')}&port={port}"


def last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no reason given")


def reason(text: str) -> str:
    """The first line in which a program of Postgres complains, without its date."""
    complaints = (re.search(r"(?:FATAL|PANIC|ERROR|error):\s+(.*\S)", line) for line in text.splitlines())
    return next((found[1] for found in complaints if found), last_line(text))


def advised(told: str) -> str:
    """A complaint as a sentence, with what to do where that is known."""
    advice = " Free some space on that disk, and start again." if "No space left" in told else ""
    return f"{told.rstrip('.')}.{advice}"


def _quoted(value: str) -> str:
    """A value of postgresql.conf."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
