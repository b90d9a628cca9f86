"""Runs: they learn, go on exactly where they were, and survive what goes wrong."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from modelscope_swinpan import load_model
from modelscope_swinpan.coco.annotation import Example
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.writer import write_dataset
from modelscope_swinpan.errors import ConfigError, DatasetError, TrainingError
from modelscope_swinpan.scenes.dataset import TRAINING_SEEDS, SceneDataset
from modelscope_swinpan.training import log, loop
from modelscope_swinpan.training.log import read_table
from modelscope_swinpan.training.optimizer import rate_factor
from modelscope_swinpan.training.samples import first_of
from modelscope_swinpan.training.state import read_state, write_state
from tests.conftest import ROOT
from tests.runs.fakes import contents
from tests.training.runs import TINY, fresh_model, same_weights, small_run

SCENES = SceneDataset(range(1), (64, 64))
SHOWN = first_of(SCENES, SCENES.categories)


def losses(folder):
    return read_table(folder / "log.csv")["loss"]


def test_a_model_learns(tmp_path):
    run = small_run(tmp_path, steps=30, warmup=5, ema=0.0)
    run.train()
    log = losses(tmp_path)
    assert len(log) == 30
    assert np.mean(log[-5:]) < 0.75 * np.mean(log[:5])


def test_the_trained_model_loads_and_is_the_running_mean(tmp_path):
    run = small_run(tmp_path)
    trained = run.train()
    loaded = load_model(tmp_path / "model")
    assert same_weights(loaded, trained)
    assert not same_weights(loaded, run.model)
    assert loaded.config.categories == run.model.config.categories
    assert not trained.training


@pytest.mark.parametrize("options", [{"drop_path": 0.3}, {"muon": 2.0}])
def test_an_interrupted_run_goes_on_exactly(tmp_path, options):
    """Weights, running mean and log are bit by bit those of a run without interruption."""
    whole, halves = small_run(tmp_path / "whole", **options), tmp_path / "halves"
    whole.train()
    first = small_run(halves, **options)

    def stop(step, _):
        if step == 3:
            raise KeyboardInterrupt  # after step 3; the last checkpoint is that of step 2

    with pytest.raises(KeyboardInterrupt):
        first.train(stop)
    second = small_run(halves, **options)
    assert second.step == 2
    second.train()
    assert same_weights(second.model, whole.model)
    assert same_weights(second.trained, whole.trained)
    assert losses(halves) == losses(tmp_path / "whole")


def test_a_finished_run_is_left_as_it_is(tmp_path):
    small_run(tmp_path).train()
    again = small_run(tmp_path)
    assert again.step == 4
    again.train()
    assert len(losses(tmp_path)) == 4


def test_other_options_need_another_folder(tmp_path):
    small_run(tmp_path, steps=2).train()
    assert small_run(tmp_path, steps=2, log_every=7).step == 2
    with pytest.raises(TrainingError, match=r"learning_rate = 0\.001, and this one has 0.5"):
        small_run(tmp_path, steps=2, learning_rate=0.5)


def test_other_data_classes_or_layers_need_another_folder(tmp_path):
    small_run(tmp_path, steps=2).train()
    others = SceneDataset(range(TRAINING_SEEDS + 1, TRAINING_SEEDS + 7), (64, 64))
    with pytest.raises(TrainingError, match=r"holds a run with other data: 6 \(example 0, .*\) have another truth"):
        small_run(tmp_path, steps=2, examples=others)
    renamed = tuple(dataclasses.replace(category, name=category.name + "s") for category in TINY.categories)
    with pytest.raises(TrainingError, match=r"holds a run with classes = \['person',"):
        small_run(tmp_path, fresh_model(dataclasses.replace(TINY, categories=renamed)), steps=2)
    with torch.no_grad():
        (other := fresh_model()).transformer_decoder.query_feat[0, 0] += 1
    with pytest.raises(TrainingError, match="holds a run with starting_model = "):
        small_run(tmp_path, other, steps=2)
    with pytest.raises(TrainingError, match="holds a run with architecture = "):
        small_run(tmp_path, fresh_model(dataclasses.replace(TINY, hidden_dim=64)), steps=2)


def test_goes_on_with_a_dataset_that_lost_an_image(tmp_path):
    scenes = SceneDataset(range(TRAINING_SEEDS, TRAINING_SEEDS + 4), (64, 64))
    write_dataset(tmp_path / "data", (scenes[index] for index in range(4)), scenes.categories)
    path = tmp_path / "data" / "panoptic.json"

    def begin(**options):
        return small_run(tmp_path / "run", examples=CocoPanoptic.open(tmp_path / "data"), **options)

    def stop(step, _):
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        begin().train(stop)
    content = json.loads(path.read_text())
    del content["annotations"][1]
    path.write_text(json.dumps(content))
    with pytest.warns(UserWarning, match=r"1 \(000002\.png\) of its data are gone"):
        run = begin()
    assert run.step == 2
    run.train()
    assert len(losses(tmp_path / "run")) == 4
    begin()  # the last checkpoint knows the dataset as it is now
    content["annotations"][0]["segments_info"][0]["iscrowd"] = 1
    path.write_text(json.dumps(content))
    with pytest.raises(TrainingError, match=r"other data: 1 \(000001\.png\) have another truth"):
        begin()


def test_other_validation_data_need_another_folder(tmp_path):
    small_run(tmp_path, steps=1, validation=SCENES).train()
    assert small_run(tmp_path, steps=1, validation=SCENES).step == 1
    without = small_run(tmp_path, steps=1)
    write_state(without._state(), tmp_path)  # it still knows what was evaluated on before
    with pytest.raises(TrainingError, match="other validation data: 1 "):
        small_run(tmp_path, steps=1, validation=SceneDataset(range(1, 2), (64, 64)))
    small_run(tmp_path / "none", steps=1).train()
    assert small_run(tmp_path / "none", steps=1, validation=SCENES).step == 1


KILLED = """
import sys, torch
from pathlib import Path
torch.set_num_threads(1)
from tests.training.runs import small_run
small_run(Path(sys.argv[1]), steps=10_000, checkpoint_every=1).train(lambda step, values: print(step, flush=True))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_run_loses_what_came_after_its_last_checkpoint_at_most(tmp_path):
    """Killed anywhere, in the midst of writing too: all files can be read, and the run goes on."""
    reached = 0
    for moment in (0.0, 0.07):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, tmp_path],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(3):
            done = int(process.stdout.readline())
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        done = [*map(int, process.stdout.read().split()), done][0]
        process.wait()
        run = small_run(tmp_path, steps=10_000, checkpoint_every=1)
        assert run.step >= max(done - 1, reached + 1)
        reached = run.step


def test_steps_without_finite_numbers_are_skipped_and_counted(tmp_path, monkeypatch):
    run, twin = small_run(tmp_path / "bad"), small_run(tmp_path / "good")
    honest, bad = loop.Criterion.weighted, iter([False, True, False, False])
    monkeypatch.setattr(
        loop.Criterion, "weighted", lambda self, parts: honest(self, parts) * (float("nan") if next(bad) else 1)
    )
    seen = {}
    run.train(lambda step, values: seen.update({step: values["skipped"]}))
    assert seen == {1: 0, 2: 1, 3: 1, 4: 1}
    assert np.isnan(losses(tmp_path / "bad")).tolist() == [False, True, False, False]
    assert all(torch.isfinite(parameter).all() for parameter in run.model.parameters())
    monkeypatch.undo()
    twin.train()
    assert losses(tmp_path / "bad")[0] == losses(tmp_path / "good")[0]


def test_a_run_that_only_skips_ends_and_keeps_its_last_sound_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "MOST_SKIPPED", 3)
    honest, factors = loop.Criterion.weighted, iter([1.0, 1.0, *[float("nan")] * 3])
    monkeypatch.setattr(loop.Criterion, "weighted", lambda self, parts: honest(self, parts) * next(factors))
    with pytest.raises(TrainingError, match="Step 5: no finite loss or gradient in the last 3 steps"):
        small_run(tmp_path, steps=9, checkpoint_every=1).train()
    assert read_state(tmp_path).step == 2


def test_accumulated_parts_make_the_same_step(tmp_path):
    whole, parts = small_run(tmp_path / "1", steps=2), small_run(tmp_path / "2", steps=2, accumulate=2)
    whole.train()
    parts.train()
    assert losses(tmp_path / "1") == pytest.approx(losses(tmp_path / "2"), rel=1e-4)


def test_recomputed_layers_and_half_precision(tmp_path):
    reference = small_run(tmp_path / "0", steps=2, drop_path=0.2).train()
    again = small_run(tmp_path / "1", steps=2, drop_path=0.2, checkpointing=True).train()
    assert same_weights(reference, again)
    small_run(tmp_path / "2", steps=2, bfloat16=True).train()
    assert losses(tmp_path / "2") == pytest.approx(losses(tmp_path / "0"), rel=0.1)
    assert losses(tmp_path / "2") != pytest.approx(losses(tmp_path / "0"), rel=1e-5)


def test_frozen_parts_stay(tmp_path):
    model, before = fresh_model(), fresh_model().state_dict()
    small_run(tmp_path, model, steps=1, freeze=("backbone", "pixel_decoder")).train()
    changed = {
        name.split(".")[0] for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])
    }
    assert changed == {"transformer_decoder"}


def test_evaluations_leave_figures_and_pictures(tmp_path):
    asked = []

    def evaluate(model, step):
        asked.append((step, model.training))
        return {"pq": 10.0 * step}

    run = small_run(tmp_path, steps=3, evaluate_every=2, evaluate=evaluate, shown=SHOWN)
    told = []
    run.train(lambda step, values: told.append((step, *values)))
    assert [step for step, name, *_ in told if name == "pq"] == [0, 2, 3]
    assert asked == [(0, False), (2, False), (3, False)]
    assert read_table(tmp_path / "evaluations.csv") == {"step": [0, 2, 3], "pq": [0, 20, 30]}
    names = [f"step-{step:06d}.png" for step in (0, 2, 3)]
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == names
    assert (tmp_path / "curves.png").stat().st_size > 1000


def test_an_evaluation_that_fails_costs_no_step_and_is_made_up_for(tmp_path):
    def fail(model, step):
        if step:
            raise OSError("no space left")
        return {"pq": 0.0}

    with pytest.raises(OSError, match="no space left"):
        small_run(tmp_path, evaluate_every=4, evaluate=fail).train()
    again = small_run(tmp_path, evaluate_every=4, evaluate=lambda model, step: {"pq": 10.0 * step})
    assert again.step == 4
    again.train()
    assert read_table(tmp_path / "evaluations.csv") == {"step": [0, 4], "pq": [0, 40]}


def test_an_evaluation_that_is_broken_off_is_made_up_for_with_its_picture(tmp_path, monkeypatch):
    def stop(model, samples):
        raise KeyboardInterrupt

    options = {"evaluate": lambda model, step: {"pq": float(step)}, "shown": SHOWN}
    monkeypatch.setattr(loop, "draw_samples", stop)
    with pytest.raises(KeyboardInterrupt):
        small_run(tmp_path, **options).train()
    monkeypatch.undo()
    small_run(tmp_path, **options).train()
    assert read_table(tmp_path / "evaluations.csv")["step"] == [4]
    assert [path.name for path in (tmp_path / "samples").iterdir()] == ["step-000004.png"]


def test_the_first_evaluation_is_not_made_twice(tmp_path):
    def stop(step, _):
        raise KeyboardInterrupt

    options = {"evaluate_every": 4, "evaluate": lambda model, step: {"pq": float(step)}}
    with pytest.raises(KeyboardInterrupt):
        small_run(tmp_path, **options).train(stop)
    small_run(tmp_path, **options).train()
    assert read_table(tmp_path / "evaluations.csv")["step"] == [0, 4]


def test_a_run_that_fails_closes_its_loggers(tmp_path, monkeypatch):
    """MLflow refuses to begin a run in a process that has another one open."""
    closed = []
    logger = SimpleNamespace(add_values=lambda *_: None, add_picture=lambda *_: None, close=lambda: closed.append(1))
    monkeypatch.setattr(log, "open_loggers", lambda names, folder: [logger])

    def fail(step, _):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small_run(tmp_path).train(fail)
    assert closed == [1]
    small_run(tmp_path).train()
    assert closed == [1, 1]


def photos(folder, count=6):
    """The scenes of a small run as a dataset on disk."""
    scenes = SceneDataset(range(TRAINING_SEEDS, TRAINING_SEEDS + count), (64, 64))
    write_dataset(folder, (scenes[index] for index in range(count)), scenes.categories)
    return CocoPanoptic.open(folder)


def truncate(path):
    """Leave the header, and not all pixels."""
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return whole


def test_damaged_photos_are_left_out_and_told(tmp_path):
    dataset = photos(tmp_path / "data")
    images = tmp_path / "data" / "images"
    truncate(images / "000001.png")
    truncate(images / "000004.png")
    run = small_run(tmp_path / "run", examples=dataset, steps=3)
    with pytest.warns(UserWarning, match=r"^2 damaged photos were left out\.") as caught:
        run.train()
    assert len([one for one in caught if one.category is UserWarning]) == 1
    assert str(images / "000001.png") in str(caught[0].message)
    assert str(images / "000004.png") in str(caught[0].message)
    assert np.isfinite(losses(tmp_path / "run")).all()


def test_a_run_with_too_many_damaged_photos_goes_on_after_they_were_mended(tmp_path):
    dataset = photos(tmp_path / "data")
    path = tmp_path / "data" / "images" / "000002.png"
    whole = truncate(path)
    options = {"examples": dataset, "steps": 6, "checkpoint_every": 1, "tolerate": 0}
    with pytest.raises(DatasetError, match=r"Damaged photos: 1, and tolerate is 0.*\n.*000002\.png"):
        small_run(tmp_path / "run", **options).train()
    path.write_bytes(whole)
    mended = small_run(tmp_path / "run", **options)
    mended.train()
    assert len(losses(tmp_path / "run")) == 6
    unharmed = small_run(tmp_path / "other", **options)
    unharmed.train()
    assert same_weights(mended.model, unharmed.model)


def test_photos_turned_otherwise_need_another_folder(tmp_path):
    path = photos(tmp_path / "data").layout.json_path
    small_run(tmp_path / "run", examples=CocoPanoptic.open(path), steps=1).train()
    with pytest.raises(TrainingError, match="holds a run with exif = None, and this one has 'ignore'"):
        small_run(tmp_path / "run", examples=CocoPanoptic.open(path, exif="ignore"), steps=1)


def test_missing_files_and_wrong_headers_end_a_run_before_it_begins(tmp_path):
    dataset = photos(tmp_path / "data")
    images, pngs = tmp_path / "data" / "images", tmp_path / "data" / "panoptic"
    (images / "000002.png").unlink()
    (images / "000003.png").write_bytes(b"damaged")
    (pngs / "000004.png").unlink()
    Image.new("RGB", (64, 63)).save(images / "000005.png")
    with pytest.raises(DatasetError, match=r"^4 of 6 examples are wrong") as caught:
        small_run(tmp_path / "run", examples=dataset)
    lines = str(caught.value).splitlines()[1:]
    assert [f"00000{number}.png" in line for number, line in enumerate(lines, start=2)] == [True] * 4
    assert not (tmp_path / "run").exists()


def test_data_without_any_segment_end_a_run_before_it_begins(tmp_path):
    scene = photos(tmp_path / "data")[0]
    void = Example(segment_ids=np.zeros_like(scene.segment_ids), segments=(), image=scene.image)
    write_dataset(tmp_path / "void", [void] * 3, SceneDataset(()).categories)
    with pytest.raises(DatasetError, match=r"^3 examples, and not one segment in the annotations"):
        small_run(tmp_path / "run", examples=CocoPanoptic.open(tmp_path / "void"))
    assert not (tmp_path / "run").exists()


def test_leftovers_of_a_killed_process_are_removed(tmp_path):
    small_run(tmp_path, steps=1).train()
    for folder in (tmp_path, tmp_path / "model"):
        (folder / ".swinpan-0123.part").write_bytes(b"half")
        (folder / "mine.part").write_bytes(b"mine")
    small_run(tmp_path, steps=1).train()
    assert [path.name for path in tmp_path.rglob("*.part")] == ["mine.part"] * 2


@pytest.mark.parametrize("name", ["log.csv", "evaluations.csv", "checkpoint.pt", "samples/mine.png", "model/mine.pt"])
def test_files_of_others_are_not_touched(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match=rf"holds {name.split('/')[0]}, but no run\.json"):
        small_run(tmp_path)
    assert contents(tmp_path) == {name: b"mine"}


def test_two_at_once(tmp_path):
    """The second is refused when it starts, or when it begins to train if both started together."""
    twin = small_run(tmp_path, steps=1)

    def meanwhile(step, values):
        for begin in (lambda: small_run(tmp_path, steps=1), twin.train):
            with pytest.raises(ConfigError, match="another process is at work in it"):
                begin()

    small_run(tmp_path, steps=1).train(meanwhile)
    assert len(losses(tmp_path)) == 1


def test_gradients_are_clipped_and_rates_follow_the_schedule(tmp_path, monkeypatch):
    """What the optimizer is really given."""
    run, given = small_run(tmp_path, clip=0.01), []
    honest = run.optimizer.step

    def step(*arguments):
        gradients = [p.grad for group in run.optimizer.param_groups for p in group["params"] if p.grad is not None]
        norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
        given.append((float(norm), {group["lr"] for group in run.optimizer.param_groups}))
        return honest(*arguments)

    monkeypatch.setattr(run.optimizer, "step", step)
    run.train()
    assert [norm for norm, _ in given] == pytest.approx([0.01] * 4, rel=1e-3)
    expected = [1e-3 * rate_factor(step, run.config) for step in range(4)]
    assert [rates.pop() for _, rates in given] == pytest.approx(expected)
    assert len(set(expected)) > 2


def test_the_running_mean_decays_as_it_was_told(tmp_path):
    model = fresh_model()
    run = small_run(tmp_path, model, steps=2, ema=0.25)
    seen = []
    run.train(lambda step, values: seen.append(model.transformer_decoder.query_feat.detach().clone()))
    # The first update copies, as torch's AveragedModel does.
    expected = 0.25 * seen[0] + 0.75 * seen[1]
    assert torch.allclose(run.trained.transformer_decoder.query_feat, expected, atol=1e-7)
