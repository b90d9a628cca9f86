"""From a model to a report."""

import json
from contextlib import nullcontext

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.coco.annotation import Example, annotate
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.writer import write_dataset
from modelscope_swinpan.errors import ConfigError, DatasetError
from modelscope_swinpan.evaluation.evaluate import evaluate, score
from modelscope_swinpan.inference.network import PanopticPredictor
from modelscope_swinpan.inference.tiles import TiledPredictor
from tests.evaluation import painted

FILES = ("panoptic.json", "boxes.json", "masks.json", "report.json", "per_class.csv")


@pytest.fixture
def dataset(tmp_path):
    return painted.dataset(tmp_path / "dataset", count=5)


def predictor(seen=None):
    return PanopticPredictor(painted.reading_model(seen))


def contents(folder):
    return [(folder / name).read_bytes() for name in FILES]


def test_all_right_is_100_percent(dataset, tmp_path):
    report = evaluate(predictor(), dataset, tmp_path / "out", model="reader")
    for quality, classes in ((report.panoptic.all, 3), (report.panoptic.things, 2), (report.panoptic.stuff, 1)):
        assert (quality.pq, quality.sq, quality.rq, quality.classes) == (100, 100, 100, classes)
    for precision in (report.box_ap, report.mask_ap):
        assert precision.ap == pytest.approx(100)
        assert precision.per_class == {1: pytest.approx(100), 18: pytest.approx(100)}
    assert report.evaluated["model"] == "reader"
    assert report.evaluated["images"] == 5
    assert report.evaluated["postprocess"]["instance_threshold"] == 0
    assert report.evaluated["instance_truth"] == "the things of panoptic.json"
    assert set(report.evaluated["versions"]) == {"python", "modelscope_swinpan", "torch", "hotcoco"}
    assert json.loads((tmp_path / "out" / "report.json").read_text())["panoptic"]["all"]["pq"] == 100


def test_its_predictions_are_a_coco_panoptic_folder(dataset, tmp_path):
    evaluate(predictor(), dataset, tmp_path / "out")
    found = CocoPanoptic.open(tmp_path / "out")
    assert [entry.id for entry in found.entries] == [entry.id for entry in dataset.entries]
    for index in range(len(dataset)):
        areas = {segment.area for segment in dataset.annotation(index).segments}
        assert {segment.area for segment in found.annotation(index).segments} == areas


def test_a_stopped_run_goes_on(dataset, tmp_path):
    class StoppedError(Exception):
        pass

    def stop(progress):
        if progress.done == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        evaluate(predictor(), dataset, tmp_path / "out", progress=stop)
    kept = len((tmp_path / "out" / "journal.jsonl").read_text().splitlines())
    assert kept == 2
    assert not (tmp_path / "out" / "panoptic.json").exists()
    seen, told = [], []
    evaluate(
        predictor(seen),
        dataset,
        tmp_path / "out",
        progress=lambda progress: told.append((progress.done, progress.total)),
    )
    assert sum(seen) == 3
    assert told == [(done, 5) for done in range(2, 6)]
    evaluate(predictor(), dataset, tmp_path / "other")
    assert contents(tmp_path / "out") == contents(tmp_path / "other")


def test_limit_may_change(dataset, tmp_path):
    seen = []
    assert evaluate(predictor(seen), dataset, tmp_path, limit=2).evaluated["images"] == 2
    assert sum(seen) == 2
    assert evaluate(predictor(seen), dataset, tmp_path).evaluated["images"] == 5
    assert sum(seen) == 5
    assert evaluate(predictor(seen), dataset, tmp_path, limit=1).evaluated["images"] == 1
    assert sum(seen) == 5
    assert len(json.loads((tmp_path / "panoptic.json").read_text())["annotations"]) == 1


def test_one_forward_gives_map_and_instances(dataset, tmp_path):
    """Those with next to no score, too."""
    seen = []
    evaluate(predictor(seen), dataset, tmp_path, limit=1)
    assert seen == [1]
    found = json.loads((tmp_path / "boxes.json").read_text())
    assert sorted(instance["category_id"] for instance in found[:3]) == [1, 1, 18]
    assert len(found) > 3
    assert found[-1]["score"] < 0.01


def test_batches_change_nothing(dataset, tmp_path):
    """Pictures of two sizes, in order."""
    evaluate(predictor(), dataset, tmp_path / "one")
    seen = []
    evaluate(PanopticPredictor(painted.reading_model(seen), batch_size=2), dataset, tmp_path / "two")
    assert sorted(seen) == [1, 2, 2]
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_classes_that_the_dataset_lacks(tmp_path):
    """They are left out of the answers, as void."""
    full = painted.dataset(tmp_path / "full", count=1)
    truth = full.annotation(0)
    ids = np.where(np.isin(truth.segment_ids, [1, 2]), 0, truth.segment_ids)
    labels = {segment.id: segment.label_id - 1 for segment in truth.segments if segment.id > 2}
    example = Example(segment_ids=ids, segments=annotate(ids, labels).segments, image=full[0].image)
    write_dataset(tmp_path / "data", [example], painted.CATEGORIES[1:])
    evaluate(predictor(), CocoPanoptic.open(tmp_path / "data"), tmp_path / "out")
    (annotation,) = json.loads((tmp_path / "out" / "panoptic.json").read_text())["annotations"]
    assert {segment["category_id"] for segment in annotation["segments_info"]} == {18, 187}
    assert {found["category_id"] for found in json.loads((tmp_path / "out" / "boxes.json").read_text())} == {18}


def test_classes_with_other_ids(dataset, tmp_path):
    """As after an import of the model's own answers, corrected: the names tell which is which."""
    content = json.loads(dataset.layout.json_path.read_text())
    ids = {1: 18, 18: 1, 187: 3}
    for entry in (*content["categories"], *(one for each in content["annotations"] for one in each["segments_info"])):
        key = "id" if "name" in entry else "category_id"
        entry[key] = ids[entry[key]]
    dataset.layout.json_path.write_text(json.dumps(content))
    report = evaluate(predictor(), CocoPanoptic.open(tmp_path / "dataset"), tmp_path / "out")
    assert report.panoptic.all.pq == 100
    assert report.mask_ap.per_class == {1: pytest.approx(100), 18: pytest.approx(100)}
    again = score(CocoPanoptic.open(tmp_path / "dataset"), tmp_path / "out")
    assert again.panoptic == report.panoptic


def test_tiles(dataset, tmp_path):
    """Instances are found by the same rule as without tiles, and the report says from what."""
    report = evaluate(TiledPredictor(predictor(), side=64), dataset, tmp_path / "tiles")
    assert report.mask_ap.ap == pytest.approx(100)
    assert report.evaluated["tiles"] == [64, 0.25]
    assert report.evaluated["instance_rule"] == "the 100 best of each photo and its tiles"
    assert report.evaluated["postprocess"]["instance_threshold"] == 0
    plain = evaluate(predictor(), dataset, tmp_path / "plain")
    assert plain.evaluated["instance_rule"] == "the 100 best of each photo"


def test_damaged_headers_are_named_before_anything_is_done(dataset, tmp_path):
    """All of them."""
    images = dataset.layout.images
    (images / "000002.png").unlink()
    (images / "000004.png").write_bytes(b"damaged")
    seen = []
    with pytest.raises(DatasetError, match=r"^2 of 5 examples are wrong\.\n.*image 2: .*\n.*image 4: "):
        evaluate(predictor(seen), dataset, tmp_path / "new" / "out")
    assert not seen
    assert not (tmp_path / "new").exists()
    assert evaluate(predictor(seen), dataset, tmp_path / "out", limit=1).evaluated["images"] == 1


def test_photos_that_end_early_are_listed_and_tried_again(dataset, tmp_path):
    """There is no score without them. Mended one by one, they alone are looked at, and the report is as ever."""
    paths = [dataset.layout.images / f"00000{number}.png" for number in (2, 4)]
    whole = [path.read_bytes() for path in paths]
    for path, content in zip(paths, whole, strict=True):
        path.write_bytes(content[: len(content) // 2])
    seen = []
    match = r"^2 of 5 images have no result.*errors\.jsonl.*\n.*image 2: .*\n.*image 4: "
    with pytest.raises(DatasetError, match=match):
        evaluate(predictor(seen), dataset, tmp_path / "out")
    assert sum(seen) == 3
    assert not (tmp_path / "out" / "report.json").exists()
    assert len((tmp_path / "out" / "errors.jsonl").read_text().splitlines()) == 2
    assert evaluate(predictor(seen), dataset, tmp_path / "out", limit=1).evaluated["images"] == 1
    paths[0].write_bytes(whole[0])
    with pytest.raises(DatasetError, match=r"^1 of 5 images have no result.*\n.*image 4: "):
        evaluate(predictor(seen), dataset, tmp_path / "out")
    assert sum(seen) == 4
    paths[1].write_bytes(whole[1])
    evaluate(predictor(seen), dataset, tmp_path / "out")
    assert sum(seen) == 5
    assert not (tmp_path / "out" / "errors.jsonl").exists()
    evaluate(predictor(), dataset, tmp_path / "other")
    assert contents(tmp_path / "out") == contents(tmp_path / "other")


@pytest.mark.parametrize("exif", ["ignore", "apply", None])
def test_photos_turned_by_exif(dataset, tmp_path, exif):
    """By 180°, which sizes do not show, while the truth was annotated on the stored pixels."""
    path = dataset.layout.images / "000001.png"
    with Image.open(path) as image:
        turned = image.getexif()
        turned[0x0112] = 3
        image.save(path, exif=turned)
    told = CocoPanoptic.open(dataset.layout.json_path, exif=exif)
    with pytest.warns(UserWarning, match="1 photo is turned") if exif is None else nullcontext():
        report = evaluate(predictor(), told, tmp_path / "out", limit=2)
    assert (report.panoptic.all.pq == 100) == (exif == "ignore")
    assert report.evaluated.get("exif") == exif


def test_a_crowd_counts_for_nothing(tmp_path):
    dataset = painted.dataset(tmp_path / "dataset", count=2, crowd=True)
    report = evaluate(predictor(), dataset, tmp_path / "out")
    assert report.panoptic.all.pq == 100
    assert report.mask_ap.ap == pytest.approx(100)


def test_score_alone(dataset, tmp_path):
    """Truth as a prediction: perfect, and without instances, which a panoptic folder does not tell."""
    report = score(dataset, dataset.layout.json_path.parent)
    assert report.panoptic.all.pq == 100
    assert (report.box_ap, report.mask_ap) == (None, None)
    assert report.evaluated["predictions"] == str(dataset.layout.json_path)
    assert report.evaluated["instance_truth"] is None


def test_score_what_evaluate_wrote(dataset, tmp_path):
    report = evaluate(predictor(), dataset, tmp_path / "out")
    again = score(dataset, tmp_path / "out")
    assert (again.panoptic, again.box_ap, again.mask_ap) == (report.panoptic, report.box_ap, report.mask_ap)


def test_missing_predictions(dataset, tmp_path):
    evaluate(predictor(), dataset, tmp_path / "out", limit=3)
    with pytest.raises(DatasetError, match="no prediction for 2 of 5 images, for example image 4"):
        score(dataset, tmp_path / "out")
    assert score(dataset, tmp_path / "out", limit=3).panoptic.all.pq == 100


def test_a_png_elsewhere(dataset, tmp_path):
    evaluate(predictor(), dataset, tmp_path / "out")
    path = tmp_path / "out" / "panoptic.json"
    path.write_text(path.read_text().replace("000000000002.png", "../secret.png"))
    with pytest.raises(DatasetError, match="inside"):
        score(dataset, tmp_path / "out")


def test_mistakes(dataset, tmp_path):
    with pytest.raises(ConfigError, match="limit must be at least 1; got 0"):
        evaluate(predictor(), dataset, tmp_path / "out", limit=0)
    with pytest.raises(ConfigError, match=r"holds a dataset\. Choose another"):
        evaluate(predictor(), dataset, dataset.layout.json_path.parent)
    write_dataset(tmp_path / "empty", [], painted.CATEGORIES)
    with pytest.raises(DatasetError, match="no annotated images"):
        evaluate(predictor(), CocoPanoptic.open(tmp_path / "empty"), tmp_path / "out")


def test_nothing_to_measure(dataset, tmp_path):
    """In a dataset without segments; a model's run does not begin."""
    content = json.loads(dataset.layout.json_path.read_text())
    for annotation in content["annotations"]:
        annotation["segments_info"] = []
    dataset.layout.json_path.write_text(json.dumps(content))
    void = CocoPanoptic.open(dataset.layout.json_path)
    with pytest.raises(DatasetError, match=r"^5 examples, and not one segment in the annotations"):
        evaluate(predictor(), void, tmp_path / "out")
    with pytest.raises(DatasetError, match=r"^5 examples, and not one segment in the annotations"):
        score(void, dataset.layout.json_path)
    assert not (tmp_path / "out").exists()
