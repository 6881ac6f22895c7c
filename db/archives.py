"""A dump as a file, in pg_dump's custom format: the programs that write and read it, and what stands in it."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from db.embedded_files import ENVIRONMENT

BACKUP_ROLE = "situate_backup"  # who reads everyone's rows; the policies that may let it are called so too, and stay where they are
BLOCK = 1 << 20  # bytes read at a time
_LOOK = 0.2  # seconds between two looks how far a program is
_ENTRY = re.compile(r"\d+; \d+ \d+ (?P<kind>[A-Z][A-Z ]*[A-Z]) (?P<schema>\S+) (?P<name>.*)")
_COPY = re.compile(rb'COPY (?:"[^"]+"|\w+)\."?(?P<table>\w+)"? .*FROM stdin;\n')

Progress = Callable[[int], None]  # bytes so far


class DumpFailed(Exception):
    """The file could not be written or read; str() says why. The database is as it was."""


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A file that pg_restore understands, with Situate's tables in it."""

    file: Path
    schema: str  # that its tables lie in
    migrations: tuple[str, ...]  # applied to the database it was made of
    _program: Path = field(repr=False)
    _list: str = field(repr=False)  # the entries to be restored


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A table's rows in a dump; `lines` must be taken before the next block is."""

    table: str
    copy: bytes  # the statement that takes them
    lines: Iterator[bytes]


# --- the programs -----------------------------------------------------------------------------------------------------------


def dumper(programs: Path, major: int) -> Path:
    """The pg_dump for a server of that version: of `programs`, or a newer one on the PATH. Raises DumpFailed."""
    for program in _found(programs, "pg_dump"):
        told = subprocess.run([program, "--version"], capture_output=True, text=True, env=ENVIRONMENT, check=False).stdout
        version = re.search(r"(\d+)(\.|devel|beta|rc|\s)", told)
        if version and int(version[1]) >= major:
            return program
    raise DumpFailed(
        f"The server is Postgres {major}, newer than the pg_dump that Situate brings. Install the client programs of that version, "
        "so that pg_dump is on the PATH."
    )


def _found(programs: Path, name: str) -> list[Path]:
    elsewhere = shutil.which(name)
    return [path for path in (programs / name, Path(elsewhere) if elsewhere else None) if path is not None and path.exists()]


def run(
    command: list[str], file: Path | None, *, password: str = "", lock: IO[bytes] | None = None, progress: Progress | None = None
) -> None:
    """Let a program write a file, or without one our standard output; its password is in nobody's sight, and `lock` its as well as ours.

    It ends when this call does. Raises DumpFailed.
    """
    # By its name: into a file given as its standard output pg_dump appends, and the contents, which come last and belong first, stay behind.
    to = [f"--file={file}"] if file else []
    with tempfile.TemporaryFile() as said:
        environment = {**ENVIRONMENT, **({"PGPASSWORD": password} if password else {})}
        # a session of its own: Ctrl-C in the terminal asks us, and we end it
        process = subprocess.Popen(
            [*command, *to],
            stdin=subprocess.DEVNULL,
            stderr=said,
            env=environment,
            start_new_session=True,
            pass_fds=[lock.fileno()] if lock else [],
        )
        try:
            while True:
                try:
                    code = process.wait(_LOOK)
                    break
                except subprocess.TimeoutExpired:
                    if progress is not None and file is not None and file.exists():
                        progress(file.stat().st_size)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if code != 0:
            raise DumpFailed(_last(said, code))


@contextmanager
def _reading(command: list[str]) -> Iterator[IO[bytes]]:
    """What a program writes. Raises DumpFailed at the end if it did not end well."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, env=ENVIRONMENT, bufsize=BLOCK, start_new_session=True
        )
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            yield process.stdout
            code = process.wait()
        finally:
            process.stdout.close()
            if process.poll() is None:
                process.kill()
                process.wait()
        if code != 0:
            raise DumpFailed(_last(said, code))


def _last(said: IO[bytes], code: int) -> str:
    """Why a program ended: its last error, without its own name."""
    said.seek(0)
    lines = [line.strip() for line in said.read().decode(errors="replace").splitlines()]
    errors = [line.split("error: ", 1)[1] for line in lines if "error: " in line]
    return (errors or [line for line in lines if line] or [f"it ended with code {code}"])[-1].rstrip(".")


# --- reading ----------------------------------------------------------------------------------------------------------------


def open_archive(file: Path, programs: Path) -> Archive:
    """Look into a file. Raises DumpFailed when it is no dump of Situate's, or cannot be read."""
    file = file.absolute()  # a name may begin with a dash
    try:
        with file.open("rb") as opened:
            if opened.read(5) != b"PGDMP":
                raise DumpFailed(f"{file} is no backup: `situate backup` did not write it.")
    except OSError as error:
        raise DumpFailed(f"{file} cannot be read: {error.strerror}.") from error
    readers = _found(programs, "pg_restore")
    for program in readers:
        try:
            with _reading([str(program), "--list", str(file)]) as out:
                listed = out.read().decode(errors="replace")
        except DumpFailed as error:
            if program is readers[-1] or "unsupported version" not in str(error):  # a newer one on the PATH may know it
                raise DumpFailed(f"{file} is no backup, or is damaged: {error}.") from error
        else:
            return _understand(file, program, listed)
    raise DumpFailed(f"There is no pg_restore in {programs}. Install Situate anew.")


def _understand(file: Path, program: Path, listed: str) -> Archive:
    entries = [match for line in listed.splitlines() if (match := _ENTRY.fullmatch(line))]
    schemas = {
        table: {entry["schema"] for entry in entries if entry["kind"] == "TABLE DATA" and entry["name"].split()[0] == table}
        for table in ("migrations", "documents", "procrastinate_jobs")
    }
    common = set.intersection(*schemas.values())
    if len(common) != 1:
        raise DumpFailed(f"{file} is a dump of another program's database, not a backup of Situate.")
    archive = Archive(
        file=file,
        schema=common.pop(),
        migrations=(),
        _program=program,
        _list="".join(f"{entry[0]}\n" for entry in entries if _is_ours(entry)),
    )
    applied: tuple[str, ...] = ()
    for block in blocks(archive, "data", "--table=migrations"):
        if isinstance(block, Rows) and block.table == "migrations":
            applied = tuple(line.split(b"\t")[0].decode() for line in block.lines)
    return Archive(**{**vars(archive), "migrations": applied})


def _is_ours(entry: re.Match[str]) -> bool:
    """The schema and the extension are the target's own; a policy for backups belongs to the server it was made on."""
    if entry["kind"] == "POLICY":
        return entry["name"].split()[1] != BACKUP_ROLE
    return entry["kind"] not in {"SCHEMA", "EXTENSION", "COMMENT"}


def script(archive: Archive, section: str) -> bytes:
    """The statements of a section that holds no rows: pre-data or post-data. Raises DumpFailed."""
    return b"".join(block for block in blocks(archive, section) if isinstance(block, bytes))


def blocks(archive: Archive, section: str, *options: str) -> Iterator[bytes | Rows]:
    """A section as statements and rows, in order. Raises DumpFailed, at the end too: what came before is not to be kept then."""
    with tempfile.NamedTemporaryFile("w", suffix=".list", encoding="utf-8") as listing:
        listing.write(archive._list)  # noqa: SLF001 - its own module
        listing.flush()
        flags = [f"--section={section}", "--no-owner", "--no-privileges", f"--use-list={listing.name}", *options, "--file=-"]
        try:
            with _reading([str(archive._program), *flags, str(archive.file)]) as out:  # noqa: SLF001 - its own module
                yield from _blocks(out, has_rows=section == "data")
        except DumpFailed as error:
            raise DumpFailed(f"{archive.file} is damaged: {error}.") from error


def _blocks(out: IO[bytes], *, has_rows: bool) -> Iterator[bytes | Rows]:
    statements: list[bytes] = []
    for line in out:
        if has_rows and (begun := _COPY.fullmatch(line)):
            yield b"".join(statements)
            statements = []
            yield Rows(table=begun["table"].decode(), copy=line, lines=_rows(out))
        elif not line.startswith((b"\\restrict ", b"\\unrestrict ")):  # for psql, which would run commands of its own
            statements.append(line)
    yield b"".join(statements)


def _rows(out: IO[bytes]) -> Iterator[bytes]:
    for line in out:  # where they end without the mark, so does pg_restore, and says why
        if line == b"\\.\n":
            return
        yield line


def count(archive: Archive) -> dict[str, int]:
    """Read a file from its beginning to its end: how many rows of each table it holds. Raises DumpFailed."""
    return {block.table: sum(1 for _ in block.lines) for block in blocks(archive, "data") if isinstance(block, Rows)}
