"""`situate serve`: the database, one worker and the web application, started together and stopped together; `situate web`: no worker."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING

import uvicorn

from rag import listening, process
from rag.deps import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rag.settings import Settings

log = logging.getLogger(__name__)

WEB = "pages.parts.web:app"  # named as to any ASGI server: rag knows no Streamlit, the pages know rag
WORKER_GRACE = 20.0  # seconds a stopping worker has for its step
PAGE_GRACE = 3  # seconds open pages have to close their connections
STEADY = 60.0  # seconds after which a worker that ends counts as a new fault, not the same again
MESSAGE_BYTES = 200 * 1024 * 1024  # the largest WebSocket message, Streamlit's own limit


def serve(settings: Settings, *, port: int, worker: bool = True) -> int:
    """Run until SIGINT, SIGTERM or SIGHUP, and then return 0. Prints one line, the address, when pages can be opened.

    Raises DatabaseRefused and SettingsError when it cannot start.
    """
    _listen_to_signals()
    try:
        with opened(settings, lasting=True) as deps, listening.watched(deps):
            process.provide(deps)
            # the model loads (about 2 s) while the first page is drawn, not with the first question
            threading.Thread(target=deps.embedder.embed_query, args=("ready?",), name="model-loader", daemon=True).start()
            with closing(_listen(settings.host, port)) as listener, _worker() if worker else nullcontext():
                _run_web(listener)
    except KeyboardInterrupt:
        log.info("Stopped.")
    finally:
        process.provide(None)
    return 0


def _listen_to_signals() -> None:
    """Let each end as KeyboardInterrupt does, so that everything is closed; uvicorn sees to the first two while it runs."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))


# --- the web application ----------------------------------------------------------------------------------------------------


class _Web(uvicorn.Server):
    """Says its address once it answers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            print(f"Situate is running at {_address(sockets[0])} (Ctrl-C stops it)", flush=True)  # noqa: T201 - the one line of stdout


def _run_web(listener: socket.socket) -> None:
    """Serve pages until asked to stop; raises KeyboardInterrupt then."""
    config = uvicorn.Config(
        WEB,
        factory=True,
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=MESSAGE_BYTES,
        timeout_graceful_shutdown=PAGE_GRACE,
    )
    try:
        _Web(config).run(sockets=[listener])
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):  # asked once is enough; a second Ctrl-C must not leave half of it running
            signal.signal(number, signal.SIG_IGN)


def _listen(host: str, port: int) -> socket.socket:
    """A socket on `port`, or on the next free one. Raises SettingsError."""
    listener = listening.bind(host, port, setting="SITUATE_PORT")
    address, taken = listener.getsockname()[:2]
    if not _is_private(address):
        log.warning("Whoever reaches this machine on port %s can read and delete every document: there is no sign-in.", taken)
    return listener


def _is_private(address: str) -> bool:
    return address == "::1" or address.startswith("127.")


def _address(listener: socket.socket) -> str:
    """What to open in a browser on this machine."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


# --- the worker -------------------------------------------------------------------------------------------------------------


@contextmanager
def _worker() -> Iterator[None]:
    """One worker process while the block runs, replaced when it ends by itself."""
    stopping = threading.Event()
    keeper = threading.Thread(target=_keep_worker, args=(stopping,), name="worker-keeper")
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        keeper.join()


def _keep_worker(stopping: threading.Event) -> None:
    pause = 1.0
    while not stopping.is_set():
        began = time.monotonic()
        # A session of its own: Ctrl-C in the terminal asks us, and we ask the worker. The pipe is its tether (rag/tether.py).
        command = [sys.executable, "-m", "rag.tether", "worker"]
        worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=sys.stderr, start_new_session=True)
        log.info("The worker runs as process %d.", worker.pid)
        while worker.poll() is None and not stopping.wait(0.2):
            pass
        if worker.poll() is None:
            _stop(worker)
        elif not stopping.is_set():
            pause = 1.0 if time.monotonic() - began > STEADY else pause
            log.warning("The worker ended (exit code %s); starting another in %d s.", worker.returncode, pause)
            stopping.wait(pause)
            pause = min(pause * 2, STEADY)
        if worker.stdin is not None:
            worker.stdin.close()


def _stop(worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()
    try:
        worker.wait(WORKER_GRACE)
    except subprocess.TimeoutExpired:
        log.warning("The worker did not stop in %d s and is killed; its document is taken up again at the next start.", WORKER_GRACE)
        worker.kill()
        worker.wait()
