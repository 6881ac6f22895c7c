"""Anthropic's Messages API: authentication, strict checks, prompt caching, batches, streaming with citations, errors.

Tokens are estimated: one for four bytes of UTF-8, rounded up per text. Answers follow from the request alone:

- a question with search results: one uncited sentence, then the sentences that share most words with the question, each cited;
- a `<conversation>` with a `<question>`: the question, and when it is short or leans on a pronoun the question before it in brackets;
- a `<document>` with a `<chunk>`: a short context made of the document's first line;
- anything else: the last line of the last text. `say_next` replaces any of these.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import time
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from tests.standin.anthropic_batches import BATCHED, Batches
from tests.standin.anthropic_rules import MODELS, VERSIONS, blocks, check
from tests.standin.server import HAN, Refusal, Reply, Request, Server, scores, words

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
LIFE = {"5m": 300.0, "1h": 3600.0}  # seconds
BEST = 3  # sentences cited


@dataclass(frozen=True, kw_only=True)
class Span:
    """A text block of an answer."""

    text: str
    citations: tuple[dict[str, Any], ...] = ()


def tokens(text: str) -> int:
    return math.ceil(len(text.encode()) / 4)


class AnthropicServer(Server):
    """See `Server` for fail_next, storm, delay and requests."""

    def __init__(self, port: int = 0) -> None:
        self.paid: Counter[str] = Counter()  # messages answered, in or out of a batch, by the last text of their prompt
        self.batches = Batches(self)
        self.elapsed = 0.0  # seconds by which the clock of caches and batches is ahead
        self._cache: dict[str, float] = {}  # digest of a prefix -> when it dies
        self._pending: dict[int, dict[str, float]] = {}
        self._said: list[str] = []
        self._stops: list[str] = []
        self._breaks: list[tuple[int, str | None]] = []
        self._lie = ""
        super().__init__(port)

    def say_next(self, text: str) -> None:
        """The next answer is this text, uncited."""
        self._said.append(text)

    def stop_next(self, reason: str) -> None:
        """The next answer ends with this stop_reason, such as `refusal`."""
        self._stops.append(reason)

    def break_stream_after(self, n_events: int, error: str | None = "overloaded_error") -> None:
        """The next stream ends after so many events: with an `error` event of this type, or with a dropped connection for None."""
        self._breaks.append((n_events, error))

    def lie_about_citations(self, how: str = "quote") -> None:
        """From now on citations are wrong: `quote` (stands nowhere), `range` (no such blocks), `index` (no such result)."""
        self._lie = how

    def now(self) -> float:
        return time.time() + self.elapsed

    def forget_cache(self) -> None:
        with self.lock:
            self._cache.clear()

    def error(self, refusal: Refusal, request_id: str) -> Any:
        kind = TYPES.get(refusal.status, "api_error" if refusal.status >= 500 else "invalid_request_error")
        return {"type": "error", "error": {"type": kind, "message": refusal.message}, "request_id": request_id}

    def headers(self, request_id: str) -> dict[str, str]:
        return {"request-id": request_id}

    def answer(self, request: Request, request_id: str) -> Reply:
        if (self.bearer(request) or request.headers.get("x-api-key")) != self.key:
            raise Refusal(401, "invalid bearer token")
        if request.headers.get("anthropic-version") not in VERSIONS:
            raise Refusal(400, "anthropic-version: header is required")
        if request.method == "GET" and request.path.startswith("/v1/models/"):
            return self._model(request.path.removeprefix("/v1/models/"))
        if request.method == "POST" and request.path == "/v1/messages/count_tokens":
            check(request.body, counting=True)
            return Reply(body={"input_tokens": sum(tokens(_serialised(block)) for block in blocks(request.body))})
        if request.method == "POST" and request.path == "/v1/messages":
            return self.message(request, request_id)
        if request.path.startswith("/v1/messages/batches"):
            return self.batches.answer(request, request_id)
        raise Refusal(404, "Not found")

    def begun(self, request: Request) -> None:
        with self.lock:
            self._cache |= self._pending.pop(id(request), {})

    def _model(self, name: str) -> Reply:
        if name not in MODELS:
            raise Refusal(404, f"model: {name}")
        return Reply(body={"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z", "lifecycle": "active"})

    def message(self, request: Request, request_id: str) -> Reply:
        body = request.body
        model = check(body)
        self.paid[[block["text"] for block in blocks(body) if block["type"] == "text"][-1]] += 1
        usage = self._usage(request, model.cacheable)
        spans, reason = self._spans(body)
        written = sum(tokens(span.text) for span in spans)
        if written > body["max_tokens"]:
            spans, reason = _cut(spans, body["max_tokens"]), "max_tokens"
        usage["output_tokens"] = min(written, body["max_tokens"])
        message = {
            "id": f"msg_{request_id.removeprefix('req_')}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        kind = body.get("thinking", {}).get("type", "adaptive" if model.thinks else "disabled")
        thinks = kind in ("adaptive", "enabled")
        if body.get("stream"):
            return Reply(events=self._broken(_events(message, spans, reason, thinks=thinks), request_id))
        content: list[dict[str, Any]] = [{"type": "thinking", "thinking": "", "signature": "c2lnbmF0dXJl"}] if thinks else []
        content += [{"type": "text", "text": span.text, "citations": list(span.citations) or None} for span in spans]
        return Reply(body=message | {"content": content, "stop_reason": reason})

    def _usage(self, request: Request, cacheable: int) -> dict[str, Any]:
        """Token counts from the prompt's real prefixes. What this request writes becomes usable when its response begins.

        The longest cached prefix that ends at a breakpoint is read; from there to the last breakpoint is written; the rest is plain input.
        """
        body = request.body
        seed = json.dumps([body["model"], body.get("thinking"), body.get("output_config")])
        digest, total, marks = sha256(seed.encode()), 0, []
        every = list(blocks(body))
        for at, block in enumerate(every):
            plain = _serialised(block)
            digest.update(plain.encode())
            total += tokens(plain)
            control = block.get("cache_control") or (body.get("cache_control") if at == len(every) - 1 else None)
            if control:
                marks.append((digest.hexdigest(), total, LIFE[control.get("ttl", "5m")]))
        now = self.now()
        usable = [mark for mark in marks if mark[1] >= cacheable]
        with self.lock:
            read = max((size for key, size, _ in usable if self._cache.get(key, 0.0) > now), default=0)
            if read and request.path == BATCHED and not self.batches.hits():
                read = 0
            self._pending[id(request)] = {key: now + life for key, _, life in usable}
        written = max((size for _, size, _ in usable), default=read) - read
        hour = written if any(life == LIFE["1h"] for _, _, life in usable) else 0
        return {
            "input_tokens": total - read - written,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": read,
            "cache_creation": {"ephemeral_5m_input_tokens": written - hour, "ephemeral_1h_input_tokens": hour},
            "output_tokens": 1,
            "service_tier": "standard",
        }

    def _spans(self, body: dict[str, Any]) -> tuple[list[Span], str]:
        texts = [block["text"] for block in blocks({"messages": body["messages"][-1:]}) if block["type"] == "text"]
        results = [block for block in blocks({"messages": body["messages"]}) if block["type"] == "search_result"]
        reason = self._stops.pop(0) if self._stops else "end_turn"
        if self._said:
            return [Span(text=self._said.pop(0))], reason
        if results:
            return self._cited(texts[-1], results), reason
        whole = "\n".join(texts)
        if (question := re.search(r"<question>\s*(.*?)\s*</question>", whole, re.DOTALL)) and "<conversation>" in whole:
            return [Span(text=_standing(question[1], re.findall(r"(?m)^Question: (.*)$", whole)[-1]))], reason
        document = re.search(r"<document>\s*(.*?)\s*</document>", whole, re.DOTALL)
        if document and re.search(r"<chunk>.*</chunk>", whole, re.DOTALL):
            return [Span(text=f"This passage is from “{document[1].splitlines()[0][:200]}”.")], reason
        return [Span(text=texts[-1].strip().splitlines()[-1])], reason

    def _cited(self, question: str, results: list[dict[str, Any]]) -> list[Span]:
        chinese = bool(re.search(f"[{HAN}]", question))
        places = [(index, at) for index, result in enumerate(results) for at in range(len(result["content"]))]
        marks = scores(question, [results[index]["content"][at]["text"] for index, at in places])
        best = [place for mark, place in sorted(zip(marks, places, strict=True), key=lambda pair: -pair[0])[:BEST] if mark > 0.25]
        if not best:
            return [Span(text="这些段落没有回答这个问题。" if chinese else "The passages do not answer this question.")]
        spans = [Span(text="根据这些段落:" if chinese else "This is what the passages say. ")]
        for number, (index, at) in enumerate(best):
            if number:
                spans.append(Span(text="" if chinese else " "))
            text = results[index]["content"][at]["text"]
            citation = self._citation(index, at, results[index]) if results[index].get("citations", {}).get("enabled") else None
            spans.append(Span(text=text, citations=(citation,) if citation else ()))
        return [span for span in spans if span.text]

    def _citation(self, index: int, at: int, result: dict[str, Any]) -> dict[str, Any]:
        start, quote = at, result["content"][at]["text"]
        if self._lie == "quote":
            quote = "Nobody ever wrote this sentence."
        elif self._lie == "range":
            start += 1000
        elif self._lie == "index":
            index += 1000
        return {
            "type": "search_result_location",
            "cited_text": quote,
            "search_result_index": index,
            "start_block_index": start,
            "end_block_index": start + 1,
            "source": result["source"],
            "title": result["title"],
        }

    def _broken(self, events: Iterator[tuple[str, Any]], request_id: str) -> Iterator[tuple[str, Any]]:
        if not self._breaks:
            yield from events
            return
        count, error = self._breaks.pop(0)
        yield from itertools.islice(events, count)
        if error is None:
            yield "hang up", None
        else:
            yield "error", {"type": "error", "error": {"type": error, "message": "told to break"}, "request_id": request_id}


def _events(message: dict[str, Any], spans: list[Span], reason: str, *, thinks: bool) -> Iterator[tuple[str, Any]]:
    """The stream of a message. A citation comes after its text in one block and before it in the next, as both happen."""

    def event(kind: str, **data: Any) -> tuple[str, Any]:
        return kind, {"type": kind, **data}

    usage = message["usage"]
    yield event("message_start", message=message | {"usage": usage | {"output_tokens": 1}})
    index = 0
    if thinks:
        yield event("content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""})
        yield event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "c2lnbmF0dXJl"})
        yield event("content_block_stop", index=0)
        index = 1
    order = itertools.cycle([False, True])
    for number, span in enumerate(spans):
        yield event(
            "content_block_start", index=index, content_block={"type": "text", "text": "", "citations": [] if span.citations else None}
        )
        if number == 0:
            yield event("ping")
        texts = [{"type": "text_delta", "text": piece} for piece in re.findall(r"\s*\S{1,12}|\s+$", span.text)]
        cited = [{"type": "citations_delta", "citation": citation} for citation in span.citations]
        for delta in [*cited, *texts] if cited and next(order) else [*texts, *cited]:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
        index += 1
    totals = {name: usage[name] for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")}
    yield event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=totals)
    yield event("message_stop")


def _serialised(block: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in block.items() if name != "cache_control"}, ensure_ascii=False)


def _standing(question: str, before: str) -> str:
    leans = len(words(question)) < 6 or re.search(r"(?i)\b(it|its|they|their|them|that|this|those)\b|[它他她那这其]", question)
    return f"{question} ({before})" if leans else question


def _cut(spans: list[Span], limit: int) -> list[Span]:
    kept: list[Span] = []
    for span in spans:
        room = limit - sum(tokens(other.text) for other in kept)
        text = span.text if tokens(span.text) <= room else span.text.encode()[: room * 4].decode(errors="ignore")
        if text:
            kept.append(Span(text=text, citations=span.citations if text == span.text else ()))
    return kept
