"""Generated scenes: the same on every run, and a truth that is exact and fair."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader

from modelscope_swinpan.coco.annotation import annotate
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.scenes.dataset import LEAST_STUFF, SCENE_CATEGORIES, SceneDataset, generate_scene
from modelscope_swinpan.scenes.placement import LEAST_AREA, LEAST_VISIBLE

ROOT = Path(__file__).parents[2]
SEEDS = range(24)
SIZE = (128, 160)


@pytest.fixture(scope="module")
def scenes():
    return [generate_scene(seed, SIZE) for seed in SEEDS]


def digest(example):
    return hashlib.sha256(example.image.tobytes() + example.segment_ids.tobytes()).hexdigest()


def test_the_same_in_another_process(scenes):
    code = (
        "from tests.scenes.test_dataset import *\n"
        "import cv2; cv2.setNumThreads(1)\n"
        "print(*(digest(generate_scene(seed, SIZE)) for seed in reversed(range(4))))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.split() == [digest(scene) for scene in reversed(scenes[:4])]


def test_seeds_differ(scenes):
    assert len({digest(scene) for scene in scenes}) == len(scenes)


def test_every_pixel_is_accounted_for(scenes):
    for scene in scenes:
        assert scene.image.shape == (*SIZE, 3)
        assert scene.image.dtype == np.uint8
        assert scene.segment_ids.dtype == np.int32
        labels = {segment.id: segment.label_id for segment in scene.segments}
        assert set(np.unique(scene.segment_ids)) - {0} == labels.keys()
        assert scene.segments == annotate(scene.segment_ids, labels).segments


def test_truth_is_fair(scenes):
    pixels = SIZE[0] * SIZE[1]
    for scene in scenes:
        stuff = [segment.label_id for segment in scene.segments if not SCENE_CATEGORIES[segment.label_id].isthing]
        assert len(stuff) == len(set(stuff))
        assert 3 <= len(scene.segments) - len(stuff) <= 9
        for segment in scene.segments:
            isthing = SCENE_CATEGORIES[segment.label_id].isthing
            assert segment.area >= (LEAST_AREA * LEAST_VISIBLE if isthing else LEAST_STUFF) * pixels
        assert (scene.segment_ids == 0).mean() < 0.25


def test_sky_is_above(scenes):
    sky = [category.name for category in SCENE_CATEGORIES].index("sky-other-merged")
    for scene in scenes:
        (segment,) = (segment for segment in scene.segments if segment.label_id == sky)
        rows = np.nonzero(scene.segment_ids == segment.id)[0]
        assert rows.mean() < 0.4 * SIZE[0]
        assert rows.max() < 0.6 * SIZE[0]


def test_pictures_show_what_is_labelled(scenes):
    """Edges of the truth are edges of the picture: neighbours differ more across them than within segments."""
    for scene in scenes:
        steps = np.abs(np.diff(scene.image.astype(int), axis=1)).sum(2)
        edges = np.diff(scene.segment_ids, axis=1) != 0
        assert steps[edges].mean() > 2 * steps[~edges].mean()


@pytest.mark.parametrize("size", [(64, 64), (64, 300), (300, 64), (200, 201)])
def test_any_size(size):
    scene = generate_scene(1, size)
    assert scene.image.shape == (*size, 3)
    assert scene.segment_ids.shape == size
    assert len(scene.segments) > 2


def test_seen_from_afar():
    """Things as large as in a picture of a third of the size, and about three times as many."""
    afar = [generate_scene(seed, (3 * SIZE[0], 3 * SIZE[1]), far=3) for seed in range(4)]
    near = [generate_scene(seed, SIZE) for seed in range(24)]
    areas, near_areas = (
        [s.area for scene in some for s in scene.segments if SCENE_CATEGORIES[s.label_id].isthing]
        for some in (afar, near)
    )
    assert 2 < (len(areas) / len(afar)) / (len(near_areas) / len(near)) < 4
    assert 0.5 < np.median(areas) / np.median(near_areas) < 2
    assert min(areas) >= LEAST_AREA * LEAST_VISIBLE * SIZE[0] * SIZE[1]
    assert digest(generate_scene(5, SIZE, far=1)) == digest(generate_scene(5, SIZE))


@pytest.mark.parametrize("far", [0.5, 20.5, float("nan")])
def test_too_far(far):
    with pytest.raises(ConfigError, match="seen from 1 to 20 times as high; got"):
        generate_scene(0, SIZE, far=far)


def test_dataset():
    dataset = SceneDataset(range(7, 10), SIZE)
    assert len(dataset) == 3
    assert dataset.categories == SCENE_CATEGORIES
    loaded = list(DataLoader(dataset, batch_size=None, num_workers=2))
    assert [digest(example) for example in loaded] == [digest(generate_scene(seed, SIZE)) for seed in (7, 8, 9)]
    with pytest.raises(IndexError):
        dataset[3]


@pytest.mark.parametrize(
    ("seed", "size", "message"),
    [(-1, SIZE, "seed must be 0 or more; got -1"), (0, (63, 64), "between 64 and 4096"), (0, (64, 5000), "got")],
)
def test_mistakes(seed, size, message):
    with pytest.raises(ConfigError, match=message):
        generate_scene(seed, size)
