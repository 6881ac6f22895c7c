"""Voyage's v1 embeddings and rerank: authentication, a strict body, the API's limits, usage by tokens, errors as `{"detail"}`."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from tests.standin.server import Refusal, Reply, Request, Server, direction, scores, words

RERANKERS = {  # model -> tokens of a question; of a question and a document; of all: question times documents, and documents
    "rerank-2.5": (8_000, 32_000, 600_000),
    "rerank-2.5-lite": (8_000, 32_000, 600_000),
    "rerank-2": (4_000, 16_000, 600_000),
    "rerank-2-lite": (2_000, 8_000, 600_000),
}
EMBEDDERS = {  # model -> dimensions by default, and those that can be asked for; tokens of a text; of a call
    "voyage-4-large": (1024, {256, 512, 1024, 2048}, 32_000, 120_000),
    "voyage-4": (1024, {256, 512, 1024, 2048}, 32_000, 320_000),
    "voyage-4-lite": (1024, {256, 512, 1024, 2048}, 32_000, 1_000_000),
    "voyage-3.5": (1024, {256, 512, 1024, 2048}, 32_000, 320_000),
    "voyage-law-2": (1024, {1024}, 16_000, 120_000),
}
EMBED_FIELDS = {"model", "input", "input_type", "truncation", "output_dimension", "output_dtype", "encoding_format"}
RERANK_FIELDS = {"model", "query", "documents", "top_k", "return_documents", "truncation"}


class VoyageServer(Server):
    """Programmable like every stand-in: see `Server.fail_next`, `delay` and `requests`."""

    @property
    def url(self) -> str:
        return f"{super().url}/v1"

    def answer(self, request: Request, request_id: str) -> Reply:
        if self.bearer(request) != self.key:
            raise Refusal(401, "Provided API key is invalid.")
        if not isinstance(request.body, dict):
            raise Refusal(400, "Request body could not be parsed as JSON.")
        if (request.method, request.path) == ("POST", "/v1/rerank"):
            return Reply(body=self._rerank(request.body))
        if (request.method, request.path) == ("POST", "/v1/embeddings"):
            return Reply(body=self._embed(request.body))
        raise Refusal(404, "Not Found")

    def _embed(self, body: dict[str, Any]) -> dict[str, Any]:
        _only(body, EMBED_FIELDS)
        texts = _texts(body, "input", most=1000)
        if body.get("model") not in EMBEDDERS:
            raise Refusal(400, f"Model {body.get('model')} is not supported. Supported models are {sorted(EMBEDDERS)}.")
        size, sizes, of_text, of_all = EMBEDDERS[body["model"]]
        if body.get("input_type") not in {None, "query", "document"}:
            raise Refusal(400, "Value for 'input_type' must be null, 'query' or 'document'.")
        if body.get("output_dimension") not in {None, *sizes}:
            raise Refusal(400, f"Value for 'output_dimension' must be one of {sorted(sizes)}.")
        if body.get("output_dtype") not in {None, "float"} or body.get("encoding_format") not in {None, "base64"}:
            raise Refusal(400, "This stand-in makes floats.")
        held = [min(tokens(text), of_text) if body.get("truncation", True) else tokens(text) for text in texts]
        if max(held) > of_text:
            raise Refusal(
                400,
                f"The example at index {held.index(max(held))} in your batch has too many tokens and does not fit into the model's context window of {of_text} tokens.",
            )
        if sum(held) > of_all:
            raise Refusal(
                400, f"The max allowed tokens per submitted batch is {of_all}. Your batch has {sum(held)} tokens after truncation."
            )
        vectors = [direction(text, body.get("output_dimension") or size) for text in texts]
        if body.get("encoding_format") == "base64":
            encoded: list[Any] = [base64.b64encode(np.array(vector, np.float32).tobytes()).decode() for vector in vectors]
        else:
            encoded = vectors
        data = [{"object": "embedding", "embedding": vector, "index": index} for index, vector in enumerate(encoded)]
        return {"object": "list", "data": data, "model": body["model"], "usage": {"total_tokens": sum(held)}}

    def _rerank(self, body: dict[str, Any]) -> dict[str, Any]:
        _only(body, RERANK_FIELDS)
        query, documents = _text(body, "query"), _texts(body, "documents", most=1000)
        if body.get("model") not in RERANKERS:
            raise Refusal(400, f"Model {body.get('model')} is not supported. Supported models are {sorted(RERANKERS)}.")
        of_query, of_pair, of_all = RERANKERS[body["model"]]
        asked, held = tokens(query), [tokens(text) for text in documents]
        if body.get("truncation", True):
            asked = min(asked, of_query)
            held = [min(count, of_pair - asked) for count in held]
        elif asked > of_query or asked + max(held) > of_pair:
            raise Refusal(400, "The query or a document is too long and truncation is set to false.")
        total = asked * len(documents) + sum(held)
        if total > of_all:
            raise Refusal(400, f"The max allowed tokens per submitted batch is {of_all}. Your batch has {total} tokens after truncation.")
        top_k = body.get("top_k")
        if top_k is not None and (not isinstance(top_k, int) or top_k < 1):
            raise Refusal(400, "Value for 'top_k' must be a positive integer.")
        ranked = sorted(enumerate(scores(query, documents)), key=lambda pair: -pair[1])[:top_k]
        data = [{"relevance_score": round(score, 6), "index": index} for index, score in ranked]
        return {"object": "list", "data": data, "model": body["model"], "usage": {"total_tokens": total}}

    def error(self, refusal: Refusal, request_id: str) -> Any:
        return {"detail": refusal.message}

    def headers(self, request_id: str) -> dict[str, str]:
        return {"x-request-id": request_id}


def tokens(text: str) -> int:
    """As the stand-in meters: a word, or a pair of Chinese characters, is a token."""
    return len(words(text))


def _only(body: dict[str, Any], fields: set[str]) -> None:
    if unknown := set(body) - fields:
        raise Refusal(400, f"Argument '{min(unknown)}' is not supported by our API.")


def _text(body: dict[str, Any], name: str) -> str:
    text = body.get(name)
    if not isinstance(text, str) or not text:
        raise Refusal(400, f"Value for '{name}' must be a string that is not empty.")
    return text


def _texts(body: dict[str, Any], name: str, *, most: int) -> list[str]:
    texts = body.get(name)
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise Refusal(400, f"Value for '{name}' must be a list of strings that are not empty.")
    if len(texts) > most:
        raise Refusal(400, f"The maximum length of '{name}' is {most}. Yours has {len(texts)}.")
    return texts
