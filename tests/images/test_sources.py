"""What a text that names an image means."""

import unicodedata

import pytest

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


@pytest.mark.parametrize(("there", "written"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_accents_in_the_other_form_of_unicode(tmp_path, there, written):
    photo = tmp_path / unicodedata.normalize(there, "été") / unicodedata.normalize(there, "café.png")
    photo.parent.mkdir()
    photo.touch()
    for source in ("été/café.png", "été\\café.png", str(tmp_path / "été" / "café.png")):
        assert photo.samefile(local_path(unicodedata.normalize(written, source), str(tmp_path)))
    assert local_path("été/none.png", str(tmp_path)) == str(tmp_path / "été/none.png")
