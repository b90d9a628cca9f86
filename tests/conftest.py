import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

import modelscope_swinpan
from modelscope_swinpan.config import PreprocessConfig
from modelscope_swinpan.models.mask2former import Mask2Former

# Machines that run tests are busy: no time limit per example. In CI the same examples every time.
settings.register_profile("tests", derandomize="CI" in os.environ, deadline=None)
settings.load_profile("tests")
torch.set_num_threads(1)  # small models gain nothing from more, and lose much where tests run side by side

ROOT = Path(__file__).parents[1]
EMBEDDED = ROOT / "modelscope_swinpan" / "embedded"
FIXTURES = Path(__file__).parent / "fixtures"
TINY = FIXTURES / "tiny"
CHELSEA = FIXTURES / "chelsea.png"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--reference",
        type=Path,
        help="folder with the complete reference answers, full-size models included (docs/checkpoints.md)",
    )
    parser.addoption(
        "--label-studio", type=Path, metavar="DIR", help="virtual environment of Label Studio ('make label-studio')"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs something that the repository does not hold, unless it is given."""
    for marker, option in (("reference", "reference"), ("labelstudio", "label_studio")):
        if not config.getoption(option):
            given = [item for item in items if not item.get_closest_marker(marker)]
            config.hook.pytest_deselected(items=[item for item in items if item not in given])
            items[:] = given


@pytest.fixture(scope="session")
def tiny() -> Path:
    """A small model directory of the form that the hub has, written by mmdetection and fitted to two photos."""
    return TINY


@pytest.fixture(scope="session")
def tiny_model() -> Mask2Former:
    return modelscope_swinpan.load_model(TINY)


@pytest.fixture(scope="session")
def quick_model() -> Mask2Former:
    """The same model at a third of the input size, for tests of what happens around it."""
    model = modelscope_swinpan.load_model(TINY)
    quick = PreprocessConfig(short_side=256, long_side=448)
    model.config = dataclasses.replace(model.config, preprocess=quick)
    return model


@pytest.fixture(scope="session")
def chelsea() -> np.ndarray:
    """A photo, (300, 451, 3) RGB."""
    from modelscope_swinpan.images.decode import decode_image

    return decode_image(CHELSEA)


@pytest.fixture
def saved_figures(monkeypatch) -> list:
    """The figures of Matplotlib that the test has written to files."""
    from matplotlib.figure import Figure

    figures, savefig = [], Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *args, **options: (figures.append(self), savefig(self, *args, **options))
    )
    return figures


def relative_error(ours: object, theirs: object) -> float:
    """‖ours − theirs‖ / ‖theirs‖."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))
