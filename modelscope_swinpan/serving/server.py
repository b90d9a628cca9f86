"""A server of ``/call``, whatever answers it."""

import contextlib
import socket
import sys
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import ConfigError
from ..inference.predictor import Predictor
from ..runs.registry import Job, check_processes, local_workers, ray_options
from .connections import Connection
from .endpoint import Endpoint, failure
from .limits import Limits
from .listening import ended_by_signals, url
from .model_thread import ModelThread
from .processes import Processes
from .ray_replicas import RayReplicas
from .segmenter import Answerer, Segmenter


def serve(engine: str, job: Job, listener: socket.socket) -> None:
    """Answer requests until the process is interrupted or terminated. Requests that it has by then are still answered.

    Args:
        engine: 'local' or 'ray'.
        job: The model, and the number of workers and what each of them gets.
        listener: Where requests come in.

    Raises:
        ConfigError: there is no such engine, an option is not for it, or a limit in the environment is unusable.
        SwinPanError: the model cannot be used.
    """
    if engine not in ENGINES:
        raise ConfigError(f"A server has one of the engines {', '.join(ENGINES)}; got {engine!r}.")
    limits = Limits.from_environment()
    with ended_by_signals(), contextlib.suppress(KeyboardInterrupt), ENGINES[engine](job, limits) as (answerer, number):
        endpoint = Endpoint(answerer, limits, workers=number)
        app = Starlette(
            routes=[Route("/call", endpoint.call, methods=["POST"]), Route("/health", _health)],
            exception_handlers={HTTPException: _nothing_here},
        )
        sys.stdout.write(f"Requests are answered at {url(listener)}call\n")
        sys.stdout.flush()
        with ended_by_signals():  # by now Ray may have handlers of its own
            config = uvicorn.Config(app, log_level="warning", http=Connection, ws="none", lifespan="off")
            uvicorn.Server(config).run([listener])


def local_answerer(predictor: Predictor, workers: int) -> Answerer:
    """What answers on this machine: this process, or several.

    Raises:
        ConfigError: several processes are asked for, and the predictor is on no CPU.
        DeviceError: a process does not start.
    """
    check_processes(workers, predictor.device)
    return ModelThread(Segmenter(predictor)) if workers == 1 else Processes(Segmenter(predictor), workers)


@contextlib.contextmanager
def _local(job: Job, limits: Limits) -> Iterator[tuple[Answerer, int]]:
    workers = local_workers(job) or limits.workers
    answerer = local_answerer(job.load(job.device), workers)
    try:
        yield answerer, workers
    finally:
        if isinstance(answerer, Processes):
            answerer.close()


@contextlib.contextmanager
def _ray(job: Job, limits: Limits) -> Iterator[tuple[Answerer, int]]:
    replicas = RayReplicas(**ray_options(job))
    with replicas.running() as answers:
        yield answers, replicas.workers[1]


ENGINES = {"local": _local, "ray": _ray}


def _nothing_here(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    return failure(error.status_code, f"{error.detail}. This server answers POST /call and GET /health.")


def _health(_: Request) -> Response:
    return JSONResponse({"Code": 200, "Success": True, "Message": "success", "Data": {}})
