import contextlib
import json
from types import SimpleNamespace

import pytest
import torch

from modelscope_swinpan.benchmark import implementations
from modelscope_swinpan.benchmark import model as bench
from modelscope_swinpan.benchmark.random_model import write_random_model
from modelscope_swinpan.cli import main
from modelscope_swinpan.errors import SwinPanError
from modelscope_swinpan.images.decode import decode_image
from tests.builders import SMALL
from tests.conftest import CHELSEA
from tests.full_disk import full_disk

OPTIONS = {
    "device": "cpu",
    "dtype": "float32",
    "compiled": False,
    "batch_size": 1,
    "against": "transformers",
    "against_dtype": "float32",
    "runs": 2,
    "threads": 1,
    "neighbours": 0,
}
STAGES = ["decode", "preprocess", "backbone", "pixel_decoder", "decoder", "postprocess"]


def test_takes_turns_with_transformers(directory, capsys):
    with pytest.raises(SystemExit) as end:
        main(
            ["bench", "model", "--model", str(directory), "--against", "transformers", "--runs", "2", "--threads", "1"]
        )
    captured = capsys.readouterr()
    assert end.value.code == 0
    found = json.loads(captured.out)
    assert max(found["transformers"]["difference"].values()) < 1e-4
    for side in ("ours", "transformers"):
        one = found[side]
        assert list(one["stages"]) == STAGES
        assert all(seconds > 0 for seconds in one["stages"].values())
        assert sum(one["stages"].values()) < 1.5 * max(one["seconds_all"])
        assert len(one["seconds_all"]) == 2
        assert one["segments"] >= 5
        assert one["load"]["threads"] == 1
        assert one["first_forward"]["peak_bytes"] > 0
        assert one["peak_bytes"] > 2**20
    assert found["ratio"] == pytest.approx(found["ours"]["seconds"] / found["transformers"]["seconds"], rel=0.01)
    for word in ("pixel_decoder", "all (median)", "ours / peer"):
        assert word in captured.err


def test_a_full_disk(tmp_path):
    with full_disk(), pytest.raises(OSError, match=r"photo\.png'$"):
        bench.write_photo(tmp_path / "photo.png")
    assert decode_image(bench.write_photo(tmp_path / "photo.png")).shape[:2] == bench.PHOTO


def test_alone_in_bfloat16(directory):
    found = bench.bench_model(directory, None, **{**OPTIONS, "against": None, "dtype": "bfloat16", "batch_size": 2})
    assert "ratio" not in found
    assert found["ours"]["images_per_second"] == pytest.approx(2 / found["ours"]["seconds"], rel=0.01)


def test_neighbours_are_there_while_the_clock_runs(directory, monkeypatch):
    busy = []
    monkeypatch.setattr(bench.process, "neighbours", lambda number: contextlib.nullcontext(busy.append(number)))
    found = bench.bench_model(directory, None, **{**OPTIONS, "against": None, "neighbours": 2})
    assert (busy, found["neighbours"]) == ([2], 2)


def test_models_that_differ_are_not_timed(directory, tmp_path, monkeypatch):
    other = write_random_model(tmp_path / "other", SMALL, seed=1, form="transformers")
    monkeypatch.setattr(bench, "in_form", lambda *_: other)
    with pytest.raises(SwinPanError, match="logits of transformers differ from ours by"):
        bench.bench_model(directory, None, **OPTIONS)


def test_a_replayed_model_has_no_stages(monkeypatch):
    replayed = SimpleNamespace(model=torch.nn.Identity(), stages={}, segment=lambda images: [3 for _ in images])
    monkeypatch.setattr(implementations, "_loaded", replayed, raising=False)
    monkeypatch.setattr(implementations, "_device", torch.device("cpu"), raising=False)
    found = implementations.run(CHELSEA, 1, True)
    assert (found["stages"], found["segments"]) == ({}, 3)
    assert found["seconds"] > 0


@pytest.mark.parametrize("kind", ["cuda", "xpu", "mps"])
def test_the_clock_waits_for_accelerators(monkeypatch, kind):
    waited = []
    monkeypatch.setattr(torch.accelerator, "synchronize", waited.append)
    monkeypatch.setattr(implementations, "_device", torch.device(kind, 0), raising=False)
    implementations._now()
    assert waited == [torch.device(kind, 0)]


def test_memory_of_a_gpu_is_what_it_reserves_for_one_run(monkeypatch):
    """A replay allocates nothing, but works in reserved memory."""
    done = []
    for name in ("empty_cache", "reset_peak_memory_stats", "max_memory_reserved"):
        monkeypatch.setattr(torch.cuda, name, lambda *_, name=name: done.append(name) or 7)
    monkeypatch.setattr(implementations, "_device", torch.device("cuda", 0), raising=False)
    monkeypatch.setattr(implementations, "run", lambda *_: done.append("run"))
    assert implementations.peak(CHELSEA, 1) == 7
    assert done == ["empty_cache", "reset_peak_memory_stats", "run", "max_memory_reserved"]


def test_a_gpu_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"a GPU, {device.index}")
    assert implementations.device_name(torch.device("cuda", 1)) == "a GPU, 1"
    assert implementations.device_name(torch.device("cpu")) == "cpu"
