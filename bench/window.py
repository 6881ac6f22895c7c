"""A browser window without a browser: it speaks to a web process as Streamlit's own script in the page does.

Hundreds of these fit beside the processes they burden. Each draws nothing, but asks as often as a browser would: every fragment that wants
to be run again is, a question is typed into the box of the page, a file goes through the upload route, and a click is a click of the tree
(pages/parts/tree.js). After a cut it connects again, to the same process or to the next one, and shows what its address names.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.session_state import STREAMLIT_INTERNAL_KEY_PREFIX
from streamlit.web.server.starlette.starlette_server_config import XSRF_COOKIE_NAME
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

PAUSE = 1.0  # seconds between two attempts to connect
PATIENCE = 180  # seconds after which a person drops files again
LARGEST = 200 << 20  # bytes of a message


class Lost(Exception):
    """The connection was cut before what was asked for came."""


class Window:
    """One open page. `addresses` are of the web processes; the first serves it, another only when that does not answer."""

    def __init__(self, addresses: list[str], *, page: str = "chat") -> None:
        self.addresses = addresses
        self.page = page
        self.query = ""  # of the browser's address
        self.ids: dict[str, str] = {}  # of widgets, by key
        self.trees: dict[str, Any] = {}  # what each tree shows, by key
        self.cuts = 0
        self._socket: ClientConnection | None = None
        self._session = self._script = ""
        self._polls: dict[str, asyncio.Task[None]] = {}
        self._fragments: dict[str, str] = {}  # in which each tree was drawn
        self._signals: dict[str, str] = {}  # that each tree showed last
        self._fresh: set[str] = set()  # keys of what was drawn since the last whole run began
        self._dropped: list[WidgetState] = []  # files in the drop zone
        self._files: dict[str, Any] = {}  # answers to requests for upload addresses
        self._changed = asyncio.Condition()
        self._clicks = 0
        self._drawn = False  # since it was asked for

    @property
    def conversation_id(self) -> int | None:
        named = dict(part.partition("=")[::2] for part in self.query.split("&"))
        return int(named["c"]) if named.get("c") else None

    async def open(self) -> None:
        """Connect, and wait until the page is drawn; again and elsewhere while nobody answers."""
        at = 0
        while True:
            address = self.addresses[at % len(self.addresses)]
            try:
                await self._connect(address)
                self._drawn = False
                await self._rerun()
                await self.until(lambda: self._drawn)
            except (OSError, WebSocketException, Lost, TimeoutError):
                at += 1
                await asyncio.sleep(PAUSE)
            else:
                return

    async def _connect(self, address: str) -> None:
        self.address = address
        await self.close()
        url = f"ws{address.removeprefix('http')}/_stcore/stream"
        self._socket = await connect(
            url, subprotocols=["streamlit"], origin=address, max_size=LARGEST, compression=None, ping_interval=None, open_timeout=60
        )  # type: ignore[arg-type, list-item]
        self._reading = asyncio.create_task(self._read(self._socket))

    async def close(self) -> None:
        self._stop_polls(list(self._polls))
        if self._socket is not None:
            with suppress(OSError, WebSocketException):
                await self._socket.close()
            await self._reading
            self._socket = None

    async def until(self, condition: Callable[[], Any], *, seconds: float = 600) -> Any:
        """What the condition gives once it gives something. Raises Lost, TimeoutError."""
        async with asyncio.timeout(seconds), self._changed:
            while not (found := condition()):
                if self._reading.done():
                    raise Lost
                await self._changed.wait()
            return found

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for data in socket:
                if isinstance(data, bytes):
                    await self._take(ForwardMsg.FromString(data))
        except (OSError, WebSocketException):
            pass
        self.cuts += 1
        async with self._changed:
            self._changed.notify_all()

    async def _take(self, message: ForwardMsg) -> None:
        match message.WhichOneof("type"):
            case "new_session":
                self._session = message.new_session.initialize.session_id
                if not message.metadata.run.fragment_ids:  # the whole page is drawn anew
                    self._stop_polls(list(self._polls))
                    self._fresh.clear()
            case "navigation":  # the page that is drawn, whichever was asked for
                self._script = message.navigation.page_script_hash
            case "delta":
                self._draw(message.delta)
            case "page_info_changed":
                self.query = message.page_info_changed.query_string
            case "auto_rerun" if message.auto_rerun.fragment_id not in self._polls:
                poll = self._poll(message.auto_rerun.fragment_id, message.auto_rerun.interval)
                self._polls[message.auto_rerun.fragment_id] = asyncio.create_task(poll)
            case "stop_auto_rerun":
                self._stop_polls(message.stop_auto_rerun.fragment_ids)
            case "script_finished" if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self._sweep()
            case "file_urls_response":
                self._files[message.file_urls_response.response_id] = message.file_urls_response
        async with self._changed:
            self._changed.notify_all()

    def _draw(self, delta: Delta) -> None:
        kind = delta.new_element.WhichOneof("type")
        made: Any = getattr(delta.new_element, kind) if kind else None
        if not getattr(made, "id", ""):
            return
        key = made.id.split("-", 2)[-1]
        self.ids[key] = made.id
        self._fresh.add(key)
        if kind == "bidi_component":
            self.trees[key] = drawn = json.loads(made.json)
            self._fragments[key] = delta.fragment_id
            if (signal := drawn["signal"]) and self._signals.get(key) != signal:  # each once, as tree.js
                self._telling = asyncio.create_task(self._tell(key, "signal", signal))
            self._signals[key] = signal

    def _sweep(self) -> None:
        """The page is drawn: what was there before and was not drawn again is gone."""
        self._drawn = True
        held: dict[str, Any]
        for held in (self.ids, self.trees, self._signals):
            for key in held.keys() - self._fresh:
                del held[key]

    def _stop_polls(self, fragments: Iterable[str]) -> None:
        for fragment in fragments:
            if fragment in self._polls:
                self._polls.pop(fragment).cancel()

    async def _poll(self, fragment: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self._rerun(fragment=fragment, automatic=True)

    async def _rerun(self, *states: WidgetState, fragment: str = "", automatic: bool = False) -> None:
        message = BackMsg()
        message.rerun_script.query_string = self.query
        message.rerun_script.page_name = self.page
        message.rerun_script.page_script_hash = self._script
        message.rerun_script.fragment_id = fragment
        message.rerun_script.is_auto_rerun = automatic
        message.rerun_script.widget_states.widgets.extend([*states, *self._dropped])
        await self._send(message)

    async def _send(self, message: BackMsg) -> None:
        assert self._socket is not None
        with suppress(WebSocketException):  # whoever waits for what comes of it is told
            await self._socket.send(message.SerializeToString())

    async def _tell(self, key: str, event: str, value: Any) -> None:
        """An event of a tree, as the component's script reports it."""
        told = json.dumps([{"event": event, "value": value}])
        state = WidgetState(id=f"{STREAMLIT_INTERNAL_KEY_PREFIX}_{self.ids[key]}__events", json_trigger_value=told)
        await self._rerun(state, fragment=self._fragments[key])

    # --- what a reader does ---------------------------------------------------------------------------------------------------

    async def ask(self, question: str) -> int:
        """Type a question into the box; the conversation that the address then names. Raises Lost."""
        state = WidgetState(id=self.ids["question"])
        state.chat_input_value.data = question
        await self._rerun(state)
        return int(await self.until(lambda: self.conversation_id))

    async def click(self, key: str, act: str) -> None:
        """Click on what does `act` in a tree."""
        self._clicks += 1
        await self._tell(key, "click", {"clicks": [[self._clicks, act]], "width": 1280})

    async def upload(self, files: list[tuple[str, bytes]]) -> Any:
        """Drop files on the page; the tree of what became of them. Raises Lost, httpx.HTTPError."""
        key = await self.until(self._drop_zone)
        request = BackMsg()
        request.file_urls_request.request_id = "upload"
        request.file_urls_request.session_id = self._session
        request.file_urls_request.file_names.extend(name for name, _ in files)
        await self._send(request)
        given = await self.until(lambda: self._files.pop("upload", None))
        state = WidgetState(id=self.ids[key])
        async with httpx.AsyncClient(base_url=self.address, timeout=300) as client:
            token = (await client.get("/_stcore/health")).cookies[XSRF_COOKIE_NAME]
            for (name, content), urls in zip(files, given.file_urls, strict=True):
                path = urlsplit(urls.upload_url).path
                sent = await client.put(path, files={"file": (name, content, "application/pdf")}, headers={"X-Xsrftoken": token})
                sent.raise_for_status()
                info = state.file_uploader_state_value.uploaded_file_info.add()
                info.name, info.size, info.file_id = name, len(content), urls.file_id
                info.file_urls.CopyFrom(urls)
        self._dropped = [state]
        try:
            self.trees.pop("uploads", None)
            await self._rerun()
            return await self.until(lambda: self._drop_zone() != key and self.trees.get("uploads"), seconds=PATIENCE)
        finally:
            self._dropped = []

    def _drop_zone(self) -> str | None:
        """Its key; each round of files has a new one."""
        zones = [key for key in self.ids if re.fullmatch(r"upload-\d+-files", key)]
        return max(zones, key=lambda key: int(key.split("-")[1]), default=None)
