"""A GPU against the CPU, with small models. docs/speed.md has the commands that measure the full-size one."""

import dataclasses
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from modelscope_swinpan import PanopticPredictor, load_model
from modelscope_swinpan.config import PostprocessConfig, PreprocessConfig
from modelscope_swinpan.errors import DeviceError
from modelscope_swinpan.inference import graphs
from modelscope_swinpan.inference.fusion import contests, instances, panoptic, semantic
from modelscope_swinpan.kernels.deformable import sample_by_triton, try_triton
from modelscope_swinpan.kernels.dispatch import triton_works
from tests.builders import random_image, random_model
from tests.inference.test_fusion import CATEGORIES
from tests.inference.test_fusion import case as fusion_case
from tests.kernels.triton_cases import CASES, case, check

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
DTYPES = ("float32", "bfloat16", "float16")
QUICK = PreprocessConfig(short_side=256, long_side=448)
SHAPES = [(1, 3, 64, 96), (2, 3, 64, 96), (1, 3, 96, 64)]


def on_gpu(tiny, dtype="float32"):
    model = load_model(tiny, device="cuda", dtype=dtype)
    model.config = dataclasses.replace(model.config, preprocess=QUICK)
    return model


@pytest.fixture(autouse=True)
def without_tf32(monkeypatch):
    """By PyTorch's default, convolutions in float32 round their inputs to TF32, which has ten bits."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-3), ("bfloat16", 0.1), ("float16", 0.05)])
def test_the_model_answers_as_on_the_cpu(dtype, tolerance):
    pixel_values = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    model = random_model()
    with torch.inference_mode():
        expected = model(pixel_values)
        found = model.to("cuda", getattr(torch, dtype))(pixel_values.cuda())
    for one, other in zip(found[:2], expected[:2], strict=True):
        assert (one.cpu() - other).norm() / other.norm() < tolerance


@pytest.mark.parametrize(("dtype", "same"), [("float32", 0.999), ("bfloat16", 0.95), ("float16", 0.97)])
def test_a_photo_is_segmented_as_on_the_cpu(tiny, quick_model, chelsea, dtype, same):
    expected = PanopticPredictor(quick_model).predict([chelsea])[0]
    found = PanopticPredictor(on_gpu(tiny, dtype)).predict([chelsea])[0]
    assert (found.panoptic_seg == expected.panoptic_seg).mean() >= same


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("sizes", [*CASES, ([(25, 38), (50, 76), (100, 152)], 2, 999, 8, 4, 32)])
def test_the_kernel_samples_as_pytorch_does(sizes, dtype):
    pytest.importorskip("triton", reason="needs Triton")
    assert triton_works(try_triton, torch.device("cuda", 0))
    check(case(*sizes, dtype=dtype, device="cuda"))


def test_the_kernel_reads_beyond_2_31_values():
    pytest.importorskip("triton", reason="needs Triton")
    generator = torch.Generator("cuda").manual_seed(0)
    shapes, images = [(100, 200)], 421
    values = torch.zeros(images, 20_000, 8, 32, dtype=torch.bfloat16, device="cuda")
    assert values[:-1].numel() > 2**31
    values[-1].normal_(generator=generator)
    places = 100 * torch.rand(images, 64, 8, 1, 4, 2, device="cuda", generator=generator)
    weights = torch.rand(images, 64, 8, 1, 4, device="cuda", generator=generator)
    found = sample_by_triton(values, places, weights, shapes)
    alone = sample_by_triton(values[-1:], places[-1:], weights[-1:], shapes)
    assert alone.count_nonzero() > 0
    assert torch.equal(found[-1:], alone)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_model_never_waits_for_the_gpu(dtype):
    """A CUDA graph could not hold it."""
    model = random_model().to("cuda", getattr(torch, dtype))
    pixel_values = torch.randn(1, 3, 64, 96, device="cuda")
    with torch.inference_mode():
        model(pixel_values)  # kernels and caches
        torch.cuda.set_sync_debug_mode("error")
        try:
            output = model(pixel_values)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert output.mask_logits.isfinite().all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_replays_answer_as_the_model_does(dtype, monkeypatch):
    """Shapes in turn, and more of them than are remembered."""
    monkeypatch.setattr(graphs, "SHAPES", 2)
    model = random_model().to("cuda", getattr(torch, dtype))
    replayed = graphs.ReplayedModel(model)
    inputs = [torch.randn(shape).pin_memory() for shape in [*SHAPES, *SHAPES, SHAPES[2]]]
    answers = [replayed(pixel_values) for pixel_values in inputs]  # none overwrites another
    with torch.inference_mode():
        for pixel_values, answer in zip(inputs, answers, strict=True):
            expected = model(pixel_values.cuda())
            assert torch.equal(answer.class_logits, expected.class_logits)
            assert torch.equal(answer.mask_logits, expected.mask_logits)


def test_replays_from_threads_with_streams_of_their_own():
    model = random_model().cuda()
    replayed = graphs.ReplayedModel(model)
    inputs = [torch.randn(SHAPES[index % 3]) for index in range(24)]

    def answer(pixel_values):
        with torch.cuda.stream(torch.cuda.Stream()):
            return replayed(pixel_values).mask_logits.cpu()

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(answer, inputs))
    with torch.inference_mode():
        for pixel_values, found in zip(inputs, answers, strict=True):
            assert torch.equal(found, model(pixel_values.cuda()).mask_logits.cpu())


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_replays_on_two_gpus():
    pixel_values = torch.randn(SHAPES[0])
    models = [random_model().to(torch.device("cuda", index)) for index in (1, 0)]
    replays = [graphs.ReplayedModel(model) for model in models]
    with torch.inference_mode():
        for model, replayed in [*zip(models, replays, strict=True)] * 2:
            expected = model(pixel_values.to(next(model.parameters()).device))
            assert torch.equal(replayed(pixel_values).mask_logits, expected.mask_logits)


@pytest.mark.timeout(1800)
def test_compiled_and_replayed(tiny, chelsea):
    images = [chelsea, chelsea[:, ::-1].copy(), np.ascontiguousarray(chelsea.transpose(1, 0, 2)), chelsea]
    expected = PanopticPredictor(on_gpu(tiny)).predict(images, batch_size=2)
    found = PanopticPredictor(on_gpu(tiny), compile=True).predict(images, batch_size=2)
    for one, other in zip(found, expected, strict=True):
        assert (one.panoptic_seg == other.panoptic_seg).mean() >= 0.999


@pytest.mark.parametrize("seed", range(5))
def test_fusion_decides_as_on_the_cpu(seed):
    class_logits, mask_logits, resized, original = fusion_case(seed)
    geometry = {"resized": resized, "original": original, "categories": CATEGORIES}
    config = PostprocessConfig(object_mask_threshold=0.3, instance_threshold=0.1)
    here, there = (class_logits, mask_logits), (class_logits.cuda(), mask_logits.cuda())
    for fuse, options in ((panoptic, {"config": config}), (semantic, {})):
        expected, found = (fuse(*logits, **geometry, **options) for logits in (here, there))
        assert (expected.panoptic_seg != found.panoptic_seg).sum() <= 2  # rounding
        for one, other in zip(expected.segments, found.segments, strict=True):
            assert (one.id, one.score) == (other.id, pytest.approx(other.score, abs=1e-3))
            assert abs(one.area - other.area) <= 2
    expected, found = (instances(*logits, **geometry, config=config) for logits in (here, there))
    assert (expected.masks != found.masks).sum() <= 2
    assert [segment.label for segment in expected.segments] == [segment.label for segment in found.segments]


def test_fusion_waits_four_times_at_most():
    """For the kept queries, for their areas, to send the ids, and for the result."""
    class_logits, mask_logits, resized, original = fusion_case(0)
    options = {"resized": resized, "original": original, "categories": CATEGORIES, "config": PostprocessConfig()}
    logits = class_logits.cuda(), mask_logits.cuda()
    assert panoptic(*logits, **options).segments  # and what follows from sizes alone is remembered
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as waits:
            warnings.simplefilter("always")
            panoptic(*logits, **options)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len([wait for wait in waits if "synchroniz" in str(wait.message)]) <= 4


def test_contests_as_on_the_cpu():
    """With the highest threshold, no query takes part."""
    class_logits, mask_logits, resized, original = fusion_case(0)
    geometry = {"resized": resized, "original": original, "categories": CATEGORIES, "config": PostprocessConfig()}
    here, there = (class_logits, mask_logits), (class_logits.cuda(), mask_logits.cuda())
    expected, found = (contests(*logits, **geometry, thresholds=(0.5, 1.0)) for logits in (here, there))
    for threshold, contest in expected.by_threshold.items():
        other = found.by_threshold[threshold]
        assert [one.query for one in other.queries] == [one.query for one in contest.queries]
        assert (other.winners != contest.winners).sum() <= 2  # rounding
    assert found.by_threshold[1.0].queries == ()


@pytest.mark.parametrize("dtype", DTYPES)
def test_eight_photos_at_once_and_no_memory_kept(tiny, chelsea, dtype):
    predictor = PanopticPredictor(on_gpu(tiny, dtype))
    photos = [np.roll(chelsea, 40 * number, axis=1) for number in range(8)]
    alone = predictor.predict(photos)
    held = []
    for _ in range(3):
        found = predictor.predict(photos, batch_size=8)
        held.append(torch.cuda.memory_allocated())
    assert held[1] == held[2]
    for one, other in zip(found, alone, strict=True):
        assert (one.panoptic_seg == other.panoptic_seg).mean() >= (0.999 if dtype == "float32" else 0.95)


def test_a_full_gpu_is_a_clear_error_and_no_lasting_one(tiny):
    predictor = PanopticPredictor(on_gpu(tiny))
    image = random_image(300, 500)  # as an input over 1 MB: smaller tensors may find room in what is reserved
    expected = predictor.predict([image])[0]
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-6)
    try:
        with pytest.raises(DeviceError, match=r"cuda:0 ran out of memory for 1 image.*Lower batch_size"):
            predictor.predict([image])
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert np.array_equal(predictor.predict([image])[0].panoptic_seg, expected.panoptic_seg)
