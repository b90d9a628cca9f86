"""Values as JSON, NumPy, PyTorch and tables hold them."""

import json

import numpy as np
import pytest
import torch

from modelscope_swinpan.coco.values import Node, records, whole
from modelscope_swinpan.errors import DatasetError


@pytest.mark.parametrize("value", [7, 7.0, "7", " 7 ", "+7", np.int64(7), np.uint8(7), np.float32(7), torch.tensor(7)])
def test_whole_numbers(value):
    found = whole(value)
    assert (found, type(found)) == (7, int)


@pytest.mark.parametrize("value", [True, None, 7.5, float("nan"), float("inf"), "7.0", "seven", "", "9" * 400, [7], {}])
def test_no_whole_numbers(value):
    assert whole(value) is None


ROWS = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]


@pytest.mark.parametrize(
    "value",
    [
        ROWS,
        tuple(ROWS),
        np.array(ROWS, dtype=object),
        json.dumps(ROWS),
        json.dumps(ROWS).encode(),
        {"id": [1, 2], "name": ["a", "b"], "score": None},
        {"id": np.array([1, 2]), "name": np.array(["a", "b"])},
        {"id": torch.tensor([1, 2]), "name": ["a", "b"]},
        json.dumps({"id": [1, 2], "name": ["a", "b"]}),
        {"1": ROWS[0], "2": ROWS[1]},
        {1: {"name": "a"}, 2: {"name": "b"}},
    ],
)
def test_lists(value):
    assert records(value) == ROWS


@pytest.mark.parametrize("value", [None, 7, "a", {}, {"id": [1, 2], "name": ["a"]}, {"id": 1}, "[" * 100_000])
def test_no_lists(value):
    assert records(value) is None


def test_an_empty_list_of_columns():
    assert records({"id": [], "name": []}) == []


def test_flags():
    node = Node({"a": np.bool_(True), "b": "0", "c": None, "d": "true"}, "x")
    assert (node.flag("a"), node.flag("b"), node.flag("c", default=True)) == (True, False, True)
    with pytest.raises(DatasetError, match=r"x\.d must be int; got 'true' \(str\)"):
        node.flag("d")


def test_numbers():
    node = Node({"a": 7, "b": "-.5", "c": np.float32(2), "d": None, "e": {"f": 1}}, "x")
    assert [node.number(name, 3) for name in "abcd"] == [7, -0.5, 2, 3]
    assert node.at("e").number("f") == 1
    for value in (True, "nan", "inf", "", [1], 10**400, None):
        with pytest.raises(DatasetError, match=r"x\.e\.f must be a number; got "):
            Node({"e": {"f": value}}, "x").at("e").number("f")


def test_keys():
    node = Node({"a": 7.0, "b": "007", "c": np.int64(7), "d": True}, "x")
    assert [node.key(name) for name in "abc"] == ["7", "007", "7"]
    with pytest.raises(DatasetError, match=r"x\.d must be int or str; got 'True' \(bool\)"):
        node.key("d")


@pytest.mark.parametrize("value", ["x" * 10**6, [[0] * 10**6] * 10, {"a": "x" * 10**6}])
def test_errors_are_short(value):
    with pytest.raises(DatasetError, match="must be int") as caught:
        Node({"a": value}, "x").field("a", int)
    assert len(str(caught.value)) < 200


def test_items_as_text():
    (node,) = Node({"a": ['{"id": 3}']}, "x").each("a")
    assert node.field("id", int) == 3
