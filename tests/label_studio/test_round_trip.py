"""Predictions into the real Label Studio, corrected there, and out again: the panoptic map is the correction."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import ActionChains
from typer.testing import CliRunner

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.cli import app
from modelscope_swinpan.coco.reader import CocoPanoptic
from tests.data.drawings import brush_code, regions, write_json
from tests.runs.test_brush import channels
from tests.studio.chromium import chromium

pytestmark = pytest.mark.labelstudio

HEIGHT, WIDTH = 256, 320
THINGS = {category.name for category in COCO_PANOPTIC if category.isthing}


def swinpan(*words):
    answer = CliRunner().invoke(app, [*map(str, words)])
    assert answer.exit_code == 0, answer.output
    return answer.output


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    swinpan("scenes", "--count", 2, "--seed", 1, "--output", folder)
    return folder / "images"


def batch(photos, form, output):
    swinpan("batch", photos, "--model", "embedded", "--format", form, "--workers", 1, "--output", output)
    return output


def imported(export, photos, folder):
    """An export as a dataset."""
    path = write_json(folder / "export.json", export)
    results = [region for task in export for region in task["annotations"][0]["result"]]
    used = {label(region) for region in results}
    stuff = ",".join(sorted(used - THINGS))
    swinpan("dataset", "import", path, "--images", photos, "--stuff", stuff, "--output", folder / "data")
    return CocoPanoptic.open(folder / "data")


def label(region):
    (name,) = region["value"][region["type"]]
    return name


def alpha(region):
    """How much of each pixel a brush stroke covers, 0–255."""
    return channels(region["value"]["rle"], (HEIGHT, WIDTH))[..., 3]


def mask(region):
    """The pixels of a brush stroke, or of a polygon that is a rectangle."""
    if region["type"] == "brushlabels":
        return alpha(region) > 127
    points = np.array(region["value"]["points"]) * (WIDTH / 100, HEIGHT / 100)
    (left, top), (right, bottom) = points.min(0).round().astype(int), points.max(0).round().astype(int)
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    pixels[top:bottom, left:right] = True
    return pixels


def expected(result):
    """The map of what was drawn: things on stuff, small on large, and one segment of each class of stuff."""
    drawn = [(label(region), mask(region)) for region in result]
    owner = np.full((HEIGHT, WIDTH), -1)
    for number in sorted(range(len(drawn)), key=lambda i: (drawn[i][0] in THINGS, -drawn[i][1].sum())):
        owner[drawn[number][1]] = number
    segments = {}
    for number, (name, _) in enumerate(drawn):
        key = number if name in THINGS else name
        segments.setdefault(key, (name, np.zeros((HEIGHT, WIDTH), bool)))[1][owner == number] = True
    return sorted((name, name in THINGS, pixels.astype(np.uint8).tobytes()) for name, pixels in segments.values())


def corrected(result):
    """One segment with another class and without its left half, and one added, of another tool, that covers others."""
    first, *others = result
    pixels = mask(first)
    pixels[:, : int(np.median(np.nonzero(pixels)[1]))] = False
    value = {"format": "rle", "rle": brush_code(pixels), "brushlabels": ["kite"]}
    left, top, right, bottom = 40, 32, 72, 48
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    points = [[100 * x / WIDTH, 100 * y / HEIGHT] for x, y in corners]
    added = {
        **first,
        "id": "added",
        "type": "polygonlabels",
        "from_name": "polygon",
        "value": {"points": points, "closed": True, "polygonlabels": ["airplane"]},
    }
    added.pop("score")
    return [{**first, "value": value}, *others, added]


def test_the_correction_comes_out(server, photos, tmp_path):
    project = server.project(batch(photos, "labelstudio", tmp_path / "found"), photos)
    first, second = server.tasks(project)
    accepted, changed = second["predictions"][0]["result"], corrected(first["predictions"][0]["result"])
    assert label(first["predictions"][0]["result"][0]) in THINGS
    assert expected(changed) != expected(first["predictions"][0]["result"])
    server.annotate(first, changed)
    server.annotate(second, accepted)
    dataset = imported(server.export(project), photos, tmp_path)
    assert [entry.name for entry in dataset.entries] == sorted(path.name for path in photos.iterdir())
    assert regions(dataset, 0) == expected(changed)
    assert regions(dataset, 1) == expected(accepted)
    names = [name for name, _, _ in regions(dataset, 0)]
    assert {"airplane", "kite"} <= set(names)


def test_polygons_come_out_as_they_went_in(server, photos, tmp_path):
    found = batch(photos, "labelstudio-polygons", tmp_path / "found")
    project = server.project(found, photos)
    for task in server.tasks(project):
        server.annotate(task, task["predictions"][0]["result"])
    given = json.loads((found / "tasks.json").read_text())
    for task in given:
        task["annotations"] = task.pop("predictions")
    dataset = imported(server.export(project), photos, tmp_path / "out")
    told = imported(given, photos, tmp_path / "in")
    assert [regions(dataset, index) for index in range(2)] == [regions(told, index) for index in range(2)]


def test_it_is_shown_and_painted_on(server, photos, tmp_path):
    """In the editor: the photo under its segments, with their classes and scores; no other host is asked.

    What the editor submits are the predictions as they were, and a stroke by hand, with soft edges.
    """
    project = server.project(batch(photos, "labelstudio", tmp_path / "found"), photos)
    task = server.tasks(project)[0]
    predicted = task["predictions"][0]["result"]
    assert server.photo(task) == (photos / task["data"]["file_name"]).read_bytes()
    with chromium(tmp_path / "chromium") as browser:
        server.show(browser, project, task)
        items = browser.run("return [...document.querySelectorAll('.lsf-outliner-item')].map((item) => item.innerText)")
        shown = [item.split("\n") for item in items]
        assert sorted(name for _, name, *_ in shown) == sorted(map(label, predicted))
        assert sorted(line[-1] for line in shown) == sorted(f"{region['score']:.2f}" for region in predicted)
        screen = np.asarray(Image.open(io.BytesIO(browser.driver.get_screenshot_as_png())).convert("RGB"))
        assert (
            len(np.unique(screen.reshape(-1, 3), axis=0)) > 5000
        )  # the photo: the page alone has some hundred colours
        paint(browser, "kite")
        browser.until(lambda: "kite" in browser.wait(".lsf-detailed-region__title").text)
        browser.click("Submit")
        browser.until(lambda: server.export(project))
        assert not browser.asked_hosts() - {"127.0.0.1"}
    export = server.export(project)
    *kept, stroke = export[0]["annotations"][0]["result"]
    assert [label(region) for region in kept] == [label(region) for region in predicted]
    assert all(np.array_equal(alpha(a), alpha(b)) for a, b in zip(kept, predicted, strict=True))
    assert len(np.unique(alpha(stroke))) > 10
    dataset = imported(export, photos, tmp_path)
    assert regions(dataset, 0) == expected([*kept, stroke])
    (painted,) = (np.frombuffer(pixels, np.uint8) for name, _, pixels in regions(dataset, 0) if name == "kite")
    assert painted.sum() == pytest.approx(alpha(stroke).sum() / 255, rel=0.1)


def paint(browser, name):
    """A stroke of that class across the photo, by the mouse."""
    next(one for one in browser.shown(".lsf-label") if one.text.startswith(name)).click()
    stroke = ActionChains(browser.driver).move_to_element_with_offset(browser.shown("canvas")[0], -200, -150)
    stroke.click_and_hold().move_by_offset(60, 10).move_by_offset(40, 40).release().perform()
