"""How long a server waits for slow clients: long while there is room, and briefly while others need it."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

TIMEOUT = 60.0
"""The longest time, in seconds, that a request may take to arrive, and its answer to be taken."""
PATIENCE = 5.0
"""How long, in seconds, it may take while others need the room."""
PIECE = 64 * 1024
"""Bytes of an answer that are sent at a time."""
MAX_CONNECTIONS = 1000
"""The most connections. Where files are scarce, it is half of the files that the process may open."""


def most_connections() -> int:
    """How many connections there may be in this process."""
    if sys.platform == "win32":  # it has no such limit
        return MAX_CONNECTIONS
    import resource

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if files == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, files // 2)


class Waits:
    """What waits for its client, the longest first."""

    def __init__(self) -> None:
        self._began: dict[anyio.CancelScope, float] = {}

    def __len__(self) -> int:
        return len(self._began)

    @contextmanager
    def wait(self) -> Iterator[anyio.CancelScope]:
        """A scope that is cancelled when the time is up, or by :meth:`cut`; then its ``cancelled_caught`` is true."""
        with anyio.move_on_after(TIMEOUT) as scope:
            self._began[scope] = time.monotonic()
            try:
                yield scope
            finally:
                del self._began[scope]

    def cut(self, *, seconds: float | None = None) -> bool:
        """Give up what waits longest, if it has waited :data:`PATIENCE` or ``seconds``. Returns whether it had."""
        latest = time.monotonic() - (PATIENCE if seconds is None else seconds)
        waiting = ((scope, began) for scope, began in self._began.items() if not scope.cancel_called)
        slow = next((scope for scope, began in waiting if began <= latest), None)
        if slow is not None:
            slow.cancel()
        return slow is not None


class PatientResponse(Response):
    """JSON that is sent piece by piece, as the client takes it, while it is one of the ``waits``.

    Sent at once, it would stay in memory for as long as the client keeps the connection. ``done`` is closed in the end.
    """

    media_type = "application/json"

    def __init__(self, content: bytes, waits: Waits, done: ExitStack) -> None:
        super().__init__(content)
        self._waits, self._done = waits, done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Starlette's call."""
        with self._done, suppress(asyncio.CancelledError), self._waits.wait():  # a second signal cancels
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            for start in range(0, len(self.body), PIECE):
                piece = bytes(self.body[start : start + PIECE])
                more = start + PIECE < len(self.body)
                await send({"type": "http.response.body", "body": piece, "more_body": more})
