"""What libraries would tell their makers, switched off: nothing about this machine, its users or its documents leaves it by itself.

`rag/__init__.py` does it before any of them is imported: several look once, at their import. An operator who sets one of these variables
otherwise is obeyed.
"""

from __future__ import annotations

import os
from collections.abc import Collection

LANGSMITH = "LangSmith"  # the recipient whose name in SITUATE_CONSENT leaves LangChain's tracing as its own variables say

_QUIET = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime 1.29 and later: models, sessions and an id of the machine, to Microsoft
    "DO_NOT_TRACK": "1",  # unstructured: an import, and each partition; huggingface_hub
    "SCARF_NO_ANALYTICS": "true",  # unstructured, older
    "UNSTRUCTURED_DISABLE_NOTICE": "1",  # an advertisement on standard output
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",  # the browser reports each page; wherever .streamlit/config.toml is, or is not, found
}


def switch_off() -> None:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


def keep_from_langsmith(granted: Collection[str]) -> None:
    """Let LangChain report no call to LangSmith, texts and all, because the environment of whoever starts us says so for other programs."""
    if LANGSMITH.casefold() not in map(str.casefold, granted):
        os.environ.update(LANGSMITH_TRACING_V2="false")  # looked for before its other names
