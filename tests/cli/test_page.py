"""Pages that load nothing."""

from html.parser import HTMLParser

import pytest

from modelscope_swinpan.cli.page import write_page
from tests.studio.chromium import chromium

EMPTY = {"meta", "img"}


class Tags(HTMLParser):
    """Checks that elements are closed, and collects what they load."""

    def __init__(self):
        super().__init__()
        self.open, self.loaded, self.seen = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.loaded += [value for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_page(path):
    """The text of a page that is well-formed, has no script and loads nothing."""
    text = path.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert "script" not in tags.seen
    assert all(address.startswith("data:image/") for address in tags.loaded)
    assert "default-src 'none'" in text
    return text


def test_texts_are_no_html(tmp_path):
    evil = "<script>&\"'"
    dataset = {"path": evil, "summary": evil, "problems": [evil], "remarks": [evil], "rows": [[evil, 3]]}
    figures = [{"problem": evil}, {"image": "data:image/png;base64,", "caption": evil}]
    given = {"problems": [evil], "datasets": [dataset], "columns": [evil, "n"], "figures": iter(figures)}
    write_page(tmp_path / "new" / "page.html", evil, **given)
    assert check_page(tmp_path / "new" / "page.html").count("&lt;script&gt;&amp;") == 11


def test_an_unfinished_page_is_not_there(tmp_path):
    def figures():
        yield {"problem": "damaged"}
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        write_page(tmp_path / "page.html", "A page", figures=figures())
    assert list(tmp_path.iterdir()) == []


def test_it_fits_a_phone(tmp_path):
    """However long names are; a table can be pushed to the side."""
    long = "a-name/without_a_place_to_break_it" * 8
    dataset = {"path": long, "summary": long, "problems": [long], "remarks": [], "rows": [[long, *range(9)]]}
    columns = ["class", *("smallest", "median", "largest") * 3]
    write_page(tmp_path / "page.html", long, datasets=[dataset], columns=columns, figures=[{"problem": long}])
    with chromium(tmp_path / "chromium") as browser:
        phone = {"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": True}
        browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
        browser.driver.get((tmp_path / "page.html").as_uri())
        assert browser.run("return document.documentElement.scrollWidth") == 320
        assert browser.run("return document.querySelector('td').offsetWidth") <= 320
