"""Serving the page: what visitors bring is kept apart, for a while, and nothing else of this machine is shown."""

import contextlib
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import gradio as gr
import torch
import uvicorn
from fastapi import FastAPI
from starlette.middleware import Middleware

from ..checkpoints.load import load_model
from ..errors import ConfigError
from ..inference.predictor import PanopticPredictor, Predictor
from ..plugin.hub import resolve_model
from .look import WORDS, theme
from .page import build
from .seclusion import Seclusion

HOST, PORT = "127.0.0.1", 7860
MAX_UPLOAD = "32mb"
MAX_WAITING = 32
"""How many photos may wait for the model; others are turned away."""
MAX_SESSIONS = 64
"""How many visitors' photos are kept; the next one takes the place of whoever was away for longest."""


def launch(model: str | Path, *, host: str | None = None, port: int | None = None) -> None:
    """Serve the page for a model directory, a checkpoint or a ModelScope id, on a GPU if there is one.

    This is what a studio's ``app.py`` calls; :func:`run` tells the rest.

    Raises:
        SwinPanError: the model cannot be fetched or used, or there is no listening there.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    run(PanopticPredictor(load_model(resolve_model(model), device=device)), host=host, port=port)


def run(predictor: Predictor, *, host: str | None = None, port: int | None = None) -> None:
    """Serve the page until the process is interrupted or told to end.

    By default that is at GRADIO_SERVER_NAME and GRADIO_SERVER_PORT, as studios set them, or at :data:`PORT` of this
    machine alone. Port 0 is any free one.

    Raises:
        ConfigError: there is no listening at this host and port.
    """
    with _prepared(predictor, host, port) as (server, listener), contextlib.suppress(KeyboardInterrupt):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        sys.stdout.write(f"The page is at {_url(listener)}\n")
        sys.stdout.flush()
        server.run([listener])


@contextlib.contextmanager
def serve(predictor: Predictor, *, host: str | None = None, port: int | None = None) -> Iterator[str]:
    """Serve the page in a thread, and give its address; see :func:`run`.

    Raises:
        ConfigError: there is no listening at this host and port.
    """
    with _prepared(predictor, host, port) as (server, listener):
        thread = threading.Thread(target=server.run, args=([listener],), name="swinpan-studio")
        thread.start()
        try:
            yield _url(listener)
        finally:
            server.handle_exit(signal.SIGTERM, None)
            thread.join()


@contextlib.contextmanager
def _prepared(
    predictor: Predictor, host: str | None, port: int | None
) -> Iterator[tuple[uvicorn.Server, socket.socket]]:
    with _listen(host, port) as listener, _private_folder() as folder:
        page = build(predictor, folder)
        page.queue(max_size=MAX_WAITING)
        page.state_session_capacity = MAX_SESSIONS
        app = gr.mount_gradio_app(
            FastAPI(openapi_url=None),
            page,
            path="/",
            footer_links=[],
            app_kwargs={"middleware": [Middleware(Seclusion)]},
            show_error=False,
            max_file_size=MAX_UPLOAD,
            ssr_mode=False,
            enable_monitoring=False,
            i18n=WORDS,
            theme=theme(),
            css_paths=Path(__file__).with_name("studio.css"),
        )
        page.has_launched = True  # or else Gradio takes any path of this machine for an upload
        yield _Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)), listener


class _Server(uvicorn.Server):
    """Neither waits for pages that are still open when it is to end, nor complains of them."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        super().handle_exit(sig, frame)


def _listen(host: str | None, port: int | None) -> socket.socket:
    host = host or os.environ.get("GRADIO_SERVER_NAME", HOST)
    chosen = os.environ.get("GRADIO_SERVER_PORT", PORT) if port is None else port
    try:
        return socket.create_server((host, int(chosen)), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"Cannot listen at host {host}, port {chosen}: {reason}. Name another.") from None


def _url(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    shown = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}/"


@contextlib.contextmanager
def _private_folder() -> Iterator[Path]:
    """A folder for uploads and downloads, in place of the one that all Gradio pages of a machine share and serve."""
    former = os.environ.get("GRADIO_TEMP_DIR")
    with tempfile.TemporaryDirectory(prefix="swinpan-studio-", dir=former) as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        try:
            yield Path(folder)
        finally:
            if former is None:
                del os.environ["GRADIO_TEMP_DIR"]
            else:
                os.environ["GRADIO_TEMP_DIR"] = former
