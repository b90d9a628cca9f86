"""Serve the page. Visitors' files are kept in a private folder for a limited time, and no other files are served."""

import contextlib
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import gradio as gr
import uvicorn
from fastapi import FastAPI
from gradio import route_utils
from starlette.middleware import Middleware

from ..inference.predictor import Predictor
from ..plugin.opening import open_predictor
from ..serving.connections import Connection
from ..serving.listening import ended_by_signals, listen, url
from .content_security import ContentSecurityPolicy
from .page import build
from .texts import MAX_MEGABYTES, i18n, script
from .theme import theme
from .visitors import MAX_VISITORS, Quota, VisitorLimits

HOST, PORT = "127.0.0.1", 7860
MAX_WAITING = 32
"""How many photos may wait for the model. Further ones are refused."""


def launch(model: str | Path, *, host: str | None = None, port: int | None = None) -> None:
    """Serve the page for a model directory, a checkpoint, a hub id, 'embedded', or what ``swinpan export`` wrote.

    The ``app.py`` of a ModelScope studio calls this function. For ``host`` and ``port`` see :func:`run`.

    Raises:
        SwinPanError: the model cannot be downloaded or used, or the server cannot listen at the host and port.
    """
    run(open_predictor(model), host=host, port=port)


def run(predictor: Predictor, *, host: str | None = None, port: int | None = None) -> None:
    """Serve the page until the process is interrupted or terminated.

    Args:
        predictor: Segments the photos.
        host: The address to listen at. By default the environment variable GRADIO_SERVER_NAME, which studios set, or
            :data:`HOST`, which only this machine can reach.
        port: The port to listen at; 0 takes any free one. By default GRADIO_SERVER_PORT or :data:`PORT`.

    Raises:
        ConfigError: the server cannot listen at this host and port.
    """
    with ended_by_signals() as quiet, _server(predictor, host, port) as (server, listener):
        with contextlib.suppress(KeyboardInterrupt):
            sys.stdout.write(f"The page is at {url(listener)}\n")
            sys.stdout.flush()
            server.run([listener])
        quiet()


@contextlib.contextmanager
def serve(predictor: Predictor, *, host: str | None = None, port: int | None = None) -> Iterator[str]:
    """Serve the page in a thread, and yield its address. For the options see :func:`run`.

    Raises:
        ConfigError: the server cannot listen at this host and port.
    """
    with _server(predictor, host, port) as (server, listener):
        thread = threading.Thread(target=server.run, args=([listener],), name="swinpan-studio")
        thread.start()
        try:
            yield url(listener)
        finally:
            server.handle_exit(signal.SIGTERM, None)
            thread.join()


@contextlib.contextmanager
def _server(predictor: Predictor, host: str | None, port: int | None) -> Iterator[tuple[uvicorn.Server, socket.socket]]:
    host = host or os.environ.get("GRADIO_SERVER_NAME") or HOST
    chosen = os.environ.get("GRADIO_SERVER_PORT", PORT) if port is None else port
    with listen(host, chosen) as listener, _private_folder() as folder:
        quota = Quota()
        page = build(predictor, folder, quota)
        page.queue(max_size=MAX_WAITING)
        page.state_session_capacity = MAX_VISITORS
        app = gr.mount_gradio_app(
            FastAPI(openapi_url=None),
            page,
            path="/",
            footer_links=[],
            app_kwargs={
                "middleware": [Middleware(VisitorLimits, quota), Middleware(ContentSecurityPolicy, script=script())]
            },
            show_error=False,
            max_file_size=f"{MAX_MEGABYTES}mb",
            ssr_mode=False,
            enable_monitoring=False,
            i18n=i18n(),
            theme=theme(),
            css_paths=Path(__file__).with_name("studio.css"),
        )
        page.has_launched = True  # otherwise Gradio accepts any path of this machine as an upload
        config = uvicorn.Config(app, http=Connection, log_level="error", timeout_graceful_shutdown=1)
        yield _Server(config), listener


class _Server(uvicorn.Server):
    """A server that stops without waiting for open pages and without logging errors about them."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        super().handle_exit(sig, frame)


def _upload(folder: Path, **options: Any) -> Any:
    """A temporary file that is removed if it cannot be written."""
    file: Any = tempfile.NamedTemporaryFile(**{**options, "dir": folder})  # noqa: SIM115 (Gradio closes it)

    def write(data: bytes, write: Callable[[bytes], int] = file.write) -> int:
        try:
            return write(data)
        except OSError:
            with contextlib.suppress(OSError):  # what is still to be written
                file.close()
            Path(file.name).unlink(missing_ok=True)
            raise

    file.write = write
    return file


@contextlib.contextmanager
def _private_folder() -> Iterator[Path]:
    """Make Gradio keep uploads and downloads in a private folder, not in the one that all Gradio pages share.

    Uploads on their way Gradio keeps among all programs' temporary files, and forgets those that are broken off, also
    for lack of room: these go at once.
    """
    former = os.environ.get("GRADIO_TEMP_DIR")
    with tempfile.TemporaryDirectory(prefix="swinpan-studio-", dir=former) as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        route_utils.NamedTemporaryFile = partial(_upload, Path(folder))
        try:
            yield Path(folder)
        finally:
            route_utils.NamedTemporaryFile = tempfile.NamedTemporaryFile
            if former is None:
                del os.environ["GRADIO_TEMP_DIR"]
            else:
                os.environ["GRADIO_TEMP_DIR"] = former
