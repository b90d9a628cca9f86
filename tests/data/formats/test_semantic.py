import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.data.class_list import ListedClass
from modelscope_swinpan.errors import ConfigError, DatasetError
from tests.data import drawings
from tests.data.drawings import imported, save, semantic

CLASSES = (ListedClass(0, "void"), ListedClass(1, "cat"), ListedClass(2, "road"))


def test_without_things_a_class_is_one_segment(tmp_path):
    dataset, report = imported(semantic(tmp_path / "in"), tmp_path / "out")
    assert report.segments == {"cat": 1, "road": 1}
    assert not any(category.isthing for category in dataset.categories)


@pytest.mark.parametrize("form", ["grey in RGB", "palette", "16 bit", "colour map for grey"])
def test_the_forms_of_numbers(form, tmp_path):
    folder = semantic(tmp_path / "in")
    path = folder / "masks" / "a.png"
    values = drawings.semantic_map()
    if form == "grey in RGB":
        save(np.repeat(values[..., None], 3, axis=2), path)
    elif form == "palette":
        save(values, path, [255, 0, 0, 0, 255, 0, 0, 0, 255])
    elif form == "16 bit":
        Image.fromarray(values.astype(np.uint16)).save(path)
    else:
        (folder / "classes.txt").write_text("void 0 0 0\ncat 1 2 3\nroad 9 9 9\n")
    dataset, _ = imported(folder, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()


def test_a_palette_with_a_colour_map(tmp_path):
    folder = semantic(tmp_path / "in", colors=True)
    save(drawings.semantic_map(), folder / "masks" / "a.png", [0, 0, 0, 9, 8, 7, 0, 128, 0])
    dataset, _ = imported(folder, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    assert [category.color for category in dataset.categories] == [(9, 8, 7), (0, 128, 0)]


def test_nothing_names_the_classes(tmp_path):
    folder = semantic(tmp_path / "in")
    (folder / "classes.txt").unlink()
    with pytest.raises(ConfigError, match=r"Give --classes, .* has the value 0, 1, 2"):
        imported(folder, tmp_path / "out")
    dataset, _ = imported(folder, tmp_path / "out", classes=CLASSES, things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()


def test_what_is_odd_is_named(tmp_path):
    folder = semantic(tmp_path / "in")
    values = drawings.semantic_map()
    values[0, :3] = 7, 255, 9
    save(values, folder / "masks" / "a.png")
    drawings.photo(folder / "images" / "b.jpg")
    drawings.photo(folder / "images" / "c.jpg")
    save(values[:5], folder / "masks" / "c.png")
    save(values, folder / "masks" / "d.png")
    dataset, report = imported(folder, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    assert report.others == {"value without a class": 1}
    assert report.left_out == {
        "not annotated": 1,
        "label picture without a photo": 1,
        "image of another size": 1,
    }
    assert f"{folder / 'masks' / 'a.png'}: value without a class: value 7, 9" in map(str, report.notes)


def test_wrong_label_pictures(tmp_path):
    folder = semantic(tmp_path / "in", colors=True)
    with pytest.raises(DatasetError, match=r"a.png: a picture in colours; --classes must give the colour"):
        imported(folder, tmp_path / "out", classes=CLASSES)
    (folder / "masks" / "a.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"masks/a.png:? cannot be read as a PNG"):
        imported(folder, tmp_path / "out")
    drawings.photo(folder / "images" / "a.png")
    with pytest.raises(DatasetError, match="differ in their suffixes alone"):
        imported(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_mask_of_black_and_white(tmp_path):
    folder = semantic(tmp_path / "in")
    save(np.where(drawings.semantic_map() == 1, 255, 0).astype(np.uint8), folder / "masks" / "a.png")
    (folder / "classes.txt").write_text("ground\ncat\n")
    _, report = imported(folder, tmp_path / "plain")
    assert report.segments == {"ground": 1}
    assert [note.kind for note in report.notes] == ["value without a class"]
    assert "if white is a class, --classes must give the colours" in str(report.notes[0])
    (folder / "classes.txt").write_text("ground 0 0 0\ncat 255 255 255\n")
    dataset, report = imported(folder, tmp_path / "colours", things=("cat",))
    assert report.notes == []
    cats = [region for region in drawings.regions(dataset) if region[0] == "cat"]
    assert cats == [region for region in drawings.truth() if region[0] == "cat"]
