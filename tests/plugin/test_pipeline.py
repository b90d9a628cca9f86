"""``pipeline(Tasks.image_segmentation, …)``: what goes in, what comes out, and what is refused."""

import base64
import io
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan import PanopticPredictor, load_model, save_pretrained
from modelscope_swinpan.config import PostprocessConfig
from modelscope_swinpan.errors import ConfigError, HubError
from tests.builders import with_more_classes

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sizes(photo: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Photos of different sizes and shapes, two of one padded size."""
    directory = tmp_path_factory.mktemp("sizes")
    image = cv2.imread(str(photo))
    crops = [image, image[:200, :240], image[:, ::-1], image[60:, 100:300], image[:198, :240]]
    paths = [str(directory / f"{number}.png") for number in range(len(crops))]
    for path, crop in zip(paths, crops, strict=True):
        assert cv2.imwrite(path, crop)
    return paths


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two results agree up to float rounding."""
    return (
        one["labels"] == other["labels"]
        and np.mean(one["panoptic_seg"] == other["panoptic_seg"]) >= 0.9999
        and np.allclose(one["scores"], other["scores"], atol=1e-3)
    )


def test_result_has_upstreams_keys_and_types(segmentor: Any, photo: Path, model_dir: Path) -> None:
    result = segmentor(str(photo))

    expected = PanopticPredictor(load_model(model_dir))(photo)
    segments = expected.segments
    assert len(segments) > 3
    assert sorted(result) == ["boxes", "labels", "masks", "panoptic_seg", "scores", "segments_info"]
    assert [type(value) for value in result.values()] == [list, list, list, list, np.ndarray, list]
    assert result["labels"] == [segment.label for segment in segments]
    assert result["scores"] == pytest.approx([segment.score for segment in segments])
    assert {type(score) for score in result["scores"]} == {float}
    assert result["boxes"] == [list(segment.box) for segment in segments]
    assert np.array_equal(result["panoptic_seg"], expected.panoptic_seg)
    assert result["panoptic_seg"].dtype == np.int32
    assert [info["id"] for info in result["segments_info"]] == [segment.id for segment in segments]
    for mask, segment in zip(result["masks"], segments, strict=True):
        assert (mask.shape, mask.dtype) == ((300, 451), np.int32)
        assert np.array_equal(mask, expected.panoptic_seg == segment.id)


def test_segments_come_in_upstreams_order(segmentor: Any, photo: Path) -> None:
    result = segmentor(str(photo))

    present = np.unique(result["panoptic_seg"])[::-1]
    upstream = present[present != segmentor.model.num_classes]
    assert [info["id"] for info in result["segments_info"]] == upstream.tolist()
    assert result["labels"] == [segmentor.model.CLASSES[number % 1000] for number in upstream]


def test_more_than_a_thousand_classes(build: Any, model_dir: Path, photo: Path, tmp_path: Path) -> None:
    """The answers of the same model, among 1,070 classes more, and the ids of ``panoptic_seg`` are those listed."""
    model = with_more_classes(load_model(model_dir), 1070)
    save_pretrained(model, tmp_path)
    expected, found = (build(str(path))(str(photo)) for path in (model_dir, tmp_path))

    assert sorted(found["labels"]) == sorted(expected["labels"])
    assert {info["id"] for info in found["segments_info"]} == set(np.unique(found["panoptic_seg"])) - {1203}
    for info, mask in zip(found["segments_info"], found["masks"], strict=True):
        assert info["label"] == model.config.categories[info["label_id"]].name
        assert np.array_equal(mask, found["panoptic_seg"] == info["id"])


def test_virtual_scores_are_upstreams_constant(segmentor: Any, build: Any, model_dir: Path, photo: Path) -> None:
    real = segmentor(str(photo))
    virtual = segmentor(str(photo), scores="virtual")
    built = build(str(model_dir), scores="virtual")(str(photo))

    assert len(set(real["scores"])) > 1
    assert all(0 < score < 1 for score in real["scores"])
    for result in (virtual, built):
        assert result["scores"] == [0.999] * len(real["labels"])
        assert {info["score"] for info in result["segments_info"]} == {0.999}
        assert np.array_equal(result["panoptic_seg"], real["panoptic_seg"])


def test_nothing_found_gives_empty_lists(segmentor: Any, photo: Path) -> None:
    result = segmentor(str(photo), object_mask_threshold=1.0)

    assert [result[key] for key in ("masks", "labels", "scores", "boxes", "segments_info")] == [[]] * 5
    assert np.unique(result["panoptic_seg"]).tolist() == [133]


def test_thresholds_reach_the_fusion(segmentor: Any, photo: Path) -> None:
    counts = [len(segmentor(str(photo), object_mask_threshold=value)["labels"]) for value in (0.5, 0.95)]

    assert counts[0] > counts[1]


def test_subtasks_of_one_model(segmentor: Any, build: Any, model_dir: Path, photo: Path) -> None:
    predictor = PanopticPredictor(load_model(model_dir), postprocess=PostprocessConfig(instance_threshold=0.0))
    built = build(str(model_dir), subtask="semantic")

    instance = segmentor(str(photo), subtask="instance", instance_threshold=0.0)
    semantic = segmentor(str(photo), subtask="semantic")

    for task, result in (("instance", instance), ("semantic", semantic)):
        expected = predictor.with_task(task)(photo)  # type: ignore[arg-type]
        assert result["labels"] == [segment.label for segment in expected.segments]
        assert len(result["labels"]) > 1
        assert np.array_equal(result["masks"], [expected.mask(segment) for segment in expected.segments])
    assert np.sum(instance["masks"], axis=0).max() > 1
    assert (np.sum(semantic["masks"], axis=0) == 1).all()
    assert same(built(str(photo)), semantic)
    assert same(built(str(photo), subtask="panoptic"), segmentor(str(photo)))


def test_path_pil_array_and_rows_give_the_identical_result(segmentor: Any, photo: Path) -> None:
    from modelscope.msdatasets import MsDataset

    inputs = [
        str(photo),
        photo,
        Image.open(photo),
        cv2.imread(str(photo)),
        {"InputImage:FILE": str(photo)},
        {"image": Image.open(photo)},
        MsDataset.load([str(photo)])["target"][0],
    ]

    results = [segmentor(one) for one in inputs]

    for result in results[1:]:
        assert result["labels"] == results[0]["labels"]
        assert result["scores"] == results[0]["scores"]
        assert np.array_equal(result["panoptic_seg"], results[0]["panoptic_seg"])


def test_lists_with_and_without_batches_agree(segmentor: Any, sizes: list[str]) -> None:
    single = [segmentor(path) for path in sizes]

    for batch_size in (None, 1, 2, 5, 9):
        results = segmentor(sizes, batch_size=batch_size)
        assert len(results) == len(sizes)
        assert all(same(one, other) for one, other in zip(single, results, strict=True)), batch_size


def test_images_of_one_padded_size_share_a_forward_pass(
    segmentor: Any, sizes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = []
    forward = segmentor.predictor.model.forward

    def spy(pixel_values: Any, *args: Any, **kwargs: Any) -> Any:
        passes.append(tuple(pixel_values.shape))
        return forward(pixel_values, *args, **kwargs)

    monkeypatch.setattr(segmentor.predictor.model, "forward", spy)
    segmentor(sizes, batch_size=len(sizes))

    assert sum(shape[0] for shape in passes) == len(sizes)
    assert len(passes) < len(sizes)
    assert len({shape[2:] for shape in passes}) == len(passes)


def test_every_form_of_an_image_and_of_several(segmentor: Any, photo: Path) -> None:
    """The same as the predictor takes."""
    content = photo.read_bytes()
    expected = segmentor(photo)
    text = base64.b64encode(content).decode()
    with photo.open("rb") as file:
        for one in (content, io.BytesIO(content), file, text, f"data:image/png;base64,{text}", photo.as_uri()):
            result = segmentor(one)
            assert result["scores"] == expected["scores"]
            assert np.array_equal(result["panoptic_seg"], expected["panoptic_seg"])
    answers = segmentor((content, photo))
    assert [result["scores"] for result in answers] == [expected["scores"]] * 2


@pytest.mark.parametrize("batch_size", [None, 1, 2])
def test_a_generator_is_drawn_as_results_are_asked_for(segmentor: Any, photo: Path, batch_size: int | None) -> None:
    drawn: list[int] = []

    def images() -> Iterator[Path]:
        for number in range(5):
            drawn.append(number)
            yield photo

    results = segmentor(images(), batch_size=batch_size, scores="virtual")
    assert not drawn
    first = next(results)
    assert len(drawn) == (batch_size or 1)
    rest = list(results)
    assert len(rest) == 4
    assert {score for result in (first, *rest) for score in result["scores"]} == {0.999}
    with pytest.raises(ConfigError, match="batch_size must be"):  # at once, not at the first result
        segmentor(images(), batch_size=0)
    with pytest.raises(ConfigError, match="scores must be"):
        segmentor(images(), scores="none")


def test_streamed_datasets(segmentor: Any, photo: Path) -> None:
    from datasets import Dataset

    rows = Dataset.from_list([{"image": str(photo)}] * 2)
    for dataset in (rows, rows.to_iterable_dataset()):
        assert [bool(result["labels"]) for result in segmentor(dataset)] == [True, True]


def test_empty_list_gives_an_empty_list(segmentor: Any) -> None:
    assert segmentor([]) == segmentor([], batch_size=2) == []


def test_dataset_gives_a_generator(segmentor: Any, sizes: list[str], tmp_path: Path) -> None:
    from modelscope.msdatasets import MsDataset

    table = tmp_path / "images.csv"
    table.write_text("\n".join(["InputImage:FILE", *sizes[:2]]))
    rows = MsDataset.load(str(table), split="train")
    columns = MsDataset.load(sizes[:2])

    for dataset in (rows["train"] if isinstance(rows, dict) else rows, columns):
        results = segmentor(dataset)
        assert iter(results) is results
        assert [result["labels"] for result in results] == [segmentor(path)["labels"] for path in sizes[:2]]


def test_threads_get_the_answers_of_one(segmentor: Any, sizes: list[str]) -> None:
    expected = [segmentor(path, scores="virtual" if number % 2 else "real") for number, path in enumerate(sizes)]
    answers: dict[int, dict[str, Any]] = {}

    def work(number: int) -> None:
        answers[number] = segmentor(sizes[number], scores="virtual" if number % 2 else "real")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(sizes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(same(answers[number], expected[number]) for number in range(len(sizes)))


def test_loaded_model_is_accepted_and_reused(build: Any, segmentor: Any, model_dir: Path, photo: Path) -> None:
    from modelscope.models import Model

    from modelscope_swinpan.plugin.model import SwinPanModel

    loaded = Model.from_pretrained(str(model_dir))
    expected = segmentor(str(photo))["labels"]

    for model in (loaded, loaded, SwinPanModel(model_dir)):
        built = build(model)
        assert built.model is model
        assert built(str(photo))["labels"] == expected


def test_reduced_precision_finds_the_same(build: Any, segmentor: Any, model_dir: Path, photo: Path) -> None:
    exact = segmentor(str(photo))
    for dtype in ("bfloat16", "float16"):
        result = build(str(model_dir), dtype=dtype)(str(photo))
        assert np.mean(result["panoptic_seg"] == exact["panoptic_seg"]) > 0.95, dtype


def test_repository_root_is_a_model_directory(build: Any, monkeypatch: pytest.MonkeyPatch, photo: Path) -> None:
    monkeypatch.chdir(ROOT)

    assert build(".")(str(photo))["labels"]


def test_config_py_is_neither_needed_nor_executed(build: Any, model_dir: Path, photo: Path, tmp_path: Path) -> None:
    directory = tmp_path / "model"
    shutil.copytree(model_dir, directory)
    (directory / "config.py").write_text("raise SystemExit('config.py was executed')")

    assert build(str(directory))(str(photo))["labels"]


def test_build_pipeline_takes_paths(segmentor: Any, model_dir: Path, photo: Path, monkeypatch: Any) -> None:
    from modelscope_swinpan.plugin.pipeline import build_pipeline

    monkeypatch.chdir(model_dir.parents[1])
    relative = model_dir.relative_to(model_dir.parents[1])  # 'owner/name' as ModelScope sees it, which it would look up

    built = build_pipeline(relative, device="cpu", scores="virtual")

    assert set(built(str(photo))["scores"]) == {0.999}
    with pytest.raises(HubError):
        build_pipeline("no such model")
