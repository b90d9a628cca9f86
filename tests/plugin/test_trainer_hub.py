"""The trainer and the metric in processes of their own: by hub ids, and in whatever order things are imported."""

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from . import isolated
from .loopback import MODEL_ID, LoopbackHub
from .test_r50_configuration import R50_ID

ORDERS = {
    "ours first": """
        import modelscope_swinpan
        from modelscope.trainers import build_trainer
        from modelscope.metrics.builder import build_metric
    """,
    "ModelScope first": """
        from modelscope.metrics import Metric
        from modelscope.trainers import EpochBasedTrainer
        import modelscope_swinpan
    """,
    "with the pipeline": """
        import modelscope_swinpan
        from modelscope.pipelines import pipeline
        from modelscope.trainers.builder import build_trainer
    """,
    "through lazy names": """
        import modelscope_swinpan
        import modelscope
        modelscope.EpochBasedTrainer
    """,
    "our modules themselves": """
        import modelscope_swinpan.plugin.trainer
        import modelscope_swinpan.plugin.metric
    """,
}


@pytest.mark.parametrize("order", ORDERS)
def test_order_of_imports_does_not_matter(order: str, tmp_path: Path) -> None:
    found = isolated.call(_registered, textwrap.dedent(ORDERS[order]), cwd=tmp_path)
    assert found == ["modelscope_swinpan.plugin.trainer", "modelscope_swinpan.plugin.metric"]


def _registered(imports: str) -> list[str]:
    exec(imports, {"__name__": "program"})
    from modelscope.metrics.builder import METRICS
    from modelscope.trainers.builder import TRAINERS

    return [
        TRAINERS.get("image-panoptic-segmentation").__module__,
        METRICS.get("image-panoptic-segmentation-metric").__module__,
    ]


@pytest.fixture(scope="module", params=["swin", "r50"])
def served(request: Any, tmp_path_factory: pytest.TempPathFactory, model_dir: Path) -> tuple[Path, str]:
    """Files as each of the two hub models has them, but small, and its id."""
    if request.param == "swin":
        return model_dir, MODEL_ID
    from modelscope_swinpan import save_pretrained
    from tests.builders import SMALL_RESNET, random_model

    directory = tmp_path_factory.mktemp("r50")
    save_pretrained(random_model(SMALL_RESNET), directory)
    configuration = {
        "framework": "pytorch",
        "task": "image-segmentation",
        "pipeline": {"type": "image-panoptic-segmentation-easycv"},
        "model": {"type": "r50-panoptic-segmentation"},
        "plugins": ["pai-easycv"],
        "train": {"max_epochs": 50, "optimizer": {"type": "AdamW"}},
    }
    (directory / "configuration.json").write_text(json.dumps(configuration))
    return directory, R50_ID


def test_a_hub_id_is_a_start(served: tuple[Path, str], photo: Path, tmp_path: Path) -> None:
    files, model_id = served
    with LoopbackHub(files, model_id=model_id) as hub:
        env = {"MODELSCOPE_ENDPOINT": hub.url, "MODELSCOPE_CACHE": str(tmp_path / "cache")}
        kind, classes, keys = isolated.call(_train, model_id, str(photo), cwd=tmp_path, env=env)
    assert kind == ("Swin" if model_id == MODEL_ID else "ResNet")
    assert classes == 20
    assert "panoptic_seg" in keys


def test_embedded_and_a_copy_without_the_hub_are_starts(model_dir: Path, photo: Path, tmp_path: Path) -> None:
    with LoopbackHub(model_dir) as hub:
        env = {"MODELSCOPE_ENDPOINT": hub.url, "MODELSCOPE_CACHE": str(tmp_path / "cache")}
        isolated.call(_fetched, MODEL_ID, cwd=tmp_path, env=env)
    for model in (MODEL_ID, "embedded"):
        folder = tmp_path / "run" / model
        folder.mkdir(parents=True)
        kind, classes, _ = isolated.call(_train, model, str(photo), cwd=folder, env=env)
        assert (kind, classes) == ("Swin", 20)


def _fetched(model_id: str) -> str:
    from modelscope_swinpan.plugin.hub import resolve_model

    return str(resolve_model(model_id))


def _train(model_id: str, photo: str) -> tuple[str, int, list[str]]:
    """The backbone, the number of classes and the keys of an answer, after one step on a scene."""
    import torch
    from modelscope.pipelines import pipeline
    from modelscope.trainers import build_trainer
    from modelscope.utils.constant import Tasks

    import modelscope_swinpan  # noqa: F401
    from modelscope_swinpan.scenes.dataset import SceneDataset

    torch.set_num_threads(1)

    def modify(cfg: Any) -> Any:
        cfg.train.update(steps=1, batch_size=1, workers=0, augment={"size": [64, 64]})
        return cfg

    trainer = build_trainer(
        name="image-panoptic-segmentation",
        default_args={"model": model_id, "train_dataset": SceneDataset(range(1), (64, 64)), "cfg_modify_fn": modify},
    )
    trainer.train()
    built = pipeline(Tasks.image_segmentation, model="./work_dir/output")
    return type(built.model.model.backbone).__name__, built.model.num_classes, sorted(built(photo))
