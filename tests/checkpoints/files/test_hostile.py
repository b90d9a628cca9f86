"""Hostile checkpoints execute nothing and end in a CheckpointError, in bounded time and memory."""

import json
import pickle
import subprocess
import sys

import pytest
import torch

from modelscope_swinpan import load_model, save_pretrained
from modelscope_swinpan.checkpoints.dialects.mmdet import MMDET2
from modelscope_swinpan.errors import CheckpointError
from tests.builders import random_model
from tests.checkpoints.files import hostile
from tests.conftest import ROOT

SECONDS = 10
NAMES = [name for name, _ in hostile.corpus("canary")]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What became of every file, in a process with little memory that a crash may take along."""
    folder = tmp_path_factory.mktemp("hostile")
    command = [sys.executable, "-m", "tests.checkpoints.files.hostile", folder]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    found = {}
    for line in run.stdout.splitlines():
        name, end = json.JSONDecoder().raw_decode(line)
        found[name] = json.loads(line[end:] or '{"error": "the process died"}')
    assert run.returncode == 0, (list(found)[-1:], run.stderr[-2000:])
    assert not (folder / hostile.CANARY).exists()
    return found


def test_names_are_unique():
    assert len(set(NAMES)) == len(NAMES) > 400


@pytest.mark.parametrize("name", NAMES)
def test_refused(outcomes, name):
    outcome = outcomes[name]
    assert outcome["error"] == "CheckpointError", outcome
    assert not outcome["canary"]
    assert outcome["seconds"] < SECONDS


@pytest.mark.parametrize("name", [name for name, _ in hostile.gadgets("canary")])
def test_what_wants_to_run_code_is_called_so(outcomes, name):
    """Save for instructions of pickle's that have no other use, which count as damage."""
    message = outcomes[f"{name}.pkl"]["message"]
    assert ("nothing was executed" in message) != (name in ("INST", "EXT1", "PERSID")), message


def save_pkl(path):
    arrays = {key: tensor.numpy() for key, tensor in MMDET2.keymap.write(random_model().state_dict()).items()}
    path.write_bytes(pickle.dumps({"model": arrays, "__author__": "x"}, 4))


def save_torch(path, **options):
    torch.save({"state_dict": MMDET2.keymap.write(random_model().state_dict())}, path, **options)


def save_safetensors(path):
    save_pretrained(random_model(), path.parent)


WRITERS = {
    "model.pt": save_torch,
    "model.pth": lambda path: save_torch(path, _use_new_zipfile_serialization=False),
    "model.pkl": save_pkl,
    "model.safetensors": save_safetensors,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.filterwarnings("ignore:.*names no classes")
def test_cut_short_at_every_percent(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)
    load_model(path)
    size = path.stat().st_size
    for percent in reversed(range(100)):
        with path.open("r+b") as file:
            file.truncate(size * percent // 100)
        with pytest.raises(CheckpointError, match=r"truncated|empty|fetch it again|Fetch it again"):
            load_model(path)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.filterwarnings("ignore:.*names no classes")
def test_the_last_byte_counts(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    with pytest.raises(CheckpointError):
        load_model(path)
