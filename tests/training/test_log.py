"""Tables, curves and pictures, and the values in them."""

import time

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.training.log import CURVES, LOG, Meter, TrainingLog, read_table
from tests.full_disk import full_disk


def test_rows_are_added_and_later_ones_dropped(tmp_path):
    log = TrainingLog(tmp_path, 0)
    for step in (1, 2, 3):
        log.add_training(step, {"loss": 1 / step, "speed": 2.0})
    log.close()
    again = TrainingLog(tmp_path, 2)
    again.add_training(3, {"loss": 0.25, "speed": float("nan")})
    again.close()
    table = read_table(tmp_path / LOG)
    assert table["step"] == [1, 2, 3]
    assert table["loss"] == [1, 0.5, 0.25]
    assert np.isnan(table["speed"]).tolist() == [False, False, True]


def test_a_table_that_goes_on_is_the_same_byte_by_byte(tmp_path):
    logs = [TrainingLog(tmp_path / name, 0) for name in ("whole", "stopped") if (tmp_path / name).mkdir() is None]
    for log in logs:
        log.add_training(1, {"loss": 0.5})
    logs[1] = TrainingLog(tmp_path / "stopped", 1)
    for log in logs:
        log.add_training(2, {"loss": 0.25})
    assert (tmp_path / "whole" / LOG).read_bytes() == (tmp_path / "stopped" / LOG).read_bytes()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # TensorBoard's thread fails, too
def test_a_full_disk(tmp_path):
    with full_disk(0), pytest.raises(OSError, match=r"tensorboard'$"):
        TrainingLog(tmp_path, 0)
    log = TrainingLog(tmp_path, 0)
    with full_disk(0), pytest.raises(OSError, match=r"log\.csv'$"):
        log.add_training(1, {"loss": 0.5})


@pytest.mark.parametrize("torn", ["3,0.", "3", "3,0.2", "\0\0\0\0\n", "3\n", "3,0.2,\n", "\0\0,0.2\n"])
def test_a_torn_last_line_is_dropped(tmp_path, torn):
    TrainingLog(tmp_path, 0).add_training(2, {"loss": 0.5})
    with (tmp_path / LOG).open("a") as file:
        file.write(torn)
    TrainingLog(tmp_path, 9).add_training(10, {"loss": 0.125})
    assert read_table(tmp_path / LOG) == {"step": [2, 10], "loss": [0.5, 0.125]}


@pytest.mark.parametrize("torn", ["step,lo", "", "\0\0\0\0\n3,0.5\n"])
def test_a_torn_head_is_no_table(tmp_path, torn):
    (tmp_path / LOG).write_text(torn)
    log = TrainingLog(tmp_path, 3)
    log.add_training(4, {"loss": 0.5})
    log.close()
    assert read_table(tmp_path / LOG) == {"step": [4], "loss": [0.5]}


def test_curves_and_pictures(tmp_path):
    log = TrainingLog(tmp_path, 0)
    log.draw_curves()
    empty = np.asarray(Image.open(tmp_path / CURVES))
    log.add_training(1, {"loss": 3.0})
    log.add_training(2, {"loss": 1.0})
    log.add_evaluation(2, {"pq": 40.0})
    drawn = np.asarray(Image.open(tmp_path / CURVES))
    assert drawn.shape == empty.shape
    assert not np.array_equal(drawn, empty)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
    log.add_picture(2, pixels)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "samples" / "step-000002.png")), pixels)
    assert not list(tmp_path.rglob("*.part"))


def test_the_axes_of_curves_are_labelled(tmp_path, saved_figures):
    TrainingLog(tmp_path, 0).draw_curves()
    (figure,) = saved_figures
    assert [axes.get_xlabel() for axes in figure.axes] == ["step", "step"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "PQ and AP (%)"]


def test_a_single_point_is_seen(tmp_path, saved_figures):
    log = TrainingLog(tmp_path, 0)
    log.add_training(1, {"loss": 3.0})
    log.draw_curves()
    assert saved_figures[-1].axes[0].lines[0].get_marker() == "."
    for step in range(2, 102):
        log.add_training(step, {"loss": 3.0})
    log.draw_curves()
    assert saved_figures[-1].axes[0].lines[0].get_marker() == ""


def test_the_legend_covers_no_curve(tmp_path, saved_figures):
    log = TrainingLog(tmp_path, 0)
    for step in range(1, 9):
        log.add_training(step, {"loss": 1.0, "loss_mask": 1.0, "loss_dice": 2.0})
        log.add_evaluation(step, {"pq": 4.0 * step, "ap": 30.0, "box_ap": 33.0 - step})
    for axes in saved_figures[-1].axes:
        assert not axes.get_legend().get_window_extent().overlaps(axes.get_window_extent())


def test_tensorboard_gets_the_same(tmp_path):
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = TrainingLog(tmp_path, 0)
    log.add_training(1, {"loss": 3.0})
    log.add_evaluation(1, {"pq": 40.0})
    log.close()
    events = event_accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert {tag: events.Scalars(tag)[0].value for tag in events.Tags()["scalars"]} == {
        "train/loss": 3,
        "evaluation/pq": 40,
    }


def test_means_and_speed():
    meter = Meter(("loss", "norm"), images_per_step=5)
    meter.add({"loss": 1.0, "norm": 4.0})
    meter.add({})
    meter.add({"loss": 2.0, "norm": 0.0})
    time.sleep(0.05)
    with meter.paused():
        time.sleep(0.2)
    values = meter.read()
    assert (values["loss"], values["norm"]) == (1.5, 2.0)
    assert 15 / 0.2 < values["images_per_second"] < 15 / 0.05
    meter.add({"loss": 8.0, "norm": 0.0})
    assert meter.read()["loss"] == 8


def test_skipped_steps_alone_are_no_number():
    meter = Meter(("loss",), images_per_step=1)
    meter.add({})
    assert np.isnan(meter.read()["loss"])


def test_a_pause_that_fails_says_so():
    meter = Meter((), images_per_step=1)
    with pytest.raises(OSError, match="full"), meter.paused():
        raise OSError("full")
