import xml.etree.ElementTree as ElementTree

from modelscope_swinpan.evaluation.plots import bars, reliability

GROUPS = [{"group": "small", "pq": 12.5}, {"group": "large", "pq": None}, {"group": "huge", "pq": 100.0}]
BINS = {"bins": [{"mean_score": 0.5, "matched": 0.25, "predictions": 4}]}


def texts(svg):
    return {element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}


def test_axes_have_labels_and_bars_their_values():
    assert {"small", "huge", "12.5", "100.0", "PQ", "size of the segment"} <= texts(
        bars(GROUPS, "size of the segment", "a")
    )
    assert "large" not in texts(bars(GROUPS, "size", "a"))
    assert {"mean score", "share with a match"} <= texts(reliability(BINS))


def test_the_same_figures_give_the_same_file():
    assert bars(GROUPS, "size", "a") == bars(GROUPS, "size", "a")


def test_nothing_to_show():
    assert "PQ" in texts(bars([], "size", "a"))
