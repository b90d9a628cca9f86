"""What a text that names an image means."""

from modelscope_swinpan.images.sources import is_data_url, local_path


def test_contents():
    assert [is_data_url(one) for one in ("Data:,x", "data.png", "http://data:1/")] == [True, False, False]


def test_paths_as_people_write_them(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    photo = tmp_path / "own photos" / "a.png"
    photo.parent.mkdir()
    photo.touch()
    folder = str(tmp_path)
    assert local_path("own photos/a.png", folder) == str(photo)
    assert local_path(str(photo), "/elsewhere") == str(photo)
    assert local_path(photo.as_uri()) == local_path(f"FILE://localhost{photo.as_uri()[7:]}") == str(photo)
    assert local_path("~/own photos/a.png") == str(photo)
    assert local_path("own photos\\a.png", folder) == str(photo)
    # As it is written, where that is there or nothing else is:
    literal = tmp_path / "own photos\\a.png"
    literal.touch()
    assert local_path("own photos\\a.png", folder) == str(literal)
    assert local_path("none\\b.png") == "none\\b.png"
    assert local_path("~nobody/b.png") == "~nobody/b.png"
    assert local_path("file://server/share/b.png") == "file://server/share/b.png"
    assert local_path("nul\0\\b") == "nul\0\\b"
