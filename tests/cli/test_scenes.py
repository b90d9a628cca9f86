"""``swinpan scenes``."""

import numpy as np
import pytest
from typer.testing import CliRunner

from modelscope_swinpan.cli import app
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.scenes.dataset import SCENE_CATEGORIES, generate_scene


def swinpan(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_reader_reads_what_it_writes(tmp_path):
    out = tmp_path / "new"
    answer = swinpan("scenes", "--out", out, "--count", 3, "--seed", 11, "--size", "80x96")
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.replace("\n", "") == f"The dataset is in {out}"
    assert answer.stderr == "Painting 3 images\n"
    dataset = CocoPanoptic.open(out)
    assert dataset.categories == SCENE_CATEGORIES
    assert len(dataset) == 3
    for index in range(3):
        scene, read = generate_scene(11 + index, (80, 96)), dataset[index]
        assert read.segments == scene.segments
        assert np.array_equal(read.segment_ids, scene.segment_ids)
        assert np.array_equal(read.image, scene.image)


def test_the_json_comes_last(tmp_path, monkeypatch):
    """An interrupted run leaves no JSON, so nothing takes its files for a dataset."""

    def interrupted(*_):
        raise OSError("disk full")

    monkeypatch.setattr("modelscope_swinpan.coco.writer.category_entries", interrupted)
    answer = swinpan("scenes", "--out", tmp_path, "--count", 1)
    assert answer.exit_code == 1
    assert answer.stderr == "Painting 1 image\nError: disk full\n"
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {"run.json", ".lock"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--size", "256"), "--size must be height and width in pixels, as in 800x1216; got '256'"),
        (("--size", "10x10"), "must lie between 64 and 4096"),
        (("--count", "0"), "--count"),
        (("--seed", "-1"), "--seed"),
    ],
)
def test_mistakes(tmp_path, arguments, message):
    answer = swinpan("scenes", "--out", tmp_path / "new", *arguments)
    assert answer.exit_code == 2, answer.output
    assert message in answer.stderr
    assert "Traceback" not in answer.output
    assert not (tmp_path / "new" / "panoptic.json").exists()
