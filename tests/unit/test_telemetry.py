"""Libraries report nothing to their makers unless the operator says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rag import telemetry
from tests.standin.server import Refusal, Reply, Request, Server

ROOT = Path(__file__).parents[2]

# Runs a model of one node, as the built-in embedder and the recogniser do theirs.
ONNX = """
import rag, numpy, onnxruntime
from onnx import TensorProto, helper
tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy"]
graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "sum", tensors[:1], tensors[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": numpy.ones(2, numpy.float32)})
"""

# Asks a LangChain chat model; what LangSmith is to be told waits until the end.
LANGCHAIN = """
import sys
from rag import telemetry
telemetry.keep_from_langsmith(sys.argv[1:])
from langchain_core.language_models import FakeListChatModel
from langchain_core.tracers.langchain import wait_for_all_tracers
from rag.providers.langchain import ChatModelAnswerer
list(ChatModelAnswerer("fake:model", FakeListChatModel(responses=["It is so."])).stream("Is it so?", [], []))
wait_for_all_tracers()
"""


def run(program: str, *arguments: str, **environment: str) -> None:
    ours = {*telemetry._QUIET, "CI"}  # CI makes onnxruntime silent
    inherited = {
        name: value for name, value in os.environ.items() if name not in ours and not name.startswith(("LANGSMITH_", "LANGCHAIN_"))
    }
    subprocess.run([sys.executable, "-c", program, *arguments], cwd=ROOT, env=inherited | environment, check=True)


def test_onnxruntime_makes_no_id_of_this_machine(tmp_path: Path) -> None:
    run(ONNX, HOME=str(tmp_path))
    assert not list(tmp_path.rglob("*onnxruntime*"))


class LangSmith(Server):
    """Takes whatever it is told."""

    def answer(self, request: Request, request_id: str) -> Reply:
        return Reply(body={"id": request_id})

    def error(self, refusal: Refusal, request_id: str) -> Any:
        return {"id": request_id, "error": refusal.message}

    def headers(self, request_id: str) -> dict[str, str]:
        return {"x-request-id": request_id}


@pytest.mark.parametrize("switch", ["LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2"])
def test_langsmith_learns_nothing_because_other_programs_trace(switch: str) -> None:
    with LangSmith() as server:
        run(LANGCHAIN, LANGSMITH_ENDPOINT=server.url, LANGSMITH_API_KEY="a-key-of-langsmith", **{switch: "true"})
        assert not server.requests


@pytest.mark.parametrize("name", ["LangSmith", "langsmith"])
def test_langsmith_is_told_where_the_operator_has_consented(name: str) -> None:
    with LangSmith() as server:
        run(LANGCHAIN, name, LANGSMITH_ENDPOINT=server.url, LANGSMITH_API_KEY="a-key-of-langsmith", LANGSMITH_TRACING="true")
        assert server.requests


def test_an_operators_own_word_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "0")
    monkeypatch.delenv("DO_NOT_TRACK")
    telemetry.switch_off()
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "0"
    assert os.environ["DO_NOT_TRACK"]
