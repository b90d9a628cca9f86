"""``build_trainer``: a few steps of the small model."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from modelscope_swinpan import PanopticPredictor, load_model
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.writer import CocoPanopticWriter
from modelscope_swinpan.errors import ConfigError, DatasetError, HubError, TrainingError
from modelscope_swinpan.evaluation.callback import figures
from modelscope_swinpan.evaluation.evaluate import evaluate
from modelscope_swinpan.scenes.dataset import SCENE_CATEGORIES, SceneDataset
from tests.runs.fakes import contents

from .test_rows import rows_of

pytest.importorskip("hotcoco")
DOCUMENT = Path(__file__).parents[2] / "docs" / "fine-tuning.md"


def documented(word: str) -> str:
    """The document's Python with that word."""
    (snippet,) = (part.split("```")[0] for part in DOCUMENT.read_text().split("```python\n")[1:] if word in part)
    return snippet


QUICK = {"steps": 2, "batch_size": 1, "workers": 0, "learning_rate": 1e-3, "warmup": 0, "augment": {"size": [64, 64]}}


@pytest.fixture(scope="module")
def data(model_dir: Path, chelsea: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A COCO dataset of two small pictures, of which just that is true which the model answers."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "images").mkdir()
    model = load_model(model_dir)
    small = cv2.resize(chelsea, (150, 100), interpolation=cv2.INTER_AREA)
    with CocoPanopticWriter(folder / "panoptic.json", model.config.categories) as writer:
        for name, image in (("1.png", small), ("2.png", np.ascontiguousarray(small[:, ::-1]))):
            Image.fromarray(image).save(folder / "images" / name)
            writer.add(name, name, PanopticPredictor(model).predict([image])[0].to_panoptic())
    return folder


@pytest.fixture(scope="module")
def build_trainer(segmentor: Any) -> Callable[..., Any]:
    """ModelScope's, for our trainer on the CPU; ``train`` are the options of a run."""
    from modelscope.trainers import build_trainer

    def build(train: dict[str, Any] | None = None, **arguments: Any) -> Any:
        def modify(cfg: Any) -> Any:
            cfg.train.update({**QUICK, **(train or {})})
            return cfg

        return build_trainer(
            name="image-panoptic-segmentation",
            default_args={"device": "cpu", "cfg_modify_fn": modify, **arguments},
        )

    return build


@pytest.fixture(scope="module")
def trained(build_trainer: Any, model_dir: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    trainer = build_trainer(
        model=str(model_dir),
        train_dataset=str(data),
        eval_dataset=str(data),
        work_dir=str(tmp_path_factory.mktemp("run")),
    )
    trainer.logged = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("modelscope_swinpan.plugin.trainer._logger.info", trainer.logged.append)
        trainer.train()
    return trainer


def weights_differ(one: Any, other: Any) -> list[str]:
    theirs = other.state_dict()
    return [name for name, tensor in one.state_dict().items() if not torch.equal(tensor, theirs[name])]


def test_the_output_is_a_model_directory(trained: Any, build: Callable[..., Any], photo: Path) -> None:
    output = trained.work_dir / "output"
    configuration = json.loads((output / "configuration.json").read_text())
    assert configuration["model"]["type"] == "swinL-panoptic-segmentation"
    assert configuration["pipeline"]["type"] == "image-panoptic-segmentation"
    segmentor = build(str(output), device="cpu")
    assert weights_differ(segmentor.model.model, trained.model) == []
    assert segmentor.model.model.config == trained.model.config
    expected = PanopticPredictor(trained.model)(str(photo))
    assert np.array_equal(segmentor(str(photo))["panoptic_seg"], expected.panoptic_seg)


def test_what_a_run_leaves(trained: Any, model_dir: Path) -> None:
    left = {path.name for path in trained.work_dir.iterdir()}
    assert {"checkpoint.pt", "curves.png", "evaluation", "evaluations.csv", "log.csv", "output", "samples"} <= left
    assert "model" not in left  # one copy of it
    with (trained.work_dir / "evaluations.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["2"]
    assert weights_differ(trained.model, load_model(model_dir))  # it did learn


def test_losses_and_figures_are_logged(trained: Any) -> None:
    assert [line.split(":")[1] for line in trained.logged] == [" loss", " pq"]


def test_figures_are_those_of_evaluate(trained: Any, model_dir: Path, data: Path, tmp_path: Path) -> None:
    report = evaluate(PanopticPredictor(load_model(trained.work_dir / "output")), CocoPanoptic.open(data), tmp_path)
    found, start = trained.evaluate(), trained.evaluate(checkpoint_path=str(model_dir))
    assert found == figures(report)
    assert start["pq"] == pytest.approx(100)  # who made the truth
    assert found != start
    with (trained.work_dir / "evaluations.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert {name: float(row[name]) for name in found} == pytest.approx(found, rel=1e-4, nan_ok=True)


def test_the_same_arguments_go_on_and_others_are_refused(
    trained: Any, build_trainer: Any, model_dir: Path, data: Path
) -> None:
    arguments = {"model": str(model_dir), "train_dataset": str(data), "work_dir": trained.work_dir}
    again = build_trainer(**arguments)
    again.train()
    assert again.run.step == 2
    assert weights_differ(again.model, trained.model) == []
    with pytest.raises(TrainingError, match="seed = 0, and this one has 5"):
        build_trainer(**arguments, seed=5).train()


@pytest.mark.parametrize(
    "mine",
    ["log.csv", "checkpoint.pt", "evaluation/truth.png", "output/model.safetensors", "eval_dataset/panoptic.json"],
)
def test_what_is_in_the_work_dir_stays(
    build_trainer: Any, model_dir: Path, data: Path, tmp_path: Path, monkeypatch: Any, mine: str
) -> None:
    """Wherever that is, and whoever is asked: training, or evaluation alone."""
    monkeypatch.chdir(tmp_path)
    Path(mine).parent.mkdir(exist_ok=True)
    Path(mine).write_text("mine")
    rows = rows_of(CocoPanoptic.open(data))
    watched = {"eval_dataset": rows if "eval_dataset" in mine else str(data)}
    trainer = build_trainer(model=str(model_dir), train_dataset=str(data), work_dir=".", **watched)
    with pytest.raises(ConfigError, match=rf"{mine.split('/')[0]}"):
        trainer.train()
    assert contents(tmp_path) == {mine: b"mine"}
    if mine.startswith("eval"):
        with pytest.raises(ConfigError, match=rf"{mine.split('/')[0]}"):
            trainer.evaluate()
        assert contents(tmp_path) == {mine: b"mine"}


def test_an_evaluation_that_was_not_a_trainers_stays(
    build_trainer: Any, model_dir: Path, data: Path, tmp_path: Path
) -> None:
    evaluate(PanopticPredictor(load_model(model_dir)), CocoPanoptic.open(data), tmp_path / "evaluation")
    before = contents(tmp_path)
    trainer = build_trainer(model=str(model_dir), eval_dataset=str(data), work_dir=tmp_path)
    with pytest.raises(ConfigError, match="no results of such a run"):
        trainer.evaluate()
    assert contents(tmp_path) == before


def test_rows_and_a_loaded_model_give_the_same(
    trained: Any, build_trainer: Any, model_dir: Path, data: Path, tmp_path: Path
) -> None:
    from datasets import Dataset
    from modelscope.models import Model
    from modelscope.msdatasets import MsDataset

    rows = MsDataset.to_ms_dataset(Dataset.from_list(rows_of(CocoPanoptic.open(data))))
    loaded = Model.from_pretrained(str(model_dir))
    trainer = build_trainer(model=loaded, cfg_file=None, train_dataset=rows, eval_dataset=rows, work_dir=tmp_path)
    trainer.train()
    assert weights_differ(trainer.model, trained.model) == []
    assert weights_differ(loaded.model, load_model(model_dir)) == []  # a copy was trained
    assert trainer.evaluate() == trained.evaluate()


def test_other_classes(build_trainer: Any, model_dir: Path, tmp_path: Path) -> None:
    scenes = SceneDataset(range(2), (64, 64))
    rows = [{"image": Image.fromarray(x.image), "label": x.segment_ids, "segments_info": _infos(x)} for x in scenes]
    runs = {
        "examples": {"train_dataset": scenes},
        "rows": {"train_dataset": rows, "categories": SCENE_CATEGORIES},
    }
    models = []
    for name, arguments in runs.items():
        trainer = build_trainer({"steps": 1}, model=model_dir, work_dir=tmp_path / name, **arguments)
        trainer.train()
        models.append(load_model(tmp_path / name / "output"))
    assert models[0].config.categories == SCENE_CATEGORIES
    assert models[0].config == models[1].config
    assert weights_differ(*models) == []


def _infos(example: Any) -> list[dict[str, Any]]:
    return [
        {"id": one.id, "category_id": SCENE_CATEGORIES[one.label_id].id, "iscrowd": int(one.iscrowd)}
        for one in example.segments
    ]


def test_options(build_trainer: Any, model_dir: Path, data: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "own.json"
    file.write_text(json.dumps({"train": {"max_epochs": 4, "batch_size": 2, "work_dir": "there"}}))
    trainer = build_trainer(
        model=model_dir, train_dataset=data, cfg_file=file, cfg_modify_fn=None, seed=3, launcher="pytorch"
    )
    assert (trainer.run.config.steps, trainer.run.config.seed) == (4, 3)
    assert trainer.work_dir == Path("there")
    trainer = build_trainer({"ema": 0.5}, model=model_dir, train_dataset=data)
    assert (trainer.run.config.ema, trainer.run.config.steps, trainer.work_dir) == (0.5, 2, Path("work_dir"))


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (ConfigError, {"train": {"stepz": 3}}, "train: unknown option 'stepz'. Did you mean 'steps'"),
        (ConfigError, {"train": {"augment": 5}}, "train.augment must hold options, as in .*; got 5"),
        (ConfigError, {"train": {"augment": {"size": [64]}}}, "size must hold a height and a width"),
        (ConfigError, {"max_epochs": 3}, "Give either steps or max_epochs"),
        (ConfigError, {"train_datasets": "x"}, "unknown option 'train_datasets'. Did you mean 'train_dataset'"),
        (ConfigError, {"device": "tpu"}, "device must be 'cpu'"),
        (ConfigError, {"launcher": "slurm"}, "launcher must be 'pytorch'"),
        (ConfigError, {"model": 5}, "model must be a directory, a hub id.*got int 5"),
        (ConfigError, {"train_dataset": {"train": [], "test": []}}, r"several splits \(train, test\): pass one"),
        (ConfigError, {"train_dataset": iter(())}, "a dataset whose length is known"),
        (DatasetError, {"train_dataset": "nowhere"}, "nowhere: no such dataset"),
        (DatasetError, {"categories": [{"id": 1}]}, r"categories\[0\].name must be str"),
        (HubError, {"model": Path("nowhere")}, "No model directory or checkpoint file at 'nowhere'"),
    ],
)
def test_mistakes(build_trainer: Any, model_dir: Path, kind: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(kind, match=message):
        build_trainer(**{"model": str(model_dir), **arguments})


def test_streamed_datasets(build_trainer: Any, model_dir: Path) -> None:
    from datasets import Dataset
    from modelscope.msdatasets import MsDataset

    stream = Dataset.from_list([{"image": "a.png"}]).to_iterable_dataset()
    for dataset in (stream, MsDataset(stream), (row for row in [])):
        with pytest.raises(ConfigError, match=r"whose length is known.*(IterableDataset|generator) streams.*islice"):
            build_trainer(model=str(model_dir), train_dataset=dataset)


def test_what_is_missing(build_trainer: Any, model_dir: Path) -> None:
    trainer = build_trainer(model=str(model_dir))
    with pytest.raises(ConfigError, match="Training needs a train_dataset"):
        trainer.train()
    with pytest.raises(ConfigError, match="Evaluation needs an eval_dataset"):
        trainer.evaluate()


def test_the_documented_snippet(model_dir: Path, data: Path, tmp_path: Path, monkeypatch: Any, segmentor: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("data", "held-out"):
        Path(name).symlink_to(data)
    snippet = documented("build_trainer")
    for shown, quick in (
        ("damo/cv_swinL_panoptic-segmentation_cocopan", str(model_dir)),
        ("steps = 5000", "steps = 1"),
        ("batch_size = 8", "batch_size = 1"),
        ("[512, 512]", "[64, 64]"),
    ):
        assert shown in snippet
        snippet = snippet.replace(shown, quick)
    imported: dict[str, Any] = {"__name__": "__mp_main__"}
    exec(compile(snippet, str(DOCUMENT), "exec"), imported)
    assert "trainer" not in imported  # processes that read images start no training of their own
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(snippet, str(DOCUMENT), "exec"), names)
    assert names["segmentor"](str(data / "images" / "1.png"))["panoptic_seg"].shape == (100, 150)
