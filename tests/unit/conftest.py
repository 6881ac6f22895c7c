from __future__ import annotations

import pytest

from rag.providers.e5 import E5


@pytest.fixture(scope="session")
def e5() -> E5:
    """The built-in embedder, loaded once for all tests (half a second)."""
    embedder = E5()
    embedder.count_tokens("the first call loads the model")
    return embedder
