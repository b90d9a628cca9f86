"""Tables, curves and pictures."""

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.training.journal import CURVES, LOG, Journal, read_table


def test_rows_are_added_and_later_ones_dropped(tmp_path):
    journal = Journal(tmp_path, 0)
    for step in (1, 2, 3):
        journal.log(step, {"loss": 1 / step, "speed": 2.0})
    journal.close()
    again = Journal(tmp_path, 2)
    again.log(3, {"loss": 0.25, "speed": float("nan")})
    again.close()
    table = read_table(tmp_path / LOG)
    assert table["step"] == [1, 2, 3]
    assert table["loss"] == [1, 0.5, 0.25]
    assert np.isnan(table["speed"]).tolist() == [False, False, True]


@pytest.mark.parametrize("torn", ["3,0.", "3", "3,0.2"])
def test_a_torn_last_line_is_dropped(tmp_path, torn):
    Journal(tmp_path, 0).log(2, {"loss": 0.5})
    with (tmp_path / LOG).open("a") as file:
        file.write(torn)
    Journal(tmp_path, 9).log(10, {"loss": 0.125})
    assert read_table(tmp_path / LOG) == {"step": [2, 10], "loss": [0.5, 0.125]}


@pytest.mark.parametrize("torn", ["step,lo", ""])
def test_a_torn_head_is_no_table(tmp_path, torn):
    (tmp_path / LOG).write_text(torn)
    Journal(tmp_path, 3).log(4, {"loss": 0.5})
    assert read_table(tmp_path / LOG) == {"step": [4], "loss": [0.5]}


def test_curves_and_pictures(tmp_path):
    journal = Journal(tmp_path, 0)
    journal.draw()
    empty = np.asarray(Image.open(tmp_path / CURVES))
    journal.log(1, {"loss": 3.0})
    journal.log(2, {"loss": 1.0})
    journal.evaluation(2, {"pq": 40.0})
    drawn = np.asarray(Image.open(tmp_path / CURVES))
    assert drawn.shape == empty.shape
    assert not np.array_equal(drawn, empty)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
    journal.picture(2, pixels)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "samples" / "step-000002.png")), pixels)
    assert not list(tmp_path.rglob("*.part"))


def test_tensorboard_gets_the_same(tmp_path):
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    journal = Journal(tmp_path, 0)
    journal.log(1, {"loss": 3.0})
    journal.evaluation(1, {"pq": 40.0})
    journal.close()
    events = event_accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert {tag: events.Scalars(tag)[0].value for tag in events.Tags()["scalars"]} == {
        "train/loss": 3,
        "evaluation/pq": 40,
    }
