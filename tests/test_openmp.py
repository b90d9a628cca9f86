"""OpenMP's waits are short where the user set nothing, and before PyTorch loads."""

import os
import re
import subprocess
import sys

import pytest

from modelscope_swinpan.openmp import SHORT_WAIT, SWITCHES


def run(code, **switches):
    environment = {name: value for name, value in os.environ.items() if name not in SWITCHES} | switches
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP tells its settings; PyTorch has it on Linux")
@pytest.mark.parametrize(
    ("code", "spins"),
    [
        ("import modelscope_swinpan, torch", SHORT_WAIT["GOMP_SPINCOUNT"]),
        (
            "import sys; sys.argv[1:] = ['--version']; import modelscope_swinpan.cli, torch",
            SHORT_WAIT["GOMP_SPINCOUNT"],
        ),
        ("import torch, modelscope_swinpan", "300000"),
    ],
)
def test_openmp_takes_it(code, spins):
    told = run(code, OMP_DISPLAY_ENV="VERBOSE").stderr
    assert re.findall(r"GOMP_SPINCOUNT = '(\d+)'", told) == [spins]


@pytest.mark.parametrize("switch", SWITCHES)
def test_what_the_user_set_stays(switch):
    code = f"import os, modelscope_swinpan; print({{name: os.environ.get(name) for name in {SWITCHES}}})"
    assert run(code, **{switch: "7"}).stdout.strip() == str(dict.fromkeys(SWITCHES) | {switch: "7"})


@pytest.mark.parametrize(
    ("first", "noted"),
    [("import torch", True), ("pass", False), ("import os; os.environ['KMP_BLOCKTIME'] = '0'", False)],
)
def test_a_note_where_pytorch_came_first(first, noted):
    log = run(f"{first}\nimport logging; logging.basicConfig(level=logging.INFO); import modelscope_swinpan").stderr
    assert ("PyTorch was imported before modelscope_swinpan" in log) == noted


def test_processes_that_are_started_inherit_it():
    code = (
        "import os, subprocess, sys, torch, modelscope_swinpan\n"
        "subprocess.run([sys.executable, '-c', 'import os; print(os.environ.get(\"OMP_WAIT_POLICY\"))'])"
    )
    assert run(code).stdout.strip() == "passive"
