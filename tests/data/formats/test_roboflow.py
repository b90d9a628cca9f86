import pytest

from modelscope_swinpan.data.class_list import ListedClass
from modelscope_swinpan.data.formats import Given, find_format
from modelscope_swinpan.errors import DatasetError
from tests.data import drawings
from tests.data.drawings import imported, photo, roboflow, save


def test_splits(tmp_path):
    folder = roboflow(roboflow(tmp_path / "in"), "valid")
    with pytest.raises(DatasetError, match=r"several splits \(train, valid\); choose one with --split"):
        imported(folder, tmp_path / "out")
    dataset, _ = imported(folder, tmp_path / "out", split="valid", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()


def test_what_has_no_partner_is_told(tmp_path):
    folder = roboflow(tmp_path / "in") / "train"
    photo(folder / "b.jpg")
    save(drawings.semantic_map(), folder / "c_mask.png")
    _, report = imported(folder, tmp_path / "out")
    assert report.left_out == {"not annotated": 1, "label picture without a photo": 1}
    assert {note.where for note in report.notes} == {str(folder / "b.jpg"), str(folder / "c_mask.png")}


def test_values_without_a_class_are_told(tmp_path):
    folder = roboflow(tmp_path / "in")
    (folder / "train" / "_classes.csv").write_text("Pixel Value,Class\n2,road\n\n")
    _, report = imported(folder, tmp_path / "out")
    assert report.segments == {"road": 1}
    assert [note.detail for note in report.notes] == ["value 0, 1"]


def test_other_names(tmp_path):
    classes = [ListedClass(0, "void"), ListedClass(1, "cat"), ListedClass(2, "road")]
    folder = roboflow(tmp_path / "in")
    (folder / "train" / "_classes.csv").write_text("Pixel Value, Class\n1, one\n")
    dataset, _ = imported(folder, tmp_path / "out", classes=classes, things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()


def test_the_list_of_a_classification_is_another_one(tmp_path):
    folder = roboflow(tmp_path / "in")
    (folder / "train" / "_classes.csv").write_text("filename, cat, road\na.jpg, 1, 0\n")
    with pytest.raises(DatasetError, match="none of the known formats"):
        find_format(Given(folder))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("0, background\nroad", "_classes.csv:3: expected a number and a name"),
        ("-1, road", "_classes.csv:2: expected a number and a name"),
        ("1, ", "_classes.csv:2: expected a number and a name"),
        ("1, road\n1, cat", "_classes.csv:3: .* occurs twice"),
        ("1, road\n2, road", "_classes.csv:3: .* occurs twice"),
        ("", "_classes.csv: names no class"),
        ("1, \xff", "_classes.csv: not a text in UTF-8"),
        ("1, cat\n" * 200_000, "_classes.csv: over 1048576 bytes"),
    ],
)
def test_a_wrong_list_is_named_with_the_place(lines, message, tmp_path):
    folder = roboflow(tmp_path / "in")
    (folder / "train" / "_classes.csv").write_bytes(b"Pixel Value, Class\n" + lines.encode("latin-1"))
    with pytest.raises(DatasetError, match=message):
        imported(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_mask_is_named(tmp_path):
    folder = roboflow(tmp_path / "in")
    picture = folder / "train" / "a_jpg.rf.0a1b_mask.png"
    picture.write_bytes(picture.read_bytes()[:40])
    with pytest.raises(DatasetError, match=r"a_jpg.rf.0a1b_mask.png"):
        imported(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()
