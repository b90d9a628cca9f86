"""The weights of one model among all that training code saves."""

import argparse
import collections
import dataclasses
import enum
import functools
import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from modelscope_swinpan import load_model
from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.checkpoints.dialects import DIALECTS
from modelscope_swinpan.checkpoints.files.source import Source
from modelscope_swinpan.checkpoints.inspection import inspect_checkpoint
from modelscope_swinpan.checkpoints.load import read_weights
from modelscope_swinpan.checkpoints.unwrap import unwrap
from modelscope_swinpan.errors import CheckpointError, ConfigError
from tests.builders import SMALL_RESNET, random_model

META = {"CLASSES": [category.name for category in COCO_PANOPTIC]}


def written(dialect="mmdet", **options):
    return DIALECTS[dialect].keymap.write(random_model(**options).state_dict())


WEIGHTS = written()
OTHER = written(seed=1)


def under(prefix, tensors):
    return {prefix + key: tensor for key, tensor in tensors.items()}


def taken(content, network=None):
    return unwrap(Source(content), "a.pth", network)


def same(found, expected):
    return found.keys() == expected.keys() and all(
        found[key].data_ptr() == expected[key].data_ptr() for key in expected
    )


PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "module._orig_mod.model.", "segmentor.core.", "a.b.c.d.e.f.")


@pytest.mark.parametrize(
    ("prefix", "dialect"),
    [*((prefix, "mmdet") for prefix in PREFIXES), *(("module.model.", dialect) for dialect in DIALECTS)],
)
def test_a_prefix_of_all_keys(prefix, dialect):
    config = {"config": SMALL_RESNET} if dialect == "easycv" else {}
    tensors = written(dialect, **config)
    found = taken({"state_dict": under(prefix, tensors)})
    assert same(found.tensors, tensors)
    assert found.place == f"state_dict.{prefix}".rstrip(".")
    assert found.remarks == (f"a.pth: taking the weights under {found.place!r}.",)


@pytest.mark.parametrize(
    "content",
    [
        {"net": WEIGHTS},
        {"weights": WEIGHTS, "epoch": 1},
        {"model_state_dict": WEIGHTS, "optimizer_state_dict": {"state": {0: {"exp_avg": torch.ones(3)}}}},
        {"params": WEIGHTS, "iter": 3},
        {"module": WEIGHTS, "optimizer": None},
        {"my own name": {"state_dict": WEIGHTS}},
        {"state_dict": WEIGHTS, "extra": {"backbone.norm.weight": torch.ones(3)}},
        WEIGHTS,
    ],
)
def test_containers(content):
    found = taken(content)
    assert same(found.tensors, WEIGHTS)
    assert found.remarks == found.left_out == ()


def test_wrappers_inside_keys():
    inner = {
        key.replace("backbone.", "backbone._orig_mod.").replace("layers.", "layers.module."): key for key in WEIGHTS
    }
    found = taken({key: WEIGHTS[ours] for key, ours in inner.items()})
    assert same(found.tensors, WEIGHTS)
    assert found.remarks == ("a.pth: taking the weights without _orig_mod, module in their keys.",)


STRAY = {
    "n_averaged": torch.tensor(3),
    "epoch": 3,
    "best": 0.5,
    "global_step": torch.tensor(7.0),
    "initted": torch.tensor([True]),
    "panoptic_head.loss_cls.class_weight": torch.ones(134),
    "data_preprocessor.mean": torch.zeros(3, 1, 1),
    "_extra_state": None,
}


@pytest.mark.parametrize("prefix", ["", "module."])
def test_what_training_leaves_among_the_weights(prefix):
    found = taken(under(prefix, {**WEIGHTS, **STRAY}))
    assert same(found.tensors, WEIGHTS)
    assert len(found.left_out) == len(STRAY)
    assert "and leaving out" in found.remarks[0]


@pytest.mark.parametrize("extra", ["panoptic_head.extra.weight", "adapter.scale"])
@pytest.mark.parametrize("prefix", ["", "module.model."])
def test_what_is_unknown_stays_an_error(tmp_path, extra, prefix):
    torch.save({"model": under(prefix, {**WEIGHTS, extra: torch.ones(3)})}, tmp_path / "a.pth")
    expected = rf"1 of \d+ keys are unknown \({extra}\)"
    with pytest.raises(CheckpointError, match=expected) as caught:
        load_model(tmp_path / "a.pth")
    assert (f"(model.{prefix[:-1]})" in str(caught.value)) == bool(prefix)


def test_errors_name_the_prefix():
    with pytest.raises(CheckpointError, match=r"Its keys: foo.bar.fc.0, .*They all begin with 'foo\.bar\.fc\.'"):
        load({"state_dict": under("foo.bar.fc.", {str(index): torch.ones(2) for index in range(20)})})
    backbone = {key: tensor for key, tensor in WEIGHTS.items() if key.startswith("backbone.")}
    with pytest.raises(CheckpointError, match=r"2 of \d+ keys are unknown .*They all begin with 'rpn\.'"):
        load(under("module.", {**backbone, "rpn.a": torch.ones(2), "rpn.b": torch.ones(2)}))


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def load(content, **options):
    torch.save(content, "a.ckpt")
    return load_model("a.ckpt", **options)


def dotless(lead, dot, tensors):
    return {lead + key.replace(".", dot): tensor for key, tensor in tensors.items()}


SEVERAL = {
    "mmcv's copies": ({"state_dict": {**WEIGHTS, **dotless("ema_", "_", OTHER)}}, "", "ema"),
    "Lightning's copies": (
        {"state_dict": {**under("model.", WEIGHTS), **dotless("model_ema.", "", OTHER)}},
        "",
        "model_ema",
    ),
    "mmengine's": ({"state_dict": WEIGHTS, "ema_state_dict": under("module.", OTHER)}, "", "ema_state_dict"),
    "timm's": ({"state_dict_ema": OTHER, "state_dict": WEIGHTS}, "", "state_dict_ema"),
    "beside model": ({"model_ema": OTHER, "model": WEIGHTS}, "", "model_ema"),
    "ema_pytorch": ({**under("online_model.", WEIGHTS), **under("ema_model.", OTHER)}, "online_model", "ema_model"),
    "inside": ({"state_dict": {**WEIGHTS, **under("teacher.", OTHER)}}, "", "teacher"),
}


@pytest.mark.parametrize("case", SEVERAL)
def test_another_model_is_taken_by_choice_alone(case):
    content, name, other = SEVERAL[case]
    found = taken(content)
    assert same(found.tensors, WEIGHTS)
    assert any(other in entry for entry in found.left_out)
    assert "For another model set model.network" in found.remarks[0]
    assert same(taken(content, other).tensors, OTHER)
    if name:
        assert same(taken(content, name).tensors, WEIGHTS)


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": {**under("student.", WEIGHTS), **under("teacher.", OTHER)}},
        {"student": under("module.", WEIGHTS), "teacher": under("module.", OTHER)},
        {"model": {"student": WEIGHTS, "teacher": OTHER}},
    ],
)
def test_two_models_of_one_rank_have_to_be_chosen(content):
    with pytest.raises(CheckpointError, match=r"several models: student, teacher\. Choose one: .*network='student'"):
        taken(content)
    assert same(taken(content, "student").tensors, WEIGHTS)
    assert same(taken(content, "teacher").tensors, OTHER)
    with pytest.raises(CheckpointError, match=r"has no network 'pupil'\. It holds: student, teacher"):
        taken(content, "pupil")


def test_a_model_beside_something_else():
    """Of a teacher that is no Mask2Former, or not all of one, nothing is needed."""
    backbone = {key: tensor for key, tensor in OTHER.items() if key.startswith("backbone.")}
    for teacher in (backbone, {"fc.weight": torch.ones(3)}):
        found = taken({"state_dict": {**under("student.", WEIGHTS), **under("teacher.", teacher)}})
        assert same(found.tensors, WEIGHTS)
        assert found.left_out[0].startswith("teacher.")


def test_the_configuration_can_choose(tmp_path):
    torch.save({"student": WEIGHTS, "teacher": OTHER, "meta": META}, "a.pth")
    Path("configuration.json").write_text(json.dumps({"model": {"network": "teacher"}}))
    assert torch.equal(read_weights(tmp_path)[1].tensors["backbone.norm3.weight"], OTHER["backbone.norm3.weight"])
    with pytest.warns(UserWarning, match="leaving out student") as caught:
        model = load_model(tmp_path)
    assert len(caught) == 1
    assert all(
        torch.equal(model.state_dict()[key], tensor) for key, tensor in random_model(seed=1).state_dict().items()
    )
    Path("configuration.json").write_text(json.dumps({"model": {"network": 3}}))
    with pytest.raises(ConfigError, match="network must be a name; got 3"):
        load_model(tmp_path)


@pytest.mark.filterwarnings("ignore:.*names no classes")
@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".ckpt", ".pkl", ".safetensors", "index"])
def test_every_kind_of_file(tmp_path, suffix):
    weights = under("model.", written("transformers"))
    path = tmp_path / f"a{suffix}"
    if suffix == ".safetensors":
        save_file(weights, path)
    elif suffix == "index":
        path = tmp_path / "model.safetensors.index.json"
        shards = {key: f"{index % 2}.safetensors" for index, key in enumerate(weights)}
        for name in set(shards.values()):
            save_file({key: weights[key] for key in weights if shards[key] == name}, tmp_path / name)
        path.write_text(json.dumps({"weight_map": shards}))
    else:
        torch.save(weights, path, _use_new_zipfile_serialization=suffix != ".pt")
    with pytest.warns(UserWarning, match="taking the weights under 'model'"):
        model = load_model(path)
    assert all(torch.equal(model.state_dict()[key], tensor) for key, tensor in random_model().state_dict().items())


class Mode(enum.Enum):
    FAST = 1


@dataclasses.dataclass
class Settings:
    folder: Path = Path("a")
    mode: Mode = Mode.FAST
    limit: timedelta = timedelta(1)

    def __setstate__(self, state):
        raise AssertionError("built")


class AttributeDict(dict):
    """As Lightning keeps hyperparameters."""


@pytest.mark.parametrize("zipped", [True, False])
def test_a_lightning_checkpoint(tmp_path, zipped):
    """Settings are neither built nor looked up, whatever they are."""
    content = {
        "epoch": 3,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": under("model.", WEIGHTS),
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'pq'}": {"best": torch.tensor(0.5), "path": Path("best.ckpt")}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 1e-4}]}],
        "hyper_parameters": AttributeDict(
            args=argparse.Namespace(out=Path("x")),
            settings=Settings(),
            optimizer=functools.partial(torch.optim.AdamW, lr=1.0),
            counts=collections.defaultdict(list, a=[1]),
            recent=collections.deque([1, 2], maxlen=3),
            table={(1, 2): 3, 0.5: 4, Path("a"): 5},
        ),
        "meta": META,
    }
    torch.save(content, tmp_path / "last.ckpt", _use_new_zipfile_serialization=zipped)
    Path("configuration.json").write_text("{}")
    with pytest.warns(UserWarning, match=r"taking the weights under 'state_dict\.model'\.$"):
        model = load_model(tmp_path)
    assert model.config.categories == COCO_PANOPTIC


def test_an_attack_beside_the_weights():
    class Attack:
        def __reduce__(self):
            return os.mkdir, ("made",)

    with pytest.raises(CheckpointError, match=r"nothing was executed. \((posix|nt)\.mkdir\)"):
        load({"state_dict": WEIGHTS, "settings": Attack()})
    assert not Path("made").exists()


def test_a_whole_model():
    with pytest.raises(CheckpointError, match=r"nothing was executed.*Mask2Former: save a model's state_dict\(\)"):
        load(random_model())


def test_an_object_in_place_of_a_weight():
    with pytest.raises(CheckpointError, match=r"'backbone\.norm3\.weight' is not a dense tensor"):
        load({"state_dict": {**WEIGHTS, "backbone.norm3.weight": argparse.Namespace()}})


def test_files_that_repeat_a_container_without_end():
    inner: dict = {"a": 1}
    for _ in range(40):
        inner = {str(index): inner for index in range(100)}
    with pytest.raises(CheckpointError, match="holds no state_dict"):
        taken(inner)


def test_many_keys_take_little_time():
    deep = {"a." * 40 + str(index): torch.ones(1) for index in range(20_000)}
    alike = {f"p{index}.backbone.{index}": torch.ones(1) for index in range(20_000)}
    taken(alike)
    with pytest.raises(CheckpointError, match="not a Mask2Former checkpoint of a known dialect"):
        taken(deep)
    more = {**deep, "one": torch.ones(1)}
    with pytest.raises(CheckpointError, match="holds 20,001 weights; a model has up to 20,000"):
        unwrap(Source(more), "a.pth")
    assert same(taken({"history": more, "model": WEIGHTS}).tensors, WEIGHTS)


def test_inspection_tells(tmp_path):
    torch.save(
        {"state_dict": {**under("model.", WEIGHTS), "epoch": torch.tensor(3)}, "meta": META}, tmp_path / "a.ckpt"
    )
    with pytest.warns(UserWarning, match="leaving out epoch") as caught:
        found = inspect_checkpoint(tmp_path / "a.ckpt")
    assert len(caught) == 1
    assert (found.place, found.left_out) == ("state_dict.model", ("epoch",))
