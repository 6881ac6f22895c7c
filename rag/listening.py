"""Where a lasting process listens: a port, or the next free one; and beside the pages a port for probes and metrics."""

from __future__ import annotations

import errno
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import ThreadingHTTPServer
from urllib.parse import urlsplit

from prometheus_client import REGISTRY, MetricsHandler

from rag import instruments, outage
from rag.deadline import within
from rag.deps import Deps
from rag.errors import ProviderError, SettingsError
from rag.worker import STALLED

log = logging.getLogger(__name__)

PORTS_TRIED = 50
PATIENCE = 2.0  # seconds that the database has to answer a probe
SILENCE = 10.0  # seconds after which a connection that asks nothing is closed

ALIVE, READY, NOT_READY = "alive\n", "ready\n", "the database does not answer\n"


def bind(host: str, port: int, *, setting: str) -> socket.socket:
    """A socket on `port`, or on the next free one. Raises SettingsError; `setting` is the one that chooses the port."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as error:
        raise SettingsError(f"SITUATE_HOST={host} is no address of this machine ({error.strerror}).") from error
    for candidate in range(port, min(port + PORTS_TRIED, 65_535) + 1 if port else 1):
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address[0], candidate, *address[2:]))
            listener.listen(2048)
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise SettingsError(f"Situate cannot listen on {host}, port {candidate}: {error.strerror}.") from error
            continue
        if candidate != port:
            log.warning("Port %s is taken; using %s.", port, candidate)
        return listener
    by = "--port or SITUATE_PORT" if setting == "SITUATE_PORT" else setting
    raise SettingsError(f"Port {port} and the {PORTS_TRIED} after it are taken. Choose another with {by}.")


def is_ready(deps: Deps) -> bool:
    """Whether the database answers, and soon: a probe does not wait."""
    try:
        return within(PATIENCE, "the database", partial(outage.is_over, deps), slots=instruments.PROBES)
    except ProviderError:
        return False


@contextmanager
def watched(deps: Deps) -> Iterator[None]:
    """Answer probes, and whoever collects metrics, while the block runs, where the settings name a port for it. Raises SettingsError."""
    port = deps.settings.metrics_port
    if port is None:
        yield
        return
    server = _Server(bind(deps.settings.host, port, setting="SITUATE_METRICS_PORT"), deps)
    queue = instruments.Queue(deps, patience=PATIENCE, silence=STALLED)
    REGISTRY.register(queue)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    log.info("Metrics are at http://%s:%d/metrics.", deps.settings.host, server.server_port)
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        REGISTRY.unregister(queue)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, deps: Deps) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_port = listener.getsockname()[1]
        self.deps = deps


class _Handler(MetricsHandler):
    """Three paths; each connection is one request."""

    server: _Server
    timeout = SILENCE

    def do_GET(self) -> None:  # noqa: N802 - the base class names it
        match urlsplit(self.path).path:
            case "/healthz":
                self._say(200, ALIVE)
            case "/readyz":
                ready = is_ready(self.server.deps)
                self._say(200 if ready else 503, READY if ready else NOT_READY)
            case "/metrics":
                super().do_GET()
            case _:
                self._say(404, "there are /healthz, /readyz and /metrics\n")

    def _say(self, status: int, told: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told.encode())
