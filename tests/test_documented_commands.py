"""Every ``swinpan`` and ``python -m benchmarks`` command in the documents has words and options that are known."""

import re
import shlex
from dataclasses import fields

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app as benchmarks
from modelscope_swinpan.cli import app
from modelscope_swinpan.cli.train import _options, _read_settings
from modelscope_swinpan.config import thresholds
from modelscope_swinpan.training.config import AugmentConfig
from tests.conftest import ROOT

BLOCK = re.compile(r"^```([\w{}-]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = ("", "bash", "sh")
INLINE = re.compile(r"`((?:swinpan|python -m benchmarks) [a-z][^`]*)`")
COMMAND = re.compile(r"""(?:[A-Z_]+=\S+ +)*(?:torchrun .*"\$\(which swinpan\)"|swinpan)(?: (.*))?$""")
BENCHMARK = re.compile(r"python -m benchmarks (.*)$")
MAKE = re.compile(r"(?:^|`)make ([a-z-]+)", re.MULTILINE)
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


def commands(text, command=COMMAND):
    """The arguments of each, in blocks (continued lines joined) and within sentences."""
    blocks = [block for language, block in BLOCK.findall(text) if language in SHELL]
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    for line in lines + INLINE.findall(BLOCK.sub("", text)):
        if given := command.match(line):
            yield tuple(shlex.split(given[1], comments=True))


def cases(command):
    return sorted({(file.name, words) for file in DOCUMENTS for words in commands(file.read_text(), command)})


CASES = cases(COMMAND)
BENCHMARKS = cases(BENCHMARK)


def test_there_are_such_commands():
    assert {words[0] for _, words in BENCHMARKS} >= {"metrics", "roofline", "scale", "tiles"}
    assert {words[0] for _, words in CASES} >= {
        "batch",
        "bench",
        "card",
        "convert",
        "eval",
        "export",
        "scenes",
        "train",
    }


@pytest.mark.parametrize(
    ("document", "words"), CASES, ids=lambda value: value if isinstance(value, str) else " ".join(value)[:60]
)
def test_a_command_can_be_given(document, words):
    answer = CliRunner().invoke(app, [*words, "--help"])  # which comes after options are known, before they are used
    assert answer.exit_code == 0, answer.output
    if words[0] == "train" and "--set" in words:
        settings = [words[index + 1] for index, word in enumerate(words) if word == "--set"]
        _options("512x512", _read_settings(settings))


@pytest.mark.parametrize(("document", "words"), BENCHMARKS)
def test_a_benchmark_can_be_run(document, words):
    answer = CliRunner().invoke(benchmarks, [*words, "--help"])
    assert answer.exit_code == 0, answer.output


def test_an_unknown_option_would_be_found():
    assert CliRunner().invoke(benchmarks, ["load", "--tilt", "--help"]).exit_code == 2
    assert CliRunner().invoke(app, ["predict", "--tilt", "--help"]).exit_code == 2


def test_targets_of_make_are_there():
    told = {target for document in DOCUMENTS for target in MAKE.findall(document.read_text())}
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test"} <= told <= known


@pytest.mark.parametrize("document", ["architecture.md", "serving.md"])
def test_thresholds_are_named(document):
    text = (ROOT / "docs" / document).read_text()
    assert [threshold.name for threshold in thresholds() if f"`{threshold.name}`" not in text] == []


def test_augmentations_are_named():
    text = (ROOT / "docs" / "fine-tuning.md").read_text()
    assert [option.name for option in fields(AugmentConfig) if f"`{option.name}`" not in text] == []
