import json
import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

from modelscope_swinpan.checkpoints.files import source
from modelscope_swinpan.checkpoints.files.source import find_weights, inside, read_json, read_source
from modelscope_swinpan.errors import CheckpointError, ConfigError
from tests.checkpoints.files.test_io import mapped_file

TENSORS = {"a": torch.arange(4.0), "b": torch.ones(2, 3)}


def same(found, expected=TENSORS):
    return set(found) == set(expected) and all(torch.equal(found[key], expected[key]) for key in expected)


@pytest.mark.parametrize(
    ("name", "content", "meta"),
    [
        ("a.pt", {"state_dict": TENSORS, "meta": {"epoch": 1}}, {"epoch": 1}),
        ("a.pth", {"model": TENSORS, "optimizer": {"lr": 0.1}, "iteration": 3}, {}),
        ("a.bin", TENSORS, {}),
        ("a.pkl", {"model": TENSORS}, {}),
    ],
)
def test_pytorch_files(tmp_path, name, content, meta):
    torch.save(content, tmp_path / name)
    found = read_source(tmp_path / name)
    assert same(next((found.content[key] for key in ("state_dict", "model") if key in found.content), found.content))
    assert found.meta == meta


def test_plain_pickle(tmp_path):
    arrays = {key: tensor.numpy() for key, tensor in TENSORS.items()}
    content = {"model": arrays, "__author__": "someone", "matching_heuristics": True}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
    assert same(read_source(tmp_path / "a.pkl").content["model"])


def test_safetensors_are_memory_mapped(tmp_path):
    file = tmp_path / "a.safetensors"
    save_file(TENSORS, file, metadata={"format": "pt"})
    tensors = read_source(file).content
    assert same(tensors)
    assert mapped_file(tensors["a"]) == str(file)


def test_truncated_safetensors(tmp_path):
    file = tmp_path / "a.safetensors"
    save_file(TENSORS, file)
    content = file.read_bytes()
    for part in range(0, 100, 3):
        file.write_bytes(content[: len(content) * part // 100])
        with pytest.raises(CheckpointError, match=r"a\.safetensors"):
            read_source(file)


@pytest.mark.parametrize("header", [b"\xff" * 8, (2**40).to_bytes(8, "little"), (2).to_bytes(8, "little") + b"[]"])
def test_damaged_safetensors(tmp_path, header):
    (tmp_path / "a.safetensors").write_bytes(header + bytes(64))
    with pytest.raises(CheckpointError, match="Cannot read checkpoint"):
        read_source(tmp_path / "a.safetensors")


def test_safetensors_without_any(tmp_path):
    save_file({}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match="holds no tensors"):
        read_source(tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match="no such file"):
        read_source(tmp_path / "b.safetensors")


@pytest.fixture(params=["safetensors", "bin"])
def index(request, tmp_path):
    suffix = request.param
    files = {"a": f"model-00001-of-00002.{suffix}", "b": f"model-00002-of-00002.{suffix}"}
    for key, name in files.items():
        (save_file if suffix == "safetensors" else torch.save)({key: TENSORS[key]}, tmp_path / name)
    path = tmp_path / f"model.{suffix}.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": 40}, "weight_map": files}))
    return path


def test_shards(index):
    assert same(read_source(index).content)


def test_a_missing_shard(index):
    shard = next(index.parent.glob("*00002-of*"))
    shard.unlink()
    with pytest.raises(CheckpointError, match=r"model-00002-of-00002.*no such file"):
        read_source(index)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"weight_map": {"a": "../other.bin"}}, r"weight_map names '\.\./other\.bin'"),
        ({"weight_map": {"a": "/etc/passwd"}}, "weight_map names"),
        ({"weight_map": {"a": 3}}, "weight_map names '3'|no such file"),
        ({"weight_map": {"a": "model.bin.index.json"}}, "weight_map names"),
        ({"weight_map": []}, "has no weight_map"),
        ({}, "has no weight_map"),
        ([], "must hold a JSON object; found list"),
    ],
)
def test_a_bad_index(tmp_path, content, message):
    (tmp_path / "model.bin.index.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=message):
        read_source(tmp_path / "model.bin.index.json")


def test_a_shard_that_lacks_a_weight(index):
    content = json.loads(index.read_text())
    content["weight_map"]["c"] = content["weight_map"]["a"]
    index.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="lacks 'c'"):
        read_source(index)


def test_finding_weights(tmp_path):
    assert find_weights(tmp_path) == tmp_path / "pytorch_model.pt"
    (tmp_path / "configuration.json").touch()
    (tmp_path / "model_final_f07440.pkl").touch()
    assert find_weights(tmp_path).name == "model_final_f07440.pkl"
    (tmp_path / "best.pth").touch()
    with pytest.raises(CheckpointError, match=r"several files.*best\.pth, model_final_f07440\.pkl\. Name one"):
        find_weights(tmp_path)
    for name in ("pytorch_model.bin", "pytorch_model.pt", "model.safetensors.index.json", "model.safetensors"):
        (tmp_path / name).touch()
        assert find_weights(tmp_path).name == name


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", 3, None])
def test_outside(tmp_path, name):
    assert inside(tmp_path, name) is None


def test_inside(tmp_path):
    assert inside(tmp_path, "weights/a.pt") == tmp_path / "weights" / "a.pt"


def test_json(tmp_path):
    (tmp_path / "a.json").write_text("[" * 100_000)
    with pytest.raises(ConfigError, match="Cannot read"):
        read_json(tmp_path / "a.json")
    (tmp_path / "b.json").write_bytes(b"\xef\xbb\xbf" + '{"name": "größer"}'.encode())
    assert read_json(tmp_path / "b.json") == {"name": "größer"}
    with (tmp_path / "c.json").open("wb") as file:
        file.truncate(source.MAX_JSON_BYTES + 1)
    with pytest.raises(ConfigError, match="more than 16,777,216 bytes"):
        read_json(tmp_path / "c.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "a.json")
    with pytest.raises(ConfigError, match="it is no file"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_of_any_editor(tmp_path, encoding):
    (tmp_path / "a.json").write_text('{"task": "全景"}', encoding=encoding)
    assert read_json(tmp_path / "a.json") == {"task": "全景"}
