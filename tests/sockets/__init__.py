"""Every socket of a process and of all that come from it: as Python processes call (sitecustomize.py), and as the system lists them.

The list is looked at fifty times a second: what is opened below Python, and closed again sooner, may be missed; strace would see it.
"""

from __future__ import annotations

import ipaddress
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

LOOK = 0.02  # seconds between two looks at the system's list


def environment(seen: Path) -> dict[str, str]:
    """For the process to be watched; `seen` is a folder."""
    return {"SOCKETS_SEEN": str(seen), "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])}


def stays_here(address: object) -> bool:
    """Whether an address of a call, or of a connection, is this machine's own."""
    if isinstance(address, (list, tuple)):
        address = address[0]
    if address in {None, "", "localhost"} or (isinstance(address, str) and address.startswith(("/", "\0"))):  # a Unix socket's is a path
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(str(address)).is_loopback
    return False


@dataclass(kw_only=True)
class Watch:
    """What was seen."""

    folder: Path
    listed: dict[tuple[str, str, int], str] = field(default_factory=dict)  # program, address, port -> status
    looks: int = 0

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(line) for file in self.folder.iterdir() for line in file.read_text("utf-8").splitlines()]

    @property
    def elsewhere(self) -> list[Any]:
        """Whatever was not loopback or a Unix socket."""
        return [call for call in self.calls if not stays_here(call["address"])] + [key for key in self.listed if not stays_here(key[1])]


@contextmanager
def watched(root: int, folder: Path) -> Iterator[Watch]:
    """Look at the process `root` and all that come from it, until the block ends."""
    watch, stop = Watch(folder=folder), threading.Event()

    def look() -> None:
        tree = {root: psutil.Process(root)}
        while not stop.wait(LOOK):
            for process in list(tree.values()):
                with suppress(psutil.Error):
                    tree |= {child.pid: child for child in process.children(recursive=True)}  # Postgres outlives who started it
            for process in list(tree.values()):
                with suppress(psutil.Error):
                    for connection in process.net_connections("inet"):
                        for address in (connection.laddr, connection.raddr):
                            if address:
                                watch.listed[process.name(), address.ip, address.port] = connection.status
            watch.looks += 1

    thread = threading.Thread(target=look, name="sockets")
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join()
