from PIL import Image

from benchmarks import scale


def test_scale(directory, tmp_path, monkeypatch, saved_figures):
    monkeypatch.setattr(scale, "MEGAPIXELS", (0.05, 0.1))
    monkeypatch.setattr(scale, "QUERIES", (1, 5))
    monkeypatch.setattr(scale, "PHOTO_OF_QUERIES", (320, 240))
    found = scale.bench_scale(tmp_path / "plot.png", directory, runs=1)
    assert [one["megapixels"] for one in found["photos"]] == [0.05, 0.1]
    assert [one["queries"] for one in found["fusion"]] == [1, 5]
    assert all(one["seconds"] > 0 and one["peak_bytes"] > 0 for one in (*found["photos"], *found["fusion"]))
    assert Image.open(tmp_path / "plot.png").size == (1100, 660)
    (figure,) = saved_figures
    assert all(axes.get_ylabel() for axes in figure.axes)
