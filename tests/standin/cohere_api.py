"""Cohere's v2 embed and rerank: authentication, a strict body, lexical relevance scores, errors as `{"id", "message"}`."""

from __future__ import annotations

import math
from typing import Any

from tests.standin.server import Refusal, Reply, Request, Server, direction, scores, words

MODELS = {
    "rerank-v5.0-pro",
    "rerank-v5.0-fast",
    "rerank-v4.0-pro",
    "rerank-v4.0-fast",
    "rerank-v3.5",
    "rerank-multilingual-v3.0",
    "rerank-english-v3.0",
}
EMBEDDERS = {  # model -> dimensions by default, and those that can be asked for; tokens of a text
    "embed-v4.0": (1536, {256, 512, 1024, 1536}, 128_000),
    "embed-multilingual-v3.0": (1024, {1024}, 512),
}
EMBED_FIELDS = {
    "model",
    "input_type",
    "texts",
    "images",
    "inputs",
    "max_tokens",
    "output_dimension",
    "embedding_types",
    "truncate",
    "priority",
}
FIELDS = {"model", "query", "documents", "top_n", "max_tokens_per_doc", "relevant_spans", "priority"}


class CohereServer(Server):
    """Programmable like every stand-in: see `Server.fail_next`, `delay` and `requests`."""

    def answer(self, request: Request, request_id: str) -> Reply:
        looked_up = request.path.removeprefix("/v1/models/") if request.method == "GET" else ""
        if not looked_up and (request.method != "POST" or request.path not in {"/v2/embed", "/v2/rerank"}):
            raise Refusal(404, "page not found")
        if self.bearer(request) != self.key:
            raise Refusal(401, "invalid api token")
        if looked_up:
            if looked_up not in MODELS | set(EMBEDDERS):
                raise Refusal(404, f"model '{looked_up}' not found, make sure the correct model ID was used")
            return Reply(body={"name": looked_up, "endpoints": ["rerank" if looked_up in MODELS else "embed"], "is_deprecated": False})
        if request.path == "/v2/embed":
            return Reply(body={"id": request_id, **self._embed(request.body)})
        body = self._checked(request.body)
        ranked = sorted(enumerate(scores(body["query"], body["documents"])), key=lambda pair: -pair[1])
        results = [{"index": index, "relevance_score": round(score, 7)} for index, score in ranked[: body.get("top_n")]]
        units = math.ceil(len(body["documents"]) / 100)
        return Reply(
            body={"id": request_id, "results": results, "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": units}}}
        )

    def _embed(self, body: Any) -> dict[str, Any]:
        if not isinstance(body, dict):
            raise Refusal(400, "invalid json syntax")
        if unknown := set(body) - EMBED_FIELDS:
            raise Refusal(422, f"unknown field: {min(unknown)}")
        if body.get("model") not in EMBEDDERS:
            raise Refusal(404, f"model '{body.get('model')}' not found, make sure the correct model ID was used")
        size, sizes, window = EMBEDDERS[body["model"]]
        texts = body.get("texts")
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
            raise Refusal(400, "invalid request: texts must be a list of strings that are not empty")
        if len(texts) > 96:
            raise Refusal(400, "invalid request: total number of texts must be at most 96")
        if body.get("input_type") not in {"search_document", "search_query", "classification", "clustering"}:
            raise Refusal(400, "invalid request: valid input_type must be provided with the provided model")
        if body.get("embedding_types") != ["float"]:
            raise Refusal(400, "invalid request: this stand-in makes floats")
        if body.get("output_dimension") not in {None, *sizes}:
            raise Refusal(400, f"invalid request: output_dimension must be one of {sorted(sizes)}")
        counts = [len(words(text)) for text in texts]
        if max(counts) > window and body.get("truncate", "END") == "NONE":
            raise Refusal(400, f"invalid request: too many tokens: a text has more than {window}")
        return {
            "embeddings": {"float": [direction(text, body.get("output_dimension") or size) for text in texts]},
            "texts": texts,
            "response_type": "embeddings_by_type",
            "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": sum(min(count, window) for count in counts)}},
        }

    def _checked(self, body: Any) -> dict[str, Any]:
        if not isinstance(body, dict):
            raise Refusal(400, "invalid json syntax")
        if unknown := set(body) - FIELDS:
            raise Refusal(422, f"unknown field: {min(unknown)}")
        for name in ("model", "query"):
            if not isinstance(body.get(name), str) or not body[name].strip():
                raise Refusal(400, f"invalid request: {name} cannot be empty")
        if body["model"] not in MODELS:
            raise Refusal(404, f"model '{body['model']}' not found, make sure the correct model ID was used")
        documents = body.get("documents")
        if not isinstance(documents, list) or not documents:
            raise Refusal(400, "invalid request: list of documents must not be empty")
        if not all(isinstance(text, str) for text in documents):
            raise Refusal(400, "invalid request: documents must be strings")
        if len(documents) > 1000:
            raise Refusal(400, "too many documents: 1000 at most")
        top_n = body.get("top_n")
        if top_n is not None and (not isinstance(top_n, int) or top_n < 1):
            raise Refusal(400, "invalid request: top_n must be at least 1")
        return body

    def error(self, refusal: Refusal, request_id: str) -> Any:
        return {"id": request_id, "message": refusal.message}

    def headers(self, request_id: str) -> dict[str, str]:
        return {"x-debug-trace-id": request_id}
