"""CUDA graphs: launch the model's thousands of kernels as one, with a graph for each input shape.

We capture them ourselves and leave ``torch.compile(mode='reduce-overhead')`` alone, for three reasons. One graph holds
the whole model, whatever parts of it are compiled. The number of graphs and their memory are bounded. And threads share
them under a lock, whereas graphs of torch.compile belong to the thread that recorded them.
"""

from collections import OrderedDict
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from ..kernels.cache import lending
from ..models.mask2former import Mask2Former
from ..structures import Mask2FormerOutput

SHAPES = 32  # Graphs that are kept. Photos of all proportions have about as many padded sizes at the usual short side.
CAPTURING = Lock()
WARM_UPS = 3  # Runs before a capture. The first one compiles and chooses kernels, fills caches and sets up libraries.


class ReplayedModel:
    """A model on a GPU that answers by replaying graphs, one for each of the last :data:`SHAPES` input shapes.

    The first image of a shape takes several runs of the model. Each graph keeps its input and its output. All graphs
    share the memory for intermediate values, since one runs at a time. Calls from several threads and streams are safe.
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
        """The model's output for ``pixel_values`` (B, 3, H, W) float32, on the CPU or the model's GPU."""
        weight = next(self.model.parameters())
        with self._lock, torch.cuda.device(weight.device):
            place = weight.device, weight.dtype, weight.data_ptr()
            if place != self._place:  # graphs read the weights at their old address
                self._graphs.clear()
                self._place = place
                # Of a priority of its own: PyTorch gives one stream to several who ask for the usual priority.
                self._stream = torch.cuda.Stream(priority=-1)  # type: ignore[no-untyped-call]
                self._done = torch.cuda.Event()  # type: ignore[no-untyped-call]
            torch.cuda.current_stream().wait_event(self._done)
            graph = self._graphs.pop(pixel_values.shape, None)
            if graph is None:
                pool = next((known.pool for known in self._graphs.values()), None)  # that of none would be gone
                graph = Graph(self.model, pixel_values.to(weight.device, copy=True), pool, self._stream)
            self._graphs[pixel_values.shape] = graph
            if len(self._graphs) > SHAPES:  # A capture has waited for all replays: none reads the oldest one's input.
                self._graphs.popitem(last=False)
            try:
                return graph.replay(pixel_values)
            finally:  # also where memory for the output is missing: the graph runs already
                self._done.record()


class Graph:
    """The capture of a model for one input shape. It keeps ``pixel_values`` and later overwrites them.

    ``pool`` is another graph's, whose memory this one shares. Warm-ups and capture are on ``stream``: what libraries
    set up for a stream must not be part of the shared memory, which goes with the graphs.
    """

    def __init__(self, model: Mask2Former, pixel_values: Tensor, pool: Any, stream: torch.cuda.Stream) -> None:
        self._input = pixel_values
        self._graph = torch.cuda.CUDAGraph()
        stream.wait_stream(torch.cuda.current_stream())
        with lending() as self._lent, torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                model(self._input)
            # Meanwhile other threads may use the GPU, but not begin a capture: that waits for all work on it.
            capture = torch.cuda.graph(self._graph, pool=pool, stream=stream, capture_error_mode="thread_local")
            with CAPTURING, capture:
                self._output = model(self._input)

    @property
    def pool(self) -> Any:
        """The memory for intermediate values, for another graph to share."""
        return self._graph.pool()

    def replay(self, pixel_values: Tensor) -> Mask2FormerOutput:
        """The output for other values, in new memory."""
        self._input.copy_(pixel_values, non_blocking=True)
        self._graph.replay()
        return Mask2FormerOutput(self._output.class_logits.clone(), self._output.mask_logits.clone())
