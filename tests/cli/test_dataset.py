from typer.testing import CliRunner

from modelscope_swinpan.cli import app
from modelscope_swinpan.coco.reader import CocoPanoptic
from tests.data import drawings
from tests.evaluation import painted


def swinpan(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_import_tells_what_came_and_what_did_not(tmp_path):
    folder = drawings.yolo(tmp_path / "in")
    text = folder / "labels" / "train" / "a.txt"
    text.write_text(text.read_text() + "0 .5 .5 .2 .2\n" * 25)
    answer = swinpan("dataset", "import", folder, "--output", tmp_path / "out", "--things", "cat")
    assert answer.exit_code == 0, answer.output
    assert f"{text}:4: a box without an outline" in answer.stderr
    assert f"5 more are in {tmp_path / 'out' / 'import.json'}" in answer.stderr
    assert answer.stdout.splitlines() == [
        "1 image, 3 segments",
        "        2 cat",
        "        1 road",
        "25 shapes dropped: 25 × a box without an outline",
        f"The dataset is in {tmp_path / 'out'}",
    ]
    assert drawings.regions(CocoPanoptic.open(tmp_path / "out")) == drawings.truth()


def test_import_with_every_option(tmp_path):
    folder = drawings.coco(tmp_path / "in")
    drawings.save(drawings.semantic_map(), tmp_path / "stuff" / "a.png")
    (tmp_path / "names.txt").write_text("void\ncat\nroad\n")
    options = f"--format coco --images {folder / 'images'} --split default --overlap order --stuff road"
    answer = swinpan(
        *f"dataset import {folder} --output {tmp_path / 'out'} {options}".split(),
        *f"--semantic {tmp_path / 'stuff'} --classes {tmp_path / 'names.txt'}".split(),
    )
    assert answer.exit_code == 0, answer.output
    assert drawings.regions(CocoPanoptic.open(tmp_path / "out")) == drawings.truth()


def test_import_of_what_is_none(tmp_path):
    for arguments, status in (([tmp_path], 1), ([tmp_path / "gone"], 1), ([tmp_path, "--format", "kitti"], 2)):
        answer = swinpan("dataset", "import", *arguments, "--output", tmp_path / "out")
        assert answer.exit_code == status, answer.output
        assert answer.output.startswith("Error: ")
        assert len(answer.output.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_the_help_lists_the_formats():
    answer = swinpan("dataset", "import", "--help")
    assert "labelme: LabelMe, one JSON file per photo." in " ".join(answer.output.split())
    batch = swinpan("batch", "--help")  # which has a --format of its own
    assert "LabelMe, one JSON file per photo" not in " ".join(batch.output.split())
    assert "panoptic.json and a PNG per image" in " ".join(batch.output.split())


def test_remap_split_and_merge(tmp_path):
    painted.dataset(tmp_path / "in", count=4)
    (tmp_path / "classes.yaml").write_text("animal: [dog]\nvoid: [sky-other-merged]\n")
    answer = swinpan(
        "dataset", "remap", tmp_path / "in", "--classes", tmp_path / "classes.yaml", "--output", tmp_path / "new"
    )
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.splitlines() == [
        "4 images, 12 segments",
        "        8 person",
        "        4 animal",
        f"The dataset is in {tmp_path / 'new'}",
    ]
    answer = swinpan(
        "dataset", "split", tmp_path / "new", "--parts", "train=0.75,val=0.25", "--output", tmp_path / "out"
    )
    assert answer.exit_code == 0, answer.output
    assert [line for line in answer.stdout.splitlines() if " segments" in line] == [
        "3 images, 9 segments",
        "1 image, 3 segments",
    ]
    parts = [tmp_path / "out" / name for name in ("train", "val")]
    answer = swinpan("dataset", "merge", *parts, "--output", tmp_path / "whole")
    assert answer.exit_code == 0, answer.output
    assert len(CocoPanoptic.open(tmp_path / "whole")) == 4
