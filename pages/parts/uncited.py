"""Whether a tree shows anything that rests on no citation."""

from __future__ import annotations

from rag.uncited import is_marked

__all__ = ["is_marked"]
