"""The page in a real browser: Debian's Chromium, without a screen."""

import base64
import json

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import ActionChains, Keys

from modelscope_swinpan.coco.encoding import ids_from_colors
from tests.builders import random_image
from tests.studio.painted import STRANGE


@pytest.fixture
def opened(browser, page):
    browser.open(page)
    return browser


@pytest.fixture
def segmented(opened, photo):
    """The page with the result of a photo."""
    opened.upload(photo)
    opened.wait(".segments path")
    return opened


def labels(browser):
    """What the table shows."""
    return [row.text for row in browser.shown("tbody th")]


def outlined(browser):
    """What the picture shows."""
    return [path.get_attribute("aria-label") for path in browser.shown(".segments path")]


def test_an_upload(opened, photo, painted):
    painted.gate.clear()
    opened.upload(photo)
    assert "Segmenting" in opened.wait(".progress-level").text
    painted.gate.set()
    opened.wait(".segments path")
    assert labels(opened) == ["sky", "grass", STRANGE, "car"]
    assert outlined(opened) == ["sky 0.95", "grass 0.60", f"{STRANGE} 0.30", "car 0.80"]
    assert opened.wait(".photo figcaption").text == "My cat.png, 320 × 240"
    assert opened.wait(".count").text == "4 of 4 segments"
    photos = opened.run(
        "return [...document.querySelectorAll('.pane img')].map((img) => [img.naturalWidth, img.naturalHeight])"
    )
    assert photos == [[320, 240], [320, 240]]
    left, right = (figure.rect for figure in opened.shown("figure"))
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    swatches = opened.run(
        "return [...document.querySelectorAll('tbody .swatch')].map((s) => getComputedStyle(s).backgroundColor)"
    )
    fills = opened.run("return [...document.querySelectorAll('.segments path')].map((p) => getComputedStyle(p).fill)")
    assert swatches == fills
    assert len(set(fills)) == 4


def test_an_example_before_and_after_an_upload(opened, photo):
    for _ in range(2):
        opened.all("#examples button")[0].click()
        opened.until(lambda: opened.wait(".photo figcaption").text.startswith("scene-"))
        assert outlined(opened)
        opened.upload(photo)
        opened.until(lambda: opened.wait(".photo figcaption").text.startswith("My cat"))


def test_toggles_and_threshold(segmented, painted):
    count = painted.count
    segmented.wait("input[type=checkbox][name=Things]").click()
    segmented.until(lambda: labels(segmented) == ["sky", "grass"])
    assert outlined(segmented) == ["sky 0.95", "grass 0.60"]
    assert segmented.wait(".count").text == "2 of 4 segments"
    segmented.wait("input[type=checkbox][name=Things]").click()
    segmented.wait("input[type=checkbox][name=Stuff]").click()
    segmented.until(lambda: labels(segmented) == [STRANGE, "car"])
    segmented.wait("input[type=checkbox][name=Stuff]").click()
    threshold = segmented.wait("#toolbar input[type=number]")
    threshold.click()
    threshold.send_keys(Keys.CONTROL + "a")
    threshold.send_keys("0.7")
    segmented.until(lambda: labels(segmented) == ["sky", "car"])
    assert painted.count == count

    segmented.all("#examples button")[1].click()
    segmented.until(lambda: "scene" in segmented.wait(".photo figcaption").text)
    assert labels(segmented) == ["sky", "car"]  # the next photo is shown as the controls stand


def test_pointing_at_a_segment(segmented):
    car = segmented.all(".segments path")[3]
    ActionChains(segmented.driver).move_to_element(car).perform()
    assert segmented.wait(".tip").text.split("\n") == ["car", "0.80"]
    assert [row.text for row in segmented.shown("tr.on th")] == ["car"]
    ActionChains(segmented.driver).move_to_element(segmented.wait("h1")).perform()
    segmented.until(lambda: not segmented.shown(".tip"))
    assert not segmented.shown("tr.on")


def test_a_row_by_keyboard(segmented):
    segmented.run("document.querySelector('tbody button').focus()")
    segmented.driver.switch_to.active_element.send_keys(Keys.TAB)
    assert segmented.driver.switch_to.active_element.text == "grass"
    (lit,) = segmented.shown(".segments path.on")
    assert lit.get_attribute("aria-label") == "grass 0.60"


def test_a_broken_file_and_the_next_one(opened, photo, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(photo.read_bytes()[:100])
    opened.upload(broken)
    problem = opened.wait("[role=alert].problem")
    assert problem.text.startswith("broken.png: ")
    assert "/" not in problem.text
    assert not opened.shown("#toolbar")
    opened.upload(photo)
    opened.wait(".segments path")
    assert opened.shown("#toolbar")


def test_a_photo_without_suffix(opened, photo):
    """The browser cannot tell what it is; the server reads it."""
    opened.upload(photo.rename(photo.with_name("My cat")))
    assert opened.wait(".photo figcaption").text == "My cat, 320 × 240"
    assert opened.all("#photo input")[0].get_attribute("accept") == "image/*"


@pytest.mark.parametrize("place", ["#viewer", "#photo button"])
@pytest.mark.parametrize(
    ("names", "shown", "text"),
    [
        (["cat.png"], ".photo figcaption", "cat.png"),
        (["cat.txt"], ".problem", "cat.txt: not an image."),
        (["cat.png", "dog.png"], ".problem", "2 files came. Give one photo at a time."),
    ],
)
def test_files_dropped_on_the_field_and_beside_it(opened, photo, place, names, shown, text):
    """Otherwise the browser leaves the page and opens the file, and Gradio takes the first of several."""
    assert opened.run(
        """
        const [url, names, place] = arguments;
        const bytes = Uint8Array.from(atob(url), (byte) => byte.charCodeAt());
        const dataTransfer = new DataTransfer();
        for (const name of names) {
            const type = name.endsWith("png") ? "image/png" : "text/plain";
            dataTransfer.items.add(new File([bytes], name, { type }));
        }
        return ["dragover", "drop"].map((kind) => {
            const drag = new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer });
            document.querySelector(place).dispatchEvent(drag);
            return drag.defaultPrevented;
        });
        """,
        base64.b64encode(photo.read_bytes()).decode(),
        names,
        place,
    ) == [True, True]
    assert opened.wait(shown).text.startswith(text)


def test_an_unexpected_failure_and_the_next_photo(segmented, photo, painted, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(painted, "predict", None)
        segmented.upload(photo)
        assert segmented.wait(".problem").text.startswith("The photo was not segmented. Try again")
        assert not segmented.shown("#viewer .error")
    segmented.upload(photo)
    segmented.wait(".segments path")


def test_a_file_that_is_too_large_and_the_photo_before_it(segmented, photo, tmp_path):
    large = tmp_path / "large.png"
    large.write_bytes(bytes(33 * 2**20))
    segmented.upload(large)
    assert "maximum allowed size" in segmented.wait(".problem").text
    assert not segmented.shown(".toast-body")
    segmented.upload(photo)
    segmented.wait(".segments path")


def test_downloads_hold_what_is_shown_to_this_visitor(segmented, page, tmp_path):
    Image.new("RGB", (64, 64)).save(tmp_path / "other.png")
    mine = segmented.driver.current_window_handle
    segmented.driver.switch_to.new_window("tab")
    segmented.open(page)
    segmented.upload(tmp_path / "other.png")
    segmented.wait(".segments path")
    segmented.driver.close()
    segmented.driver.switch_to.window(mine)

    segmented.wait("input[type=checkbox][name=Stuff]").click()
    segmented.click("↓ Picture")
    segmented.click("↓ COCO JSON")
    segmented.click("↓ COCO PNG")
    assert Image.open(segmented.downloaded("My cat-segments.png")).size == (640, 480)
    content = json.loads(segmented.downloaded("My cat.json").read_text())
    found = content["annotations"][0]["segments_info"]
    names = {category["id"]: category["name"] for category in content["categories"]}
    assert {names[segment["category_id"]] for segment in found} == {"car", STRANGE} == set(labels(segmented))
    ids = ids_from_colors(np.asarray(Image.open(segmented.downloaded("My cat.png"))))
    assert ids.shape == (240, 320)
    assert {int(id_) for id_ in np.unique(ids)} == {0, *(segment["id"] for segment in found)}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_fits_a_phone(browser, page, photo, dark):
    browser.open(page, 390, 844, dark=dark)
    assert browser.run("return document.body.classList.contains('dark')") == dark
    browser.upload(photo)
    browser.wait(".segments path")
    assert browser.run("return document.documentElement.scrollWidth") <= 390
    photo_pane, segments_pane = (figure.rect for figure in browser.shown("figure"))
    assert photo_pane["y"] + photo_pane["height"] <= segments_pane["y"]


def test_a_phone_shows_at_once_that_the_model_works(browser, page, painted):
    browser.open(page, 390, 844)
    painted.gate.clear()
    browser.all("#examples button")[0].click()
    browser.until(
        lambda: 0 <= browser.run("return document.querySelector('#viewer').getBoundingClientRect().top") < 422
    )
    assert browser.wait(".progress-level").rect["y"] < browser.run("return scrollY + innerHeight")
    painted.gate.set()
    browser.wait(".segments path")


def test_a_tall_photo_fits_the_window(browser, page, tmp_path):
    Image.fromarray(random_image(2000, 800)).save(tmp_path / "tall.png")
    browser.open(page)
    browser.upload(tmp_path / "tall.png")
    browser.wait(".segments path")
    for pane in browser.shown(".pane"):
        assert pane.rect["height"] < 900
        assert pane.rect["height"] / pane.rect["width"] == pytest.approx(2.5, rel=0.01)


def test_a_long_name_breaks(browser, page, photo):
    browser.open(page, 390, 844)
    browser.upload(photo.rename(photo.with_name(f"{'cat' * 60}.png")))
    caption = browser.wait(".photo figcaption")
    assert browser.run("return arguments[0].scrollWidth", caption) <= caption.rect["width"]


def test_a_finger_may_lift(browser, page, photo):
    browser.open(page, 390, 844)
    browser.upload(photo)
    browser.wait(".segments path")
    browser.run("""
        const car = document.querySelectorAll(".segments path")[3];
        const { x, y } = car.getBoundingClientRect();
        const touch = { bubbles: true, pointerType: "touch", clientX: x, clientY: y };
        car.dispatchEvent(new PointerEvent("pointerdown", touch));
        car.parentNode.dispatchEvent(new PointerEvent("pointerleave", touch));
    """)
    assert browser.wait(".tip").text.split("\n") == ["car", "0.80"]
    assert browser.run("return document.documentElement.scrollWidth") <= 390


def test_nobody_else_is_asked(segmented):
    """Everything comes from this server, and nothing tried to come from elsewhere and was stopped."""
    segmented.asked_hosts()
    segmented.complaints()
    segmented.open(segmented.driver.current_url)
    segmented.all("#examples button")[0].click()
    segmented.wait(".segments path")
    assert segmented.asked_hosts() == {"127.0.0.1"}
    assert segmented.complaints() == []
