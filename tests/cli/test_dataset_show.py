"""``swinpan dataset show``."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from modelscope_swinpan.cli import app
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.training.samples import truth
from tests.cli.test_page import check_page
from tests.evaluation import painted


@pytest.fixture
def folder(tmp_path):
    painted.dataset(tmp_path / "data", count=4, crowd=True)
    return tmp_path / "data"


def swinpan(*arguments):
    return CliRunner().invoke(app, ["dataset", "show", *map(str, arguments)])


def pictures(page):
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"></?', page)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))).astype(int) for one in found]


def test_all_pictures(folder, tmp_path):
    answer = swinpan(folder, "--output", tmp_path / "new" / "page.html")
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.replace("\n", "") == f"The page is {tmp_path / 'new' / 'page.html'}"
    page = check_page(tmp_path / "new" / "page.html")
    dataset = CocoPanoptic.open(folder)
    found = pictures(page)
    assert len(found) == 4
    for index, picture in enumerate(found):
        drawn = truth(dataset[index], dataset.categories).to_pil(dataset[index].image[..., ::-1])
        drawn.thumbnail((640, 640))
        assert np.abs(picture - np.asarray(drawn)).mean() < 6  # JPEG
    assert "000001.png, 96×64: person, person (crowd), sky, dog" in page.replace("-other-merged", "")


def test_some_of_them(folder, tmp_path):
    def names(*options):
        answer = swinpan(folder, "--output", tmp_path / "page.html", "--force", *options)
        assert answer.exit_code == 0, answer.output
        return re.findall(r"<figcaption>(\d+)\.png", (tmp_path / "page.html").read_text())

    assert names("--limit", 2) == ["000001", "000002"]
    samples = {tuple(names("--limit", 2, "--seed", seed)) for seed in range(8)}
    assert len(samples) > 1
    assert names("--limit", 2, "--seed", 3) == names("--limit", 2, "--seed", 3)
    assert len(names("--limit", 9, "--seed", 1)) == 4


def test_damaged_files_are_told(folder, tmp_path):
    (folder / "images" / "000002.png").write_bytes(b"<damaged>")
    answer = swinpan(folder, "--output", tmp_path / "page.html")
    assert answer.exit_code == 1
    assert "1 of 4 pictures cannot be shown" in answer.stderr
    page = check_page(tmp_path / "page.html")
    assert len(pictures(page)) == 3
    assert re.search(r'class="wrong">.*000002\.png: not an image', page)


def test_mistakes(folder, tmp_path):
    (tmp_path / "mine").write_text("mine")
    refused = swinpan(folder, "--output", tmp_path / "mine")
    assert refused.exit_code == 2
    assert "mine exists, and would be replaced" in refused.stderr
    assert (tmp_path / "mine").read_text() == "mine"
    refused = swinpan(tmp_path, "--output", tmp_path / "new")
    assert "no panoptic*.json there" in refused.stderr
    assert not (tmp_path / "new").exists()
