"""Folders for the homes of short-lived servers: in memory where the system has room, and reachable by Postgres' own user.

A file system on disk pays for the hundreds of files of every database that is made and dropped; ext4 without a journal pays most, as it
looks at every inode that was freed within the last minutes before it gives out one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - Linux's; containers often have 64 MB there
ROOM = 2 << 30  # bytes


@contextmanager
def open_folder() -> Iterator[Path]:
    """An empty one that other users can pass through: when root runs the tests, Postgres runs as another user, whom pytest's keep out."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    with tempfile.TemporaryDirectory(prefix="situate-", dir=MEMORY if roomy else None) as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder
