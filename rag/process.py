"""The Deps of this process, for code that is entered anew on every run, such as Streamlit's pages. Set once, where the process starts."""

from __future__ import annotations

from rag.deps import Deps

_provided: Deps | None = None


def provide(deps: Deps | None) -> None:
    """Let the pages of this process use these Deps; None when it ends."""
    global _provided  # noqa: PLW0603 - one process, one set of Deps
    _provided = deps


def provided() -> Deps:
    """The Deps of this process. Raises LookupError where `situate serve`, or a test, has not provided them."""
    if _provided is None:
        raise LookupError("The pages run inside `situate serve`, which opens the database and the models; start that.")
    return _provided
