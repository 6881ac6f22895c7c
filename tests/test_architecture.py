"""The house keeps its shape: rooms, one direction of imports, SQL in one place, small files."""

from __future__ import annotations

import ast
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LIMIT = 400  # lines
LONG: dict[str, str] = {}  # file -> why it may be longer

# a room may import the rooms it names, and itself
MAY_IMPORT = {
    "db": set(),
    "rag": {"db"},
    "pages/parts": {"rag", "db", "locales"},
    "pages": {"pages/parts", "rag", "db", "locales"},
    "app.py": {"pages", "pages/parts", "rag", "db"},
}
OURS = {"db", "rag", "pages", "locales", "tests", "bench"}
UNNAMED = {"utils.py", "helpers.py", "types.py", "manager.py", "factory.py", "common.py", "misc.py"}
SQL = re.compile(
    r"^\s*(select(?=[\s(*])|insert\s+into|update\s+\w+\s+set|delete\s+from|create\s+(table|index|function|database)|alter\s+table|with\s+\w+\s+as)\b",
    re.IGNORECASE,
)


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def room(path: Path) -> str:
    relative = path.relative_to(ROOT)
    if relative.parts[:2] == ("pages", "parts"):
        return "pages/parts"
    return relative.parts[0]


def imported(path: Path) -> Iterator[str]:
    """Rooms of ours that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] in OURS:
                yield "pages/parts" if parts[:2] == ["pages", "parts"] else parts[0]


@pytest.mark.parametrize("path", [*sources("db", "rag", "pages"), ROOT / "app.py"], ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    assert set(imported(path)) - {room(path)} <= MAY_IMPORT[room(path)]


def test_the_top_level_is_as_agreed() -> None:
    python = {path.name for path in ROOT.glob("*.py")}
    assert python == {"app.py"}
    for name in ("pages", "rag", "db", "tests", "bench", "docs", "locales", ".streamlit", ".ci", "pyproject.toml", "README.md", "Makefile"):
        assert (ROOT / name).exists(), name


def test_rag_and_db_know_nothing_of_streamlit() -> None:
    for path in sources("rag", "db"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            assert not any(name.split(".")[0] == "streamlit" for name in names), path


def test_sql_stands_in_db_only() -> None:
    for path in [*sources("rag", "pages"), ROOT / "app.py"]:
        with path.open("rb") as file:
            for token in tokenize.tokenize(file.readline):
                if token.type == tokenize.STRING and not token.line.lstrip().startswith(('"""', "'''", 'r"""')):
                    assert not SQL.match(token.string.strip("rbuf\"'")), f"{path}:{token.start[0]}: {token.string[:60]}"


def test_every_file_in_pages_is_a_page() -> None:
    """Streamlit turns each of them into one, except __init__.py."""
    pages = {path.stem for path in (ROOT / "pages").glob("*.py")} - {"__init__"}
    assert pages <= {"chat", "documents", "inspector", "evaluation", "usage", "settings"}
    assert not pages & set(sys.stdlib_module_names), "a page is run as a script and would shadow a standard module"


def test_every_page_begins_with_the_frame() -> None:
    """It holds the sign-in guard: a deep link runs a page without app.py."""
    for path in [ROOT / "app.py", *(p for p in (ROOT / "pages").glob("*.py") if p.stem != "__init__")]:
        body = [n for n in ast.parse(path.read_text("utf-8")).body if not isinstance(n, (ast.Import, ast.ImportFrom))]
        body = [n for n in body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
        first = next(n for n in body if not isinstance(n, (ast.FunctionDef, ast.ClassDef)))
        calls = [n.func.id for n in ast.walk(first) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
        assert "frame" in calls, path


def test_app_is_an_entry_and_no_more() -> None:
    assert len((ROOT / "app.py").read_text("utf-8").splitlines()) <= 40


def test_no_file_is_long_without_a_reason() -> None:
    for path in [*sources("db", "rag", "pages", "tests", "bench"), ROOT / "app.py", *(ROOT / "db").rglob("*.sql")]:
        lines = len(path.read_text("utf-8").splitlines())
        name = str(path.relative_to(ROOT))
        assert lines <= LIMIT or name in LONG, f"{name} has {lines} lines"


def test_modules_are_named_for_a_noun() -> None:
    assert not {path.name for path in sources("db", "rag", "pages")} & UNNAMED


def test_only_settings_reads_the_environment() -> None:
    for path in sources("rag", "pages"):
        if path.name == "settings.py" and path.parent.name == "rag":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
                assert node.attr not in {"environ", "getenv"} or _only_sets(path, node), f"{path}:{node.lineno}: os.{node.attr}"


def _only_sets(path: Path, node: ast.Attribute) -> bool:
    """`os.environ.setdefault(...)` and `.update(...)` tell a library something; they read nothing."""
    return (
        ast.get_source_segment(path.read_text("utf-8"), node) == "os.environ"
        and re.search(r"environ\.(setdefault|update)\(", path.read_text("utf-8").splitlines()[node.lineno - 1]) is not None
    )


def test_nothing_asks_a_package_index_or_a_model_hub() -> None:
    forbidden = re.compile("--(extra-)?index" + "-url|python" + "hosted|huggingface" + "\\.co|from_pre" + "trained")
    for path in [*sources("db", "rag", "pages", "bench"), ROOT / "requirements.txt", ROOT / "pyproject.toml", ROOT / "Makefile"]:
        assert not forbidden.search(path.read_text("utf-8")), path


def test_the_default_install_is_without_torch() -> None:
    names = {re.split(r"[=\[ ]", line)[0] for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines() if line[:1].isalpha()}
    assert "streamlit" in names
    assert not {name for name in names if name.startswith(("torch", "nvidia"))}
