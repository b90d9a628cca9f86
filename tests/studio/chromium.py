"""A headless Chromium of Debian's, driven by Selenium."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

MISSING = "needs Chromium and its driver: apt-get install chromium chromium-driver"
SWITCHES = [
    "--headless=new",
    "--no-sandbox",  # which root cannot have
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]
PATIENCE = 60
"""Seconds; machines that run tests are busy."""


def require_chromium() -> tuple[str, str]:
    """The paths of Chromium and its driver. Without them the test is skipped, and in CI it fails."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser and driver:
        return browser, driver
    if "CI" in os.environ:
        pytest.fail(MISSING)
    pytest.skip(MISSING)


class Browser:
    """One window, and waiting for what it shows."""

    def __init__(self, driver: webdriver.Chrome, downloads: Path) -> None:
        self.driver = driver
        self.downloads = downloads

    def open(
        self, url: str, width: int = 1280, height: int = 900, *, dark: bool = False, language: str = "en-US"
    ) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        agent = {"userAgent": self.run("return navigator.userAgent"), "acceptLanguage": language}
        self.driver.execute_cdp_cmd("Emulation.setUserAgentOverride", agent)
        self.driver.get(url)
        self.wait(".viewer .hint")
        self.wait("#examples img")

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements("css selector", selector)

    def shown(self, selector: str) -> list[WebElement]:
        return [element for element in self.all(selector) if element.is_displayed()]

    def wait(self, selector: str) -> WebElement:
        """The first visible element that fits, as soon as there is one."""
        return self.until(lambda: next(iter(self.shown(selector)), None))

    def until(self, condition):
        """What ``condition`` gives, as soon as it is true; the page may change meanwhile."""
        ignored = [StaleElementReferenceException]
        return WebDriverWait(self.driver, PATIENCE, 0.1, ignored).until(lambda _: condition())

    def upload(self, path: Path) -> None:
        self.all("#photo input[type=file]")[0].send_keys(str(path))

    def click(self, text: str) -> None:
        """Click the button of that text."""
        self.until(lambda: next((button for button in self.shown("button") if button.text == text), None)).click()

    def downloaded(self, name: str) -> Path:
        path = self.downloads / name
        self.until(path.is_file)
        return path

    def run(self, script: str, *arguments):
        return self.driver.execute_script(script, *arguments)

    def asked_hosts(self) -> set[str]:
        """The hosts that pages have asked for anything, or tried to, since the last call."""
        events = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        addresses = [
            urlsplit(event["params"]["request"]["url"])
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return {address.hostname for address in addresses if address.scheme in ("http", "https", "ws", "wss")}

    def complaints(self) -> list[str]:
        """The errors that the console has shown since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """A browser whose profile and downloads are in ``folder``, an empty one."""
    binary, driver_path = require_chromium()
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for switch in [*SWITCHES, f"--user-data-dir={folder / 'profile'}"]:
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_path))
    try:
        downloads = folder / "downloads"
        allowed = {"behavior": "allow", "downloadPath": str(downloads)}
        driver.execute_cdp_cmd("Browser.setDownloadBehavior", allowed)
        yield Browser(driver, downloads)
    finally:
        driver.quit()
