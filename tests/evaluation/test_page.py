"""The page: what it says, and that nothing of a dataset can do anything in it."""

import re
from html.parser import HTMLParser

import pytest

from modelscope_swinpan.categories import Category
from modelscope_swinpan.evaluation.evaluate import score
from modelscope_swinpan.evaluation.page import environment
from tests.studio.chromium import chromium

from .maps import CAT, DOG, SKY, canvas, dataset, predictions

pytest.importorskip("hotcoco")
LONG = "a_name_without_a_place_to_break_it_which_goes_on_and_on_to_the_end_of_the_line_and_farther" * 2
EVIL = '<script>alert("$1$")</script>&'


class Parsed(HTMLParser):
    """Elements with their attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def page(tmp_path):
    categories = (
        Category(1, "sky", False, (70, 130, 180)),
        Category(7, EVIL, True, (220, 20, 60)),
        Category(9, f"狗{LONG}", True, (0, 160, 0)),
    )
    truth = (canvas(_1=(0, 5), _2=(5, 10)), {1: SKY, 2: CAT})
    data = dataset(tmp_path / "data", [truth] * 2, categories)
    path = data.layout.json_path
    path.write_text(path.read_text().replace("000002.png", "<b>2.png", 1))
    wrong = (canvas(_1=(0, 4), _2=(5, 10)), {1: SKY, 2: DOG})
    found = predictions(tmp_path / "found", [truth, wrong], categories=categories)
    score(type(data).open(tmp_path / "data"), found, compare_with=None).save(tmp_path / "out")
    return (tmp_path / "out" / "report.html").read_text()


def test_it_says_what_is_wrong(page):
    text = re.sub(r"\s+", " ", Parsed(page).text)
    assert EVIL in text
    assert "狗" in text
    assert "<b>2.png: PQ 26.7, 1 true and 1 predicted segments without a match" in text
    assert "a panoptic map does not tell what other thresholds would have left" in text


def test_nothing_of_a_dataset_becomes_an_element(page):
    tags = [tag for tag, _ in Parsed(page).elements]
    assert not {"script", "b", "iframe", "link"} & set(tags)
    assert tags.count("img") == 2
    assert tags.count("svg") == 3


def test_it_needs_no_network(page):
    for _, attributes in Parsed(page).elements:
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href"):
                assert value.startswith(("data:image/jpeg;base64,", "#")), value
    assert "default-src 'none'" in page
    assert "box mAP" not in page  # there are no instances
    assert "url(http" not in page
    assert "@import" not in page


def test_nothing_is_cut_off(page, tmp_path):
    """On a screen and on paper, where bars keep their colours, too."""
    with chromium(tmp_path / "chromium") as browser:
        browser.driver.get((tmp_path / "out" / "report.html").as_uri())
        for medium, width in (("screen", 1280), ("print", 700)):
            browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium})
            size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
            browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            assert browser.run("""
                const tables = [...document.querySelectorAll("table")];
                return Math.max(...tables.map((table) => table.getBoundingClientRect().right));
            """) <= browser.run("return document.documentElement.clientWidth")
        assert browser.wait(".bar span").value_of_css_property("print-color-adjust") == "exact"
        assert browser.wait(".scroll").value_of_css_property("overflow-x") == "visible"
        assert browser.complaints() == []


def test_all_right(tmp_path):
    """A perfect evaluation without scores still has a page."""
    truth = (canvas(_1=(0, 10)), {1: SKY})
    data = dataset(tmp_path / "data", [truth])
    score(data, data.layout.json_path).save(tmp_path / "out")
    text = Parsed((tmp_path / "out" / "report.html").read_text()).text
    assert "Every photo is perfect." in text
    assert "The predictions have no scores." in text


def point(mask, overlap, pq):
    numbers = {"matches": 3, "unmatched_true": 2, "unmatched_predictions": 1}
    return {"object_mask_threshold": mask, "overlap_threshold": overlap, "pq": pq, **numbers}


THRESHOLDS = {
    "computed": True,
    "object_mask_thresholds": [0.7, 0.8],
    "overlap_thresholds": [0.8, 0.9],
    "pq": [[60.0, None], [55.0, 50.0]],
    "present": point(0.8, 0.8, 55.0),
    "best": point(0.7, 0.8, 60.0),
    "steps": [point(0.7, 0.8, 60.0), point(0.8, 0.9, 50.0)],
}


def of_thresholds(found):
    return Parsed(environment().get_template("thresholds.html").render(found=found))


def test_better_thresholds():
    shown = of_thresholds(THRESHOLDS)
    assert (
        "PQ is 55.0 with object_mask_threshold 0.8 and overlap_threshold 0.8. The best of this table is 60.0, with "
        "object_mask_threshold 0.7 and overlap_threshold 0.8."
    ) in shown.text
    assert re.findall(r"\w+ (?:lowered|raised) to 0\.\d", shown.text) == [
        "object_mask_threshold lowered to 0.7",
        "overlap_threshold raised to 0.9",
    ]
    cells = [attributes for tag, attributes in shown.elements if tag == "td" and "style" in attributes]
    assert [cell.get("class", "").strip() for cell in cells] == ["best", "", "present", ""]
    shades = [float(cell["style"].split("/")[1].strip(" )")) for cell in cells]
    assert shades == [0.6, 0, 0.3, 0]


def test_no_better_thresholds():
    text = of_thresholds({**THRESHOLDS, "best": THRESHOLDS["present"]}).text
    assert "overlap_threshold 0.8, and no other pair in this table gives more." in text


def test_thresholds_without_any_figure():
    nothing = {**THRESHOLDS, "pq": [[None] * 2] * 2, "steps": [point(0.7, 0.8, None)]}
    nothing |= {"present": point(0.8, 0.8, None), "best": point(0.8, 0.8, None)}
    assert of_thresholds(nothing).text.count("–") == 9
