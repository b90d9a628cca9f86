"""Two evaluations of the same photos."""

import json
import re
import shutil

import numpy as np
import pytest

from modelscope_swinpan.errors import ConfigError, DatasetError
from modelscope_swinpan.evaluation import compare as module
from modelscope_swinpan.evaluation.evaluate import score

from .maps import CAT, DOG, SKY, canvas, dataset, predictions

pytest.importorskip("hotcoco")
TRUTH = (canvas(_1=(0, 5), _2=(5, 10)), {1: SKY, 2: CAT})
NO_CAT = (canvas(_1=(0, 5)), {1: SKY})
TIGHT = (canvas(_1=(0, 4), _2=(5, 10)), {1: SKY, 2: CAT})  # 40 of the sky's 50 pixels


@pytest.fixture
def data(tmp_path):
    return dataset(tmp_path / "data", [TRUTH] * 8)


def evaluated(tmp_path, data, name, found, **options):
    report = score(data, predictions(tmp_path / f"found-{name}", found), **options)
    report.save(tmp_path / name)
    return report


def test_what_got_better_and_worse(tmp_path, data):
    """Cats are found in five photos instead of three; the sky fits less in all."""
    evaluated(tmp_path, data, "before", [TRUTH] * 3 + [NO_CAT] * 5)
    after = [TIGHT] * 5 + [(canvas(_1=(0, 4)), {1: SKY})] * 3
    report = evaluated(tmp_path, data, "after", after, compare_with=tmp_path / "before")
    found = report.analysis.figures["comparison"]
    cat, sky = found["classes"]
    cats = [100 * count / (count + (8 - count) / 2) for count in (3, 5)]
    assert (cat["name"], cat["photos"]) == ("cat", 8)
    assert (cat["before"], cat["after"]) == pytest.approx(tuple(cats))
    assert 0 <= cat["low"] < cat["change"] < cat["high"]
    assert [sky[key] for key in ("before", "after", "change", "low", "high")] == pytest.approx([100, 80, -20, -20, -20])
    assert found["stuff"] == {key: sky[key] for key in found["stuff"]}
    assert found["things"]["change"] == pytest.approx(cats[1] - cats[0])
    assert found["all"]["change"] == pytest.approx((cats[1] - cats[0] - 20) / 2)
    photos = found["photos"]
    assert (photos["better"], photos["worse"], photos["same"]) == (2, 6, 0)
    assert [row["change"] for row in photos["gained"]] == pytest.approx([40, 40])  # 50 to 90
    assert {row["image_id"] for row in photos["gained"]} == {4, 5}
    assert len(photos["lost"]) == 6
    assert "Photos: 2 better, 6 worse, 0 the same." in report.changes()
    assert re.search(r"\| stuff +\| 100.0 +\| 80.0 +\| -20.0 +\| -20.0 … -20.0", report.changes())
    page = (tmp_path / "after" / "report.html").read_text()
    assert "Compared with another evaluation" in page
    assert json.loads((tmp_path / "after" / "analysis.json").read_text())["comparison"] == found


def test_the_intervals_are_seeded(tmp_path, data):
    evaluated(tmp_path, data, "before", [TRUTH] * 3 + [NO_CAT] * 5)
    after = [TRUTH] * 5 + [NO_CAT] * 3
    one, two = (evaluated(tmp_path, data, "after", after, compare_with=tmp_path / "before") for _ in range(2))
    assert one.analysis.figures == two.analysis.figures


def test_an_interval_is_that_of_a_plain_bootstrap(tmp_path, data, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 7)  # the last of them are fewer
    rng = np.random.default_rng(5)
    before, after = rng.integers(0, 2, (2, 8)).astype(bool)
    evaluated(tmp_path, data, "before", [TRUTH if is_there else NO_CAT for is_there in before])
    found = [TRUTH if is_there else NO_CAT for is_there in after]
    report = evaluated(tmp_path, data, "after", found, compare_with=tmp_path / "before")
    drawn = np.random.default_rng(1).integers(0, 8, (20_000, 8))

    def pq(found):
        hits = found[drawn].sum(1)
        return 100 * hits / (hits + (8 - hits) / 2)

    cat = next(row for row in report.analysis.figures["comparison"]["classes"] if row["name"] == "cat")
    assert (cat["low"], cat["high"]) == pytest.approx(np.quantile(pq(after) - pq(before), [0.025, 0.975]), abs=8)


def test_few_photos_have_no_interval(tmp_path):
    data = dataset(tmp_path / "data", [TRUTH] * 2)
    evaluated(tmp_path, data, "before", [NO_CAT] * 2)
    report = evaluated(tmp_path, data, "after", [TRUTH] * 2, compare_with=tmp_path / "before" / "report.json")
    found = report.analysis.figures["comparison"]
    assert (found["all"]["change"], found["all"]["low"], found["all"]["high"]) == (50, None, None)
    assert "there are no intervals" in (tmp_path / "after" / "report.html").read_text()


def test_a_class_that_only_one_of_both_knows(tmp_path, data):
    """A false dog."""
    evaluated(tmp_path, data, "before", [TRUTH] * 8)
    dog = (TRUTH[0], {1: SKY, 2: DOG})
    report = evaluated(tmp_path, data, "after", [dog] + [TRUTH] * 7, compare_with=tmp_path / "before")
    (row,) = [row for row in report.analysis.figures["comparison"]["classes"] if row["name"] == "dog"]
    assert (row["before"], row["after"], row["change"], row["photos"]) == (None, 0, None, 1)
    assert report.changes()


def changed_truth(data):
    truth = [TRUTH] * 7 + [(canvas(_1=(0, 6), _2=(6, 10)), TRUTH[1])]
    return dataset(data.layout.json_path.parents[1] / "changed", truth)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda data: dataset(data.layout.json_path.parents[1] / "few", [TRUTH] * 6), "evaluates 8 photos, .* 6"),
        (changed_truth, r"1 of 8 photos were annotated otherwise, for example 000008\.png"),
    ],
)
def test_other_data_is_refused(tmp_path, data, other, message):
    evaluated(tmp_path, data, "before", [TRUTH] * 8)
    changed = other(data)
    with pytest.raises(DatasetError, match=message):
        score(changed, predictions(tmp_path / "found", [TRUTH] * 8), compare_with=tmp_path / "before")


def rewritten(change):
    def rewrite(folder):
        path = folder / "per_photo.jsonl"
        path.write_text(change(path.read_text()))

    return rewrite


@pytest.mark.parametrize(
    ("spoil", "kind", "message"),
    [
        (lambda folder: (folder / "per_photo.jsonl").unlink(), ConfigError, "evaluate again if an earlier version"),
        (shutil.rmtree, ConfigError, "no per_photo.jsonl there"),
        (rewritten(lambda text: text[:-40]), DatasetError, "is damaged"),
        (rewritten(lambda text: text.replace('"7"', '"77"')), DatasetError, "other classes"),
        (rewritten(lambda text: text.replace("000003.png", "other.png")), DatasetError, "other photos .*other.png"),
        (rewritten(lambda text: "\n".join(text.splitlines()[::-1])), DatasetError, "the order"),
    ],
)
def test_what_is_no_such_report(tmp_path, data, spoil, kind, message):
    evaluated(tmp_path, data, "before", [TRUTH] * 8)
    spoil(tmp_path / "before")
    with pytest.raises(kind, match=message):
        score(data, data.layout.json_path, compare_with=tmp_path / "before")
