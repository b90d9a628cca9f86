import copy
import dataclasses
import io
import json
import os
import pickle
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from modelscope_swinpan import PanopticPredictor, TiledPredictor
from modelscope_swinpan.checkpoints.load import EMBEDDED
from modelscope_swinpan.config import PostprocessConfig, PreprocessConfig
from modelscope_swinpan.errors import ConfigError, DeviceError, ImageError
from modelscope_swinpan.inference import fusion as postprocess
from modelscope_swinpan.inference.results import InstanceResult, PanopticResult
from modelscope_swinpan.scenes.dataset import generate_scene
from tests.builders import SMALL, random_image, random_model
from tests.conftest import CHELSEA, ROOT

LENIENT = PostprocessConfig(object_mask_threshold=0.0, overlap_threshold=0.0, instance_threshold=0.0)
TASKS = ("panoptic", "instance", "semantic")


@pytest.fixture(scope="module")
def predictor(quick_model):
    return PanopticPredictor(quick_model)


@pytest.fixture(scope="module")
def mixed(chelsea):
    """Photos of three sizes, two of which share a padded size."""
    return [chelsea, chelsea[:, ::-1].copy(), chelsea[:200, :200].copy(), chelsea[::-1].copy(), random_image(90, 300)]


def same(first, second):
    assert [segment.label for segment in first.segments] == [segment.label for segment in second.segments]
    assert (first.panoptic_seg == second.panoptic_seg).mean() >= 0.9999


def test_a_batch_gives_what_single_images_give(predictor, mixed):
    alone = [predictor.predict([image])[0] for image in mixed]
    assert sum(len(result.segments) for result in alone) > 5
    for batch_size in (2, 8):
        for one, other in zip(alone, predictor.predict(mixed, batch_size=batch_size), strict=True):
            same(one, other)


def test_order_of_images_does_not_matter(predictor, mixed):
    forward = predictor.predict(mixed, batch_size=4)
    backward = predictor.predict(mixed[::-1], batch_size=4)[::-1]
    for one, other in zip(forward, backward, strict=True):
        same(one, other)


def test_path_pil_and_bgr_array_are_one_image(predictor, tiny, chelsea):
    path = CHELSEA
    by_path, by_pil, by_array = predictor([path, Image.open(path), chelsea[..., ::-1]])
    for other in (by_pil, by_array):
        assert np.array_equal(by_path.panoptic_seg, other.panoptic_seg)
        assert by_path.segments == other.segments
    assert predictor(path).segments == by_path.segments


def test_several_images(predictor):
    """Whatever holds them; one image is one, whatever form it has."""
    content = CHELSEA.read_bytes()
    expected = predictor(CHELSEA).segments
    for several in (
        [content, CHELSEA],
        (content, CHELSEA),
        (one for one in (content, CHELSEA)),
        iter([content, CHELSEA]),
    ):
        assert [result.segments for result in predictor(several)] == [expected] * 2
    with CHELSEA.open("rb") as file:
        for one in (content, io.BytesIO(content), file, {"image": content}, CHELSEA.as_uri()):
            assert predictor(one).segments == expected
    assert predictor(()) == []
    with pytest.raises(ImageError, match="type list is not accepted"):
        predictor([[CHELSEA]])


def test_threads(predictor, mixed):
    expected = [predictor.predict([image])[0] for image in mixed]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda image: predictor.predict([image])[0], mixed))
    for one, other in zip(expected, found, strict=True):
        assert np.array_equal(one.panoptic_seg, other.panoptic_seg)


def test_thresholds(predictor, chelsea):
    unsure = PostprocessConfig(filter_low_score=False)
    void = [
        (result.panoptic_seg == result.void_id).sum()
        for result in (predictor.predict([chelsea])[0], predictor.predict([chelsea], postprocess=unsure)[0])
    ]
    assert void[0] > void[1]
    nothing = PostprocessConfig(object_mask_threshold=1.0)
    assert predictor.predict([chelsea], postprocess=nothing)[0].segments == ()


def small_model(task="panoptic"):
    preprocess = PreprocessConfig(short_side=64, long_side=96)
    config = dataclasses.replace(SMALL, task=task, preprocess=preprocess, postprocess=LENIENT)
    return random_model(config, seed=1, scale=3)  # large weights: queries differ, and several classes win


def test_one_model_for_every_task():
    model, image = small_model(), random_image(70, 90)
    predictor = PanopticPredictor(model)
    batch = predictor.prepare([image])
    with torch.inference_mode():
        logits = [output[0] for output in model(batch.pixel_values)[:2]]
    geometry = {
        "resized": batch.resized[0],
        "original": batch.original[0],
        "categories": model.config.categories,
    }
    expected = {
        "panoptic": postprocess.panoptic(*logits, **geometry, config=LENIENT),
        "instance": postprocess.instances(*logits, **geometry, config=LENIENT),
        "semantic": postprocess.semantic(*logits, **geometry),
    }
    for task in TASKS:
        for one in (PanopticPredictor(model, task=task), predictor.with_task(task)):
            found = one.predict([image])[0]
            assert (type(found), found.segments) == (type(expected[task]), expected[task].segments)
            assert len(found.segments) > 1
            assert found.to_rle() == expected[task].to_rle()
            assert found.categories == model.config.categories
    assert isinstance(expected["instance"], InstanceResult)
    assert all(segment.isthing for segment in expected["instance"].segments)
    assert {segment.isthing for segment in expected["semantic"].segments} == {True, False}
    assert (predictor.task, type(predictor.predict([image])[0])) == ("panoptic", PanopticResult)


@pytest.mark.parametrize("trained", TASKS)
def test_a_model_does_what_it_was_trained_for(trained):
    model = small_model(trained)
    predictor = PanopticPredictor(model)
    assert predictor.task == trained
    for task in TASKS:
        if trained in (task, "panoptic"):
            assert predictor.with_task(task).task == PanopticPredictor(model, task=task).task == task
            continue
        for attempt in (
            lambda task=task: predictor.with_task(task),
            lambda task=task: PanopticPredictor(model, task=task),
        ):
            with pytest.raises(
                ConfigError, match=f"{task!r} was asked for, .* trained for {trained!r} alone.*panoptic model"
            ):
                attempt()


def test_one_forward_gives_the_map_and_the_instances():
    model, image = small_model(), random_image(70, 90)
    forwards = []
    model.register_forward_hook(lambda *_: forwards.append(1))
    predictor = PanopticPredictor(model)
    assert predictor.predict([image])[0].instances is None
    forwards.clear()
    both = predictor.with_options(instances=True).predict([image])[0]
    assert forwards == [1]
    alone = predictor.with_task("instance").predict([image])[0]
    assert both.instances.segments == alone.segments
    assert np.array_equal(both.instances.masks, alone.masks)
    assert both.segments == predictor.predict([image])[0].segments


def test_options_make_another_predictor_over_the_same_model(predictor):
    other = predictor.with_options(batch_size=3, postprocess=LENIENT, instances=True)
    assert (other.batch_size, other.postprocess, other.instances) == (3, LENIENT, True)
    assert other.model is predictor.model
    assert (predictor.batch_size, predictor.postprocess, predictor.instances) == (1, PostprocessConfig(), False)
    kept = other.with_options()
    assert (kept.batch_size, kept.postprocess, kept.instances, kept.task) == (3, LENIENT, True, "panoptic")


def test_identity_tells_all_that_decides_the_answers(predictor):
    told = predictor.identity()
    assert told == PanopticPredictor(predictor.model, batch_size=9).identity()
    json.dumps(told)
    for other, name in (
        (predictor.with_options(task="semantic"), "task"),
        (predictor.with_options(postprocess=LENIENT), "postprocess"),
        (predictor.with_options(instances=True), "instances"),
        (TiledPredictor(predictor, side=64), "tiles"),
    ):
        found = other.identity()
        assert [key for key in told if found[key] != told[key]] == [name]


class TestOtherProcesses:
    @pytest.fixture
    def photos(self, tmp_path):
        paths = [str(tmp_path / f"{seed}.png") for seed in range(3)]
        for seed, path in enumerate(paths):
            Image.fromarray(generate_scene(seed, (64, 96)).image).save(path)
        return paths

    @pytest.mark.parametrize("kind", ["plain", "tiled"])
    @pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
    def test_copies_answer_alike(self, photos, kind, copied):
        predictor = PanopticPredictor(small_model(), batch_size=2)
        predictor = TiledPredictor(predictor, side=48) if kind == "tiled" else predictor
        expected = predictor(photos)
        for one, other in zip(expected, copied(predictor)(photos), strict=True):
            assert one.segments == other.segments
            assert np.array_equal(one.panoptic_seg, other.panoptic_seg)

    @pytest.mark.parametrize("method", ["spawn", "fork"])
    def test_a_pool(self, photos, method, tmp_path):
        """Forked from a process whose OpenMP threads are at work, which a fork leaves behind."""
        code = (
            "import multiprocessing, pickle, sys\n"
            "from modelscope_swinpan import PanopticPredictor, load_model\n"
            "if __name__ == '__main__':\n"
            "    method, model, *photos = sys.argv[1:]\n"
            "    predictor = PanopticPredictor(load_model(model))\n"
            "    expected = predictor(photos)\n"
            "    with multiprocessing.get_context(method).Pool(2) as pool:\n"
            "        found = pool.map(predictor, photos)\n"
            "    for one, other in zip(found, expected, strict=True):\n"
            "        assert [s.label for s in one.segments] == [s.label for s in other.segments]\n"
            "        assert (one.panoptic_seg == other.panoptic_seg).mean() > 0.999\n"
            "    assert any(one.segments for one in found)\n"
        )
        (tmp_path / "program.py").write_text(code)
        given = [sys.executable, tmp_path / "program.py", method, EMBEDDED, *photos]
        subprocess.run(given, check=True, timeout=300, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_mistakes(predictor):
    assert predictor([]) == []
    with pytest.raises(ConfigError, match="batch_size must be a whole number of at least 1; got 0"):
        predictor.predict([], batch_size=0)
    with pytest.raises(ConfigError, match="must be one of 'panoptic', 'instance', 'semantic'; got 'things'"):
        predictor.with_task("things")
    with pytest.raises(ImageError):
        predictor("no such file.jpg")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        MemoryError(),
    ],
)
def test_out_of_memory_is_a_clear_error_that_holds_nothing(chelsea, error):
    model = random_model()
    model.config = dataclasses.replace(model.config, preprocess=PreprocessConfig(short_side=64, long_side=96))
    held = []

    def fail(pixel_values):
        large = torch.zeros(2)
        held.append(weakref.ref(large))
        raise type(error)(*error.args)

    model.forward = fail
    expected = r"cpu ran out of memory for 2 images, resized to 96×64 pixels, .* float32\. Lower batch_size"
    with pytest.raises(DeviceError, match=expected) as raised:
        PanopticPredictor(model, batch_size=2)([chelsea, chelsea])
    assert raised.value.__context__ is None
    assert held[0]() is None


def test_other_errors_are_told_as_they_are(chelsea):
    def fail(pixel_values):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    model = random_model()
    model.forward = fail
    with pytest.raises(RuntimeError, match="illegal memory access"):
        PanopticPredictor(model)(chelsea)


@pytest.mark.parametrize("weight", ["transformer_decoder.class_head.bias", "pixel_decoder.mask_projection.bias"])
def test_answers_that_are_no_numbers_are_an_error(chelsea, weight):
    """As in float16, where numbers end at 65504: the fusion would find nothing in them."""
    model = random_model()
    model.get_parameter(weight).data.fill_(torch.nan)
    with pytest.raises(DeviceError, match="numbers that are not finite"):
        PanopticPredictor(model).predict([chelsea])


def test_compiling(chelsea, monkeypatch):
    """The wiring only: compiling takes minutes."""
    model = random_model()
    model.config = dataclasses.replace(model.config, preprocess=PreprocessConfig(short_side=64, long_side=96))
    expected = PanopticPredictor(model).predict([chelsea])[0]
    calls = []
    monkeypatch.setattr(
        torch, "compile", lambda forward, **_: lambda *args, **kwargs: calls.append(1) or forward(*args, **kwargs)
    )
    predictor = PanopticPredictor(model, compile=True)
    assert np.array_equal(predictor.predict([chelsea])[0].panoptic_seg, expected.panoptic_seg)
    assert len(calls) == 8 + 2 + 4  # blocks, encoder layers, decoder layers


@pytest.mark.parametrize(
    ("preprocess", "alike", "side"),
    [
        (PreprocessConfig(fixed_size=(256, 385)), PreprocessConfig(short_side=256), 256),
        (PreprocessConfig(resize=False), PreprocessConfig(short_side=300), 800),
    ],
)
def test_other_ways_to_the_same_size(quick_model, chelsea, preprocess, alike, side):
    predictors = []
    for config in (preprocess, alike):
        model = copy.copy(quick_model)
        model.config = dataclasses.replace(quick_model.config, preprocess=config)
        predictors.append(PanopticPredictor(model))
    found, expected = (predictor(chelsea) for predictor in predictors)
    assert len(found.segments) > 2
    assert found.segments == expected.segments
    assert np.array_equal(found.panoptic_seg, expected.panoptic_seg)
    assert TiledPredictor(predictors[0]).side == side
