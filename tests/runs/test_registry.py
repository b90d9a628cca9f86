"""A format and an engine that a test file alone adds: the command line, the pipeline and the run then have them."""

import json

import pytest
from typer.testing import CliRunner

from modelscope_swinpan.checkpoints.load import EMBEDDED
from modelscope_swinpan.cli import app
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.runs.listing import open_inputs
from modelscope_swinpan.runs.local_engine import LocalEngine
from modelscope_swinpan.runs.registry import (
    ENGINES,
    FORMATS,
    EngineKind,
    Job,
    OutputFormat,
    build_engine,
    make_sink,
    make_sinks,
    mask_formats,
)
from modelscope_swinpan.runs.run import run_images
from modelscope_swinpan.runs.sinks import Encoded, Sink
from tests.conftest import ROOT
from tests.runs.fakes import BrightPredictor, photos


@pytest.fixture(autouse=True)
def _registries():
    """What a test registers is gone after it."""
    yield
    FORMATS.pop("counts", None)
    ENGINES.pop("noting", None)


class CountsSink(Sink):
    """How many segments each image has, in one file."""

    name = "counts"
    files = ("counts.json",)

    def encode(self, item, result, pixels):
        return Encoded([item.name, len(result.segments)])

    def finish(self, folder, entries, categories):
        (folder / "counts.json").write_text(json.dumps(dict(entries())))


class NotingEngine(LocalEngine):
    """Notes what it was given."""

    done = ()

    def __call__(self, items, *, sinks, read):
        items = list(items)
        type(self).done = [item.name for item in items]
        return super().__call__(items, sinks=sinks, read=read)


def swinpan(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_toy_format(tmp_path):
    FORMATS.register(
        OutputFormat(
            name="counts",
            help="counts.json, how many segments each image has",
            sink=CountsSink,
            masks=lambda result: {"masks": [len(result.segments)]},
        )
    )
    page = " ".join(swinpan("batch", "--help").output.split())
    assert "counts: counts.json, how many segments each image has." in page
    folder = photos(tmp_path / "photos", 3)
    given = ("--model", EMBEDDED, "--output", tmp_path / "out", "--device", "cpu", "--format", "counts")
    answer = swinpan("batch", folder, *given)
    assert answer.exit_code == 0, answer.output
    counts = json.loads((tmp_path / "out" / "counts.json").read_text())
    assert list(counts) == ["000.png", "001.png", "002.png"]

    from modelscope_swinpan.plugin.pipeline import build_pipeline

    assert build_pipeline(EMBEDDED)(str(folder / "000.png"), mask_format="counts")["masks"] == [counts["000.png"]]


def test_a_toy_engine(tmp_path):
    ENGINES.register(EngineKind(name="noting", help="for a test", build=lambda job: NotingEngine(job.load(job.device))))
    page = " ".join(swinpan("batch", "--help").output.split())
    assert "local: this machine. ray: workers on a Ray cluster. " in page
    assert " noting: for a test." in page
    folder = photos(tmp_path / "photos", 3)
    for command in ("batch", "predict"):
        images = [folder] if command == "batch" else sorted(folder.iterdir())
        NotingEngine.done = ()
        given = ("--model", EMBEDDED, "--output", tmp_path / command, "--device", "cpu", "--engine", "noting")
        answer = swinpan(command, *images, *given)
        assert answer.exit_code == 0, answer.output
        assert len(NotingEngine.done) == 3


def test_sinks_may_be_given_as_such(tmp_path):
    folder = photos(tmp_path / "photos", 2)
    run_images(BrightPredictor(), open_inputs(str(folder)), tmp_path / "out", sinks=[CountsSink(), "coco"])
    assert json.loads((tmp_path / "out" / "counts.json").read_text()) == {"000.png": 0, "001.png": 1}
    assert (tmp_path / "out" / "panoptic.json").is_file()


def test_what_is_not_there():
    with pytest.raises(ConfigError, match=r"unknown format 'list'.*Known formats: coco, "):  # it has no sink
        make_sink("list")
    with pytest.raises(
        ConfigError, match=r"^semantic and yolo both write classes\.txt: give each a folder of its own\.$"
    ):
        make_sinks(["semantic", CountsSink(), "yolo"])
    with pytest.raises(ConfigError, match="unknown engine 'dask'"):
        build_engine("dask", Job(load=BrightPredictor))
    assert set(mask_formats()) == {"list", "png", "rle"}


def test_the_documents_name_every_format():
    page = (ROOT / "docs" / "batches.md").read_text(encoding="utf-8")
    results = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    for known in FORMATS.values():
        if known.sink:
            assert f"| `{known.name}` |" in page
        if known.masks:
            assert f"`{known.name}`" in results or f'"{known.name}"' in results
