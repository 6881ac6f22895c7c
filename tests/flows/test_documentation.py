"""Each page of the docs, followed: what it says to type is typed, in its order, with the real program on a real Postgres.

Of a page the fences `sh`, `python` and `sql` are run, as one bash script; `console` marks what needs root, another program or another machine.
Not run, but checked as far as that goes:
- `make ...`: `make run` and `make test` are what CI runs, and they would install; that make knows the target is looked at;
- `situate serve`, `web` and `worker`, which last until stopped (test_serve.py, test_worker_death.py); their arguments are looked at.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from db import embedded, migrate
from db.embedded_files import find_place, find_programs
from tests import pdfs
from tests.folders import open_folder

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(sh|python|sql)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if FENCE.search(page.read_text("utf-8"))]
LOOPBACK = "127.0.83.71" if sys.platform == "linux" else "127.0.0.1"  # all of 127/8 is ours on Linux: nobody else listens there
PRELUDE = f"""\
set -eu -o pipefail
make() {{ command make -n -C {ROOT} "$@" > /dev/null; }}
situate() {{ case "$1" in serve|web|worker) command situate "$@" --help > /dev/null;; *) command situate "$@";; esac; }}
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home whose Postgres runs, so that commands find it running, with `papers` beside it and in it."""
    with open_folder() as folder:
        (folder / "papers").mkdir()
        (folder / "papers" / "report.pdf").write_bytes(pdfs.report())
        (folder / "papers" / "cash flows.pdf").write_bytes(pdfs.cash_flow())
        server = embedded.start(folder / "home", settings={"fsync": "off"})
        subprocess.run(["situate", "ingest", "papers"], env=environment(folder / "home"), cwd=folder, check=True, capture_output=True)
        yield folder / "home"
        server.leave()


@pytest.fixture(scope="module")
def own_server() -> Iterator[tuple[str, Path]]:
    """A Postgres as an operator has one, which answers on TCP and asks for passwords: its superuser's URL, and psql."""
    with open_folder() as folder:
        access = folder / "pg_hba.conf"
        access.write_text("local all all peer map=situate\nhost all situate 127.0.0.0/8 scram-sha-256\n")
        access.chmod(0o644)
        server = embedded.start(folder / "home", settings={"fsync": "off", "listen_addresses": LOOPBACK, "hba_file": str(access)})
        yield urlsplit(server.superuser_url)._replace(path="/postgres").geturl(), find_programs(find_place(folder / "home")) / "psql"
        server.leave()


@pytest.fixture
def superuser(own_server: tuple[str, Path]) -> str:
    """The same, without anything of ours in it."""
    with psycopg.connect(own_server[0], autocommit=True) as connection:
        connection.execute("drop database if exists situate with (force)")
        connection.execute("drop role if exists situate, situate_backup")
    return own_server[0]


def script(page: Path) -> str:
    """All that the page says to type."""
    text, lines = page.read_text("utf-8"), [PRELUDE]
    for fence in FENCE.finditer(text):
        kind, typed = fence.groups()
        lines.append(f"echo '@@ line {text.count(chr(10), 0, fence.start()) + 1}' >&2")
        match kind:
            case "sh":
                lines.append(typed.replace("@host/", f"@{LOOPBACK}/"))
            case "python":
                lines.append(f"python - <<'PYTHON'\n{typed}PYTHON")
            case "sql":
                lines.append(f'"$PSQL" -X -q -v ON_ERROR_STOP=1 "$SUPERUSER" <<\'SQL\'\n{typed}SQL')
    return "\n".join(lines)


def environment(home: Path, **more: str) -> dict[str, str]:
    """A person's, with nothing of ours in it."""
    path = f"{Path(sys.executable).parent}:{os.defpath}"
    return {"PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(home.parent), "LANG": "C.UTF-8", "SITUATE_HOME": str(home), **more}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_says_to_type_works(page: Path, home: Path, superuser: str, own_server: tuple[str, Path], tmp_path: Path) -> None:
    typed = script(page).replace("/tmp/elsewhere", str(home.with_name("elsewhere")))  # noqa: S108 - as a page has it
    if "'SQL'" in typed and "create role situate " not in typed:
        subprocess.run([own_server[1], "-X", "-q", superuser], input=migrate.ROLE_HELP, text=True, check=True)
    shutil.copytree(home.with_name("papers"), tmp_path / "papers")
    done = subprocess.run(
        ["bash", "-c", typed],
        check=False,
        cwd=tmp_path,
        env=environment(home, SUPERUSER=superuser, PSQL=str(own_server[1])),
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=600,
    )
    assert done.returncode == 0, f"{page.name}, from {done.stderr.rpartition('@@ ')[2]}\n{done.stdout[-2000:]}"
