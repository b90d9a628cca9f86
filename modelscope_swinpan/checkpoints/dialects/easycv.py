"""EasyCV's checkpoints, the form of the hub's R50 model: mmdetection's backbone, the authors' head."""

from .detectron2 import pixel_decoder, predictor
from .keymap import KeyMap
from .mmdet import RESNET

EASYCV = KeyMap((*RESNET, *pixel_decoder("head.pixel_decoder."), *predictor("head.predictor.")))
