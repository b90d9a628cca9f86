"""Options for the engine of a run: where the work is done, and by how many."""

import dataclasses
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from ..errors import ConfigError
from ..runs.registry import ENGINES, Job, build_engine
from .declare import ListedOption, option
from .options import ModelOptions

if TYPE_CHECKING:
    from ..inference.predictor import Predictor
    from ..runs.registry import Engine


@dataclasses.dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """The engine that does the work, and the resources of each of its workers."""

    engine: Annotated[str, ListedOption("--engine", ENGINES.values)] = "local"
    address: Annotated[
        str | None, option("ADDRESS", "A running Ray cluster, or auto.", "one is started on this machine")
    ] = None
    workers: Annotated[
        str | None,
        option(
            "N",
            "Number of processes on this machine's CPUs, or of Ray workers; for Ray also the least and the most, "
            "as in 1:8.",
            "on a CPU what its cores and memory allow; in Ray, and for serve, 1",
        ),
    ] = None
    cpus_per_worker: Annotated[
        float | None, option("N", "CPUs of each Ray worker; it computes with as many threads.", "1", min=0)
    ] = None
    gpus_per_worker: Annotated[
        float | None,
        option("N", "GPUs of each Ray worker. With 0.5 two share one; with 0 the CPU computes.", "0", min=0),
    ] = None

    def build(self, load: "Callable[[str | None], Predictor]", how: ModelOptions) -> "Engine":
        """The engine; ``load`` loads its predictor."""
        return build_engine(self.engine, self.job(load, how))

    def job(self, load: "Callable[[str | None], Predictor]", how: ModelOptions) -> Job:
        """What an engine is built for; ``load`` loads its predictor."""
        return Job(
            load=load,
            device=how.device,
            batch_size=how.batch_size,
            workers=None if self.workers is None else _read_workers(self.workers),
            cpus=self.cpus_per_worker,
            gpus=self.gpus_per_worker,
            address=self.address,
        )


def _read_workers(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d{0,4})(?::([1-9]\d{0,4}))?", text, re.ASCII)
    if not match:
        raise ConfigError(f"--workers must be a number or two, as in 1:8; got {text!r}.")
    least, most = int(match[1]), int(match[2] or match[1])
    if least > most:
        raise ConfigError(f"--workers: at least {least} and at most {most} is no range.")
    return least, most
