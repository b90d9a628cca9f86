"""What the page says of other thresholds."""

from modelscope_swinpan.evaluation.heatmap import DARKEST, heatmap


def point(mask, overlap, pq):
    return {"object_mask_threshold": mask, "overlap_threshold": overlap, "pq": pq}


FOUND = {
    "computed": True,
    "object_mask_thresholds": [0.7, 0.8],
    "overlap_thresholds": [0.8, 0.9],
    "pq": [[60.0, None], [55.0, 50.0]],
    "present": point(0.8, 0.8, 55.0),
    "best": point(0.7, 0.8, 60.0),
    "steps": [point(0.7, 0.8, 60.0), point(0.8, 0.9, 50.0)],
}


def test_a_better_point():
    shown = heatmap(FOUND)
    assert shown["words"] == (
        "PQ is 55.0 with object_mask_threshold 0.8 and overlap_threshold 0.8. The best of this table is 60.0, with "
        "object_mask_threshold 0.7 and overlap_threshold 0.8."
    )
    assert [name for name, _ in shown["steps"]] == [
        "object_mask_threshold lowered to 0.7",
        "overlap_threshold raised to 0.9",
    ]
    cells = {(row, index): cell for row, cells in shown["rows"] for index, cell in enumerate(cells)}
    assert [where for where, cell in cells.items() if cell["present"]] == [(0.8, 0)]
    assert [where for where, cell in cells.items() if cell["best"]] == [(0.7, 0)]
    assert {where: cell["shade"] for where, cell in cells.items()} == {
        (0.7, 0): DARKEST,
        (0.7, 1): 0.0,
        (0.8, 0): DARKEST / 2,
        (0.8, 1): 0.0,
    }


def test_nothing_better():
    words = heatmap({**FOUND, "best": FOUND["present"]})["words"]
    assert words.endswith("overlap_threshold 0.8, and no other pair in this table gives more.")


def test_not_computed():
    assert heatmap({"computed": False, "why": "…"}) is None
