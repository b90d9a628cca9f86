"""Every command, where the disk is full: it says which file cannot be written, and leaves no part of one.

Given again when there is room, it goes on to the files that an undisturbed command writes, byte by byte.
"""

import re
import shutil

import pytest

from tests.cli.test_nothing_lost import COMMANDS, given, place, prepared, swinpan
from tests.full_disk import full_disk

__all__ = ["given", "place"]  # fixtures
TIMES = {"log.csv", "tensorboard"}
"""What holds times, and differs from run to run."""
STAMPED = {"inputs.jsonl", "journal.jsonl"}
"""What holds the times of files: of generated scenes they are new."""


def contents(folder, times):
    paths = (path for path in folder.rglob("*") if path.is_file())
    names = {path: path.relative_to(folder).parts for path in paths}
    return {name: path.read_bytes() for path, name in names.items() if times.isdisjoint(name)}


TRIED = [command for commands in COMMANDS.values() for command in commands if not command.startswith("train --demo")]
"""All but one, which takes long and writes as another does."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # of TensorBoard's thread
@pytest.mark.parametrize("command", TRIED)
def test_a_full_disk(command, place):
    if "eval" in command or "train" in command or "card" in command:
        pytest.importorskip("hotcoco")
    out = place / "out"
    times = TIMES | STAMPED if "scenes" in command else TIMES
    prepared(command, out)
    before = contents(out, set())
    answer = swinpan(command)
    assert answer.exit_code == 0, answer.output
    expected = contents(out, times)
    largest = max(len(content) for name, content in contents(out, set()).items() if name not in before)
    for limit in (0, largest - 1):
        if limit == 0 and command.startswith("demo"):
            continue  # ModelScope's pipeline needs a temporary file
        shutil.rmtree(out)
        prepared(command, out)
        with full_disk(limit):
            answer = swinpan(command)
        assert isinstance(answer.exception, SystemExit), answer.exception
        assert answer.exit_code == 1, answer.output
        (error,) = [line for line in answer.stderr.splitlines() if line.startswith("Error: ")]
        assert re.match(r"Error: (\S*/)?out/\S+: File too large\. Make room", error)
        assert ".swinpan-" not in error
        assert not [*place.rglob(".swinpan-*")]
        answer = swinpan(command)
        assert answer.exit_code == 0, answer.output
        assert contents(out, times) == expected
