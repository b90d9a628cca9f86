"""A web page around a predictor: visitors upload a photo, explore its segments and download them. Needs Gradio."""

from ..checkpoints.load import EMBEDDED as EMBEDDED
from .server import launch as launch
from .server import run as run
from .server import serve as serve
