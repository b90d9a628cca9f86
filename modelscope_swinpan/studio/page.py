"""The page: its layout, and the handlers of its events."""

import contextlib
import hashlib
import html
import io
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from ..categories import Category
from ..errors import SwinPanError
from ..files import write_atomic
from ..images.decode import decode_file
from ..images.encode import encode_png
from ..inference.predictor import Predictor
from ..scenes.compose import SCENE_CATEGORIES
from ..scenes.dataset import generate_scene
from .segmented_photo import KINDS, SegmentedPhoto
from .texts import LANGUAGES, MAX_MEGABYTES, both, label, texts_for
from .viewer import viewer_value
from .visitors import LIFETIME, MAX_VISITORS, Quota, is_full, visitor

TITLE = "swinpan studio"
EXAMPLE_SEEDS = (37, 15, 12, 19)
"""Seeds of the example pictures: held-out scenes of different places."""

DOWNLOADS = {
    "picture": ("-segments.png", SegmentedPhoto.overlay),
    "coco_json": (".json", SegmentedPhoto.coco_json),
    "coco_png": (".png", SegmentedPhoto.coco_png),
}
"""The downloads by the texts on their buttons: the end of the file's name, and the function that makes it."""

PROGRESS = gr.Progress()
"""Gradio reports progress through a handler's argument that has this default."""

_WITH_NAME = "(photo) => [photo, photo.orig_name]"
_FILTER = """(kinds, threshold) => {
  document.dispatchEvent(new CustomEvent("swinpan-filter", { detail: { kinds, threshold } }));
}"""
_FAILED = """() => {
  document.dispatchEvent(new CustomEvent("swinpan-failed"));
  return null;
}"""
"""Says so in ``viewer.js``, and empties the upload field."""
_SAVE = """(file) => {
  const link = document.createElement("a");
  link.href = file.url;
  link.download = file.orig_name;
  link.click();
}"""


def build(predictor: Predictor, folder: Path, quota: Quota) -> gr.Blocks:
    """Build the page for a predictor. Photos and downloads are written to ``folder``, as far as the ``quota`` goes.

    The server segments one photo at a time and makes the downloads. The browser shows and hides segments by itself, in
    ``viewer.js``.
    """
    handlers = Handlers(predictor, folder, quota)
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(LIFETIME // 6, LIFETIME)) as page:
        segmented = gr.State(time_to_live=LIFETIME)
        gr.HTML(_header(predictor.categories), elem_id="header")
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=260):
                photo = gr.File(type="binary", show_label=False, height=140, elem_id="photo")
                name = gr.Textbox(visible="hidden")
                examples = _gallery(handlers.examples)
            with gr.Column(scale=7, min_width=320):
                with gr.Row(elem_id="toolbar"):
                    kinds = gr.CheckboxGroup(KINDS, value=list(KINDS), label=label("show"), scale=3, min_width=215)
                    threshold = gr.Slider(
                        0, 1, value=0, step=0.01, label=label("minimum_score"), scale=3, min_width=215
                    )
                    file = gr.File(visible="hidden")
                    for title in DOWNLOADS:
                        button = gr.Button(f"↓ {label(title)}", size="md", min_width=90)
                        inputs = [segmented, kinds, threshold]
                        made = button.click(handlers.downloader(title), inputs, file, api_visibility="private")
                        made.success(None, file, js=_SAVE)
                viewer = _viewer()
        gr.HTML(_footer(predictor.categories), elem_id="footer")

        segmenting: dict[str, Any] = {
            "outputs": [segmented, viewer, photo],
            "show_progress_on": viewer,
            "concurrency_id": "model",
            "api_visibility": "private",
        }
        uploaded = photo.upload(handlers.upload, [photo, name], js=_WITH_NAME, **segmenting)
        picked = examples.select(handlers.pick, **segmenting)
        for job in (uploaded, picked):
            job.failure(None, None, photo, js=_FAILED)
        gr.on([kinds.change, threshold.change], None, [kinds, threshold], js=_FILTER)
    return page


class Handlers:
    """The server's handlers of the page's events."""

    def __init__(self, predictor: Predictor, folder: Path, quota: Quota) -> None:
        self.examples = [(f"scene-{seed}.png", encode_png(generate_scene(seed).image)) for seed in EXAMPLE_SEEDS]
        self._predictor = predictor
        self._model_thread = ThreadPoolExecutor(1, "swinpan-model")  # more threads would each start OpenMP threads
        self._folder = folder
        self._quota = quota

    def upload(
        self, photo: bytes, name: str | None, request: gr.Request, progress: gr.Progress = PROGRESS
    ) -> tuple[Any, ...]:
        """Segment an uploaded photo; see :meth:`segment`."""
        return self.segment(name or "photo", photo, texts_for(request.headers), progress)

    def pick(self, event: gr.SelectData, request: gr.Request, progress: gr.Progress = PROGRESS) -> tuple[Any, ...]:
        """Segment an example; see :meth:`segment`."""
        name, photo = self.examples[int(event.index)]
        return self.segment(name, photo, texts_for(request.headers), progress)

    def segment(self, name: str, photo: bytes, texts: dict[str, str], progress: gr.Progress) -> tuple[Any, ...]:
        """Returns the photo to keep, the value of the viewer, and None, which empties the upload field."""
        try:
            progress(0.1, desc=texts["reading"])
            image = decode_file(photo, name)
            progress(0.3, desc=texts["segmenting"])
            result = self._model_thread.submit(self._predictor.predict, [image]).result()[0].to_panoptic()
            progress(0.9, desc=texts["drawing"])
            return SegmentedPhoto.of(name, self._keep(photo), result), viewer_value(name, image, result), None
        except SwinPanError as error:
            reason = str(error)
        except OSError as error:
            if not is_full(error):
                raise
            reason = texts["server_full"]
        return None, {"problem": texts["problem"].format(reason=reason)}, None

    def downloader(self, title: str) -> Callable[..., str]:
        """The handler of a button: makes one of :data:`DOWNLOADS` of the selected segments, and returns its path."""
        suffix, make = DOWNLOADS[title]

        def download(  # Gradio finds out from the annotations that it wants the request
            segmented: SegmentedPhoto | None, kinds: Collection[str], threshold: float, request: gr.Request
        ) -> str:
            texts = texts_for(request.headers)
            try:
                if segmented is None:
                    raise FileNotFoundError
                content = make(segmented, kinds, threshold)
                if refusal := self._quota.take(visitor(request.client.host), len(content)):
                    raise gr.Error(self._quota.reason(refusal, texts), print_exception=False)
                return str(self._write(segmented.name + suffix, content))
            except FileNotFoundError:
                reason = texts["gone"].format(hours=LIFETIME // 3600, visitors=MAX_VISITORS)
            except OSError as error:
                if not is_full(error):
                    raise
                reason = texts["server_full"]
            raise gr.Error(reason, print_exception=False)

        return download

    def _write(self, name: str, content: bytes) -> Path:
        """Write a download to a file in a folder of its own."""
        downloads = self._folder / "downloads"
        downloads.mkdir(exist_ok=True)
        path = Path(tempfile.mkdtemp(dir=downloads), name)
        write_atomic(path, content)
        return path

    def _keep(self, photo: bytes) -> Path:
        """Write a photo to a file, one for all visitors who have the same, and remove what has expired."""
        for pattern in ("*", "photos/*", "downloads/*/*"):  # the first: uploads that were broken off
            for file in self._folder.glob(pattern):
                with contextlib.suppress(OSError):  # Gradio removes files too
                    if file.is_file() and file.stat().st_mtime < time.time() - LIFETIME:
                        file.unlink()
        path = self._folder / "photos" / hashlib.sha256(photo).hexdigest()
        path.parent.mkdir(exist_ok=True)
        write_atomic(path, photo)
        return path


def _gallery(examples: list[tuple[str, bytes]]) -> gr.Gallery:
    return gr.Gallery(
        [Image.open(io.BytesIO(png)) for _, png in examples],
        columns=2,
        allow_preview=False,
        interactive=False,
        container=False,
        show_label=False,
        buttons=[],
        elem_id="examples",
    )


def _viewer() -> gr.HTML:
    return gr.HTML(
        {},
        html_template='<div class="viewer"></div>',
        js_on_load=Path(__file__).with_name("viewer.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="viewer",
        texts=LANGUAGES,
        megabytes=MAX_MEGABYTES,
    )


def _header(categories: Sequence[Category]) -> str:
    remark = both("remark")
    if tuple(categories) == SCENE_CATEGORIES:
        remark += " " + both("scenes_only")
    return f'<p class="brand">{TITLE}</p><h1>{both("heading")}</h1><p>{remark}</p>'


def _footer(categories: Sequence[Category]) -> str:
    names = ", ".join(html.escape(category.name) for category in categories)
    return f"<details><summary>{both('classes', count=len(categories))}</summary><p>{names}</p></details>"
