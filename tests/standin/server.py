"""What the stand-ins share: a threaded HTTP server that records requests and fails on demand."""

from __future__ import annotations

import itertools
import json
import math
import random
import re
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

DROPPED = 0  # in the place of a status
HAN = "\u3400-\u4dbf\u4e00-\u9fff"


class Refusal(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: Any  # decoded JSON, or None
    query: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A JSON body, JSON lines, or server-sent events as (name, data) pairs."""

    body: Any = None
    lines: list[Any] | None = None
    events: Iterable[tuple[str, Any]] | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Server:
    """A vendor's API in a thread. Subclasses say how a request is answered and what an error looks like."""

    key = "key-of-the-stand-in"

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.delay = 0.0  # seconds before a response begins
        self.event_delay = 0.0  # seconds between two events of a stream
        self.lock = threading.Lock()
        self.in_flight = 0  # requests that have come and are not answered whole
        self._failures: list[Refusal | None] = []
        self._storm: Iterator[Refusal | None] = itertools.repeat(None)
        self._count = 0
        handler = type("Handler", (_Handler,), {"server_side": self})
        self._http = _Http(("127.0.0.1", port), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, name="stand-in", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(timeout=5)

    def fail_next(
        self, status: int, times: int = 1, headers: dict[str, str] | None = None, message: str = "told to fail", *, after: int = 0
    ) -> None:
        """Answer requests with an error, the next ones or those after so many. A wait is kept short unless headers say otherwise."""
        if headers is None:
            headers = {429: {"retry-after": "0.01"}, 529: {"retry-after-ms": "10"}}.get(status, {})
        with self.lock:
            self._failures += [None] * after + [Refusal(status, message, headers)] * times

    def mend(self) -> None:
        """Answer again what was to fail."""
        with self.lock:
            self._failures.clear()

    def drop_next(self, times: int = 1) -> None:
        """Close the connection of the next requests without an answer."""
        self.fail_next(DROPPED, times, headers={})

    def storm(self, share: float, *, statuses: Sequence[int] = (429, 529), retry_after: float = 0.02, seed: int = 0) -> None:
        """From now on refuse so large a share of requests, at random; a share of 0 ends it."""
        chance = random.Random(seed)
        refusals = [Refusal(status, "the storm", {"retry-after": str(retry_after)}) for status in statuses]
        self._storm = (chance.choice(refusals) if chance.random() < share else None for _ in itertools.count())

    def handle(self, request: Request) -> tuple[int, Reply]:
        with self.lock:
            self.requests.append(request)
            self._count += 1
            request_id = f"req_{self._count:06d}"
            failure = self._failures.pop(0) if self._failures else next(self._storm)
        try:
            if failure:
                raise failure
            reply = self.answer(request, request_id)
        except Refusal as refusal:
            return refusal.status, Reply(body=self.error(refusal, request_id), headers=self.headers(request_id) | refusal.headers)
        return 200, Reply(body=reply.body, lines=reply.lines, events=reply.events, headers=self.headers(request_id) | reply.headers)

    def bearer(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return token if scheme == "Bearer" else ""

    def answer(self, request: Request, request_id: str) -> Reply:
        raise NotImplementedError

    def error(self, refusal: Refusal, request_id: str) -> Any:
        raise NotImplementedError

    def headers(self, request_id: str) -> dict[str, str]:
        raise NotImplementedError

    @contextmanager
    def counted(self) -> Iterator[None]:
        with self.lock:
            self.in_flight += 1
        try:
            yield
        finally:
            with self.lock:
                self.in_flight -= 1

    def begun(self, request: Request) -> None:
        """Called when the first byte of a response has been sent."""


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up in the middle is what some tests do; anything else is a fault of the stand-in."""
        import sys

        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_side: ClassVar[Server]

    def do_GET(self) -> None:
        self._serve(None)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            body = json.loads(raw)
        except ValueError:  # not JSON, or no text at all
            body = raw
        self._serve(body)

    def _serve(self, body: Any) -> None:
        side = self.server_side
        headers = {name.lower(): value for name, value in self.headers.items()}
        path, _, query = self.path.partition("?")
        request = Request(method=self.command, path=path, headers=headers, body=body, query=dict(parse_qsl(query)))
        with side.counted():
            self._answer(request)

    def _answer(self, request: Request) -> None:
        side = self.server_side
        status, reply = side.handle(request)
        time.sleep(side.delay)
        if status == DROPPED:
            self.close_connection = True
            return
        if reply.events is None:
            payload = json.dumps(reply.body).encode()
            kind = "application/json"
            if reply.lines is not None:
                payload, kind = "".join(f"{json.dumps(line)}\n" for line in reply.lines).encode(), "application/x-jsonl"
            self._head(status, {"content-type": kind, "content-length": str(len(payload))} | reply.headers)
            side.begun(request)
            self.wfile.write(payload)
            return
        self._head(status, {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"} | reply.headers)
        side.begun(request)
        for name, data in reply.events:
            if name == "hang up":  # the connection breaks in the middle of a chunked body
                self.close_connection = True
                return
            self._chunk(f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode())
            time.sleep(side.event_delay)
        self._chunk(b"")

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it)
        """Silence: the requests are recorded."""


def words(text: str) -> list[str]:
    """Lower-case words and the character pairs of Chinese runs."""
    found: list[str] = []
    for run in re.findall(rf"[{HAN}]+|[^\W_{HAN}]+", text.lower()):
        if re.match(rf"[{HAN}]", run):
            found += [run[i : i + 2] for i in range(max(1, len(run) - 1))]
        else:
            found.append(run)
    return found


def scores(query: str, texts: Sequence[str]) -> list[float]:
    """In [0, 1]: the share of the query's words that a text holds, rare words counting more."""
    bags = [set(words(text)) for text in texts]
    frequency = Counter(word for bag in bags for word in bag)
    weight = {word: math.log(1 + len(bags) / frequency[word]) if frequency[word] else math.log(1 + len(bags)) for word in set(words(query))}
    total = sum(weight.values()) or 1.0
    return [sum(value for word, value in weight.items() if word in bag) / total for bag in bags]


def direction(text: str, dimensions: int) -> list[float]:
    """A vector by feature hashing of the text's words: texts with common words are near. Its length is not 1, as some models' is not."""
    vector = [0.0] * dimensions
    for word in words(text) or [text]:
        digest = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "big")
        vector[(digest >> 1) % dimensions] += 1.0 if digest & 1 else -1.0
    return vector
