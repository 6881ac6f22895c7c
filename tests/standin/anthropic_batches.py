"""Anthropic's Message Batches: create, list, retrieve, results, cancel. What a request is refused for comes with its result, as in the API.

A batch ends `seconds` after it was made, or when `finish` is called while `held`. Its requests are then answered in their order, with the
cache as it is; `share` of those that could read it do.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.standin.server import Refusal, Reply, Request

if TYPE_CHECKING:
    from tests.standin.anthropic_api import AnthropicServer

BATCHED = "in a batch"  # the path of a request in one
ROOT = "/v1/messages/batches"
DAY = 86_400.0
MOST, LARGEST = 100_000, 256 << 20  # requests, bytes


@dataclass(kw_only=True)
class _Batch:
    id: str
    created: float
    requests: list[dict[str, Any]]
    ended: float | None = None
    cancelled: float | None = None
    results: list[dict[str, Any]] = field(default_factory=list)


class Batches:
    def __init__(self, server: AnthropicServer) -> None:
        self.seconds = 0.0
        self.held = False
        self.share = 1.0
        self._server = server
        self._made: list[_Batch] = []
        self._chances = 0
        self._spoilt: list[str] = []

    def finish(self) -> None:
        """Let the batches that are held end."""
        self.held = False

    def spoil_next(self, kind: str, times: int = 1) -> None:
        """The next results are `errored` (overloaded), `invalid` (errored for good), `expired` or `canceled`."""
        self._spoilt += [kind] * times

    def hits(self) -> bool:
        """Whether the next request that could read the cache does."""
        self._chances += 1
        return math.floor(self._chances * self.share) > math.floor((self._chances - 1) * self.share)

    def answer(self, request: Request, request_id: str) -> Reply:
        rest = request.path.removeprefix(ROOT).strip("/").split("/")
        for batch in self._made:
            self._settle(batch)
        if request.method == "POST" and rest == [""]:
            return self._create(request, request_id)
        if request.method == "GET" and rest == [""]:
            return self._list(request.query)
        batch = next((batch for batch in self._made if batch.id == rest[0]), None)
        if batch is None:
            raise Refusal(404, f"Message Batch {rest[0]} not found")
        if request.method == "GET" and rest[1:] == []:
            return Reply(body=self._shown(batch))
        if request.method == "GET" and rest[1:] == ["results"] and batch.ended:
            return Reply(lines=batch.results)
        if request.method == "POST" and rest[1:] == ["cancel"] and not batch.ended:
            batch.cancelled = self._server.now()
            return Reply(body=self._shown(batch))
        raise Refusal(400, "This is not possible for this batch now")

    def _create(self, request: Request, request_id: str) -> Reply:
        body = request.body
        if not isinstance(body, dict) or set(body) != {"requests"} or not isinstance(body["requests"], list):
            raise Refusal(400, "requests: Field required")
        if not 1 <= len(body["requests"]) <= MOST:
            raise Refusal(400, f"requests: a batch has 1 to {MOST} requests")
        if int(request.headers.get("content-length", "0")) > LARGEST:
            raise Refusal(413, "the batch is larger than 256 MB")
        seen: set[str] = set()
        for at, entry in enumerate(body["requests"]):
            if not isinstance(entry, dict) or set(entry) != {"custom_id", "params"}:
                raise Refusal(400, f"requests.{at}: custom_id and params are required, and nothing else")
            name = entry["custom_id"]
            if not isinstance(name, str) or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
                raise Refusal(400, f"requests.{at}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
            if name in seen:
                raise Refusal(400, f"requests.{at}.custom_id: {name} is not unique")
            seen.add(name)
        batch = _Batch(id=f"msgbatch_{request_id.removeprefix('req_')}", created=self._server.now(), requests=body["requests"])
        self._made.append(batch)
        return Reply(body=self._shown(batch))

    def _list(self, query: dict[str, str]) -> Reply:
        if not 1 <= int(query.get("limit", "20")) <= 1000:
            raise Refusal(400, "limit: Input should be from 1 to 1000")
        found = self._made[::-1]
        if after := query.get("after_id"):
            ids = [batch.id for batch in found]
            if after not in ids:
                raise Refusal(400, f"after_id: {after} is no batch")
            found = found[ids.index(after) + 1 :]
        page = found[: int(query.get("limit", "20"))]
        ids = [batch.id for batch in page]
        return Reply(
            body={
                "data": [self._shown(batch) for batch in page],
                "has_more": len(page) < len(found),
                "first_id": ids[0] if ids else None,
                "last_id": ids[-1] if ids else None,
            }
        )

    def _settle(self, batch: _Batch) -> None:
        now = self._server.now()
        overdue = now - batch.created >= DAY
        if batch.ended or not (batch.cancelled or overdue or (not self.held and now - batch.created >= self.seconds)):
            return
        fate = "canceled" if batch.cancelled else "expired" if overdue else ""
        for number, entry in enumerate(batch.requests):
            kind = fate or (self._spoilt.pop(0) if self._spoilt else "succeeded")
            batch.results.append({"custom_id": entry["custom_id"], "result": self._result(kind, entry["params"], f"{batch.id}_{number}")})
        batch.results.reverse()  # in no order that one may rely on
        batch.ended = now

    def _result(self, kind: str, params: Any, request_id: str) -> dict[str, Any]:
        if kind in ("canceled", "expired"):
            return {"type": kind}
        refused = {"errored": Refusal(529, "Overloaded"), "invalid": Refusal(400, "messages: not possible")}.get(kind)
        if params.get("stream"):
            refused = Refusal(400, "stream: not possible in a batch")
        if refused:
            return {"type": "errored", "error": self._server.error(refused, request_id)}
        request = Request(method="POST", path=BATCHED, headers={}, body=params)
        try:
            reply = self._server.message(request, request_id)
        except Refusal as refusal:
            return {"type": "errored", "error": self._server.error(refusal, request_id)}
        self._server.begun(request)
        return {"type": "succeeded", "message": reply.body}

    def _shown(self, batch: _Batch) -> dict[str, Any]:
        kinds = ("succeeded", "errored", "canceled", "expired")
        counts = {kind: sum(line["result"]["type"] == kind for line in batch.results) for kind in kinds}
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if batch.ended else "canceling" if batch.cancelled else "in_progress",
            "request_counts": {"processing": 0 if batch.ended else len(batch.requests), **counts},
            "created_at": _time(batch.created),
            "ended_at": _time(batch.ended),
            "expires_at": _time(batch.created + DAY),
            "cancel_initiated_at": _time(batch.cancelled),
            "archived_at": None,
            "results_url": f"{self._server.url}{ROOT}/{batch.id}/results" if batch.ended else None,
        }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
