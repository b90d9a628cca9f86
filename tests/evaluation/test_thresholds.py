"""PQ with other thresholds: each point of the grid is what a whole run with them gives, to the last digit."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from modelscope_swinpan.errors import ConfigError, DatasetError
from modelscope_swinpan.evaluation.evaluate import evaluate, score
from modelscope_swinpan.evaluation.thresholds import with_present
from modelscope_swinpan.inference.network import PanopticPredictor
from modelscope_swinpan.inference.tiles import TiledPredictor
from tests.evaluation import painted
from tests.runs.fakes import contents

pytest.importorskip("hotcoco")
PRESENT = {"object_mask_threshold": 0.55, "overlap_threshold": 0.8}
NUMBERS = ("matches", "unmatched_predictions", "unmatched_true")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return painted.dataset(tmp_path_factory.mktemp("data") / "dataset", count=4)


@pytest.fixture(scope="module")
def out(dataset, tmp_path_factory):
    """The folder of a whole run."""
    folder = tmp_path_factory.mktemp("out") / "out"
    evaluate(predictor(), dataset, folder, thresholds=True)
    return folder


@pytest.fixture
def mine(out, tmp_path):
    """A copy of it."""
    shutil.copytree(out, tmp_path / "out")
    return tmp_path / "out"


def predictor(seen=None, **postprocess):
    made = PanopticPredictor(painted.doubting_model(seen))
    return made.with_options(postprocess=dataclasses.replace(made.postprocess, **{**PRESENT, **postprocess}))


def totals(figures):
    """The counts of all classes."""
    return {name: sum(row[name] for row in figures["classes"]) for name in NUMBERS}


@pytest.mark.parametrize("filtered", [True, False])
def test_every_point_is_that_of_a_whole_run(dataset, tmp_path, filtered):
    report = evaluate(predictor(filter_low_score=filtered), dataset, tmp_path / "out", thresholds=True)
    figures = report.analysis.figures
    grid = figures["thresholds"]
    assert grid["object_mask_thresholds"] == [0.3, 0.4, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9]
    assert grid["overlap_thresholds"] == [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert grid["present"] == {**PRESENT, "pq": figures["errors"]["pq"], **totals(figures)}
    assert grid["present"]["pq"] == pytest.approx(report.panoptic.all.pq, abs=1e-9)
    values = {value for row in grid["pq"] for value in row}
    assert len(values) > 4
    assert grid["best"]["pq"] == max(values)
    known = [grid["best"]]
    assert len(grid["steps"]) == 4
    for row, column in ((0, 0), (5, 6)):
        point = {"object_mask_threshold": grid["object_mask_thresholds"][row]}
        point["overlap_threshold"] = grid["overlap_thresholds"][column]
        known.append({**point, "pq": grid["pq"][row][column]})
    for number, point in enumerate(known):
        given = {name: point[name] for name in PRESENT}
        other = evaluate(predictor(**given, filter_low_score=filtered), dataset, tmp_path / str(number))
        expected = other.analysis.figures
        assert point == {**point, "pq": expected["errors"]["pq"]} | (totals(expected) if "matches" in point else {})
        assert point["pq"] == pytest.approx(other.panoptic.all.pq, abs=1e-9)


def test_what_the_rest_says_stays(dataset, out, tmp_path):
    """The report is the same with and without, and so are the predictions."""
    without = evaluate(predictor(), dataset, tmp_path / "without")
    assert not without.analysis.figures["thresholds"]["computed"]
    for name in ("panoptic.json", "masks.json", "per_photo.jsonl", "per_class.csv"):
        assert (out / name).read_bytes() == (tmp_path / "without" / name).read_bytes()


def test_a_stopped_run_goes_on(dataset, out, tmp_path):
    class StoppedError(Exception):
        pass

    def stop(progress):
        if progress.done == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        evaluate(predictor(), dataset, tmp_path / "out", thresholds=True, progress=stop)
    seen = []
    evaluate(predictor(seen), dataset, tmp_path / "out", thresholds=True)
    assert sum(seen) == 1
    assert contents(tmp_path / "out") == contents(out)
    with pytest.raises(ConfigError, match="holds another run's results: contested was"):
        evaluate(predictor(), dataset, tmp_path / "out")


def test_what_a_run_kept_is_scored_again(dataset, out):
    kept = json.loads((out / "analysis.json").read_text())
    assert score(dataset, out).analysis.figures["thresholds"] == kept["thresholds"]
    fewer = score(dataset, out, limit=2).analysis.figures
    assert fewer["thresholds"]["present"]["pq"] == fewer["errors"]["pq"]


def test_classes_that_the_dataset_lacks_and_crowds(tmp_path):
    """Segments of such classes are void, for every threshold."""
    full = painted.dataset(tmp_path / "full", count=4, crowd=True)
    path = full.layout.json_path
    content = json.loads(path.read_text())
    content["categories"] = [one for one in content["categories"] if one["name"] != "dog"]
    for annotation in content["annotations"]:
        annotation["segments_info"] = [one for one in annotation["segments_info"] if one["category_id"] != 18]
        png = full.layout.panoptic / annotation["file_name"]
        _blank(png, 4)
    path.write_text(json.dumps(content))
    data = type(full).open(path)
    figures = evaluate(predictor(), data, tmp_path / "out", thresholds=True).analysis.figures
    assert figures["thresholds"]["present"] == {**PRESENT, "pq": figures["errors"]["pq"], **totals(figures)}


def _blank(png, id_):
    """Make void of a segment."""
    from PIL import Image

    colors = np.asarray(Image.open(png)).copy()
    colors[colors[..., 0] == id_] = 0
    Image.fromarray(colors).save(png)


def test_not_with_tiles(dataset, tmp_path):
    with pytest.raises(ConfigError, match="compare thresholds without tiles"):
        evaluate(TiledPredictor(predictor(), side=64), dataset, tmp_path / "out", thresholds=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line.pop("winners"),
        lambda line: line.update(winners=[[99]]),
        lambda line: line.update(winners="none"),
        lambda line: line.update(contest=[10**6]),
        lambda line: line.update(object_mask_thresholds=[0.1]),
        lambda line: line.update(image_id=99),
        lambda line: line.update(file_name="../secret.png"),
        lambda line: line.update(file_name="nowhere.png"),
        lambda line: line.update(contests=[[[0, 1]]]),
        lambda line: line.update(overlap_threshold=7),
        lambda line: line.update(object_mask_thresholds=[0.55] * 1000),
        lambda line: line.update(winners=[[-1] * len(line["contests"])] * 10**5),
    ],
)
def test_damaged(dataset, mine, damage):
    path = mine / "thresholds.jsonl"
    first, second, *_ = map(json.loads, path.read_bytes().splitlines())
    damage(second)
    for limit, lines in ((2, [first, second]), (1, [{**second, "image_id": second.get("image_id") - 1}])):
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        with pytest.raises(DatasetError, match=r"thresholds\.jsonl"):
            score(dataset, mine, limit=limit)


def test_no_such_file(dataset, mine):
    path = mine / "thresholds.jsonl"
    path.write_bytes(b"\x00\xff not json")
    with pytest.raises(DatasetError, match=r"thresholds\.jsonl is damaged"):
        score(dataset, mine, limit=2)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(DatasetError, match=r"thresholds\.jsonl is damaged.* a pipe or a device"):
        score(dataset, mine, limit=2)


def test_the_page(out):
    text = (out / "report.html").read_text()
    assert text.count('class="present') == 1
    assert "Choose thresholds on other photos than those whose score you report." in text
    assert "with object_mask_threshold 0.55 and overlap_threshold 0.8" in text


def test_the_present_value_is_among_them():
    assert with_present(0.8) == (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    assert with_present(0.05)[0] == 0.05
