"""The contexts of one document by one model: what is stored of them, and storing each answer together with what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from db import as_subject
from db import batches as batch_rows
from db import chunks as chunk_rows
from db import contexts as context_rows
from db import documents as document_rows
from db.batches import Batch
from db.chunks import Chunk
from db.contexts import Context, Summary
from db.documents import Document, Situating
from rag import instruments, publication, usage
from rag.deps import Deps
from rag.errors import PermanentProviderError, PriceNotAgreed, ProviderError, RejectedRequest
from rag.providers import Prompt, Situator, Written

MOST_FAULTS = 3  # answers that cannot be used, after which a chunk, or a summary, is left without


@dataclass(kw_only=True, eq=False)
class Contexts:
    """Kept up with the database as answers are stored."""

    deps: Deps
    subject: str
    document: Document
    situator: Situator
    chunks: list[Chunk]
    rows: dict[int, Context]  # by ord
    summary: Summary
    reason: str = ""  # why the last chunk that failed did
    refusal: PermanentProviderError | PriceNotAgreed | None = None  # no further call can succeed, or none may be made
    stored: int = 0  # contexts since this was loaded

    @property
    def written(self) -> dict[int, str]:
        return {ord_: row.text for ord_, row in self.rows.items() if row.text}

    @property
    def settled(self) -> set[int]:
        """Chunks that are not asked for again: they have a context, or asking again will not help."""
        return {ord_ for ord_, row in self.rows.items() if row.text or row.final}

    @property
    def situated(self) -> list[Chunk]:
        """All chunks, each with its context where there is one, else as it is published."""
        written, by = self.written, self.situator.name
        return [replace(c, context=written[c.ord], context_by=by) if c.ord in written else c for c in self.chunks]

    def write(self, prompt: Prompt) -> Written:
        """One call of the model. Raises ProviderError."""
        with instruments.call(self.situator.recipient, self.situator.model, "situate") as call:
            written = self.situator.write(prompt)
            call.billed(written.usage)
            return written

    def keep(self, answers: Sequence[tuple[int, Written | ProviderError]], batch: Batch | None = None) -> None:
        """Store answers, what they cost, and that they no longer await a batch, in one transaction. Raises DocumentGone."""
        rows = [self._row(ord_, answer) for ord_, answer in answers]
        before, self.rows = len(self.written), self.rows | {row.ord: row for row in rows}
        self.stored += len(self.written) - before
        with as_subject(self.deps.pool, self.subject) as connection:
            publication.still_there(document_rows.report_situated(connection, self.document.id, len(self.written)))
            for row in rows:
                context_rows.put_context(
                    connection,
                    document_id=self.document.id,
                    situator=self.situator.name,
                    context=row,
                )
            for _, answer in answers:
                if isinstance(answer, Written):
                    usage.keep(self.deps, connection, answer.usage, purpose="situate", document_id=self.document.id)
            if batch is not None:
                batch_rows.settle(connection, batch.id, [ord_ for ord_, _ in answers])

    def keep_summary(self, answer: Written) -> None:
        """Store the summary, or that this answer was none, and what it cost."""
        self.summary = replace(self.summary, attempts=self.summary.attempts + 1) if answer.fault else Summary(text=answer.text)
        with as_subject(self.deps.pool, self.subject) as connection:
            publication.still_there(document_rows.report_situated(connection, self.document.id, len(self.written)))
            context_rows.put_summary(
                connection,
                document_id=self.document.id,
                situator=self.situator.name,
                summary=self.summary,
            )
            usage.keep(self.deps, connection, answer.usage, purpose="situate", document_id=self.document.id)

    def note(self, state: Situating, reason: str = "") -> None:
        """Let the page tell how far this has come. Raises DocumentGone."""
        with as_subject(self.deps.pool, self.subject) as connection:
            publication.still_there(
                document_rows.note_situating(
                    connection, self.document.id, state, situator=self.situator.name, situated=len(self.written), unsituated=reason
                )
            )

    def _row(self, ord_: int, answer: Written | ProviderError) -> Context:
        known = self.rows.get(ord_, Context(ord=ord_))
        if isinstance(answer, Written) and not answer.fault:
            return replace(known, text=answer.text, error="", final=False)
        if isinstance(answer, Written):
            self.reason, attempts = answer.fault, known.attempts + 1
            return replace(known, error=answer.fault, final=attempts >= MOST_FAULTS, attempts=attempts)
        self.reason = str(answer)
        if isinstance(answer, PermanentProviderError) and not isinstance(answer, RejectedRequest):
            self.refusal = answer
        return replace(known, error=str(answer), final=isinstance(answer, RejectedRequest))


def load(deps: Deps, subject: str, document: Document, situator: Situator) -> Contexts:
    """What is stored of a document's contexts by this model."""
    with as_subject(deps.pool, subject) as connection:
        return Contexts(
            deps=deps,
            subject=subject,
            document=document,
            situator=situator,
            chunks=chunk_rows.chunks(connection, document.id),
            rows=context_rows.contexts(connection, document_id=document.id, situator=situator.name),
            summary=context_rows.summary(connection, document_id=document.id, situator=situator.name),
        )
