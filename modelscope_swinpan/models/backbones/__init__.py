"""Backbones: one file or folder each, with everything that is particular to it. To add one, register it here."""

from .registry import BACKBONES as BACKBONES
from .registry import Backbone as Backbone
from .registry import backbone_of as backbone_of
from .resnet import RESNET
from .swin import SWIN

for _backbone in (SWIN, RESNET):
    BACKBONES.register(_backbone)
