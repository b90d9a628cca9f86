"""EasyCV's checkpoints, the form of the hub's R50 model: mmdetection's backbone, the authors' head."""

from .detectron2 import pixel_decoder, predictor
from .registry import Dialect

EASYCV = Dialect(
    name="easycv",
    title="EasyCV",
    rules=(*pixel_decoder("head.pixel_decoder."), *predictor("head.predictor.")),
)
