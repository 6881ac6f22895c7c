"""`situate backup` and `situate restore`: the whole library as one file, and back (decision 39)."""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from db import archives, dumps, embedded
from db.archives import DumpFailed, Progress
from db.embedded_files import packaged_programs
from rag import keeping
from rag.errors import BackupError, SettingsError
from rag.output import count, note, say
from rag.settings import Settings

STREAM = Path("-")


def save(settings: Settings, arguments: argparse.Namespace) -> int:
    """`situate backup FILE`. Raises BackupError, SettingsError, DatabaseRefused."""
    file: Path = arguments.file
    with _failures(file, "written"), _source(settings) as (url, setting):
        if file == STREAM:
            if sys.stdout.isatty():
                raise BackupError("A backup is no text for a terminal. Send it into a file: situate backup - > FILE")
            rows = dumps.dump(url, None, programs=packaged_programs(), setting=setting)
            note(f"Saved {_told(rows)}. A stream cannot be read back; restore it once to be sure of it.")
            return 0
        rows, size = _save(url, setting, file, overwrite=arguments.overwrite)
    say(f"Saved {_told(rows)} in {file}: {_megabytes(size)}, read back whole.")
    return 0


def restore(settings: Settings, arguments: argparse.Namespace) -> int:
    """`situate restore FILE`. Raises BackupError, DatabaseRefused."""
    programs = packaged_programs()
    with _failures(arguments.file, "read"), _spooled(arguments.file) as file:
        archives.open_archive(file, programs)  # before a server is started for nothing
        with keeping.database(settings, lasting=False) as url:
            try:
                with _progress("Restored") as progress:
                    done = dumps.restore(url, file, programs=programs, replace=arguments.replace, progress=progress)
            except dumps.Occupied as error:
                raise BackupError(
                    f"The database holds {_told(error.rows)}. With --replace all of that is deleted, and the backup takes its place. "
                    "Nothing was changed."
                ) from error
    if done.applied:
        say(f"Brought up to date: {', '.join(done.applied)}.")
    altered = f", but {count(done.altered, 'file')}, as after a password was taken off" if done.altered else ""
    limit = f"{dumps.LARGEST_CHECKED // 1_000_000} MB"
    large = f", though {count(done.large, 'file')} of more than {limit} could not be compared" if done.large else ""
    say(
        f"Restored {_told(done.rows)}. Checked: every row arrived; each original is the file that was uploaded{altered}{large}; row-level security is "
        "forced; constraints and indexes are valid."
    )
    return 0


# --- where from, where to ---------------------------------------------------------------------------------------------------


@contextmanager
def _source(settings: Settings) -> Iterator[tuple[str, str]]:
    """The address to save from, as a role that sees everyone's rows, and the setting that it is from."""
    if settings.database_url:
        yield (settings.backup_url, "SITUATE_BACKUP_URL") if settings.backup_url else (settings.database_url, "DATABASE_URL")
        return
    if settings.backup_url:
        raise SettingsError("SITUATE_BACKUP_URL is another address of the database that DATABASE_URL names, which is not set. Set both.")
    if not (settings.home / "postgres").exists():  # starting it would make an empty library, and save that
        raise BackupError(f"There is no library in {settings.home}. Let SITUATE_HOME name the folder that holds it.")
    server = embedded.start(settings.home)
    try:
        yield server.superuser_url, "SITUATE_HOME"
    finally:
        server.leave()


def _save(url: str, setting: str, file: Path, *, overwrite: bool) -> tuple[dict[str, int], int]:
    """Rows by table, and bytes. The file has its name once all of it is on the disk and was read back."""
    programs = packaged_programs()
    _refuse_existing(file, overwrite=overwrite)
    part = file.with_name(f"{file.name}.part")
    with _claimed(part) as out:
        with _progress("Saved") as progress:
            rows = dumps.dump(url, part.absolute(), programs=programs, setting=setting, lock=out, progress=progress)
        os.fsync(out.fileno())
        held = archives.count(archives.open_archive(part, programs))
        if wrong := [name for name in rows if rows[name] != held.get(name)]:
            raise BackupError(f"Of {rows[wrong[0]]:,} rows of {wrong[0]}, the file holds {held.get(wrong[0], 0):,}. Report this.")
        _refuse_existing(file, overwrite=overwrite)
        part.replace(file)
        folder = os.open(file.absolute().parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return rows, os.fstat(out.fileno()).st_size


def _refuse_existing(file: Path, *, overwrite: bool) -> None:
    if file.is_dir():
        raise BackupError(f"{file} is a folder. Name a file in it.")
    if file.exists() and not overwrite:
        raise BackupError(f"There is a file {file} already. Name another, or give --overwrite.")


@contextmanager
def _claimed(part: Path) -> Iterator[IO[bytes]]:
    """A file for this process alone, empty, gone at the end unless it was renamed.

    The lock is pg_dump's too, so nobody writes into the file of a backup that was killed while its pg_dump goes on.
    """
    number = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(number, "r+b") as out:
        mine = os.fstat(out.fileno()).st_ino
        try:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_mine = part.stat().st_ino == mine  # not one that was finished, and got its name, between the opening and the lock
        except (BlockingIOError, FileNotFoundError):
            is_mine = False
        if not is_mine:
            raise BackupError(f"Another backup is being written to {part}. Wait for it, or name another file.")
        try:
            os.fchmod(out.fileno(), 0o600)  # everyone's documents: nobody else's to read
            out.truncate(0)
            yield out
        finally:
            with suppress(FileNotFoundError):
                if part.stat().st_ino == mine:
                    part.unlink()


@contextmanager
def _spooled(file: Path) -> Iterator[Path]:
    """A file that can be read more than once."""
    if file != STREAM:
        yield file
        return
    with tempfile.NamedTemporaryFile(prefix="situate-", suffix=".backup") as kept:
        try:
            shutil.copyfileobj(sys.stdin.buffer, kept, archives.BLOCK)
            kept.flush()
        except OSError as error:
            raise BackupError(
                f"The backup cannot be kept in {tempfile.gettempdir()} while it is read: {error.strerror or error}. "
                "Free some space, set TMPDIR, or name a file."
            ) from error
        yield Path(kept.name)


@contextmanager
def _failures(file: Path, what: str) -> Iterator[None]:
    """Say what becomes of a file as a sentence."""
    try:
        yield
    except DumpFailed as error:
        raise BackupError(str(error)) from error
    except OSError as error:
        place = error.filename or ("The standard stream" if file == STREAM else file)
        raise BackupError(f"{place} cannot be {what}: {error.strerror or error}.") from error


# --- what is told -----------------------------------------------------------------------------------------------------------


@contextmanager
def _progress(verb: str) -> Iterator[Progress | None]:
    """A line that grows, on a terminal only."""
    if not sys.stderr.isatty():
        yield None
        return
    try:
        yield lambda done: _show(f"\r{verb} {_megabytes(done)}")
    finally:
        _show("\r\x1b[K")


def _show(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _told(rows: Mapping[str, int]) -> str:
    documents, pages, passages = (rows.get(table, 0) for table in ("documents", "pages", "chunks"))
    collections, conversations = rows.get("collections", 0), rows.get("conversations", 0)
    library = f"{count(documents, 'document')} ({count(pages, 'page')}, {count(passages, 'passage')}) in {count(collections, 'collection')}"
    return f"{library} and {count(conversations, 'conversation')}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
