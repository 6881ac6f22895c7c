"""Changing the embedder without a wipe: another one fills in the background while the first serves, then takes over; and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from procrastinate.exceptions import JobAborted
from pydantic import SecretStr

from db import as_subject
from db import chunks as chunk_rows
from db import vectors as vector_rows
from db.documents import Selection, Status
from rag import consent, embedding, filling, jobs, library, publication
from rag.cli import execute
from rag.deps import Deps, build
from rag.errors import SettingsError, TransientProviderError
from rag.providers import Meter, unmetered
from rag.providers.fake import FakeEmbedder
from rag.search import search
from rag.trace import Stage
from tests import pdfs, standin
from tests.conftest import FAKES
from tests.flows.conftest import SUBJECT, Index
from tests.standin import CohereServer, VoyageServer

FIRST = FakeEmbedder().name
QUESTION = "Who made an observation in calm weather?"


@dataclass(frozen=True, kw_only=True)
class Other(FakeEmbedder):
    """Another model, that tells when it is asked and may be away."""

    dimensions: int = 64
    watch: Callable[[], None] = lambda: None
    texts: list[str] = field(default_factory=list)
    away: list[str] = field(default_factory=list)  # why, while it is

    def embed_documents(self, texts: Sequence[str], _meter: Meter = unmetered, /) -> NDArray[np.float32]:
        self.watch()
        if self.away:
            raise TransientProviderError(self.away[0])
        self.texts.extend(texts)
        return super().embed_documents(texts)

    def embed_query(self, text: str, _meter: Meter = unmetered, /) -> NDArray[np.float32]:
        if self.away:
            raise TransientProviderError(self.away[0])
        return FakeEmbedder(dimensions=self.dimensions).embed_query(text)


def work_off(deps: Deps) -> None:
    while library.busy(deps, SUBJECT):
        jobs.run_worker(deps, wait=False)


def served(deps: Deps) -> tuple[str, int]:
    """The embedder a question went to, and in how many documents it found something by meaning alone."""
    result = search(deps, SUBJECT, QUESTION, selection=Selection(), stage=Stage.DENSE, top=1000)
    assert result.trace.notes == ()
    return result.trace.embedder, len({hit.chunk.document_id for hit in result.hits})


@pytest.fixture
def two(deps: Deps, index: Index) -> Deps:
    """Two documents, published under the first embedder."""
    for name, pages in (("one.pdf", 2), ("two.pdf", 3)):
        index(deps, pdfs.long_report(pages), filename=name)
    return deps


def test_the_first_serves_until_the_second_covers_every_document_and_comes_back_at_once(two: Deps) -> None:
    seen: list[tuple[str, int]] = []
    other = Other(watch=lambda: seen.append(served(switching)))
    switching = replace(two, preferred=(other,))
    assert served(switching) == (FIRST, 2)
    jobs.defer_fills(switching, SUBJECT)
    jobs.defer_fills(switching, SUBJECT)  # what waits already is not queued twice
    work_off(switching)
    assert len(seen) >= 2
    assert set(seen) == {(FIRST, 2)}
    assert served(switching) == (other.name, 2)
    assert embedding.switch(switching, SUBJECT) is None
    assert len(other.texts) == sum(document.n_chunks for document in library.documents(two, SUBJECT))
    assert served(two) == (FIRST, 2)
    jobs.defer_fills(switching, SUBJECT)
    assert library.busy(switching, SUBJECT) == set()


def test_a_worker_fills_in_everyones_documents_when_it_starts(two: Deps) -> None:
    theirs = replace(two, settings=two.settings.model_copy(update={"subject": "somebody else"}))
    switching = replace(theirs, preferred=(Other(),))
    jobs.defer_everyones_fills(switching)
    work_off(switching)
    assert served(switching) == (Other().name, 2)


def test_the_list_of_subjects_opens_nothing_else(two: Deps) -> None:
    with as_subject(two.pool, "somebody else") as connection:
        assert vector_rows.subjects(connection) == [SUBJECT]
        for table in ("memberships", "collections", "documents", "vectors"):
            assert connection.execute(f"select count(*) from {table}").fetchone() == (0,)  # type: ignore[arg-type] # noqa: S608 - names of ours


def test_an_upload_during_a_switch_has_the_vectors_of_both(two: Deps, index: Index) -> None:
    other = Other()
    switching = replace(two, preferred=(other,))
    index(switching, pdfs.report(), filename="three.pdf")  # the queue holds the fills of the other two as well now
    assert served(switching) == (other.name, 3)
    assert served(two) == (FIRST, 3)


def test_progress_is_told_while_a_switch_is_under_way(two: Deps) -> None:
    switching = replace(two, preferred=(Other(),))
    first = library.documents(two, SUBJECT)[0]
    filling.fill(switching, SUBJECT, first.id)
    told = embedding.switch(switching, SUBJECT)
    assert told == embedding.Switch(wanted=Other().name, serving=FIRST, done=1, total=2, error="")
    only = Selection(documents=(first.id,))
    assert search(switching, SUBJECT, QUESTION, selection=only).trace.embedder == Other().name  # it covers all that is asked of


def test_a_worker_that_ends_in_the_middle_repeats_nothing_that_was_stored(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.long_report(120))
    other = Other()
    switching = replace(deps, preferred=(other,))

    def stop() -> None:
        raise JobAborted

    with pytest.raises(JobAborted):
        filling.fill(switching, SUBJECT, document.id, pulse=stop)
    assert 0 < len(other.texts) < document.n_chunks
    assert served(switching) == (FIRST, 1)
    filling.fill(switching, SUBJECT, document.id)
    assert len(other.texts) == document.n_chunks
    assert served(switching) == (other.name, 1)
    assert library.document(switching, SUBJECT, document.id).status is Status.READY


def test_a_provider_that_is_away_when_asked_gives_way_and_the_answer_says_so(two: Deps) -> None:
    other = Other()
    switching = replace(two, preferred=(other,))
    jobs.defer_fills(switching, SUBJECT)
    work_off(switching)
    other.away.append("Acme could not be reached.")
    result = search(switching, SUBJECT, QUESTION, selection=Selection())
    assert result.trace.embedder == FIRST
    assert result.trace.notes == (f"{other.name} did not answer, so {FIRST} searched in its place. Acme could not be reached.",)
    assert {Stage.DENSE, Stage.BM25} <= set(result.hits[0].stages)


def test_without_any_embedder_the_words_are_searched_for_and_the_answer_says_so(two: Deps) -> None:
    away = Other(dimensions=384, away=["Acme could not be reached."])  # which has the first one's name, and so its vectors
    result = search(replace(two, embedder=away), SUBJECT, QUESTION, selection=Selection())
    assert result.trace.embedder == ""
    assert "only the words" in result.trace.notes[0]
    assert result.hits
    unfilled = search(replace(two, embedder=Other()), SUBJECT, QUESTION, selection=Selection())
    assert "not complete yet" in unfilled.trace.notes[0]
    assert [hit.key for hit in unfilled.hits] == [hit.key for hit in result.hits]


def test_a_provider_that_is_away_at_upload_keeps_no_document_from_being_ready(
    two: Deps, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "ATTEMPTS_WHEN_AWAY", 1)
    other = Other()
    switching = replace(two, preferred=(other,))
    jobs.defer_fills(switching, SUBJECT)
    work_off(switching)
    other.away.append("Acme is overloaded.")
    document = index(switching, pdfs.report(), filename="three.pdf")
    assert document.status is Status.READY
    assert document.stage == ""
    assert served(replace(switching, preferred=())) == (FIRST, 3)
    assert embedding.switch(switching, SUBJECT) == embedding.Switch(
        wanted=other.name, serving=FIRST, done=2, total=3, error="Acme is overloaded."
    )
    other.away.clear()
    jobs.defer_everyones_fills(switching)
    work_off(switching)
    assert served(switching) == (other.name, 3)


def test_vectors_of_a_model_that_missed_a_change_of_contexts_are_dropped(two: Deps) -> None:
    other = Other()
    switching = replace(two, preferred=(other,))
    jobs.defer_fills(switching, SUBJECT)
    work_off(switching)
    document = library.documents(two, SUBJECT)[0]
    with as_subject(two.pool, SUBJECT) as connection:
        stored = chunk_rows.chunks(connection, document.id)
    situated = [replace(chunk, context="The board of Acme in 2024.", context_by="somebody") for chunk in stored]
    publication.draft_vectors(two, SUBJECT, document, situated, pulse=lambda: None)
    publication.publish(two, SUBJECT, document, situated)
    assert served(switching) == (FIRST, 2)
    jobs.defer_fills(switching, SUBJECT)
    work_off(switching)
    assert served(switching) == (other.name, 2)
    assert any("The board of Acme in 2024." in said for said in other.texts)


@pytest.fixture
def voyage() -> Iterator[VoyageServer]:
    with standin.voyage() as server:
        yield server


def with_remote(deps: Deps, embedder: str, voyage: VoyageServer, cohere: CohereServer) -> Deps:
    """As the settings would have it, with the fake in the local one's place."""
    settings = deps.settings.model_copy(
        update={
            "embedder": embedder,
            "voyage_api_key": SecretStr(voyage.key),
            "voyage_base_url": voyage.url,
            "cohere_api_key": SecretStr(cohere.key),
            "cohere_base_url": cohere.url,
        }
    )
    return replace(build(settings, pool=deps.pool, url=deps.url), embedder=deps.embedder)


def test_a_remote_embedder_is_sent_nothing_before_consent_and_fills_in_after_it(
    two: Deps, index: Index, voyage: VoyageServer, cohere: CohereServer
) -> None:
    remote = with_remote(two, "voyage:voyage-4", voyage, cohere)
    index(remote, pdfs.report(), filename="three.pdf")
    assert served(remote) == (FIRST, 3)
    assert voyage.requests == []
    (request,) = consent.outstanding(remote, SUBJECT)
    assert (request.recipient, request.model, request.purposes) == ("Voyage", "voyage-4", (consent.Purpose.EMBED,))
    library.allow(remote, SUBJECT, "Voyage")
    work_off(remote)
    assert served(remote) == ("voyage-4", 3)
    with as_subject(remote.pool, SUBJECT) as connection:
        of_documents = connection.execute(
            "select count(distinct document_id), sum(input_tokens) from usage where purpose = 'embed' and document_id is not null"
        ).fetchone()
        of_questions = connection.execute("select sum(input_tokens) from usage where purpose = 'embed' and document_id is null").fetchone()
    assert of_documents is not None
    assert of_questions is not None
    assert of_documents[0] == 3
    assert of_questions[0] == 7  # words
    consent.withdraw(remote, SUBJECT, "Voyage", "voyage-4")
    assert served(remote) == (FIRST, 3)


def test_from_one_remote_embedder_to_another_the_earlier_one_serves_meanwhile(
    two: Deps, index: Index, voyage: VoyageServer, cohere: CohereServer
) -> None:
    before = with_remote(two, "voyage:voyage-4", voyage, cohere)
    library.allow(before, SUBJECT, "Voyage")
    work_off(before)
    after = with_remote(two, "cohere:embed-v4.0", voyage, cohere)
    assert served(after) == ("voyage-4", 2)
    library.allow(after, SUBJECT, "Cohere")
    assert served(after) == ("voyage-4", 2)
    work_off(after)
    assert served(after) == ("embed-v4.0", 2)
    index(after, pdfs.report(), filename="three.pdf")
    assert served(after) == ("embed-v4.0", 3)
    back = with_remote(two, "voyage:voyage-4", voyage, cohere)
    assert served(back) == ("embed-v4.0", 3)  # until what came meanwhile is filled in
    jobs.defer_everyones_fills(back)
    work_off(back)
    assert served(back) == ("voyage-4", 3)


def test_vectors_that_the_index_cannot_hold_are_refused_with_a_reason(two: Deps) -> None:
    broad = Other(dimensions=4096)
    switching = replace(two, preferred=(broad,))
    jobs.defer_fills(switching, SUBJECT)
    work_off(switching)
    told = embedding.switch(switching, SUBJECT)
    assert told is not None
    assert (told.done, told.error) == (0, f"{broad.name} makes vectors of 4096 dimensions; the index takes 4000 at most. Choose another.")
    assert served(switching) == (FIRST, 2)
    assert {document.stage for document in library.documents(two, SUBJECT)} == {""}


def test_a_refused_key_is_told_before_the_model_has_any_vector(two: Deps, voyage: VoyageServer, cohere: CohereServer) -> None:
    remote = with_remote(two, "voyage:voyage-4", voyage, cohere)
    voyage.fail_next(401, times=9)
    library.allow(remote, SUBJECT, "Voyage")
    work_off(remote)
    told = embedding.switch(remote, SUBJECT)
    assert told is not None
    assert told == embedding.Switch(wanted="voyage-4", serving=FIRST, done=0, total=2, error=told.error)
    assert "API key" in told.error


def test_the_command_line_names_the_models_and_drops_one(
    two: Deps, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.defer_fills(replace(two, preferred=(Other(),)), SUBJECT)
    work_off(replace(two, preferred=(Other(),)))
    monkeypatch.setenv("DATABASE_URL", two.url)
    for name, value in FAKES.items():
        monkeypatch.setenv(f"SITUATE_{name.upper()}", value)
    assert execute(["embedders"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{FIRST} (serves): 2 of 2 documents, 384 dimensions",
        f"{Other().name}: 2 of 2 documents, 64 dimensions",
    ]
    assert execute(["embedders", "--drop", FIRST]) == 1
    assert "Choose another embedder first" in capsys.readouterr().err
    assert execute(["embedders", "--drop", Other().name]) == 0
    assert execute(["doctor"]) in {0, 1}
    assert f"embedder: {FIRST}, 384 dimensions\n" in capsys.readouterr().out


def test_the_vectors_of_a_model_that_serves_no_more_can_be_dropped_and_no_others(two: Deps) -> None:
    other = Other()
    switching = replace(two, preferred=(other,))
    jobs.defer_fills(switching, SUBJECT)
    work_off(switching)
    for name, deps in ((other.name, switching), (FIRST, switching), ("nobody", two)):
        with pytest.raises(SettingsError):
            embedding.drop(deps, name)
    embedding.drop(two, other.name)
    with as_subject(two.pool, SUBJECT) as connection:
        assert vector_rows.names(connection) == [FIRST]
        assert connection.execute("select count(*) from pg_indexes where indexname like 'vectors_hnsw_%%'").fetchone() == (1,)
    assert served(switching) == (FIRST, 2)
    jobs.defer_fills(switching, SUBJECT)
    work_off(switching)
    assert served(switching) == (other.name, 2)
