"""Situate in a LangChain chain, as the docs show it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from langchain_core.documents import Document

from db.documents import Selection
from rag.deps import Deps
from rag.errors import NothingToSearch, QuestionError
from rag.retriever import SituateRetriever
from rag.search import search
from rag.trace import Stage
from tests import pdfs
from tests.conftest import FAKES
from tests.flows.conftest import SUBJECT, Index

PAGE = Path(__file__).parents[2] / "docs" / "developers" / "langchain.md"
QUESTION = "How many people does Meridian Instruments employ?"


def test_it_finds_what_the_application_finds_and_says_where_it_stands(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    hits = search(deps, SUBJECT, QUESTION, selection=Selection(), top=2).hits

    found = SituateRetriever(deps=deps, subject=SUBJECT, k=2).invoke(QUESTION)

    assert [(d.page_content, d.metadata["ord"]) for d in found] == [(hit.chunk.text, hit.chunk.ord) for hit in hits]
    best, chunk = found[0].metadata, hits[0].chunk
    assert (best["rank"], best["document"], best["title"]) == (1, "report.pdf", hits[0].title)
    assert best["pages"][0] == chunk.first_page
    assert best["scores"] == {stage.value: standing.score for stage, standing in hits[0].stages.items()}
    assert best["ranks"]["fused"] == 1
    assert best["context"] == chunk.context
    assert [sentence["text"] for sentence in best["sentences"]] == [chunk.quote(i, i + 1) for i in range(len(chunk.sentences))]
    assert all(box[0] in best["pages"] for sentence in best["sentences"] for box in sentence["boxes"])


def test_it_searches_what_is_selected_up_to_the_stage_that_is_named(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    other = index(deps, pdfs.lines("Leek soup needs a slow fire. Nobody is employed here."), filename="soup.pdf")

    retriever = SituateRetriever(deps=deps, subject=SUBJECT, selection=Selection(documents=(other.id,)), stage=Stage.BM25)

    found = retriever.invoke("employed people")
    assert {d.metadata["document"] for d in found} == {"soup.pdf"}
    assert set(found[0].metadata["ranks"]) == {"bm25", "fused"}


def test_it_can_be_awaited(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    retriever = SituateRetriever(deps=deps, subject=SUBJECT, k=3)

    async def both() -> list[list[Document]]:
        return await asyncio.gather(retriever.ainvoke(QUESTION), retriever.ainvoke("quartz sensors"))

    first, second = asyncio.run(both())
    assert first == retriever.invoke(QUESTION)
    assert second == retriever.invoke("quartz sensors")


def test_it_shows_nobody_anothers_documents(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    with pytest.raises(NothingToSearch, match="No document is ready"):
        SituateRetriever(deps=deps, subject="someone else").invoke(QUESTION)


def test_an_empty_query_is_refused_as_in_the_chat(deps: Deps) -> None:
    with pytest.raises(QuestionError, match="empty"):
        SituateRetriever(deps=deps, subject=SUBJECT).invoke(" ?")


def test_neither_keys_nor_the_database_show_in_its_description(deps: Deps) -> None:
    retriever = SituateRetriever(deps=deps, subject=SUBJECT)
    assert deps.url not in repr(retriever)
    assert "deps" not in retriever.model_dump()


def test_the_example_in_the_docs_runs(
    deps: Deps, index: Index, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    index(deps, pdfs.report())
    monkeypatch.setenv("DATABASE_URL", deps.url)
    for name, value in FAKES.items():
        monkeypatch.setenv(f"SITUATE_{name.upper()}", value)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)

    exec(compile(example, PAGE.name, "exec"), {"__name__": "example"})  # noqa: S102 - our own page

    printed = capsys.readouterr().out
    assert "report.pdf, p. 1" in printed
    assert "412 people" in printed
