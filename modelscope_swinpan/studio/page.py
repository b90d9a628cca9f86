"""The page: what stands where, and what follows on a click."""

import html
import io
import tempfile
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from ..categories import Category
from ..errors import SwinPanError
from ..images.decode import decode_file
from ..inference.predictor import Predictor
from ..scenes.layout import SCENE_CATEGORIES
from .answer import KINDS, Answer
from .examples import make_examples
from .view import view

TITLE = "swinpan studio"
KEPT = 3600
"""How many seconds a visitor's photo and downloads are kept."""

PROGRESS = gr.Progress()
"""As an argument's default, where Gradio looks for it: told how far the work is."""

_VIEWER = Path(__file__).with_name("viewer.js")
_HINT = "What the model sees appears here."
_EXPIRED = "This photo is no longer here: it was kept for an hour. Segment it again, please."

_WITH_NAME = "(photo) => [photo, photo.orig_name]"
_FILTER = """(kinds, threshold) => {
  document.dispatchEvent(new CustomEvent("swinpan-filter", { detail: { kinds, threshold } }));
}"""
_SAVE = """(file) => {
  const link = document.createElement("a");
  link.href = file.url;
  link.download = file.orig_name;
  link.click();
}"""


def build(predictor: Predictor, folder: Path) -> gr.Blocks:
    """The page for a predictor. Downloads are written to ``folder``.

    The browser alone shows and hides segments (``viewer.js``); the server is asked once for a photo's result, and for
    files. Photos go through the model one at a time.
    """
    desk = Desk(predictor, folder)
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(KEPT // 6, KEPT)) as page:
        answer = gr.State(time_to_live=KEPT)
        gr.HTML(_header(predictor.categories), elem_id="header")
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=260):
                photo = gr.File(type="binary", file_types=["image"], show_label=False, height=140, elem_id="photo")
                name = gr.Textbox(visible="hidden")
                examples = _gallery(desk.examples)
            with gr.Column(scale=7, min_width=320):
                with gr.Row(elem_id="toolbar"):
                    kinds = gr.CheckboxGroup(KINDS, value=list(KINDS), label="Show", scale=3, min_width=215)
                    threshold = gr.Slider(0, 1, value=0, step=0.01, label="Least score", scale=3, min_width=215)
                    file = gr.File(visible="hidden")
                    for title, make in (("Picture", desk.picture), ("COCO JSON", desk.json), ("COCO PNG", desk.png)):
                        button = gr.Button(f"↓ {title}", size="md", min_width=90)
                        made = button.click(make, [answer, kinds, threshold], file, api_visibility="private")
                        made.success(None, file, js=_SAVE)
                viewer = _viewer()
        gr.HTML(_footer(predictor.categories), elem_id="footer")

        segmenting: dict[str, Any] = {
            "outputs": [answer, viewer, photo],
            "show_progress_on": viewer,
            "concurrency_id": "model",
            "api_visibility": "private",
        }
        photo.upload(desk.upload, [photo, name], js=_WITH_NAME, **segmenting)
        examples.select(desk.pick, **segmenting)
        gr.on([kinds.change, threshold.change], None, [kinds, threshold], js=_FILTER)
    return page


class Desk:
    """What the server does upon the page's events."""

    def __init__(self, predictor: Predictor, folder: Path) -> None:
        self.examples = make_examples()
        self._predictor = predictor
        self._model_thread = ThreadPoolExecutor(1, "swinpan-model")  # one for all, as each would have OpenMP threads
        self._folder = folder

    def upload(self, photo: bytes, name: str | None, progress: gr.Progress = PROGRESS) -> tuple[Any, ...]:
        """Segment the visitor's photo; see :meth:`segment`."""
        return self.segment(name or "photo", photo, progress)

    def pick(self, event: gr.SelectData, progress: gr.Progress = PROGRESS) -> tuple[Any, ...]:
        """Segment an example; see :meth:`segment`."""
        name, photo = self.examples[int(event.index)]
        return self.segment(name, photo, progress)

    def segment(self, name: str, photo: bytes, progress: gr.Progress) -> tuple[Any, ...]:
        """The :class:`Answer` for the session, the viewer's value, and nothing, to make room for the next upload."""
        try:
            progress(0.1, desc="Reading the photo")
            image = decode_file(photo, name)
            progress(0.3, desc="Segmenting")
            result = self._model_thread.submit(self._predictor.predict, [image]).result()[0].to_panoptic()
            progress(0.9, desc="Drawing")
            return Answer.of(name, photo, result), view(name, image, result), None
        except SwinPanError as error:
            return None, {"message": str(error), "problem": True}, None

    def picture(self, answer: Answer | None, kinds: Collection[str], threshold: float) -> str:
        """A PNG file of the photo under the segments that are shown."""
        answer = _kept(answer)
        return self._file(f"{answer.name}-segments.png", answer.picture(kinds, threshold))

    def json(self, answer: Answer | None, kinds: Collection[str], threshold: float) -> str:
        """COCO's panoptic JSON of the segments that are shown."""
        answer = _kept(answer)
        return self._file(f"{answer.name}.json", answer.coco(kinds, threshold)[0])

    def png(self, answer: Answer | None, kinds: Collection[str], threshold: float) -> str:
        """The PNG that the JSON names."""
        answer = _kept(answer)
        return self._file(f"{answer.name}.png", answer.coco(kinds, threshold)[1])

    def _file(self, name: str, content: bytes) -> str:
        path = Path(tempfile.mkdtemp(dir=self._folder), name)
        path.write_bytes(content)
        return str(path)


def _kept(answer: Answer | None) -> Answer:
    if answer is None:
        raise gr.Error(_EXPIRED, print_exception=False)
    return answer


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
        {"message": _HINT},
        html_template='<div class="viewer"></div>',
        js_on_load=_VIEWER.read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="viewer",
    )


def _header(categories: Sequence[Category]) -> str:
    remark = "Things one by one, stuff as a whole: point at the picture to read what the model sees."
    if tuple(categories) == SCENE_CATEGORIES:
        remark += " This small model knows generated scenes like the examples; of photos it understands little."
    return f'<p class="brand">{TITLE}</p><h1>What is where, pixel by pixel.</h1><p>{remark}</p>'


def _footer(categories: Sequence[Category]) -> str:
    names = ", ".join(html.escape(category.name) for category in categories)
    return f"<details><summary>The {len(categories)} classes of this model</summary><p>{names}</p></details>"
