"""Each request by its id: in the logs, in the answer's X-Request-ID, and in what is counted (rag.instruments)."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import TYPE_CHECKING

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders

from rag import instruments
from rag.logs import about

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-ID"
GIVEN = re.compile(r"[A-Za-z0-9._:+/=-]{1,128}")  # what is taken from a proxy; anything else is replaced

log = logging.getLogger(__name__)


class Requests:
    """Around the whole application. A page is one connection, its WebSocket: what is done there has that request's id (`in_request`).

    No line for each: who wants them has them from the proxy, and from /metrics. A response that fails is said.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request = given if GIVEN.fullmatch(given) else secrets.token_hex(8)
        MutableHeaders(scope=scope)[HEADER] = request
        began, status, opened = time.monotonic(), 500, False  # the status of an application that fails before it answers

        async def answer(message: Message) -> None:
            nonlocal status, opened
            if message["type"] in {"http.response.start", "websocket.accept"}:
                status = message.get("status", 101)
                if message["type"] == "websocket.accept":
                    opened = True
                    instruments.open_pages.inc()
                message.setdefault("headers", [])
                MutableHeaders(scope=message)[HEADER] = request
            elif message["type"] == "websocket.close" and not opened:
                status = 403  # what a browser is told of a page that was refused, such as one of another origin
            await send(message)

        try:
            with about(request=request):
                await self._app(scope, receive, answer)
        finally:
            route = _route(scope)
            instruments.requests.labels(route, str(status)).inc()
            if scope["type"] == "http":
                instruments.request_seconds.labels(route).observe(time.monotonic() - began)
            elif opened:
                instruments.open_pages.dec()
            if status >= 500 and status != 503:  # that the database is away is said once, by whoever waits for it
                log.warning("a request failed", extra={"request": request, "route": route, "status": status})


def _route(scope: Scope) -> str:
    """The route's template: paths are of too many kinds to be counted, and name documents."""
    return str(getattr(scope.get("route"), "path", "") or "other")


def in_request() -> AbstractContextManager[None]:
    """Let the records of a page's block tell whose connection they belong to."""
    request = st.context.headers.get(HEADER)
    return about(request=request) if request else about()
