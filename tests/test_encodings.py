"""Text files are opened with their encoding: the system's own is another one on other machines."""

import ast
import re

import pytest

from tests.conftest import ROOT

FILES = [ROOT / "setup.py", *(ROOT / "modelscope_swinpan").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]


@pytest.mark.parametrize(
    ("line", "fine"),
    [
        ("path.read_text()", False),
        ("(folder / name).write_text(text)", False),
        ("path.write_text(text, encoding='utf-8')", True),
        ("path.open()", False),
        ("open(path, 'w')", False),
        ("path.open('a', newline='')", False),
        ("path.open(mode='rb')", True),
        ("path.open('r+b')", True),
        ("path.open(encoding='ascii')", True),
        ("Path(name).open(mode='a')", False),
        ("(folder / name).open('w')", False),
        ("Image.open(path)", True),
        ("os.open(path, os.O_RDONLY)", True),
        ("dataset.open()", True),
        ("subprocess.run(command, text=True)", False),
    ],
)
def test_what_is_looked_for(line, fine):
    assert (without_encoding(line) == []) is fine


def test_every_text_file_is_opened_with_its_encoding():
    assert len(FILES) > 100
    found = {str(path.relative_to(ROOT)): without_encoding(path.read_text(encoding="utf-8")) for path in FILES}
    assert {path: lines for path, lines in found.items() if lines} == {}


def without_encoding(source: str) -> list[int]:
    """The lines that open a text file without naming its encoding."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if opens_text(call) and "encoding" not in named(call)]


def opens_text(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "open":
        owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        first = 0 if owner else 1  # a path's own method takes no path
        modes = (
            [call.args[first]]
            if len(call.args) > first
            else [value for key, value in named(call).items() if key == "mode"]
        )
        mode = modes[0].value if modes and isinstance(modes[0], ast.Constant) else "r" if not modes else None
        of_a_path = not owner or re.search(r"path|file|folder|partial|readme|log\b|/", owner, re.IGNORECASE)
        return bool(of_a_path) and isinstance(mode, str) and "b" not in mode
    return name in ("read_text", "write_text") or "text" in named(call)


def named(call: ast.Call) -> dict[str | None, ast.expr]:
    return {keyword.arg: keyword.value for keyword in call.keywords}
