"""Takes the picture of the page that is in the documents: ``python -m tests.studio.picture FILE``."""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from selenium.webdriver import ActionChains

from modelscope_swinpan import PanopticPredictor, load_model
from modelscope_swinpan.studio import EMBEDDED, serve
from tests.studio.chromium import Browser, chromium


def main(path: Path) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(PanopticPredictor(load_model(EMBEDDED)), port=0) as url,
        chromium(Path(folder)) as browser,
    ):
        browser.open(url, 1280, 940)
        browser.all("#examples button")[0].click()
        browser.wait(".segments path")
        point_at_a_thing(browser)
        screen = Image.open(io.BytesIO(browser.driver.get_screenshot_as_png()))
    screen.convert("RGB").quantize(256, kmeans=2).save(path, optimize=True)


def point_at_a_thing(browser: Browser) -> None:
    """At the largest one that shows at its middle, where there is any."""
    path = browser.run("""
        const kinds = [...document.querySelectorAll("tbody td:nth-child(2)")].map((cell) => cell.innerText);
        return [...document.querySelectorAll(".segments path")].find((path, index) => {
            const { x, y, width, height } = path.getBoundingClientRect();
            return kinds[index] === "thing" && document.elementFromPoint(x + width / 2, y + height / 2) === path;
        });
    """)
    if path:
        ActionChains(browser.driver).move_to_element(path).perform()
        browser.wait(".tip")
        browser.until(lambda: browser.run("return document.getAnimations().length") == 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
