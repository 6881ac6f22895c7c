"""Notes each socket call of a Python process, in a file of its own below SOCKETS_SEEN. Python imports it by its name, from PYTHONPATH."""

from __future__ import annotations

import json
import os
import socket
import sys

CALLS = {
    "socket.connect",
    "socket.bind",
    "socket.sendto",
    "socket.sendmsg",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.gethostbyaddr",
    "socket.getnameinfo",
}


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event not in CALLS:
        return
    first, *rest = arguments
    address = rest[-1] if isinstance(first, socket.socket) else first  # what is looked up has no socket
    if address is None:  # sendmsg on a socket that is connected
        return
    told = json.dumps({"call": event, "address": address, "program": sys.argv[:3]}, default=os.fsdecode)
    file = os.open(f"{os.environ['SOCKETS_SEEN']}/{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, told.encode() + b"\n")
    os.close(file)


if "SOCKETS_SEEN" in os.environ:
    sys.addaudithook(_note)
