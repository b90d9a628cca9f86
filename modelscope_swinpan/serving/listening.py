"""Where a server listens, and what ends it."""

import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from ..errors import ConfigError

ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name)]
"""Signals that end the server. Windows lacks the last two."""


def listen(host: str, port: int | str) -> socket.socket:
    """A socket that listens at the host and port; port 0 is any free one, and '::' stands for IPv4, too.

    Raises:
        ConfigError: it cannot, or the host is empty, which sockets take for all addresses of this machine.
    """
    if not host:
        raise ConfigError("Cannot listen at an empty host. Name an address, such as 127.0.0.1; 0.0.0.0 is all.")
    both = host == "::" and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, int(port)), family=family, dualstack_ipv6=both)
    except (OSError, OverflowError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error).partition(" (while ")[0]  # it would repeat the place
        raise ConfigError(f"Cannot listen at host {host}, port {port}: {reason}. Choose another.") from None


def url(listener: socket.socket) -> str:
    """The address of a listening socket, as a browser on this machine takes it."""
    host, port, *_ = listener.getsockname()
    shown = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}/"


@contextlib.contextmanager
def ended_by_signals() -> Iterator[Callable[[], None]]:
    """Have all signals of :data:`ENDING` raise KeyboardInterrupt, so that nothing is left behind.

    Yields a function: after its call they do nothing. Signals that were ignored before, as by nohup, stay ignored.
    """

    def end(number: int, frame: FrameType | None) -> None:
        if number in (signal.SIGINT, signal.SIGTERM):
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGTERM)  # which uvicorn takes while it runs

    former = {number: signal.getsignal(number) for number in ENDING}
    heeded = [number for number, handler in former.items() if handler != signal.SIG_IGN]

    def handle(handler: Any) -> None:
        for number in heeded:
            signal.signal(number, handler)

    handle(end)
    try:
        yield lambda: handle(signal.SIG_IGN)
    finally:
        for number in heeded:
            signal.signal(number, former[number])
