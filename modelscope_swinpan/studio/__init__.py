"""A web page around a predictor: a photo in, its segments to look at and to take away. It needs Gradio."""

from ..checkpoints.load import EMBEDDED as EMBEDDED
from .server import launch as launch
from .server import run as run
from .server import serve as serve
