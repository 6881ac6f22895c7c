"""Traps of bench.starts: where it is started, by whom, and with what around it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bench.started import ROOT, Ground, Situate, SkippedError, cluster, eventually, plain_user

READY = "report.pdf ready"
SHIMS = Path(__file__).with_name("start_shims.c")
ODD_NAMES = ("with spaces 文档 资料", "'single' \"double\" $HOME `id` 100%41, comma", "ends in \\")


def _works(ground: Ground, **options: object) -> Situate:
    """Start, take a document in, and find it ready."""
    one = ground.serve(**options)
    ground.hand_in(ground.pdf())
    ground.until_listed(READY)
    return one


def _refusal(ground: Ground, *arguments: str, **options: object) -> str:
    """The one sentence with which a start ends that cannot be."""
    done = ground.attempt(*(arguments or ("serve", "--port", "0")), **options)  # type: ignore[arg-type]
    told = done.stderr.strip()
    assert done.returncode == 1, f"exit code {done.returncode}: {told}"
    assert "Traceback" not in told, told[-500:]
    return f"exit code 1: “{told.rpartition('situate: ')[2].strip()}”"


def _as_plain(ground: Ground) -> str:
    """Start all that follows as a user without rights, in a folder of theirs."""
    user = plain_user()
    if os.geteuid() == 0:
        ground.within = ["runuser", "-u", user, "--"]
        own = ground.folder / "own"
        own.mkdir()
        shutil.chown(own, user)
        ground.place = own
    return user


def _shim(ground: Ground) -> dict[str, str]:
    """Preload our own clock, or refusal of locks. Raises SkippedError."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform == "darwin":
        raise SkippedError("no C compiler for a library to preload")
    library = ground.folder / "shims.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SHIMS, "-ldl"], check=True)
    return {"LD_PRELOAD": str(library)}


# --- paths ------------------------------------------------------------------------------------------------------------------


def odd_names(ground: Ground) -> str:
    """A home with spaces and Chinese characters, one with quotes, comma, dollar and percent, one that ends in a backslash"""
    for name in ODD_NAMES:
        ground.name = name
        _works(ground).stop()
    return f"each ready, {READY}"


def long_path(ground: Ground) -> str:
    """A home whose path has 300 characters (a socket's name may have 107)"""
    ground.name = "/".join(["d" * 95] * 3)
    one = _works(ground)
    (socket_folder,) = Path("/tmp").glob(f"situate-*-{_digest(ground.home)}")  # noqa: S108 - where it is looked for
    one.stop()
    assert not socket_folder.exists()
    return f"ready, {READY}; the socket lay in a private folder of /tmp, gone afterwards"


def _digest(home: Path) -> str:
    return hashlib.sha256(os.fsencode(home.resolve() / "postgres")).hexdigest()[:12]


def folder_elsewhere(ground: Ground) -> str:
    """Started in another folder, and in one that is deleted afterwards"""
    _works(ground, cwd=Path("/usr")).stop()
    gone = ground.folder / "gone"
    gone.mkdir()
    ground.within = ["sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', str(gone)]
    one = ground.serve()
    ground.within = ()
    assert one.answers("/documents")
    ground.until_listed(READY)
    return f"ready both times, pages answer, {READY}"


# --- who --------------------------------------------------------------------------------------------------------------------


def by_root(ground: Ground) -> str:
    """Started by root"""
    if os.geteuid() != 0:
        raise SkippedError("this is not root")
    _works(ground)
    return f"ready, {READY}; Postgres runs as the system user `{psutil.Process(cluster(ground.folder)[0]).username()}`"


def by_a_plain_user(ground: Ground) -> str:
    """Started by a user without rights"""
    user = _as_plain(ground)
    _works(ground)
    assert psutil.Process(cluster(ground.folder)[0]).username() == user
    return f"ready, {READY}; Postgres runs as that user"


def without_home_variable(ground: Ground) -> str:
    """HOME not set, and SITUATE_HOME neither, by a plain user"""
    _as_plain(ground)
    told = ground.attempt("doctor", "--json", extra={"HOME": None, "SITUATE_HOME": None})
    assert told.returncode == 0, told.stderr[-300:]
    return f"ready in the home that the system knows: {json.loads(told.stdout)[0]['finding']}"


def without_a_name(ground: Ground) -> str:
    """A user id without a name, HOME not set"""
    if os.geteuid() != 0:
        raise SkippedError("becoming another user needs root")
    plain_user()  # whether others reach the interpreter
    ground.within = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    own = ground.folder / "own"
    own.mkdir()
    os.chown(own, 54321, 54321)
    ground.place = own
    homeless = _refusal(ground, extra={"HOME": None, "SITUATE_HOME": None})
    embedded = _refusal(ground, extra={"HOME": None})
    url = "postgresql://situate@127.0.0.1:1/situate"
    other = _refusal(ground, extra={"HOME": None, "DATABASE_URL": url})
    return f"without SITUATE_HOME {homeless}; with it {embedded}; with a DATABASE_URL too, the address is tried: {other}"


def umasks(ground: Ground) -> str:
    """umask 077, umask 000"""
    modes = []
    for umask in ("077", "000"):
        ground.name = umask
        ground.within = ["sh", "-c", f'umask {umask}; exec "$@"', "sh"]
        _works(ground).stop()
        rooms = [ground.home, ground.home / "postgres", ground.home / "postgres" / "data"]
        modes.append(" ".join(f"{path.stat().st_mode & 0o777:o}" for path in rooms))
        assert all(path.stat().st_mode & 0o066 == 0 for path in rooms), modes
    return f"ready, {READY}; home, postgres and data have the modes {' and '.join(modes)}"


# --- what is around ---------------------------------------------------------------------------------------------------------


def plain_locale(ground: Ground) -> str:
    """LC_ALL=C and POSIX, a file with a Chinese name"""
    for locale in ("C", "POSIX"):
        ground.name = locale
        extra = {"LC_ALL": locale, "LANG": locale}
        one = ground.serve(extra=extra)
        done = ground.attempt("ingest", ground.pdf("年报 é.pdf"), extra=extra)
        assert done.returncode == 0, done.stderr
        assert ground.listed(extra=extra) == "年报 é.pdf ready", ground.listed(extra=extra)
        one.stop()
    return "ready, the file keeps its name"


def variables(ground: Ground) -> str:
    """PGHOST, PGPORT, PGDATA, PGUSER, PGDATABASE, PGOPTIONS, PGCLIENTENCODING, PGSERVICE, PYTHONPATH, PYTHONOPTIMIZE set to nonsense"""
    extra = {
        "PGHOST": "nowhere.invalid",
        "PGPORT": "1",
        "PGDATA": "/nowhere",
        "PGUSER": "nobody",
        "PGDATABASE": "nothing",
        "PGOPTIONS": "-c default_transaction_read_only=on -c search_path=nowhere",
        "PGCLIENTENCODING": "LATIN1",
        "PGSERVICE": "nothing",
        "PGSSLMODE": "verify-full",
        "PYTHONPATH": f"/nowhere:{ROOT}",
        "PYTHONOPTIMIZE": "2",
    }
    one = ground.serve(extra=extra)
    done = ground.attempt("ingest", ground.pdf("年报.pdf"), extra=extra)
    assert done.returncode == 0, done.stderr
    assert ground.listed(extra=extra) == "年报.pdf ready"
    assert one.answers("/documents")
    return "ready, 年报.pdf ready: none is heeded"


def zone(ground: Ground) -> str:
    """TZ=Asia/Kathmandu (UTC+05:45)"""
    one = _works(ground, extra={"TZ": "Asia/Kathmandu"})
    times = [datetime.fromisoformat(json.loads(line)["at"]) for line in one.log.read_text().splitlines() if line.startswith("{")]
    assert all(abs((datetime.now(UTC) - time).total_seconds()) < 120 for time in times)
    return f"ready, {READY}; log records are in UTC ({times[-1]:%H:%M %Z}), pages in the reader's zone"


def clock(ground: Ground) -> str:
    """The clock jumps a day ahead, and two days back, during work (a preloaded library; Postgres keeps the true one)"""
    ahead = ground.folder / "ahead"
    ahead.write_text("0")
    one = ground.serve(extra={**_shim(ground), "SHIM_CLOCK": str(ahead)})
    ground.hand_in(ground.pdf("a.pdf", 300))
    ahead.write_text("86400")
    ground.until_listed("a.pdf ready")
    ground.hand_in(ground.pdf("b.pdf", 300))
    ahead.write_text("-86400")
    ground.until_listed("a.pdf ready, b.pdf ready")
    assert one.answers()
    return "a.pdf ready, b.pdf ready, pages answer"


def locks_refused(ground: Ground) -> str:
    """A file system that refuses locks (flock answers ENOLCK)"""
    return _refusal(ground, extra={**_shim(ground), "SHIM_FLOCK": str(errno.ENOLCK)})


def noexec(ground: Ground) -> str:
    """A folder for temporary files that nothing may be run from"""
    where = ground.tmpfs("100m", "noexec")
    where.chmod(0o1777)
    _works(ground, extra={"TMPDIR": str(where)})
    return f"ready, {READY}"


def read_only_root(ground: Ground) -> str:
    """Everything read-only but SITUATE_HOME, TMPDIR and /dev/shm, as in a container, by a plain user"""
    user = _as_plain(ground)
    if os.geteuid() != 0:
        raise SkippedError("mounting needs root")
    temporary = ground.folder / "tmp"
    temporary.mkdir()
    shutil.chown(temporary, user)
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro / && exec "$@"'
    ground.within = ["unshare", "--mount", "sh", "-c", script, str(ground.folder), *ground.within]
    one = _works(ground, extra={"TMPDIR": str(temporary), "HOME": "/nonexistent"})
    assert one.answers("/documents")
    one.stop()
    assert not any(temporary.iterdir()), f"left: {[path.name for path in temporary.iterdir()]}"
    return f"ready, {READY}, pages answer; TMPDIR is empty afterwards"


# --- disks and ports --------------------------------------------------------------------------------------------------------


def read_only_home(ground: Ground) -> str:
    """A home that is read-only: at the first start, and when it holds documents"""
    ground.place = ground.tmpfs("400m")
    _works(ground).stop()
    remount = ["mount", "-o", "remount,ro", ground.place]
    subprocess.run(remount, check=True)
    held = _refusal(ground)
    ground.name = "another"
    return f"at first {_refusal(ground)}; with documents {held}"


def closed_home(ground: Ground) -> str:
    """A home in a folder that its plain user may not write to"""
    _as_plain(ground)
    ground.place.chmod(0o555)
    shutil.chown(ground.place, 0) if os.geteuid() == 0 else None
    return _refusal(ground)


def disk_full_at_first(ground: Ground) -> str:
    """A disk that is full at the first start, and has room at the second"""
    ground.place = ground.tmpfs("20m")
    told = _refusal(ground)
    subprocess.run(["mount", "-o", "remount,size=400m", ground.place], check=True)
    _works(ground)
    return f"{told}; with room, ready, {READY}"


def disk_full_at_work(ground: Ground) -> str:
    """A disk that fills up while a document of 40 MB is taken in, with 0, 6 and 20 MB left before, and has room again"""
    ground.place = ground.tmpfs("400m")
    one = _works(ground)
    told = []
    for left in (0, 6, 20):
        before = ground.listed()
        with (ground.place / "ballast").open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, shutil.disk_usage(ground.place).free - left * 1_000_000)
        name = f"large-{left}.pdf"
        done = ground.attempt("ingest", ground.pdf(name, 5, megabytes=40))
        assert done.returncode == 1, f"with {left} MB left it was taken"
        assert "Traceback" not in done.stderr, done.stderr[-800:]
        told.append(f"{left} MB: “{' '.join((done.stdout + done.stderr).split())}”")
        (ground.place / "ballast").unlink()
        eventually(one.answers)
        assert ground.listed() == before, f"half-stored: {ground.listed()}"
    ground.run("ingest", ground.folder / "large-6.pdf")
    assert ground.listed() == f"large-6.pdf ready, {READY}", ground.listed()
    return f"{'; '.join(told)}. With room, ready by itself, nothing half-stored, the same file then taken in"


def busy_port(ground: Ground) -> str:
    """The port is taken: on every address, and on ::1 alone"""
    told = []
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1")):  # noqa: S104
        with closing(socket.socket(family)) as other:
            other.bind((address, 0))
            other.listen()
            port = other.getsockname()[1]
            one = ground.serve("--port", str(port))
            said = (
                "“" + found[0] + "”"
                if (found := re.search(r"Port \d+ is taken; using \d+\.", one.told()))
                else "the same port, free at 127.0.0.1"
            )
            told.append(f"{address}: {said.replace(str(port + 1), 'N+1').replace(str(port), 'N')}")
            one.stop()
    return "ready; " + ", ".join(told)


def forbidden_port(ground: Ground) -> str:
    """A port that a plain user may not have (80)"""
    _as_plain(ground)
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
        raise SkippedError("here everybody may have it")
    return _refusal(ground, "serve", "--port", "80")


TRAPS = (
    odd_names,
    long_path,
    folder_elsewhere,
    by_root,
    by_a_plain_user,
    without_home_variable,
    without_a_name,
    umasks,
    plain_locale,
    variables,
    zone,
    clock,
    locks_refused,
    noexec,
    read_only_root,
    read_only_home,
    closed_home,
    disk_full_at_first,
    disk_full_at_work,
    busy_port,
    forbidden_port,
)
