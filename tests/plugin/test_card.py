"""The model card's two snippets (``card.md``) run as printed, below the one import line, with a hub on loopback."""

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from . import isolated
from .loopback import DATASET_ID, LoopbackHub

SNIPPETS = re.findall(
    r"```python\n(.*?)```", (Path(__file__).parent / "card.md").read_text(encoding="utf-8"), re.DOTALL
)
IMAGE_HOST = "https://modelscope.oss-cn-beijing.aliyuncs.com/test/images/"


def test_card_has_two_snippets() -> None:
    assert [DATASET_ID.split("/")[1] in snippet for snippet in SNIPPETS] == [False, True]
    assert IMAGE_HOST in SNIPPETS[0]


@pytest.mark.parametrize("snippet", SNIPPETS, ids=["image", "dataset"])
def test_snippet_runs_as_printed(
    snippet: str, hub: LoopbackHub, client_env: dict[str, str], photo: Path, segmentor: Any, tmp_path: Path
) -> None:
    hub.files = {"image_panoptic_segmentation.jpg": photo}
    program = f"import modelscope_swinpan\n{snippet}"

    labels = isolated.call(_run, program, hub.url, cwd=tmp_path, env={**client_env, "HF_HOME": str(tmp_path)})

    expected = segmentor(str(photo))
    assert labels == expected["labels"]
    assert "/files/image_panoptic_segmentation.jpg" in hub.requests
    picture = cv2.imread(str(tmp_path / "result.jpg"))
    assert picture.shape == (300, 451, 3)
    _check_colours(picture, expected["masks"])


def _run(program: str, url: str) -> list[str]:
    """Run the snippet; its image comes from the loopback hub in place of the host it names. Returns its labels."""
    import requests

    send = requests.adapters.HTTPAdapter.send

    def redirected(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        request.url = request.url.replace(IMAGE_HOST, f"{url}/files/")
        return send(self, request, *args, **kwargs)

    requests.adapters.HTTPAdapter.send = redirected
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(program, names)
    labels: list[str] = names["result"]["labels"]
    return labels


def _check_colours(picture: np.ndarray, masks: list[np.ndarray]) -> None:
    """Mask number i has the i-th colour of upstream's palette, its RGB written as if it were BGR, as upstream does."""
    from modelscope_swinpan.categories import COCO_PANOPTIC

    for index, mask in enumerate(masks):
        inside = cv2.erode(mask.astype(np.uint8), np.ones((9, 9))) > 0  # JPEG mixes colours at edges
        if inside.sum() > 500:
            assert np.abs(np.median(picture[inside], axis=0) - COCO_PANOPTIC[index].color).max() <= 8
    assert sum((cv2.erode(mask.astype(np.uint8), np.ones((9, 9))) > 0).sum() > 500 for mask in masks) >= 3
