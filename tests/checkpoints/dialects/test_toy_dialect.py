"""A dialect is added by one file and one registry entry: this file adds one and uses it everywhere."""

import json

import pytest
import torch
from typer.testing import CliRunner

from modelscope_swinpan import load_model, save_pretrained
from modelscope_swinpan.checkpoints.classes import Classes
from modelscope_swinpan.checkpoints.dialects import DIALECTS, Dialect, Notes, Writer
from modelscope_swinpan.checkpoints.inspection import inspect_checkpoint
from modelscope_swinpan.cli import app
from modelscope_swinpan.errors import CheckpointError, ConfigError
from modelscope_swinpan.models.keys import Rule
from tests.builders import SMALL, random_model
from tests.checkpoints.test_save import CUSTOM
from tests.training.runs import same_weights


def write(path, tensors, config):
    torch.save({"weights of": "a toy", "state_dict": tensors}, path)


def read_notes(path, meta, backbone):
    file = path.parent / "names.json"
    names = tuple(json.loads(file.read_text())["names"]) if file.exists() else None
    return Notes(Classes(names), {"model": {"task": "semantic"}}, (f"A {backbone.title} is no toy.",))


TOY = Dialect(
    name="toy",
    title="Toy",
    rules=(
        Rule("eye.{rest}", "backbone.{rest}"),
        Rule("neck.{rest}", "pixel_decoder.{rest}"),
        Rule("hand.{rest}", "transformer_decoder.{rest}"),
    ),
    notes=read_notes,
    writer=Writer(
        purpose="for children",
        weights="toy.pth",
        write=write,
        files=lambda config: {"names.json": {"names": [category.name for category in config.categories]}},
    ),
)


@pytest.fixture(scope="module", autouse=True)
def _registered():
    DIALECTS.register(TOY)
    yield
    del DIALECTS["toy"]


def swinpan(*arguments, status=0):
    answer = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    assert answer.exit_code == status, answer.output
    return answer


@pytest.fixture
def directory(tmp_path):
    save_pretrained(random_model(CUSTOM), tmp_path / "toy", form="toy")
    return tmp_path / "toy"


@pytest.mark.filterwarnings("ignore:A Swin Transformer is no toy")
def test_written_and_read_back(directory):
    names = sorted(path.name for path in directory.iterdir())
    assert names == ["configuration.json", "names.json", "toy.pth"]
    assert "hand.query_pos" in torch.load(directory / "toy.pth")["state_dict"]
    loaded = load_model(directory)
    assert loaded.config == CUSTOM
    assert same_weights(loaded, random_model(CUSTOM))


def test_what_its_files_say(directory):
    """Where no configuration.json overrules them."""
    (directory / "configuration.json").unlink()
    with pytest.warns(UserWarning, match="A Swin Transformer is no toy"):
        config = load_model(directory / "toy.pth").config
    assert [category.name for category in config.categories] == [category.name for category in CUSTOM.categories]
    assert config.task == "semantic"


def test_converted_to_it_and_back(directory, tmp_path):
    swinpan("convert", directory, tmp_path / "native")
    swinpan("convert", tmp_path / "native", tmp_path / "again", "--to", "toy")
    ours, theirs = (torch.load(folder / "toy.pth")["state_dict"] for folder in (directory, tmp_path / "again"))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_the_commands_name_it(directory, tmp_path):
    assert "dialect toy (Toy)" in " ".join(swinpan("inspect", directory).stdout.split())
    assert "toy: for children" in " ".join(swinpan("convert", "--help").stdout.split())
    wrong = swinpan("convert", directory, tmp_path / "out", "--to", "toys", status=2)
    assert "form must be one of mmdet, transformers, native, toy; got 'toys'" in wrong.stderr


def test_unregistered(directory, tmp_path):
    del DIALECTS["toy"]
    try:
        with pytest.raises(CheckpointError, match="not a Mask2Former checkpoint of a known dialect"):
            inspect_checkpoint(directory)
        with pytest.raises(ConfigError, match="form must be one of mmdet, transformers, native; got 'toy'"):
            save_pretrained(random_model(SMALL), tmp_path / "new", form="toy")
        assert "toy" not in swinpan("convert", "--help").stdout
    finally:
        DIALECTS.register(TOY)
