"""Folders for the homes of short-lived servers: in memory where the system has room, and reachable by Postgres' own user.

A file system on disk pays for the hundreds of files of every database that is made and dropped; ext4 without a journal pays most, as it
looks at every inode that was freed within the last minutes before it gives out one.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = "/dev/shm"  # noqa: S108 - Linux's; containers often have 64 MB there
ROOM = 2 << 30  # bytes


@contextmanager
def open_folder() -> Iterator[Path]:
    """An empty one that other users can pass through: when root runs the tests, Postgres runs as another user, whom pytest's keep out."""
    with tempfile.TemporaryDirectory(prefix="situate-", dir=_roomy_memory()) as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def _roomy_memory() -> str | None:
    """Where a home in memory may lie; Postgres' programs are run from some homes, which hardened systems forbid there."""
    if sys.platform != "linux" or not os.access(MEMORY, os.W_OK):
        return None
    system = os.statvfs(MEMORY)
    allowed = not system.f_flag & os.ST_NOEXEC and system.f_bavail * system.f_frsize > ROOM
    return MEMORY if allowed else None
