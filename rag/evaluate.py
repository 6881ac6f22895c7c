"""Measuring retrieval, stage by stage: `rag.search` on private copies of a set's documents, once for each context.

    question_sets.py (read the set) -> scratch.py (copies, one collection per context) -> search.py -> ladder.py, metrics.py (the figures)

A run is a row of `evaluations` with a beat. What a run left behind when its process was killed is dropped when its owner starts the next.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal

from db import DatabaseAway, as_subject
from db import evaluations as rows
from db.evaluations import Evaluation, State
from db.search import Key
from rag import consent, embedding, question_sets, scratch, scratch_contexts, search
from rag.consent import Purpose
from rag.deps import Deps
from rag.errors import QuestionSetError, SituateError
from rag.ladder import Ladder, Rung
from rag.question_sets import Context, Question, QuestionSet
from rag.scratch import Copy, Cut, Progress
from rag.trace import Result, Stage

log = logging.getLogger(__name__)

BEAT = 5.0  # seconds, well below db.evaluations.SILENCE
PATIENCE = 120.0  # seconds for a reranker
DEEP = 100  # chunks a question asks for, so that twenty distinct pages are among them
ChunkName = tuple[str, int]  # document as the set calls it, ord
Found = dict[ChunkName, frozenset[int]]  # which of a question's gold items a chunk holds

# the laps of rag.search that a stage waits for
_LAPS = {
    Stage.DENSE: ("embed", "dense"),
    Stage.BM25: ("bm25",),
    Stage.FUSED: ("embed", "dense", "bm25", "fuse"),
    Stage.RERANKED: ("embed", "dense", "bm25", "fuse", "fetch", "rerank"),
}


class Stopped(SituateError):
    """A person stopped the run."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be measured."""

    questions: QuestionSet
    contexts: tuple[Context, ...]
    stages: tuple[Stage, ...]
    spend: Decimal = Decimal(0)  # US dollars that contexts written by a paid model may cost


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What one search told, without its passages."""

    orders: dict[Stage, list[ChunkName]]  # best first
    seconds: dict[Stage, float]
    notes: tuple[str, ...]


def plan(
    deps: Deps,
    subject: str,
    found: QuestionSet,
    *,
    contexts: Sequence[Context] = (),
    stages: Sequence[Stage] = (),
    spend: Decimal = Decimal(0),
) -> Plan:
    """What the set and the models allow, or what was asked for. Raises QuestionSetError for what cannot be measured."""
    allowed = [*found.contexts, *((Context.MODEL,) if _situator(deps, subject) else ())]
    for context in contexts:
        if context is Context.MODEL and context not in allowed:
            raise QuestionSetError(
                "No model may write contexts here: configure a situator, and agree in the page that it reads your documents."
            )
        if context not in allowed:
            raise QuestionSetError(f"{found.name} allows the contexts {', '.join(allowed)}; it has none of the kind {context}.")
    possible = [stage for stage in Stage if stage is not Stage.RERANKED or _reranker(deps, subject)]
    for stage in stages:
        if stage not in possible:
            raise QuestionSetError("No reranker is configured, so there is no reranked stage to measure.")
    return Plan(
        questions=found,
        contexts=tuple(context for context in Context if context in (contexts or found.contexts)),
        stages=tuple(stage for stage in possible if stage in (stages or possible)),
        spend=spend,
    )


def run(deps: Deps, subject: str, what: Plan, *, progress: Progress) -> Ladder:
    """Measure now, in this thread, and keep the run with its figures. What is made on the way is dropped, however the run ends.

    Raises Stopped when the run was stopped from elsewhere, and whatever `progress` raises.
    """
    return carry_out(deps, subject, begin(deps, subject, what.questions.name), what, progress=progress)


def begin(deps: Deps, subject: str, set_name: str) -> Evaluation:
    """A run's row, after dropping what dead runs of this subject left behind."""
    with as_subject(deps.pool, subject) as connection:
        dead = rows.abandoned(connection)
    for run_ in dead:
        _clear(deps, subject, run_)
    with as_subject(deps.pool, subject) as connection:
        return rows.start(connection, set_name)


def evaluations(deps: Deps, subject: str) -> list[Evaluation]:
    """The subject's runs, latest first."""
    with as_subject(deps.pool, subject) as connection:
        return rows.evaluations(connection)


def stop(deps: Deps, subject: str, evaluation_id: int) -> None:
    """Ask a run to end; it does so between two steps."""
    with as_subject(deps.pool, subject) as connection:
        rows.stop(connection, evaluation_id)


def carry_out(deps: Deps, subject: str, run_: Evaluation, what: Plan, *, progress: Progress = lambda *_: None) -> Ladder:
    """Measure for a row that `begin` made; the row ends as done, failed or stopped."""
    with _beating(deps, subject, run_.id) as wanted:

        def report(step: str, done: int, total: int) -> None:
            if not wanted.is_set():
                raise Stopped("The evaluation was stopped. Nothing of it is left behind.")
            with as_subject(deps.pool, subject) as connection:
                rows.report(connection, run_.id, step=step, done=done, total=total)
            progress(step, done, total)

        try:
            ladder = _measure(deps, subject, run_.scratch, what, progress=report)
        except BaseException as error:
            _finish(deps, subject, run_, error)
            raise
        finally:
            _clear(deps, subject, run_)
        with as_subject(deps.pool, subject) as connection:
            rows.finish(connection, run_.id, state=State.DONE, result=ladder.as_stored())
    return ladder


def begin_in_background(deps: Deps, subject: str, what: Plan) -> Evaluation:
    """Measure in a thread of this process, which a page may leave and come back to; the row tells how far it is."""
    run_ = begin(deps, subject, what.questions.name)
    threading.Thread(target=_in_background, args=(deps, subject, run_, what), name=f"evaluate-{run_.id}", daemon=True).start()
    return run_


def _in_background(deps: Deps, subject: str, run_: Evaluation, what: Plan) -> None:
    try:
        carry_out(deps, subject, run_, what)
    except (SituateError, DatabaseAway) as error:
        log.info("evaluation %s ended: %s", run_.id, error)


def result(deps: Deps, subject: str, evaluation_id: int) -> Ladder | None:
    """What a run measured; None while it has not."""
    with as_subject(deps.pool, subject) as connection:
        stored = rows.result(connection, evaluation_id)
    return None if stored is None else Ladder.stored(stored)


def delete(deps: Deps, subject: str, evaluation_id: int) -> None:
    """Forget a run that has ended."""
    with as_subject(deps.pool, subject) as connection:
        rows.delete(connection, evaluation_id)


def _measure(deps: Deps, subject: str, own: str, what: Plan, *, progress: Progress) -> Ladder:
    """Copies, questions, ranks."""
    remembering = replace(
        deps,
        embedder=scratch.RememberingLocalEmbedder(deps.embedder),
        preferred=tuple(map(scratch.RememberingEmbedder, deps.preferred)),
    )
    scratch.admit(deps, own, owner=subject)
    cuts, unreadable = scratch.cut(remembering, subject, what.questions.sources, progress=progress)
    copies, told = _copies(remembering, subject, own, cuts, what, progress=progress)
    notes = set(told)
    held = [holders(question, cuts) for question in what.questions.questions]
    pages = {(cut.name, d.ord): range(d.first_page, d.last_page + 1) for cut in cuts for d in cut.drafts}
    rungs: list[Rung] = []
    for one in copies:
        asked = _ask(deps, one, what.questions.questions, progress=progress)
        found = list(zip(what.questions.questions, held, asked, strict=True))
        notes |= {note for told in asked for note in told.notes}
        rungs += [_rung(stage, one.context, found, pages if what.questions.has_pages else None) for stage in what.stages]
    reachable = sum(len(frozenset().union(*one.values())) for one in held)
    return Ladder(
        set=what.questions.name,
        questions=what.questions.questions,
        without_gold=what.questions.without_gold,
        unreachable=sum(len(question.gold) for question in what.questions.questions) - reachable,
        documents=len(cuts),
        chunks=len(pages),
        unreadable=tuple(unreadable),
        models=_models(deps, subject, what),
        rungs=tuple(rungs),
        notes=tuple(sorted(notes)),
    )


def _copies(deps: Deps, subject: str, own: str, cuts: Sequence[Cut], what: Plan, *, progress: Progress) -> tuple[list[Copy], list[str]]:
    """Where to search with each context, and what is to be known about it."""
    made: dict[Context, Copy] = {}
    notes: list[str] = []
    # a model's copies first: the price that is told is of all documents there are
    for context in sorted(what.contexts, key=lambda c: c is not Context.MODEL):
        if context is what.questions.indexed_with:
            made[context] = scratch.original(subject, cuts, context)
            continue
        made[context] = scratch.copy(deps, own, cuts, context, progress=progress)
        if context is Context.MODEL:
            notes += scratch_contexts.write_contexts(deps, own, made[context], spend=what.spend, progress=progress)
    return [made[context] for context in what.contexts], notes


def _ask(deps: Deps, copy: Copy, questions: Sequence[Question], *, progress: Progress) -> list[_Asked]:
    """Every question, once; its trace tells all stages. A slow reranker is waited for: its seconds are among the figures."""
    patient = replace(deps, settings=deps.settings.model_copy(update={"rerank_seconds": PATIENCE}))
    asked: list[_Asked] = []
    deps.embedder.embed_query("warm")  # the first call loads the model, which is no question's time
    for place, question in enumerate(questions):
        progress(f"asking: {copy.context.value}", place, len(questions))
        result = search.search(patient, copy.subject, question.question, selection=copy.selection, top=DEEP)
        asked.append(
            _Asked(
                orders={stage: [(copy.names[document], ord_) for document, ord_ in _order(result, stage)] for stage in Stage},
                seconds={stage: sum(result.trace.seconds.get(lap, 0.0) for lap in laps) for stage, laps in _LAPS.items()},
                notes=result.trace.notes,
            )
        )
    progress(f"asking: {copy.context.value}", len(questions), len(questions))
    return asked


def holders(question: Question, cuts: Iterable[Cut]) -> Found:
    """The chunks that hold a question's gold items, and which."""
    found: Found = {}
    for cut in cuts:
        gold = [(n, item) for n, item in enumerate(question.gold) if question_sets.stem(item.document) == question_sets.stem(cut.name)]
        for draft in cut.drafts if gold else ():
            held = frozenset(n for n, item in gold if question_sets.finds(item, draft))
            if held:
                found[cut.name, draft.ord] = held
    return found


def _rung(stage: Stage, context: Context, found: Sequence[tuple[Question, Found, _Asked]], pages: dict[ChunkName, range] | None) -> Rung:
    return Rung(
        stage=stage,
        context=context,
        ranks=tuple(_ranks(len(question.gold), held, asked.orders[stage]) for question, held, asked in found),
        pages=None if pages is None else tuple(_page(question, asked.orders[stage], pages) for question, _, asked in found),
        seconds=sum(asked.seconds[stage] for _, _, asked in found) / len(found),
    )


def _order(result: Result, stage: Stage) -> list[Key]:
    """The stage's whole ranking; reranking orders the head, and the fused order goes on below it."""
    if stage is Stage.RERANKED:
        return [hit.key for hit in result.hits]
    return [key for key, _ in result.trace.stages[stage]]


def _ranks(items: int, held: Found, ranking: Sequence[ChunkName]) -> tuple[int | None, ...]:
    first: dict[int, int] = {}
    for rank, chunk in enumerate(ranking, start=1):
        for item in held.get(chunk, ()):
            first.setdefault(item, rank)
    return tuple(first.get(item) for item in range(items))


def _page(question: Question, ranking: Sequence[ChunkName], pages: dict[ChunkName, range]) -> int | None:
    """The rank of the first gold page among the distinct pages; a chunk's pages count in their order."""
    gold = {(question_sets.stem(item.document), item.page) for item in question.gold}
    distinct = dict.fromkeys((question_sets.stem(name), page) for name, ord_ in ranking for page in pages[name, ord_])
    return next((rank for rank, page in enumerate(distinct, start=1) if page in gold), None)


def _models(deps: Deps, subject: str, what: Plan) -> dict[str, str]:
    reranker, situator = _reranker(deps, subject), _situator(deps, subject)
    found = {"embedder": embedding.wanted(deps, subject).name}
    if reranker and Stage.RERANKED in what.stages:
        found["reranker"] = reranker
    if situator and Context.MODEL in what.contexts:
        found["situator"] = situator
    return found


def _reranker(deps: Deps, subject: str) -> str:
    model = consent.serving(deps, subject, Purpose.RERANK)
    return model.name if model else ""


def _situator(deps: Deps, subject: str) -> str:
    model = consent.serving(deps, subject, Purpose.SITUATE)
    return model.name if model else ""


def _finish(deps: Deps, subject: str, run_: Evaluation, error: BaseException) -> None:
    """Note how a run ended that did not end well."""
    told = str(error) if isinstance(error, SituateError) else f"An unexpected error ({type(error).__name__}); the log says more."
    stopped = isinstance(error, (Stopped, KeyboardInterrupt))
    try:
        with as_subject(deps.pool, subject) as connection:
            rows.finish(connection, run_.id, state=State.STOPPED if stopped else State.FAILED, error="" if stopped else told)
    except DatabaseAway:  # the silent beat tells it later
        log.warning("evaluation %s could not be marked as ended: the database is away", run_.id)


def _clear(deps: Deps, subject: str, run_: Evaluation) -> None:
    try:
        scratch.drop(deps, run_.scratch, owner=subject)
        with as_subject(deps.pool, subject) as connection:
            rows.note_cleared(connection, run_.id)
    except DatabaseAway:  # the next run does it
        log.warning("what evaluation %s made could not be dropped: the database is away", run_.id)


@contextmanager
def _beating(deps: Deps, subject: str, evaluation_id: int) -> Iterator[threading.Event]:
    """Signs of life while the block runs; the event is set as long as the run is wanted."""
    wanted, ended = threading.Event(), threading.Event()
    wanted.set()

    def beat() -> None:
        while not ended.wait(BEAT):
            try:
                with as_subject(deps.pool, subject) as connection:
                    if not rows.beat(connection, evaluation_id):
                        wanted.clear()
            except DatabaseAway:
                log.warning("evaluation %s: the database is away; trying again", evaluation_id)

    thread = threading.Thread(target=beat, name=f"evaluation-{evaluation_id}", daemon=True)
    thread.start()
    try:
        yield wanted
    finally:
        ended.set()
        thread.join()
