"""The documents as a site: Sphinx's warnings, dead links and what comes from other hosts fail the build itself."""

import ast
import html
import re
import zlib
from urllib.parse import quote

import pytest

import modelscope_swinpan
from modelscope_swinpan import SwinPanError, load_model, open_exported, open_inputs, stream
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.config import thresholds
from modelscope_swinpan.images.decode import decode_image
from modelscope_swinpan.training.config import TrainConfig
from tests.conftest import ROOT
from tests.studio.chromium import chromium
from tests.test_documented_commands import BLOCK

DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
LANGUAGES = ["", *(["zh/"] if (ROOT / "docs" / "zh" / "reference.md").exists() else [])]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


def documented_imports():
    """The names of the package that snippets in the documents import."""
    for block in (block for file in DOCUMENTS for language, block in BLOCK.findall(file.read_text("utf-8"))):
        try:
            tree = ast.parse(block)
        except SyntaxError:  # of a shell's commands, or a diff
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("modelscope_swinpan"):
                yield from (f"{node.module}.{name.name}" for name in node.names)


PUBLIC = {f"modelscope_swinpan.{name}" for name in modelscope_swinpan.__all__ if name != "__version__"}
SHOWN = set(documented_imports()) - {"modelscope_swinpan.studio"}  # a module, whose functions are listed


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_public_name_is_in_the_reference(site, language):
    *_, packed = (site / language / "objects.inv").read_bytes().split(b"\n", 4)  # Sphinx's list of what has an entry
    listed = {line.split()[0] for line in zlib.decompress(packed).decode().splitlines() if " py:" in line}
    errors = {name.replace("swinpan.", "swinpan.errors.") for name in PUBLIC if name.endswith("Error")}
    needed = {name for name in PUBLIC | SHOWN if not name.endswith("Error")} | errors
    assert len(needed) > 40
    assert needed - listed == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_reference_says_what_a_reader_needs(site, language):
    """How to call a predictor, where to import from and what options mean, instead of Python's texts and addresses."""
    text = html.unescape(re.sub("<.*?>", "", (site / language / "reference.html").read_text("utf-8")))
    needed = [
        "__call__(images: Any)",
        "modelscope_swinpan.images.decode.decode_image(source",
        "categories: tuple[Category, ...] = COCO_PANOPTIC",
        "the largest norm of the whole gradient",
        *(threshold.metadata["help"] for threshold in thresholds()),
    ]
    debris = ["Category(id=", "Alias for field", "<factory>", "<function", "~collections", "Type:", "(*args, **kwargs)"]
    assert [words for words in needed if words not in text] == []
    assert [words for words in debris if words in text] == []


def test_pages_lead_to_their_twins(site):
    def twin(page):
        found = re.search(r'hreflang="([^"]+)" href="([^"]+)">([^<]+)', (site / page).read_text("utf-8"))
        return found and found.groups()

    assert twin("index.html") == ("zh-CN", "zh/index.html", "中文")
    assert twin("search.html") == ("zh-CN", "zh/search.html", "中文")
    assert twin("zh/index.html") == ("en", "../index.html", "English")
    assert twin("zh/search.html") == ("en", "../search.html", "English")
    assert twin("notebooks/first-steps.html") == ("zh-CN", "../zh/notebooks/first-steps.html", "中文")
    assert twin("project/security.html") is None  # which is in English alone


def test_the_languages_are_told(site):
    assert '<html lang="en"' in (site / "index.html").read_text("utf-8")
    chinese = (site / "zh" / "index.html").read_text("utf-8")
    assert '<html lang="zh-CN"' in chinese
    assert "跟随系统" in chinese
    assert "System Settings" not in chinese


def test_links_to_files_of_the_root_lead_to_their_pages(site):
    assert 'href="project/contributing.html"' in (site / "architecture.html").read_text("utf-8")
    assert 'href="changes.html"' in (site / "project" / "contributing.html").read_text("utf-8")
    assert 'href="../architecture.html"' in (site / "project" / "contributing.html").read_text("utf-8")


def raised(call, *arguments, **options):
    with pytest.raises(SwinPanError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def test_troubleshooting_has_every_message(site, tmp_path):
    """What errors say in fact is found among the listed texts, whose gaps stand for anything."""
    page = (site / "troubleshooting.html").read_text("utf-8")
    (tmp_path / "photo.jpg").write_text("no photo")
    said = [
        raised(load_model, tmp_path / "nowhere"),
        raised(open_exported, tmp_path / "model.onnx"),
        raised(decode_image, tmp_path / "photo.jpg"),
        raised(decode_image, tmp_path / "gone.jpg"),
        raised(CocoPanoptic.open, tmp_path / "gone"),
        raised(open_inputs, "no/such.list"),
        raised(TrainConfig, accumulate=3, batch_size=8),
        raised(stream, None, "photo.jpg"),
    ]
    listed = [
        html.unescape(re.sub("<.*?>", "", item)) for item in re.findall(r"<li><p><code.*?</code></p>", page, re.S)
    ]
    assert len(listed) > 300
    patterns = [re.compile(re.escape(text).replace("…", ".*"), re.DOTALL) for text in listed]
    missing = [text for text in [*said, "no error says this"] if not any(one.fullmatch(text) for one in patterns)]
    assert missing == ["no error says this"]


def results(browser, page, words):
    """The titles that the search finds, of a page on disk."""
    browser.driver.get(f"{page.as_uri()}?q={quote(words)}")
    browser.until(lambda: browser.run("return typeof Search !== 'undefined' && Search._pulse_status < 0"))  # done
    return [link.text for link in browser.all("ul.search li a")]


def test_search_needs_no_network(site, browser):
    assert "Large photos and small things" in results(browser, site / "search.html", "overlapping tiles")
    assert "Why the score is what it is" in results(browser, site / "search.html", "frame marks thresholds")
    assert results(browser, site / "search.html", "--tiles")[0] == "Large photos and small things"
    assert "Changelog" in results(browser, site / "search.html", "yolo")[-2:]  # after the guides
    assert "Questions" in results(browser, site / "search.html", "offline")
    assert results(browser, site / "search.html", "nonsensical") == []
    assert browser.asked_hosts() == set()


def test_search_finds_chinese_words(site, browser):
    found = results(browser, site / "zh" / "search.html", "全景分割 ModelScope")
    assert any("ModelScope" in title for title in found)
    assert "训练自己的类别" in results(browser, site / "zh" / "search.html", "初始模型 裁剪图")  # a notebook
    assert results(browser, site / "zh" / "search.html", "无中生有") == []
    assert browser.run("return splitQuery('全景分割 swin_l 图')") == ["全景", "景分", "分割", "swin_l", "图"]
    assert browser.asked_hosts() == set()


@pytest.mark.parametrize("page", ["studio", "evaluation", "zh/evaluation", "reference"])
def test_options_stand_whole_on_a_phone(site, browser, page):
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    browser.driver.get((site / f"{page}.html").as_uri())
    lines = browser.run("""
        const words = [...document.querySelectorAll("article code .pre")];
        return words.filter((word) => word.innerText.startsWith("--")).map((word) => word.getClientRects().length);
    """)
    assert set(lines) == {1}
    assert browser.run("return document.documentElement.scrollWidth") == 390
