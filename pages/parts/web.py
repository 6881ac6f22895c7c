"""The ASGI application: Streamlit's, with our response headers, and routes: to pages and files, and for probes."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from streamlit import config

from pages.parts.paper_routes import paper_routes
from pages.parts.requests import Requests, in_request
from rag import listening, process

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

ENTRY = Path(__file__).parents[2] / "app.py"

# Nothing in a document or an answer can make the page load, run, frame or send anything. `blob:` is how Streamlit loads components;
# its elements carry styles of their own.
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; script-src 'self' blob: 'wasm-unsafe-eval' {scripts}; script-src-attr 'none'; "
    "style-src 'self' 'unsafe-inline'; font-src 'self' data:; connect-src 'self'; frame-src 'none'; frame-ancestors 'none'; "
    "form-action 'self'; base-uri 'none'; object-src 'none'"
)
UNUSED = ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone", "midi", "payment", "usb")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for what does not know frame-ancestors
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in UNUSED),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def app() -> st.App:
    """The application over this process's Deps (rag.process)."""
    settings = process.provided().settings
    headers = {**HEADERS, "Content-Security-Policy": POLICY.format(scripts=" ".join(_own_scripts()))}
    made = st.App(
        ENTRY,
        routes=[Route("/healthz", _alive), Route("/readyz", _ready), *paper_routes()],
        middleware=[Middleware(Requests), Middleware(_Headers, headers=headers)],
        on_script_error=_page_failed,
    )
    _join_logs()
    config.set_option("server.maxUploadSize", settings.max_file_mb)  # after App, which finds .streamlit/config.toml by its script
    return made


def _join_logs() -> None:
    """Let Streamlit's records, and those of the server, which it takes over, be told like ours: they are lines of its own otherwise."""
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        if handler := getattr(logger, "streamlit_console_handler", None):
            logger.removeHandler(handler)
            logger.propagate = True
    logging.getLogger("streamlit.error_util").setLevel(logging.CRITICAL)  # _page_failed says it, and on which page


def _page_failed(error: Exception) -> None:
    with in_request():
        log.error("a page failed", exc_info=error)


def _own_scripts() -> list[str]:
    """The inline scripts of Streamlit's own page, as the policy names them: by their digest."""
    page = Path(st.__file__).with_name("static") / "index.html"
    scripts = re.findall(r"<script>(.*?)</script>", page.read_text("utf-8"), re.DOTALL)
    return [f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts]


async def _alive(_: Request) -> PlainTextResponse:
    """Whatever becomes of the database: to start this process anew would not bring it back."""
    return PlainTextResponse(listening.ALIVE)


async def _ready(_: Request) -> PlainTextResponse:
    if await run_in_threadpool(listening.is_ready, process.provided()):
        return PlainTextResponse(listening.READY)
    return PlainTextResponse(listening.NOT_READY, status_code=503)


class _Headers:
    """Adds these headers to every response."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    sent.setdefault(name, value)  # a route may have a policy of its own
            await send(message)

        await self._app(scope, receive, send_with_headers)
