import pytest

from benchmarks import tiles
from benchmarks.tiles import bench_tiles
from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.coco.annotation import Example, annotate
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.scenes.compose import SCENE_CATEGORIES
from tests.truth import DOG, PERSON, SKY, Reader, photo


def example(seed, size, *, far):
    """A small person and a large one before the sky, and what is none of the scenes' categories."""
    image = photo(size, (PERSON, 5, 5, 10, 9), (PERSON, 30, 10, 60, 70), (DOG, 70, 10, 75, 12 + seed))
    ids = image[..., 0].astype("int32")
    labels = [SCENE_CATEGORIES.index(COCO_PANOPTIC[label]) for label in (SKY, PERSON, PERSON)]
    ids[ids == 4] = 0
    return Example(**vars(annotate(ids, dict(enumerate(labels, start=1)))), image=image)


def test_what_tiles_add(monkeypatch):
    """To a predictor that sees no small things in the whole photo, and all in tiles."""
    monkeypatch.setattr(tiles, "load_model", lambda model, **_: model)
    monkeypatch.setattr(tiles, "PanopticPredictor", lambda model: Reader(sharp=40**2, least=100))
    monkeypatch.setattr(tiles, "generate_scene", example)
    found = bench_tiles(None, 2, "80x120", 3.0, 40)
    assert (found["things"], found["thing_pixels_median"]) == (4, (20 + 30 * 60) / 2)
    whole, tiled = found["whole"], found["tiles"]
    assert whole["pq_things"] == pytest.approx(200 / 3, abs=0.01)  # one of two: 1 / (1 + 1 / 2)
    assert (tiled["pq_things"], tiled["pq"]) == (100, 100)
    assert len(tiled["seconds_all"]) == len(whole["seconds_all"]) == 2


def test_another_task_is_refused(monkeypatch):
    monkeypatch.setattr(tiles, "load_model", lambda model, **_: model)
    monkeypatch.setattr(tiles, "PanopticPredictor", lambda model: Reader().with_task("semantic"))
    with pytest.raises(ConfigError, match="Tiles are for the panoptic task"):
        bench_tiles(None, 1, "80x120", 3.0)
