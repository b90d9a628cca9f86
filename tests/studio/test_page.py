import dataclasses
import os
import time
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from modelscope_swinpan.config import PreprocessConfig
from modelscope_swinpan.errors import DeviceError
from modelscope_swinpan.images.decode import decode_file
from modelscope_swinpan.inference.network import PanopticPredictor
from modelscope_swinpan.models.backbones.swin import swin_large
from modelscope_swinpan.scenes.compose import SCENE_CATEGORIES
from modelscope_swinpan.scenes.dataset import TRAINING_SEEDS
from modelscope_swinpan.studio.page import DOWNLOADS, EXAMPLE_SEEDS, Handlers, build
from modelscope_swinpan.studio.visitors import LIFETIME, Quota
from tests.builders import SMALL, random_model
from tests.full_disk import full_disk
from tests.studio.painted import STRANGE, PaintedPredictor, make_png

SOMEBODY = SimpleNamespace(client=SimpleNamespace(host="203.0.113.7"), headers={})


@pytest.fixture
def steps():
    """The progress that was told."""
    return []


@pytest.fixture
def progress(steps):
    return lambda part, desc: steps.append((part, desc))


def test_a_photo(tmp_path, progress, steps):
    answer, shown, upload = Handlers(PaintedPredictor(), tmp_path, Quota()).upload(
        make_png(60, 80), "cat.png", SOMEBODY, progress
    )
    assert {row["label"] for row in shown["segments"]} == {"sky", "grass", "car", STRANGE}
    assert answer.file_name == shown["name"] == "cat.png"
    assert upload is None
    assert [desc for _, desc in steps] == ["Reading the photo", "Segmenting", "Drawing"]
    assert steps == sorted(steps)


def test_a_real_model(tmp_path, progress):
    quick = PreprocessConfig(short_side=64, long_side=128)
    predictor = PanopticPredictor(random_model(dataclasses.replace(SMALL, preprocess=quick)))
    answer, shown, _ = Handlers(predictor, tmp_path, Quota()).upload(make_png(60, 80), "cat.png", SOMEBODY, progress)
    assert len(shown["segments"]) == len(answer.segments)


@pytest.mark.parametrize(
    ("photo", "message"),
    [
        (b"nothing of a picture", "cat.png: not an image in a known format"),
        (b"", "cat.png: empty"),
        (make_png(60, 80)[:200], "cat.png: cannot be read"),
        (make_png(1, 1), "at least 2 × 2"),
    ],
)
def test_a_broken_file_is_told_in_words(tmp_path, progress, photo, message):
    answer, shown, _ = Handlers(PaintedPredictor(), tmp_path, Quota()).upload(photo, "cat.png", SOMEBODY, progress)
    assert answer is None
    assert message in shown["problem"]
    assert str(tmp_path) not in shown["problem"]


def test_a_full_gpu_is_told_in_words(tmp_path, progress, monkeypatch):
    def full(*_):
        raise DeviceError("cuda:0 ran out of memory")

    predictor = PaintedPredictor()
    monkeypatch.setattr(predictor, "predict", full)
    _, shown, _ = Handlers(predictor, tmp_path, Quota()).upload(make_png(60, 80), "cat.png", SOMEBODY, progress)
    assert shown == {"problem": "cuda:0 ran out of memory"}


def test_files_lie_in_the_folder(tmp_path, progress):
    handlers = Handlers(PaintedPredictor(), tmp_path, Quota())
    answer, _, _ = handlers.upload(make_png(60, 80), "../cat.png", SOMEBODY, progress)
    files = [handlers.downloader(title)(answer, ["Things"], 0.5, SOMEBODY) for title in DOWNLOADS]
    assert [file.rsplit("/", 1)[1] for file in files] == ["cat-segments.png", "cat.json", "cat.png"]
    made = {tmp_path.joinpath(file) for file in files}
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {answer.photo, *made}


def test_photos_are_kept_once_and_for_an_hour(tmp_path, progress):
    handlers = Handlers(PaintedPredictor(), tmp_path, Quota())
    first, second, other = (
        handlers.upload(make_png(height, 80), f"{number}.png", SOMEBODY, progress)[0]
        for number, height in enumerate((60, 60, 70))
    )
    assert first.photo == second.photo != other.photo
    leftover = tmp_path / "tmp-of-a-broken-upload"
    leftover.write_bytes(b"half a photo")
    download = Path(handlers.downloader("coco_json")(first, ["Things"], 0, SOMEBODY))
    example = tmp_path / "1234" / "image.webp"  # as Gradio keeps the pictures of the page itself
    example.parent.mkdir()
    example.write_bytes(b"a scene")
    for path in (first.photo, leftover, download, example):
        os.utime(path, (0, time.time() - LIFETIME - 1))
    handlers.upload(make_png(80, 80), "later.png", SOMEBODY, progress)
    assert other.photo.exists()
    assert example.exists()
    assert not any(path.exists() for path in (first.photo, leftover, download))
    with pytest.raises(gr.Error, match="no longer has this photo"):
        handlers.downloader("picture")(first, ["Things"], 0, SOMEBODY)


def test_a_visitor_who_reads_chinese_is_told_in_chinese(tmp_path, progress, steps):
    reader = SimpleNamespace(client=SOMEBODY.client, headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"})
    handlers = Handlers(PaintedPredictor(), tmp_path, Quota(each=5_000))
    answer, _, _ = handlers.upload(make_png(60, 80), "cat.png", reader, progress)
    assert [desc for _, desc in steps] == ["正在读取照片", "正在分割", "正在绘制"]
    _, shown, _ = handlers.upload(b"", "cat.png", reader, progress)
    assert shown["problem"].startswith("无法处理这张照片：cat.png: empty")
    with pytest.raises(gr.Error, match="只保留 1 小时"):
        handlers.downloader("picture")(None, ["Things"], 0, reader)
    handlers.downloader("coco_json")(answer, ["Things"], 0, reader)
    with pytest.raises(gr.Error, match="请稍后再试"):
        handlers.downloader("coco_json")(answer, ["Things"], 0, reader)


def test_downloads_count_for_the_quota(tmp_path, progress):
    handlers = Handlers(PaintedPredictor(), tmp_path, Quota(each=12_000))
    answer, _, _ = handlers.upload(make_png(60, 80), "cat.png", SOMEBODY, progress)
    handlers.downloader("coco_json")(answer, ["Things"], 0, SOMEBODY)
    handlers.downloader("coco_json")(answer, ["Things"], 0, SOMEBODY)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(gr.Error, match=r"At most .* of each visitor are kept"):
        handlers.downloader("coco_json")(answer, ["Things"], 0, SOMEBODY)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("language", "told"), [("en", "The server has no room"), ("zh", "服务器放不下更多照片了")])
def test_a_full_disk_is_told_in_words(tmp_path, progress, caplog, language, told):
    handlers = Handlers(PaintedPredictor(), tmp_path, Quota())
    visitor = SimpleNamespace(client=SOMEBODY.client, headers={"accept-language": language})
    segmented, _, _ = handlers.upload(make_png(60, 80), "cat.png", visitor, progress)
    before = [path for path in sorted(tmp_path.rglob("*")) if path.is_file()]
    with full_disk(50):
        answer, shown, _ = handlers.upload(make_png(60, 81), "cat.png", visitor, progress)
        assert answer is None
        assert told in shown["problem"]
        for title in DOWNLOADS:
            with pytest.raises(gr.Error, match=told):
                handlers.downloader(title)(segmented, ["Things", "Stuff"], 0, visitor)
    assert len(caplog.messages) == 1 + len(DOWNLOADS)
    assert [path for path in sorted(tmp_path.rglob("*")) if path.is_file()] == before


def test_a_photo_that_is_gone_is_told_in_words(tmp_path):
    """Whether it has expired or made room: both are said."""
    handlers = Handlers(PaintedPredictor(), tmp_path, Quota())
    for title in DOWNLOADS:
        with pytest.raises(gr.Error, match=r"for 1 hour, and those of the last 64 visitors\. Segment it again"):
            handlers.downloader(title)(None, ["Things"], 0, SOMEBODY)


@pytest.mark.parametrize("categories", [SCENE_CATEGORIES, swin_large().categories])
def test_the_page_says_what_the_model_knows(tmp_path, categories):
    page = build(PaintedPredictor(swin_large(categories=categories)), tmp_path, Quota())
    texts = " ".join(str(getattr(block, "value", "")) for block in page.blocks.values())
    assert f"The {len(categories)} classes" in texts
    assert categories[-1].name in texts
    assert ("generated scenes" in texts) == (categories is SCENE_CATEGORIES)


def test_names_of_classes_are_no_html(tmp_path):
    page = build(PaintedPredictor(), tmp_path, Quota())
    texts = " ".join(str(getattr(block, "value", "")) for block in page.blocks.values())
    assert "<b>$" not in texts
    assert "&lt;b&gt;$" in texts


def test_examples_are_held_out_scenes(tmp_path):
    assert max(EXAMPLE_SEEDS) < TRAINING_SEEDS
    examples = Handlers(PaintedPredictor(), tmp_path, Quota()).examples
    assert len({content for _, content in examples}) == len(EXAMPLE_SEEDS)
    for name, content in examples:
        assert decode_file(content, name).shape == (256, 320, 3)
