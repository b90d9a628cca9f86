"""Repositories in the form of the transformers package, run by our pipeline when a user asks for it by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from . import isolated
from .loopback import LoopbackHub

MODEL_ID = "somebody/mask2former-small"
PIPELINE = "image-panoptic-segmentation"
SEMANTIC = ["wall", *(f"kind of surface {label}" for label in range(1, 150))]  # as ADE20K begins


def write_repository(directory: Path, labels: int) -> Path:
    """A small random model, laid out by the package itself. The number of labels tells the task it was trained for."""
    import torch
    from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation, SwinConfig

    from modelscope_swinpan.categories import COCO_PANOPTIC

    names = [category.name for category in COCO_PANOPTIC[:labels]] if labels <= 133 else SEMANTIC
    torch.manual_seed(0)
    stages = ["stage1", "stage2", "stage3", "stage4"]
    config = Mask2FormerConfig(
        backbone_config=SwinConfig(
            embed_dim=16, depths=[1, 1, 1, 1], num_heads=[2, 2, 2, 2], window_size=4, out_features=stages
        ),
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=32,
        encoder_layers=1,
        decoder_layers=3,
        dim_feedforward=32,
        num_queries=10,
        id2label=dict(enumerate(names)),
    )
    Mask2FormerForUniversalSegmentation(config).save_pretrained(directory)
    return directory


@pytest.fixture(scope="module", params=[(133, "panoptic"), (80, "instance"), (150, "semantic")], ids=lambda p: p[1])
def repository(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    labels, task = request.param
    return write_repository(tmp_path_factory.mktemp(task), labels), task


def test_masks_and_labels_follow_the_task(repository: tuple[Path, str], build: Any, photo: Path) -> None:
    directory, task = repository
    segmentor = build(str(directory), pipeline_name=PIPELINE, device="cpu")
    everything = {"object_mask_threshold": 0.0, "overlap_threshold": 0.0, "instance_threshold": 0.0}
    result = segmentor(str(photo), **everything)

    assert segmentor.model.model.config.task == task
    assert len(result["labels"]) == len(result["masks"]) == len(result["scores"]) > 0
    assert set(result["labels"]) <= set(segmentor.model.CLASSES)
    covered = np.sum(result["masks"], axis=0)
    if task == "semantic":  # every pixel has one class, every class one mask
        assert (covered == 1).all()
        assert len(set(result["labels"])) == len(result["labels"])
    elif task == "panoptic":
        assert covered.max() == 1
    else:  # instances overlap, the best come first
        assert covered.max() > 1
        assert result["scores"] == sorted(result["scores"], reverse=True)
        assert all(segment["isthing"] for segment in result["segments_info"])


def test_a_type_of_its_own_does_not_matter(build: Any, photo: Path, tmp_path: Path) -> None:
    directory = write_repository(tmp_path, 133)
    configuration = {"framework": "pytorch", "task": "image-segmentation", "model": {"type": "mask2former"}}
    (directory / "configuration.json").write_text(json.dumps(configuration))
    assert "masks" in build(str(directory), pipeline_name=PIPELINE, device="cpu")(str(photo))


def _answer(photo: str) -> list[str]:
    from modelscope.pipelines import pipeline
    from modelscope.utils.constant import Tasks

    import modelscope_swinpan  # noqa: F401

    return sorted(pipeline(Tasks.image_segmentation, model=MODEL_ID, pipeline_name=PIPELINE)(photo))


def test_by_hub_id(photo: Path, tmp_path: Path) -> None:
    directory = write_repository(tmp_path / "repository", 133)
    with LoopbackHub(directory, model_id=MODEL_ID) as hub:
        env = {"MODELSCOPE_ENDPOINT": hub.url, "MODELSCOPE_CACHE": str(tmp_path / "cache")}
        keys = isolated.call(_answer, str(photo), cwd=tmp_path, env=env)
    assert keys == ["boxes", "labels", "masks", "panoptic_seg", "scores", "segments_info"]
