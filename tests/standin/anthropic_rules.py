"""What Anthropic's Messages API (version 2026-10-21) takes and refuses, as far as Situate uses it.

Stricter than the API in two points: consecutive turns of one role are refused (the API would merge them), and so is what the stand-in
cannot do (tools, documents, images), so that no test passes on a request that was not understood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.standin.server import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, kw_only=True)
class Model:
    cacheable: int  # tokens; a shorter prefix is silently not cached
    thinking: frozenset[str]  # accepted values of thinking.type
    thinks: bool  # when the request does not say
    effort: bool  # output_config.effort is accepted
    prefill: bool = False


def _model(cacheable: int, *, off: str = "", thinks: bool = True, effort: bool = True, prefill: bool = False) -> Model:
    kinds = frozenset({"adaptive", off} - {""}) if thinks else frozenset({"enabled", "disabled"})
    return Model(cacheable=cacheable, thinking=kinds, thinks=thinks, effort=effort, prefill=prefill)


MODELS = {
    "claude-haiku-5-5": _model(512, off="disabled"),
    "claude-sonnet-5-5": _model(512, off="between_tools"),
    "claude-opus-5-5": _model(512),
    "claude-fable-5-1": _model(512),
    "claude-opus-5": _model(512, off="disabled"),
    "claude-sonnet-5": _model(1024, off="disabled"),
    "claude-sonnet-4-5": _model(1024, thinks=False, effort=False, prefill=True),
    "claude-haiku-4-5-20251001": _model(4096, thinks=False, effort=False, prefill=True),
}
VERSIONS = {"2023-06-01", "2026-10-21"}
EFFORTS = ("low", "medium", "high", "xhigh", "max")
SAMPLING = ("temperature", "top_p", "top_k")
FIELDS = {
    "model", "messages", "max_tokens", "system", "stream", "stop_sequences", "metadata", "thinking", "output_config", "cache_control",
    "service_tier", "speed", "inference_geo", "diagnostics", "container", "tools", "tool_choice",
}  # fmt: skip
NOT_HERE = ("tools", "tool_choice", "container", "diagnostics", "speed", "inference_geo")


def bad(where: str, what: str) -> Refusal:
    return Refusal(400, f"{where}: {what}")


def check(body: Any, *, counting: bool = False) -> Model:
    """Raise the Refusal that the API would answer with; the model's properties otherwise."""
    if not isinstance(body, dict):
        raise Refusal(400, "The request body is not valid JSON")
    _check_names(body)
    if not isinstance(body.get("model"), str):
        raise bad("model", "Field required")
    if body["model"] not in MODELS:
        raise Refusal(404, f"model: {body['model']}")
    model = MODELS[body["model"]]
    tokens = body.get("max_tokens")
    if not counting and (not isinstance(tokens, int) or not 0 <= tokens <= 128_000):
        raise bad("max_tokens", "an integer from 0 to 128000 is required")
    _check_thinking(body, model)
    _check_system(body.get("system"))
    _check_messages(body.get("messages"), model)
    _check_citations(body)
    _check_breakpoints(body)
    return model


def blocks(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every block of the prompt in order: system first, then the messages'; strings as text blocks."""
    for content in (body.get("system") or [], *(message["content"] for message in body["messages"])):
        yield from [{"type": "text", "text": content}] if isinstance(content, str) else content


def _check_names(body: dict[str, Any]) -> None:
    for name in body:
        if name in SAMPLING:
            raise bad(name, "this parameter was removed in API version 2026-10-21")
        if name not in FIELDS:
            raise bad(name, "Extra inputs are not permitted")
        if name in NOT_HERE:
            raise bad(name, "the stand-in does not do this")


def _check_thinking(body: dict[str, Any], model: Model) -> None:
    effort = _object(body.get("output_config", {}), "output_config", {"effort", "format"}).get("effort")
    if effort is not None and not model.effort:
        raise bad("output_config.effort", "This model does not support the effort parameter.")
    if effort is not None and effort not in EFFORTS:
        raise bad("output_config.effort", f"Input should be one of {', '.join(EFFORTS)}")
    if "thinking" not in body:
        return
    kind = _object(body["thinking"], "thinking", {"type", "budget_tokens", "display"}).get("type")
    if kind not in model.thinking:
        raise Refusal(400, f'"thinking.type.{kind}" is not supported for this model.')
    if kind in ("disabled", "between_tools") and effort in ("xhigh", "max"):
        raise bad("thinking", f"{kind} is not available at effort {effort}")


def _check_system(system: Any) -> None:
    if system is None or isinstance(system, str):
        return
    if not isinstance(system, list):
        raise bad("system", "Input should be a valid list")
    for at, block in enumerate(system):
        _check_text(block, f"system.{at}", citations=False)


def _check_messages(messages: Any, model: Model) -> None:
    if not isinstance(messages, list) or not messages:
        raise bad("messages", "at least one message is required")
    for at, message in enumerate(messages):
        where = f"messages.{at}"
        _object(message, where, {"role", "content"})
        role = message.get("role")
        if role not in ("user", "assistant"):
            raise bad(f"{where}.role", "Input should be 'user' or 'assistant'")
        if role != ("user", "assistant")[at % 2]:
            raise bad(where, "roles must alternate between 'user' and 'assistant', beginning with 'user'")
        content = message.get("content")
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        if not isinstance(content, list) or not content:
            raise bad(where, "all messages must have non-empty content")
        for number, block in enumerate(content):
            _check_block(block, f"{where}.content.{number}", role)
    if messages[-1]["role"] == "assistant" and not model.prefill:
        raise Refusal(400, "This model does not support assistant message prefill. The conversation must end with a user message.")


def _check_block(block: Any, where: str, role: str) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "text":
        _check_text(block, where, citations=role == "assistant")
    elif kind == "search_result" and role == "user":
        _check_search_result(block, where)
    else:
        raise bad(where, f"a block of type {kind!r} is not possible here")


def _check_text(block: Any, where: str, *, citations: bool) -> None:
    _object(block, where, {"type", "text", "cache_control", "citations"})
    if block.get("type") != "text" or not isinstance(block.get("text"), str):
        raise bad(f"{where}.text", "Field required")
    if not block["text"].strip():
        raise bad(where, "text content blocks must contain non-whitespace text")
    if block.get("citations") and not citations:
        raise bad(f"{where}.citations", "citations are not permitted on text blocks in user messages")


def _check_search_result(block: dict[str, Any], where: str) -> None:
    _object(block, where, {"type", "source", "title", "content", "citations", "cache_control"})
    for name in ("source", "title"):
        if not isinstance(block.get(name), str) or not block[name].strip():
            raise bad(f"{where}.{name}", "Input should be a non-empty string")
    if not isinstance(block.get("content"), list) or not block["content"]:
        raise bad(f"{where}.content", "at least one text block is required")
    for at, inner in enumerate(block["content"]):
        _check_text(inner, f"{where}.content.{at}", citations=False)
    citations = _object(block.get("citations", {}), f"{where}.citations", {"enabled"})
    if not isinstance(citations.get("enabled", False), bool):
        raise bad(f"{where}.citations.enabled", "Input should be a valid boolean")


def _check_citations(body: dict[str, Any]) -> None:
    enabled = {block.get("citations", {}).get("enabled", False) for block in blocks(body) if block["type"] == "search_result"}
    if len(enabled) > 1:
        raise bad("messages", "citations must be enabled on all search results or on none")
    if True in enabled and body.get("output_config", {}).get("format"):
        raise bad("output_config.format", "citations cannot be used together with structured outputs")


def _check_breakpoints(body: dict[str, Any]) -> None:
    marked = [(block["cache_control"], "cache_control") for block in blocks(body) if block.get("cache_control") is not None]
    if body.get("cache_control") is not None:
        marked.append((body["cache_control"], "cache_control"))
    hour_allowed = True
    for control, where in marked:
        _object(control, where, {"type", "ttl"})
        if control.get("type") != "ephemeral":
            raise bad(f"{where}.type", "Input should be 'ephemeral'")
        ttl = control.get("ttl", "5m")
        if ttl not in ("5m", "1h"):
            raise bad(f"{where}.ttl", "Input should be '5m' or '1h'")
        if ttl == "1h" and not hour_allowed:
            raise bad(f"{where}.ttl", "a ttl='1h' block must not come after a ttl='5m' block")
        hour_allowed = ttl == "1h"
    if len(marked) > 4:
        raise Refusal(400, f"A maximum of 4 blocks with cache_control may be provided. Found {len(marked)}.")


def _object(value: Any, where: str, fields: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise bad(where, "Input should be an object")
    for name in value:
        if name not in fields:
            raise bad(f"{where}.{name}", "Extra inputs are not permitted")
    return value
