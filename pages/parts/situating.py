"""How far a model has come with a document's contexts, what is missing and why, and whether it may be asked for again."""

from __future__ import annotations

from db.documents import Document, Situating, Status
from pages.parts.i18n import _, told


def goes_on(document: Document) -> bool:
    """Whether more of its passages will be situated by itself."""
    return document.situating in {Situating.WORKING, Situating.WAITING, Situating.BATCHED}


def can_be_situated(document: Document, *, situator: str | None) -> bool:
    """Whether a person may begin it, or begin it again, by the model that serves now."""
    if situator is None or document.status is not Status.READY or document.stage or goes_on(document):
        return False
    if document.situating is Situating.HELD:  # its price is asked for elsewhere
        return False
    return document.situator != situator or document.situated < document.n_chunks


def situating_told(document: Document, *, situator: str | None) -> str:
    """What there is to say of a ready document's contexts; "" when all of them are there, by the model that serves."""
    done, total = f"{document.situated:,}", f"{document.n_chunks:,}"
    missing, reason = f"{document.n_chunks - document.situated:,}", told(document.unsituated)
    if document.situating in {Situating.WAITING, Situating.HELD}:
        return _("{done} of {total} situated; {missing} waiting: {reason}").format(done=done, total=total, missing=missing, reason=reason)
    if document.situating is Situating.BATCHED:
        return _("{done} of {total} situated; {missing} in a batch, mostly within an hour, at the latest in a day").format(
            done=done, total=total, missing=missing
        )
    if document.situating is Situating.ENDED and document.situated < document.n_chunks:
        return _("{done} of {total} situated; {missing} not: {reason}").format(done=done, total=total, missing=missing, reason=reason)
    if document.situating is Situating.ENDED and situator is not None and document.situator != situator:
        model = document.situator.partition("/")[0]
        if model == situator.partition("/")[0]:
            return _("Situated with an earlier prompt.")
        return _("Situated by {model}.").format(model=model)
    return ""
