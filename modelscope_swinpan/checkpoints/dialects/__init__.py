"""Dialects: the forms in which other packages save a Mask2Former, one file each. To add one, register it here."""

from .detectron2 import DETECTRON2
from .easycv import EASYCV
from .mmdet import MMDET2, MMDET3
from .native import NATIVE
from .registry import DIALECTS as DIALECTS
from .registry import Dialect as Dialect
from .registry import Notes as Notes
from .registry import Writer as Writer
from .registry import writable as writable
from .registry import writers as writers
from .transformers import TRANSFORMERS

for _dialect in (MMDET2, MMDET3, DETECTRON2, TRANSFORMERS, EASYCV, NATIVE):
    DIALECTS.register(_dialect)
