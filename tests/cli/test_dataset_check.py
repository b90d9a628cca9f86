"""``swinpan dataset check``."""

import json
import re
import shutil

import pytest
from typer.testing import CliRunner

from modelscope_swinpan.cli import app
from tests.cli.test_page import check_page
from tests.closed_folder import closed_folder
from tests.evaluation import painted


@pytest.fixture
def folder(tmp_path):
    painted.dataset(tmp_path / "data", count=2)
    return tmp_path / "data"


def swinpan(*arguments):
    return CliRunner().invoke(app, ["dataset", "check", *map(str, arguments)])


def test_a_sound_dataset(folder, tmp_path):
    answer = swinpan(folder, "--json", tmp_path / "new" / "found.json", "--html", tmp_path / "found.html")
    assert answer.exit_code == 0, answer.output
    text = " ".join(answer.stdout.split())
    assert "2 images of 96×64 to 64×96 pixels, 100.0% of them annotated" in text
    assert text.endswith("No problems found.")
    assert answer.stderr == "Checking 2 images\n"
    content = json.loads((tmp_path / "new" / "found.json").read_text())
    assert (content["problems"], content["same_photos"]) == ([], [])
    (dataset,) = content["datasets"]
    person, dog, sky = dataset["classes"]
    assert (person["name"], person["segments"], person["images"], person["crowds"]) == ("person", 4, 2, 0)
    assert dog["smallest"] <= dog["median"] <= dog["largest"] <= dog["pixels"]
    assert sky["isthing"] is False
    assert sum(one["pixels"] for one in dataset["classes"]) == 2 * 64 * 96
    page = check_page(tmp_path / "found.html")
    for one in dataset["classes"]:
        assert re.search(rf"<td>{one['name']}</td>.*<td>{one['segments']}</td>", page)


def test_names_stay_whole_where_there_is_no_terminal(folder):
    name = "a class with a long name " * 5
    path = folder / "panoptic.json"
    content = json.loads(path.read_text())
    content["categories"][0]["name"] = name
    path.write_text(json.dumps(content))
    answer = swinpan(folder)
    assert re.search(rf"^ ?{name} .*\d$", answer.stdout, re.MULTILINE), answer.stdout


def test_problems(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "<held-out>")
    (folder / "images" / "000001.png").write_bytes(b"no <image>")
    answer = swinpan(folder, tmp_path / "<held-out>", "--json", tmp_path / "f.json", "--html", tmp_path / "f.html")
    assert answer.exit_code == 1
    assert "000001.png: not an image" in answer.stderr
    assert "The same photo is in several datasets" in answer.stderr
    assert answer.stderr.splitlines()[-1] == "Error: 2 problems found."
    content = json.loads((tmp_path / "f.json").read_text())
    assert [len(dataset["problems"]) for dataset in content["datasets"]] == [1, 0]
    assert [[photo["name"] for photo in same] for same in content["same_photos"]] == [["000002.png", "000002.png"]]
    page = check_page(tmp_path / "f.html")
    assert "&lt;held-out&gt;" in page
    assert "<held-out>" not in page


def test_many_problems_are_counted(tmp_path):
    painted.dataset(tmp_path / "data", count=12)
    shutil.rmtree(tmp_path / "data" / "images")
    answer = swinpan(tmp_path / "data")
    assert answer.exit_code == 1
    assert len(re.findall("^Error: ", answer.stderr, re.MULTILINE)) == 12
    assert "… and 2 more." in answer.stderr
    assert "Error: 12 problems found." in answer.stderr


def test_classes_without_a_segment(folder):
    path = folder / "panoptic.json"
    content = json.loads(path.read_text())
    content["categories"] += [{"id": 900 + k, "name": f"new {k}", "isthing": 1} for k in range(12)]
    path.write_text(json.dumps(content))
    answer = swinpan(folder)
    assert answer.exit_code == 0, answer.output
    assert answer.stderr.startswith("Checking 2 images\nWarning: 12 of 15 classes never occur: new 0, new 1, ")
    assert answer.stderr.endswith("new 9, …\n")


def test_mistakes(folder, tmp_path):
    (tmp_path / "mine").write_text("mine")
    for option in ("--json", "--html"):
        refused = swinpan(folder, option, tmp_path / "mine")
        assert refused.exit_code == 2
        assert "mine exists, and would be replaced" in refused.stderr
        assert (tmp_path / "mine").read_text() == "mine"
    refused = swinpan(folder, folder, "--images", folder / "images")
    assert "--images and --panoptic are for one dataset" in refused.stderr
    assert swinpan(folder, "--images", folder / "images", "--json", tmp_path / "mine", "--force").exit_code == 0
    assert json.loads((tmp_path / "mine").read_text())["problems"] == []
    broken = swinpan(tmp_path)
    assert broken.exit_code == 1
    assert "no panoptic*.json there" in broken.stderr


def test_one_file_cannot_hold_both(folder, tmp_path):
    answer = swinpan(folder, "--json", tmp_path / "found", "--html", tmp_path / "found")
    assert answer.exit_code == 2
    assert "--json and --html both name" in answer.stderr
    assert not (tmp_path / "found").exists()


def test_a_folder_that_may_not_be_read(folder):
    path = folder / "panoptic.json"
    content = json.loads(path.read_text())
    photo = content["images"][0]["file_name"]
    content["images"][0]["file_name"] = f"closed/{photo}"
    path.write_text(json.dumps(content))
    (folder / "images" / "closed").mkdir()
    (folder / "images" / photo).rename(folder / "images" / "closed" / photo)
    with closed_folder(folder / "images" / "closed"):
        answer = swinpan(folder)
    assert answer.exit_code == 1
    assert f"{photo}: cannot be read as an image: Permission denied" in answer.stderr
    assert answer.stderr.endswith("Error: 1 problem found.\n")
    assert "2 images of" in answer.stdout
