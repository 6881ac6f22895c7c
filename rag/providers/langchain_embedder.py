"""Any embedding model that LangChain can build: by `init_embeddings`, each provider in a package of its own, or of langchain-community.

The Embeddings interface tells neither what a call is billed for nor how long a text may be: calls are kept small, and not metered.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from rag.errors import SettingsError
from rag.providers import Meter, unmetered
from rag.providers.langchain import first_line, translate
from rag.providers.pieces import Limits, embedded

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

_COMMUNITY: Final = {  # provider -> module of langchain_community.embeddings, class; imported when one is asked for
    "dashscope": ("dashscope", "DashScopeEmbeddings"),
    "zhipuai": ("zhipuai", "ZhipuAIEmbeddings"),
}
_LIMITS: Final = Limits(texts=16, tokens=16_000, window=2_000)  # within what every provider takes that states a limit


class LangChainEmbedder:
    """An `Embedder` under the name 'provider:model'. Where it runs is not known, so it counts as remote and consent is asked."""

    def __init__(self, model: str, embeddings: Embeddings | None = None) -> None:
        """``embeddings`` is that model, when it is built already. Raises SettingsError."""
        self.name = model
        self._provider = model.partition(":")[0].capitalize()
        self._embeddings = embeddings or _built(model)

    @property
    def recipient(self) -> str | None:
        return self._provider

    def embed_documents(self, texts: Sequence[str], _meter: Meter = unmetered, /) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimensions), for at least one text."""
        return embedded(texts, _LIMITS, self._documents, self._provider)

    def embed_query(self, text: str, _meter: Meter = unmetered, /) -> NDArray[np.float32]:
        """A unit vector, shape (dimensions,)."""
        vector: NDArray[np.float32] = embedded([text], _LIMITS, self._queries, self._provider)[0]
        return vector

    def check(self) -> None:
        self.embed_query("ready")

    def _documents(self, texts: list[str]) -> list[list[float]]:
        try:
            return self._embeddings.embed_documents(texts)
        except Exception as error:  # any vendor's own; translated, never swallowed
            raise translate(error, self._provider) from error

    def _queries(self, texts: list[str]) -> list[list[float]]:
        try:
            return [self._embeddings.embed_query(text) for text in texts]
        except Exception as error:  # as above
            raise translate(error, self._provider) from error


def _built(model: str) -> Embeddings:
    """The model that 'provider:model' names. Raises SettingsError: unknown provider, package not installed, key missing."""
    provider, _, name = model.partition(":")
    if not provider or not name:
        raise SettingsError(f"'{model}' names no embedding model: write provider:model, such as openai:text-embedding-3-small.")
    try:
        if provider in _COMMUNITY:
            return _community(provider, name)
        from langchain.embeddings import init_embeddings

        return init_embeddings(name, provider=provider)
    except ImportError as error:
        raise SettingsError(f"The embedding model {model} needs a package that is not installed: {first_line(error)}") from error
    except Exception as error:  # a missing key is another exception with every vendor
        raise SettingsError(f"The embedding model {model} could not be set up: {first_line(error)}") from error


def _community(provider: str, name: str) -> Embeddings:
    module, class_ = _COMMUNITY[provider]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the sunset of langchain-community, which is known
        found = getattr(importlib.import_module(f"langchain_community.embeddings.{module}"), class_)
    embeddings: Embeddings = found(model=name)
    return embeddings
