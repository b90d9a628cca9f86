"""ModelScope's functions that draw masks, without mmdet, whoever imported them when."""

import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from . import isolated

ORDERS = {
    "ours first": """
        import modelscope_swinpan
        from modelscope.utils.cv.image_utils import panoptic_seg_masks_to_image, semantic_seg_masks_to_image
    """,
    "theirs first": """
        from modelscope.utils.cv.image_utils import panoptic_seg_masks_to_image, semantic_seg_masks_to_image
        import modelscope_swinpan
    """,
}


@pytest.mark.parametrize("order", ORDERS)
def test_masks_become_upstreams_colours(order: str, tmp_path: Path) -> None:
    from modelscope_swinpan.categories import COCO_PANOPTIC

    masks = [np.zeros((4, 6), np.int32) for _ in range(3)]
    masks[0][:2] = 1
    masks[1][1:3] = 1  # over the first, in its second row
    masks[2][3, 5] = 1

    panoptic, semantic, mmdet = isolated.call(_draw, textwrap.dedent(ORDERS[order]), masks, cwd=tmp_path)

    expected = np.zeros((4, 6, 3))
    expected[0] = COCO_PANOPTIC[0].color
    expected[1:3] = COCO_PANOPTIC[1].color
    expected[3, 5] = COCO_PANOPTIC[2].color
    for picture in (panoptic, semantic):
        assert picture.dtype == np.float64
        assert np.array_equal(picture, expected)
    assert not mmdet


def _draw(imports: str, masks: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The pictures, and whatever of mmdet was put in place to make them."""
    import sys

    names: dict[str, Any] = {}
    exec(imports, names)
    pictures = [names[f"{kind}_seg_masks_to_image"](masks) for kind in ("panoptic", "semantic")]
    return *pictures, [name for name in sys.modules if name.startswith("mmdet")]
