"""CUDA graphs: the model's thousands of kernels, launched as one, for every input shape that comes.

Captured by hand rather than by ``torch.compile(mode='reduce-overhead')``: one graph is the whole model, whatever parts
of it are compiled; number and memory of graphs are bounded here; and a lock lets threads share them, where those of
torch.compile belong to the thread that recorded them.
"""

from collections import OrderedDict
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from ..kernels.cache import lending
from ..models.mask2former import Mask2Former
from ..structures import Mask2FormerOutput

SHAPES = 32
"""Shapes remembered: photos of all proportions, resized to the usual short side, make about as many padded sizes."""
CAPTURING = Lock()
WARM_UPS = 3
"""Runs before a capture: the first compiles and chooses kernels, fills caches and sets up libraries."""


class ReplayedModel:
    """A model on a GPU that answers by replaying graphs, one for each of the last :data:`SHAPES` input shapes.

    The first image of a shape takes some runs of the model. A graph keeps its input and its answer; memory for what
    lies between is shared by all of them, as one runs at a time. Calls from several threads and streams are safe.
    """

    def __init__(self, model: Mask2Former) -> None:
        self.model = model
        self._lock = Lock()
        self._graphs: OrderedDict[torch.Size, Graph] = OrderedDict()
        self._place: object = None

    def __reduce__(self) -> tuple[type["ReplayedModel"], tuple[Mask2Former]]:
        """A copy begins with no graphs: locks and graphs belong to this process."""
        return ReplayedModel, (self.model,)

    @torch.inference_mode()
    def __call__(self, pixel_values: Tensor) -> Mask2FormerOutput:
        """The model's answer for ``pixel_values`` (B, 3, H, W) float32, on the CPU or the model's own GPU."""
        weight = next(self.model.parameters())
        with self._lock, torch.cuda.device(weight.device):
            place = weight.device, weight.dtype, weight.data_ptr()
            if place != self._place:  # graphs read the weights where they were
                self._graphs.clear()
                self._place, self._pool = place, torch.cuda.graph_pool_handle()
                self._done = torch.cuda.Event()  # type: ignore[no-untyped-call]
            torch.cuda.current_stream().wait_event(self._done)
            graph = self._graphs.pop(pixel_values.shape, None)
            if graph is None:
                if len(self._graphs) == SHAPES:
                    self._graphs.popitem(last=False)
                graph = Graph(self.model, pixel_values.to(weight.device, copy=True), self._pool)
            self._graphs[pixel_values.shape] = graph
            output = graph.replay(pixel_values)
            self._done.record()
        return output


class Graph:
    """The capture of a model for one shape of input. It keeps ``pixel_values`` to put others in their place."""

    def __init__(self, model: Mask2Former, pixel_values: Tensor, pool: Any) -> None:
        self._input = pixel_values
        self._graph = torch.cuda.CUDAGraph()
        with lending() as self._lent:
            for _ in range(WARM_UPS):
                model(self._input)
            # Other threads may go on using the GPU meanwhile, but not begin a capture, which waits for all of it.
            with CAPTURING, torch.cuda.graph(self._graph, pool=pool, capture_error_mode="thread_local"):
                self._output = model(self._input)

    def replay(self, pixel_values: Tensor) -> Mask2FormerOutput:
        """The answer for other values, in memory of its own."""
        self._input.copy_(pixel_values, non_blocking=True)
        self._graph.replay()
        return Mask2FormerOutput(self._output.class_logits.clone(), self._output.mask_logits.clone())
