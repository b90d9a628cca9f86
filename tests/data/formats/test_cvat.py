import pytest

from modelscope_swinpan.errors import DatasetError
from tests.data import drawings
from tests.data.drawings import BOXES, HEIGHT, WIDTH, cvat, cvat_file, cvat_polygon, imported


def image(shapes, name="a.jpg", width=WIDTH):
    return f'<image id="0" name="{name}" width="{width}" height="{HEIGHT}">{shapes}</image>'


def wrong(shape):
    labelled = shape.replace(" ", ' label="cat" ', 1)
    return f"<annotations>{image(labelled)}</annotations>"


def test_polygons_as_hotcoco_reads_them(tmp_path):
    """An independent reader of the same file gives the same areas."""
    hotcoco = pytest.importorskip("hotcoco")
    folder = cvat(tmp_path / "in")
    dataset, _ = imported(folder, tmp_path / "out")
    witness = hotcoco.COCO.from_cvat(str(folder / "annotations.xml")).dataset["annotations"]
    assert sorted(round(one["area"]) for one in witness) == sorted(s.area for s in dataset[0].segments)


def test_order_groups_and_what_has_no_area(tmp_path):
    drawings.photo(tmp_path / "in" / "images" / "a.jpg")
    front = cvat_polygon("cat", (0, 0, 20, 16)).replace('z_order="0"', 'z_order="-1"')
    shapes = "".join(cvat_polygon(label, box).replace("/>", ' group_id="4"/>') for label, box in BOXES)
    shapes += front + '<polyline label="cat" points="1,1;2,2"/><points label="cat" points="1,1"/>'
    shapes += '<ellipse label="bird" cx="10" cy="8" rx="3" ry="2"/><tag label="cat"/>'
    cvat_file(tmp_path / "in", image(shapes))
    dataset, report = imported(tmp_path / "in", tmp_path / "out", overlap="order")
    assert report.segments == {"cat": 2, "road": 1, "bird": 1}  # the two cats are one group, a third lies behind
    assert report.dropped == {"no area (points, lines)": 2}
    assert [category.name for category in dataset.categories] == ["bird", "cat", "road"]


def test_a_file_in_utf_16(tmp_path):
    folder = cvat(tmp_path / "in")
    path = folder / "annotations.xml"
    path.write_text(path.read_text().replace("utf-8", "utf-16"), encoding="utf-16")
    dataset, _ = imported(folder, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()


def test_photos_of_one_name_in_the_subsets_of_a_project(tmp_path):
    for number, subset in enumerate(("Train", "Val")):
        drawings.photo(tmp_path / "in" / "images" / subset / "a.jpg", seed=number)
    images = [
        image(cvat_polygon(*box)).replace("<image", f'<image subset="{subset}"')
        for box, subset in zip(BOXES, ("Val", "Train"), strict=False)
    ]
    dataset, _ = imported(cvat_file(tmp_path / "in", "".join(images)), tmp_path / "out")
    photos = [dataset.image_path(entry).read_bytes() for entry in dataset.entries]
    assert photos == [(tmp_path / "in" / "images" / subset / "a.jpg").read_bytes() for subset in ("Val", "Train")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<annotations><image", "not an XML file"),
        ("<html><annotations/></html>", "no file of CVAT for images 1.1: 'html'"),
        ("<annotations></annotations>", "without images"),
        ("<annotations><track id='0'/></annotations>", "export the task as CVAT for images 1.1"),
        (f"<annotations>{image('', width='x')}</annotations>", r"image 0 .a.jpg.\.width must be int; got 'x'"),
        (f"<annotations>{image('', name='../a.jpg')}</annotations>", "expected the name of a file inside"),
        (f"<annotations>{image('', name='')}</annotations>", "expected the name of a file inside"),
        (wrong('<polygon points="1,2;x"/>'), r"polygon 1\.points must be x,y;x,y;…; got '1,2;x'"),
        (wrong('<box xtl="nan"/>'), r"box 1\.xtl must be a number; got 'nan'"),
        (
            wrong('<mask rle="1,b" left="0" top="0" width="2" height="2"/>'),
            r"mask 1\.rle must be whole numbers, separated by commas; got '1,b'",
        ),
        (
            "<!DOCTYPE a [<!ENTITY b 'bbbbbbbb'><!ENTITY c '&b;&b;&b;'>]><annotations>&c;</annotations>",
            "declares a document type",
        ),
        ("<!DOCTYPE a [<!ENTITY f SYSTEM 'file:///etc/passwd'>]><annotations>&f;</annotations>", "declares a document"),
        ("<?xml version='1.0' encoding='nonsense'?><annotations/>", "not an XML file"),
    ],
)
def test_a_wrong_file_is_named_with_the_place(content, message, tmp_path):
    drawings.photo(tmp_path / "in" / "images" / "a.jpg")
    (tmp_path / "in" / "annotations.xml").write_text(content)
    with pytest.raises(DatasetError, match=message) as raised:
        imported(tmp_path / "in", tmp_path / "out", form="cvat")
    assert "annotations.xml" in str(raised.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "mask",
    [
        'rle="1, 2" left="0" top="0" width="2" height="2"',
        'rle="1, 3" left="19" top="0" width="2" height="2"',
        'rle="1" left="0" top="0" width="1e300" height="1"',
        'rle="-1, 5" left="0" top="0" width="2" height="2"',
    ],
)
def test_masks_that_do_not_fit_are_dropped(mask, tmp_path):
    drawings.photo(tmp_path / "in" / "images" / "a.jpg")
    cvat_file(tmp_path / "in", image(f'<mask label="cat" {mask}/>' + cvat_polygon("cat", (0, 0, 5, 5))))
    _, report = imported(tmp_path / "in", tmp_path / "out")
    assert report.dropped == {"unusable outline": 1}
