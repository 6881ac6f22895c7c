"""Both flows on real PDFs and a real database; models are fakes, or the official clients against the stand-in server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from db.documents import Document
from rag import jobs, library
from rag.deps import Deps, build
from tests import standin
from tests.standin import AnthropicServer, CohereServer

SUBJECT = "local"
Index = Callable[..., Document]


@pytest.fixture
def index() -> Index:
    """Upload a PDF and let a worker empty the queue; the document as it ended."""

    def run(deps: Deps, content: bytes, filename: str = "report.pdf") -> Document:
        taken = library.upload(deps, SUBJECT, filename=filename, content=content)
        while library.busy(deps, SUBJECT):
            jobs.run_worker(deps, wait=False)
        return library.document(deps, SUBJECT, taken.document_id)

    return run


@pytest.fixture
def claude() -> Iterator[AnthropicServer]:
    with standin.anthropic() as server:
        yield server


@pytest.fixture
def cohere() -> Iterator[CohereServer]:
    with standin.cohere() as server:
        yield server


@pytest.fixture
def with_claude(deps: Deps, claude: AnthropicServer) -> Deps:
    """Claude configured by its key alone: nobody has agreed to anything yet."""
    settings = deps.settings.model_copy(
        update={
            "situator": "auto",
            "answerer": "auto",
            "anthropic_api_key": SecretStr(claude.key),
            "anthropic_base_url": claude.url,
        }
    )
    return build(settings, pool=deps.pool, url=deps.url)


@pytest.fixture
def agreed(with_claude: Deps) -> Deps:
    """The same after the person agreed."""
    library.allow(with_claude, SUBJECT, "Anthropic")
    return with_claude
