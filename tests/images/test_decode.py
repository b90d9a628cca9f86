"""Every kind of input becomes the same RGB pixels, and whatever is no usable image becomes an ImageError."""

import base64
import io
import os
import re
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from modelscope_swinpan.errors import ImageError
from modelscope_swinpan.images.decode import MAX_PIXELS, decode_image, several_images
from tests.conftest import CHELSEA


def noise(height=12, width=17, channels=3, seed=0):
    shape = (height, width, channels) if channels else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def encode(image, image_format, **options):
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def readable(data):
    """Whether ``data`` is read as an image; anything that is neither an image nor an ImageError fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of damage that it can live with
        try:
            check_rgb(decode_image({"image": {"bytes": data}}))
        except ImageError:
            return False
        return True


def check_rgb(decoded, expected=None):
    assert decoded.dtype == np.uint8
    assert decoded.ndim == 3
    assert decoded.shape[2] == 3
    assert decoded.flags.c_contiguous
    assert decoded.flags.writeable
    if expected is not None:
        np.testing.assert_array_equal(decoded, expected)


@pytest.fixture
def rgb():
    return noise()


@pytest.fixture
def png(tmp_path, rgb):
    path = tmp_path / "noise.png"
    Image.fromarray(rgb).save(path)
    return path


class TestOneImageManyWays:
    def test_paths(self, png, rgb):
        check_rgb(decode_image(png), rgb)
        check_rgb(decode_image(str(png)), rgb)
        check_rgb(decode_image(np.str_(png)), rgb)

    def test_path_of_bytes(self, png, rgb):
        class BytesPath(os.PathLike):
            def __fspath__(self):
                return os.fsencode(png)

        check_rgb(decode_image(BytesPath()), rgb)

    def test_pil_is_rgb_and_arrays_are_bgr(self, rgb):
        check_rgb(decode_image(Image.fromarray(rgb)), rgb)
        check_rgb(decode_image(rgb[..., ::-1]), rgb)
        check_rgb(decode_image(rgb[..., ::-1].copy()), rgb)

    def test_path_pil_and_array_agree_on_a_photo(self):
        from_path = decode_image(CHELSEA)
        check_rgb(from_path, decode_image(Image.open(CHELSEA)))
        check_rgb(from_path, decode_image(cv2.imread(str(CHELSEA))))
        assert from_path[..., 0].mean() > from_path[..., 2].mean()  # the cat is ginger: red above blue

    @pytest.mark.parametrize("key", ["InputImage:FILE", "image"])
    def test_dataset_rows(self, key, png, rgb):
        for value in (str(png), png, Image.fromarray(rgb), rgb[..., ::-1], {"bytes": png.read_bytes(), "path": None}):
            check_rgb(decode_image({"label": 3, key: value}), rgb)
        check_rgb(decode_image({key: {"bytes": None, "path": str(png)}}), rgb)

    def test_the_content_of_a_file(self, png, rgb):
        content = png.read_bytes()
        text = base64.b64encode(content).decode()
        written = io.BytesIO()
        Image.fromarray(rgb).save(written, "PNG")  # and not rewound
        for source in (
            *(content, bytearray(content), memoryview(content), io.BytesIO(content), written),
            *(text, f"data:image/png;base64,{text}", f"DATA:;base64,{text}"),
            *({"image": content}, {"image": text}, {"image": io.BytesIO(content)}),
            *({"bytes": content, "path": None}, {"path": str(png), "bytes": None}),
        ):
            check_rgb(decode_image(source), rgb)
        with png.open("rb") as file:
            check_rgb(decode_image(file), rgb)
            check_rgb(decode_image(file), rgb)

    def test_paths_as_people_write_them(self, png, rgb, monkeypatch):
        monkeypatch.setenv("HOME", str(png.parent))
        monkeypatch.chdir(png.parent.parent)
        spaced = png.rename(png.with_name("a b.png"))
        relative = f"{spaced.parent.name}\\a b.png"
        for source in (spaced.as_uri(), f"file://localhost{spaced.as_uri()[7:]}", "~/a b.png", relative):
            check_rgb(decode_image(source), rgb)

    def test_modelscope_key_comes_first(self, png, rgb):
        check_rgb(decode_image({"image": "elsewhere.png", "InputImage:FILE": png}), rgb)

    def test_input_is_neither_changed_nor_shared(self, rgb):
        for source in (rgb, Image.fromarray(rgb)):
            before = np.array(source)
            decode_image(source)[...] = 0
            np.testing.assert_array_equal(np.array(source), before)

    @given(
        hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=9).map(lambda s: (*s, 3)))
    )
    def test_any_lossless_image(self, pixels):
        for image_format in ("PNG", "BMP", "TIFF", "PPM"):
            row = {"image": {"bytes": encode(Image.fromarray(pixels), image_format), "path": None}}
            check_rgb(decode_image(row), pixels)


class TestArrays:
    def test_grey(self):
        grey = noise(channels=0)
        expected = np.stack([grey] * 3, axis=2)
        check_rgb(decode_image(grey), expected)
        check_rgb(decode_image(grey[..., None]), expected)

    def test_bgra_loses_alpha(self):
        bgra = noise(channels=4)
        check_rgb(decode_image(bgra), bgra[..., [2, 1, 0]])

    def test_odd_memory_layouts(self, rgb):
        check_rgb(decode_image(rgb[::-1, ::-2]), rgb[::-1, ::-2, ::-1])
        check_rgb(decode_image(np.asfortranarray(rgb)), rgb[..., ::-1])
        check_rgb(decode_image(rgb.transpose(1, 0, 2)), rgb.transpose(1, 0, 2)[..., ::-1])

    def test_matrix(self):
        grey = noise(channels=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            check_rgb(decode_image(np.matrix(grey)), np.stack([grey] * 3, axis=2))

    @pytest.mark.parametrize(
        ("array", "message"),
        [
            (np.zeros((4, 4, 3), np.float32), r"float32.*expected uint8.*clip"),
            (np.full((4, 4, 3), np.nan), "NaN"),
            (np.full((4, 4, 3), np.nan, np.float16), "NaN"),
            (np.zeros((4, 4, 3), np.uint16), ">> 8"),
            (np.zeros((4, 4, 3), np.int64), "int64.*clip"),
            (np.zeros((4, 4), bool), r"\* 255"),
            (np.zeros((4, 4, 3), complex), "complex128"),
            (np.full((4, 4), None), "object"),
            (np.zeros((3, 40, 40), np.uint8), r"transpose\(1, 2, 0\)"),
            (np.zeros((40, 40, 2), np.uint8), r"\(40, 40, 2\)"),
            (np.zeros((1, 40, 40, 3), np.uint8), r"\(1, 40, 40, 3\)"),
            (np.zeros(40, np.uint8), r"\(40,\)"),
            (np.array(7, np.uint8), r"shape \(\)"),
            (np.zeros((0, 5, 3), np.uint8), "5 × 0 pixels"),
            (np.zeros((5, 0), np.uint8), "0 × 5 pixels"),
            (np.zeros((5, 1, 3), np.uint8), "1 × 5 pixels.*at least 2 × 2"),
            (np.zeros((1, 5, 3), np.uint8), "5 × 1 pixels"),
            (np.broadcast_to(np.uint8(0), (20_000, 10_000, 3)), "200 megapixels.*at most 80"),
        ],
        ids=lambda value: f"{value.dtype}{value.shape}" if isinstance(value, np.ndarray) else "",
    )
    def test_unusable(self, array, message):
        with pytest.raises(ImageError, match=message):
            decode_image(array)


class TestPilModes:
    @pytest.mark.parametrize(
        "mode", ["1", "L", "LA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB", "P", "PA", "RGBa"]
    )
    def test_every_mode_is_read(self, mode):
        image = Image.fromarray(noise()).convert("P" if mode in ("P", "PA") else "RGBA" if mode == "RGBa" else "RGB")
        decoded = decode_image(image.convert(mode))
        check_rgb(decoded)
        assert decoded.shape == (12, 17, 3)
        assert decoded.std() > 20  # a picture, not a blank

    def test_alpha_is_dropped_not_blended(self):
        rgba = noise(channels=4)
        check_rgb(decode_image(Image.fromarray(rgba)), rgba[..., :3])

    @pytest.mark.parametrize("transparency", [None, 1, bytes([255, 0, 128])])
    def test_palette(self, tmp_path, transparency):
        indices = np.arange(24, dtype=np.uint8).reshape(4, 6) % 3
        colors = np.array([[10, 20, 30], [200, 100, 0], [0, 255, 7]], np.uint8)
        image = Image.fromarray(indices).convert("P")
        image.putpalette(colors.tobytes())
        path = tmp_path / "palette.png"
        image.save(path, **({} if transparency is None else {"transparency": transparency}))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_rgb(decode_image(path), colors[indices])
            check_rgb(decode_image(Image.open(path)), colors[indices])

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
    def test_png_files_read_as_opencv_reads_them(self, tmp_path, mode):
        image = Image.fromarray(noise())
        path = tmp_path / "image.png"
        if mode == "I;16":
            image = Image.fromarray(np.arange(0, 65536, 321, dtype=np.uint16)[:204].reshape(12, 17))
        image.convert(mode).save(path)
        check_rgb(decode_image(path), cv2.imread(str(path))[..., ::-1])

    @pytest.mark.parametrize("suffix", ["png", "tiff"])
    def test_16_bit_grey_keeps_the_high_byte(self, tmp_path, suffix):
        values = np.linspace(0, 65535, 60).astype(np.uint16).reshape(6, 10)
        expected = np.stack([(values >> 8).astype(np.uint8)] * 3, axis=2)
        path = tmp_path / f"grey.{suffix}"
        Image.fromarray(values).save(path)
        check_rgb(decode_image(path), expected)
        check_rgb(decode_image(Image.open(path)), expected)
        check_rgb(decode_image(Image.frombytes("I;16B", (10, 6), values.astype(">u2").tobytes())), expected)
        check_rgb(decode_image(Image.fromarray(values.astype(np.int32))), expected)

    def test_16_bit_colour_keeps_the_high_byte(self, tmp_path):
        values = np.linspace(0, 65535, 180).astype(np.uint16).reshape(6, 10, 3)
        cv2.imwrite(str(tmp_path / "colour.png"), values[..., ::-1])
        check_rgb(decode_image(tmp_path / "colour.png"), (values >> 8).astype(np.uint8))

    @pytest.mark.parametrize("value", [-1, 65536])
    def test_32_bit_values_are_refused(self, value):
        with pytest.raises(ImageError, match=f"{value}.*expected 16 bit"):
            decode_image(Image.new("I", (4, 4), value))

    @pytest.mark.parametrize("mode", ["F", "La"])
    def test_modes_without_a_fixed_range(self, mode):
        with pytest.raises(ImageError, match=mode):
            decode_image(Image.new(mode, (4, 4)))

    def test_float_file(self, tmp_path):
        Image.new("F", (4, 4), 0.5).save(tmp_path / "float.tiff")
        with pytest.raises(ImageError, match=r"float\.tiff: floating-point"):
            decode_image(tmp_path / "float.tiff")

    @pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0), (1, 5), (5, 1)])
    def test_too_small(self, size):
        with pytest.raises(ImageError, match=f"{size[0]} × {size[1]} pixels"):
            decode_image(Image.new("RGB", size))


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("image_format", ["PNG", "TIFF", "WEBP"])
    def test_files_and_pil_are_turned_upright_as_in_opencv(self, tmp_path, orientation, image_format):
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = tmp_path / f"turned.{image_format.lower()}"
        options = {"lossless": True} if image_format == "WEBP" else {}
        Image.fromarray(noise()).save(path, image_format, exif=exif, **options)
        decoded = decode_image(path)
        assert decoded.shape == ((17, 12, 3) if orientation > 4 else (12, 17, 3))
        check_rgb(decoded, decode_image(Image.open(path)))
        if image_format == "PNG":
            check_rgb(decoded, cv2.imread(str(path))[..., ::-1])

    def test_turning_by_hand(self, tmp_path, rgb):
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned a quarter clockwise
        Image.fromarray(rgb).save(tmp_path / "turned.png", exif=exif)
        check_rgb(decode_image(tmp_path / "turned.png"), np.rot90(rgb, -1))

    def test_16_bit(self, tmp_path):
        values = np.arange(60, dtype=np.uint16).reshape(6, 10) << 8
        exif = Image.Exif()
        exif[0x0112] = 8
        Image.fromarray(values).save(tmp_path / "turned.png", exif=exif)
        check_rgb(
            decode_image(tmp_path / "turned.png")[..., 0:1].repeat(3, 2), np.rot90(values >> 8)[..., None].repeat(3, 2)
        )

    def test_damaged_exif_leaves_the_pixels_readable(self, tmp_path, rgb):
        good = Image.Exif()
        good[0x0112] = 6
        block = good.tobytes()
        for end in range(6, len(block)):
            damaged = block[:end] + b"\xff" * 4
            row = {"image": {"bytes": encode(Image.fromarray(rgb), "PNG", exif=damaged)}}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert decode_image(row).size == rgb.size


class TestFiles:
    @pytest.mark.parametrize("image_format", ["GIF", "PNG", "TIFF", "WEBP"])
    def test_first_frame_of_many(self, tmp_path, image_format):
        frames = [Image.new("RGB", (8, 6), color) for color in ("red", "lime", "blue")]
        path = tmp_path / "frames"
        frames[0].save(path, image_format, save_all=True, append_images=frames[1:])
        assert np.abs(decode_image(path).astype(int) - (255, 0, 0)).max() < 5

    @pytest.mark.parametrize("image_format", ["AVIF", "JPEG", "JPEG2000", "MPO", "WEBP"])
    def test_lossy_formats(self, tmp_path, image_format):
        path = tmp_path / "photo"
        image = Image.open(CHELSEA).convert("RGB")
        image.save(path, image_format)
        check_rgb(decode_image(path))
        assert np.abs(decode_image(path).astype(int) - np.asarray(image)).mean() < 8

    def test_cmyk_jpeg(self, tmp_path):
        image = Image.open(CHELSEA).convert("CMYK")
        image.save(tmp_path / "cmyk.jpg", quality=95)
        expected = cv2.imread(str(tmp_path / "cmyk.jpg"))[..., ::-1].astype(int)
        assert np.abs(decode_image(tmp_path / "cmyk.jpg") - expected).mean() < 2

    def test_formats_that_start_programs_stay_closed(self, tmp_path):
        Image.new("RGB", (8, 8)).save(tmp_path / "image.eps")
        with pytest.raises(ImageError, match="not an image in a known format"):
            decode_image(tmp_path / "image.eps")

    def test_missing(self, tmp_path):
        with pytest.raises(ImageError, match=r"none\.png: no such file"):
            decode_image(tmp_path / "none.png")

    def test_folder(self, tmp_path):
        with pytest.raises(ImageError, match="a folder"):
            decode_image(tmp_path)

    def test_empty(self, tmp_path):
        (tmp_path / "empty.jpg").touch()
        with pytest.raises(ImageError, match=r"empty\.jpg: empty"):
            decode_image(tmp_path / "empty.jpg")

    def test_text(self, tmp_path):
        (tmp_path / "page.png").write_text("<html>Not here</html>")
        with pytest.raises(ImageError, match=r"page\.png: not an image.* It is a web page"):
            decode_image(tmp_path / "page.png")

    def test_pipes_are_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ImageError, match="no such file"):
            decode_image(tmp_path / "pipe")

    @pytest.mark.parametrize(
        "name", ["nul\0byte.png", "x" * 5000, "\udc80.png", "", "ftp://host/cat.png", "http:/cat.png"]
    )
    def test_impossible_names(self, name):
        with pytest.raises(ImageError) as caught:
            decode_image(name)
        message = str(caught.value)
        assert len(message) < 400
        message.encode()  # can be printed
        assert ("Only http" in message) == name.startswith("ftp")

    def test_one_pixel_wide(self, tmp_path):
        Image.new("RGB", (1, 9)).save(tmp_path / "thin.png")
        with pytest.raises(ImageError, match=r"thin\.png: 1 × 9 pixels"):
            decode_image(tmp_path / "thin.png")

    def test_smallest(self, tmp_path):
        check_rgb(decode_image(Image.new("RGB", (2, 2))))

    @pytest.mark.parametrize("image_format", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
    def test_every_truncation_is_an_image_or_an_image_error(self, image_format):
        data = encode(Image.fromarray(noise(60, 40)), image_format)
        ends = {*range(min(len(data), 400)), *range(400, len(data), 61), *range(len(data) - 40, len(data))}
        refused = [end for end in ends if not readable(data[:end])]
        assert len(refused) > 100

    def test_truncated_pil_image(self, png):
        image = Image.open(io.BytesIO(png.read_bytes()[:200]))
        with pytest.raises(ImageError, match="PIL image of mode RGB: cannot be read"):
            decode_image(image)

    @settings(max_examples=200)
    @given(st.data())
    def test_damaged_bytes_are_an_image_or_an_image_error(self, data):
        image_format = data.draw(
            st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "JPEG2000", "AVIF"])
        )
        content = bytearray(SAMPLES[image_format])
        for _ in range(data.draw(st.integers(1, 6))):
            content[data.draw(st.integers(0, min(len(content) - 1, 200)))] = data.draw(st.integers(0, 255))
        readable(bytes(content))


SAMPLES = {
    name: encode(Image.fromarray(noise(20, 20)), name)
    for name in ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "JPEG2000", "AVIF"]
}


class TestSizes:
    def bilevel_png(self, path, width, height):
        """A valid file of kilobytes, whatever its size in pixels."""
        Image.new("1", (width, height)).save(path, optimize=True)
        return path

    def test_50_megapixels_pass_without_a_warning(self, tmp_path):
        path = self.bilevel_png(tmp_path / "large.png", 8660, 5774)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert decode_image(path).shape == (5774, 8660, 3)

    @pytest.mark.parametrize(("width", "height"), [(10_000, 8_001), (13_000, 8_000), (20_000, 10_000)])
    @pytest.mark.parametrize("action", ["ignore", "error"])
    def test_more_than_the_limit_is_refused_from_the_header(self, tmp_path, width, height, action, monkeypatch):
        path = self.bilevel_png(tmp_path / "bomb.png", width, height)
        monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("decoded"))
        with warnings.catch_warnings():
            warnings.simplefilter(action)
            with pytest.raises(ImageError, match=r"bomb\.png: .*80"):
                decode_image(path)

    def test_header_that_promises_too_much(self):
        data = bytearray(SAMPLES["BMP"])
        data[18:26] = (60_000).to_bytes(4, "little") * 2
        with pytest.raises(ImageError, match="80 megapixels"):
            decode_image({"image": {"bytes": bytes(data)}})

    def test_pil(self):
        with pytest.raises(ImageError, match="megapixels"):
            decode_image(Image.new("1", (MAX_PIXELS // 8000 + 1, 8000)))

    def test_pillow_is_left_as_it_was(self, png):
        before = Image.MAX_IMAGE_PIXELS
        decode_image(png)
        assert before == Image.MAX_IMAGE_PIXELS


class TestOtherTypes:
    @pytest.mark.parametrize(
        "source",
        [None, 3, 0.5, [[1, 2]], (), object()],
        ids=lambda source: type(source).__name__,
    )
    def test_types(self, source):
        with pytest.raises(ImageError, match=f"{type(source).__name__} is not accepted; expected a path, an http"):
            decode_image(source)

    def test_tensor(self):
        torch = pytest.importorskip("torch")
        with pytest.raises(ImageError, match="Tensor is not accepted"):
            decode_image(torch.zeros(3, 4, 4))

    def test_row_without_an_image(self):
        with pytest.raises(ImageError, match=re.escape("keys found: 'img', 'label'")):
            decode_image({"img": "a.png", "label": 1})
        with pytest.raises(ImageError, match="keys found: none"):
            decode_image({})

    def test_streams(self, png, rgb):
        class Stream(io.RawIOBase):  # a body from the network: it cannot be rewound
            name = 7

            def __init__(self, content):
                self._content = io.BytesIO(content)

            def readable(self):
                return True

            def readinto(self, buffer):
                return self._content.readinto(buffer)

        check_rgb(decode_image(io.BufferedReader(Stream(png.read_bytes()))), rgb)
        with pytest.raises(ImageError, match="StringIO: open for reading text; open it for reading bytes"):
            decode_image(io.StringIO("x"))
        with png.open("rb") as file:
            pass
        with pytest.raises(ImageError, match=r"noise\.png: cannot be read as an image: .*closed"):
            decode_image(file)

    def test_contents_are_limited(self, png, monkeypatch):
        monkeypatch.setattr("modelscope_swinpan.images.decode.MAX_BYTES", 100)
        with Path("/dev/zero").open("rb") as endless, pytest.raises(ImageError, match=r"/dev/zero: larger than"):
            decode_image(endless)

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            (b"", "bytes of length 0: empty"),
            (b"\x89PNG", "bytes of length 4: not an image"),
            (io.BytesIO(b"x"), "BytesIO: not an image"),
            (np.zeros((2, 8, 8, 3), np.uint8), r"\(2, 8, 8, 3\).*Pass several images as a list: list\(array\)"),
        ],
    )
    def test_contents_that_are_no_image(self, source, message):
        with pytest.raises(ImageError, match=message):
            decode_image(source)

    @pytest.mark.parametrize("value", [{"image": "a.png"}, {"bytes": None, "path": None}, {}])
    def test_rows_do_not_nest(self, value):
        with pytest.raises(ImageError, match="neither 'bytes' nor 'path'"):
            decode_image({"image": value})

    def test_row_of_nothing(self):
        with pytest.raises(ImageError, match="NoneType"):
            decode_image({"image": None})


def test_what_is_several_images(png, rgb):
    for one in ("a.png", png, b"", bytearray(), io.BytesIO(), {"image": 1}, rgb, Image.fromarray(rgb), None, 3):
        assert several_images(one) is None
    with png.open("rb") as file:
        assert several_images(file) is None
    paths = np.array(["a.png", "b.png"])
    assert several_images(paths) == several_images(paths.astype(object)) == ["a.png", "b.png"]
    for several in ([], (), (x for x in "ab"), iter([]), {1}, map(str, [])):
        assert several_images(several) is several
