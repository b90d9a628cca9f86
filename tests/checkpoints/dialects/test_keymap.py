import pytest
import torch

from modelscope_swinpan.checkpoints.dialects.keymap import KeyMap, check_complete, shorten
from modelscope_swinpan.errors import CheckpointError
from modelscope_swinpan.models.keys import Layout, Rule

FLIP = Layout(lambda x: x.flip(-1), lambda x: x.flip(-1))
MAP = KeyMap(
    (
        Rule("stages.{i}.block{j}.{p}", "layers.{j}.of.{i}.{p}"),
        Rule("flipped.{p}", "straight.{p}", layout=FLIP),
        Rule("q", "qk", part=(0, 2)),
        Rule("k", "qk", part=(1, 2)),
        Rule("index", None),
    )
)


def test_reads_and_writes_back():
    theirs = {
        "stages.0.block11.weight": torch.ones(1),
        "flipped.bias": torch.tensor([1, 2]),
        "k": torch.tensor([3.0]),
        "q": torch.tensor([4.0]),
    }
    ours, unknown = MAP.read({**theirs, "index": torch.zeros(1), "stages.x.block0.weight": torch.ones(1)})
    assert unknown == ["stages.x.block0.weight"]
    assert set(ours) == {"layers.11.of.0.weight", "straight.bias", "qk"}
    assert ours["straight.bias"].tolist() == [2, 1]
    assert ours["qk"].tolist() == [4, 3]
    back = MAP.write(ours)
    assert set(back) == set(theirs)
    assert all(torch.equal(back[key], tensor) for key, tensor in theirs.items())


def test_aliases_are_read_but_not_written():
    keymap = KeyMap((Rule("new.{p}", "ours.{p}"),), aliases=(Rule("old.{p}", "ours.{p}"), Rule("counter", None)))
    ours, unknown = keymap.read({"old.weight": torch.ones(1), "new.bias": torch.zeros(1), "counter": torch.ones(1)})
    assert (set(ours), unknown) == ({"ours.weight", "ours.bias"}, [])
    assert set(keymap.write(ours)) == {"new.weight", "new.bias"}


def test_constants_are_written_but_not_read():
    rules = (Rule("norm.{n}", "bn.{n}"), Rule("norm.count", "bn.running_mean", constant=lambda mean: mean.numel()))
    written = KeyMap(rules).write({"bn.running_mean": torch.ones(3), "bn.weight": torch.ones(3)})
    assert set(written) == {"norm.running_mean", "norm.weight", "norm.count"}
    assert written["norm.count"] == 3
    ours, unknown = KeyMap(rules).read(written)
    assert (set(ours), unknown) == ({"bn.running_mean", "bn.weight"}, [])


def test_what_stands_before_a_key():
    assert MAP.prefix("module.net.stages.0.block11.weight") == "module.net."
    assert MAP.prefix("q") == ""
    assert MAP.prefix("module.other") is None
    assert MAP.prefix("moduleq") is None


def test_our_keys_for_those_that_have_some():
    assert MAP.ours(["stages.0.block11.weight", "k", "index", "unknown"]) == {"layers.11.of.0.weight", "qk"}


def test_each_part_goes_its_own_way():
    """A rule without parts writes one key, though another rule writes the same tensor."""
    keymap = KeyMap((Rule("first.{p}", "ours.{p}"), Rule("second.{p}", "ours.{p}")))
    assert set(keymap.write({"ours.weight": torch.ones(1)})) == {"first.weight"}


def test_a_few_keys_are_shown_whole():
    assert shorten([f"x{i}" for i in range(8)]) == "x0, x1, x2, x3, x4, x5, x6, x7"
    assert shorten([f"x{i}" for i in range(9)]).endswith("x7, … and 1 more")


def test_a_dot_is_a_dot():
    assert not MAP.knows("flippedxbias")


def test_incomplete_parts():
    for key in ("q", "k"):
        with pytest.raises(CheckpointError, match="parts of 'qk'"):
            MAP.read({key: torch.ones(1)})


@pytest.mark.parametrize("keys", [("a", "b"), ("a", "part"), ("part", "rest", "a"), ("part", "alias")])
def test_two_keys_for_one(keys):
    rules = (Rule("a", "x"), Rule("b", "x"), Rule("part", "x", part=(0, 2)), Rule("rest", "x", part=(1, 2)))
    keymap = KeyMap(rules, aliases=(Rule("alias", "x", part=(0, 2)),))
    with pytest.raises(CheckpointError, match="Two keys"):
        keymap.read({key: torch.ones(1) for key in keys})


def test_no_place_for_a_key():
    with pytest.raises(CheckpointError, match="no place for 'other'"):
        MAP.write({"other": torch.ones(1)})


def test_one_error_lists_everything():
    tensors = {"a": torch.ones(2), "c": torch.ones(1), **{f"x{i}": torch.ones(1) for i in range(20)}}
    expected = {"a": torch.ones(3), "b": torch.ones(1)}
    with pytest.raises(CheckpointError) as caught:
        check_complete(tensors, expected, "file.pt")
    message = str(caught.value)
    assert message.startswith("file.pt does not fit the model. 1 missing: b; 21 unused: c, x0, ")
    assert "… and 13 more; 1 mis-shaped: a (found (2,), expected (3,))." in message
    check_complete(expected, expected, "file.pt")
