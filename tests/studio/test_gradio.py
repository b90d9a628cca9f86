"""Gradio's own words, names and states, in a real browser."""

import re

import pytest
from selenium.webdriver import ActionChains, Keys

from modelscope_swinpan.studio import serve, server
from modelscope_swinpan.studio.visitors import Quota


@pytest.mark.parametrize("language", ["zh-CN", "zh-HK", "zh"])
def test_it_speaks_chinese(browser, page, photo, tmp_path, language):
    """All that a visitor reads, but for the names of classes and files."""
    browser.open(page, language=language)
    seen = [browser.driver.find_element("css selector", "body").text]
    browser.upload(photo)
    browser.until(lambda: "thing" in browser.wait("#toolbar").text)  # by the word of the Chinese documents, too
    seen.append(browser.driver.find_element("css selector", "body").text)
    seen += browser.run("""
        const names = ["title", "alt", "aria-label"];
        const nodes = [...document.querySelectorAll("[title], [alt], [aria-label]")];
        return nodes.flatMap((node) => names.map((name) => node.getAttribute(name) ?? ""));
    """)
    for name, content in (("large.png", bytes(33 * 2**20)), ("notes.txt", b"notes")):
        (tmp_path / name).write_bytes(content)
        browser.upload(tmp_path / name)
        browser.until(lambda name=name: browser.wait(".problem").text.startswith(f"{name}："))
        seen.append(browser.wait(".problem").text)
    named = {"swinpan", "studio", "COCO", "JSON", "PNG", "MB", "sky", "grass", "car", "b", "My", "cat", "png"}
    assert set(re.findall("[A-Za-z]+", " ".join(seen))) <= named | {"thing", "stuff", "large", "notes", "txt"}


def test_a_refusal_in_chinese(browser, painted, photo, monkeypatch):
    """Of a download, and of an upload."""
    monkeypatch.setattr(server, "Quota", lambda: Quota(each=photo.stat().st_size + 10_000))
    with serve(painted, port=0) as url:
        browser.open(url, language="zh-CN")
        browser.upload(photo)
        browser.wait(".segments path")
        for refused in (lambda: browser.click("↓ 图片"), lambda: browser.upload(photo)):
            refused()
            told = browser.wait(".toast-body").text
            assert "每位访问者最多保留" in told
            assert not re.search("Error|HTTP", told)
            browser.run("document.querySelector('.toast-close').click()")
            browser.until(lambda: not browser.shown(".toast-body"))


def test_it_speaks_english_otherwise(browser, page, photo):
    browser.open(page, language="fr-FR")
    browser.upload(photo)
    browser.wait(".segments path")
    assert "Minimum score" in browser.wait("#toolbar").text
    assert "Things" in browser.wait("#toolbar").text
    assert browser.wait("h1").text == "What is where, pixel by pixel."


def test_names_of_files_stand_as_they_are(browser, page, photo):
    """Also one that begins as Gradio's own words do."""
    browser.open(page)
    browser.upload(photo.rename(photo.with_name("Connection errored out.png")))
    assert browser.wait(".photo figcaption").text == "Connection errored out.png, 320 × 240"


def test_screen_readers_hear_what_is_seen(browser, page):
    browser.open(page)
    (field,) = browser.shown("#photo button")
    assert field.accessible_name.split() == field.text.split()
    assert [example.accessible_name for example in browser.shown("#examples button")] == [
        f"Example {number}" for number in range(1, 5)
    ]
    assert {image.get_attribute("alt") for image in browser.all("#examples img")} == {""}


def test_the_keyboard_shows_where_it_is(browser, page):
    browser.open(page)
    browser.all("#examples button")[3].send_keys(Keys.ENTER)
    browser.wait(".segments path")
    outlines = {}
    for _ in range(5):
        ActionChains(browser.driver).send_keys(Keys.TAB).perform()
        focused = browser.driver.switch_to.active_element
        outlines[focused.accessible_name] = focused.value_of_css_property("outline-style")
    assert outlines.keys() == {"Things", "Stuff", "Minimum score", "Show all scores"}
    assert "none" not in outlines.values()


@pytest.mark.parametrize(
    ("language", "told"), [("en-US", "Waiting, number 1 of 1:"), ("zh-CN", "等待中，第 1 位，共 1 位：")]
)
def test_who_waits_is_told(browser, page, painted, photo, language, told):
    browser.open(page)
    first = browser.driver.current_window_handle
    painted.gate.clear()
    browser.upload(photo)
    browser.wait(".progress-level")
    browser.driver.switch_to.new_window("tab")
    browser.open(page, language=language)
    browser.upload(photo)
    browser.until(lambda: told in browser.wait(".progress-text").text)
    painted.gate.set()
    browser.wait(".segments path")
    browser.driver.close()
    browser.driver.switch_to.window(first)


def test_a_full_queue_is_told_in_chinese(browser, painted, monkeypatch):
    monkeypatch.setattr(server, "MAX_WAITING", 0)
    with serve(painted, port=0) as url:
        browser.open(url, language="zh-CN")
        browser.all("#examples button")[0].click()
        assert "等待的照片太多" in browser.wait(".toast-body").text
        assert browser.wait(".problem").text.startswith("这张照片没有分割成功")
