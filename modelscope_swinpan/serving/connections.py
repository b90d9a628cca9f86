"""Connections whose clients send nothing, or never the end of a request's headers: they are given up.

uvicorn keeps them for ever. A process may open a limited number of files, often 1,024: then nobody else reaches it.
"""

import asyncio
import itertools

from uvicorn.protocols.http.h11_impl import H11Protocol

from .patience import most_connections

HEAD_TIMEOUT = 30.0
"""How long, in seconds, a connection is kept without a request whose headers are complete."""

_TURNS = itertools.count()  # clocks are too coarse for the order: some systems' tick every 16 ms


class Connection(H11Protocol):
    """uvicorn's connection, cut when no request comes for :data:`HEAD_TIMEOUT`, or when many others come meanwhile."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio."""
        super().connection_made(transport)
        self._await_head()
        if len(self.connections) > most_connections():
            idle = [one for one in self.connections if isinstance(one, Connection) and one._is_idle()]
            min(idle, key=lambda one: one._turn)._cut()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """See uvicorn."""
        self._timer.cancel()
        if not self.transport.is_closing():
            self._await_head()
        super().on_response_complete()

    def _await_head(self) -> None:
        self._turn = next(_TURNS)
        self._timer = self.loop.call_later(HEAD_TIMEOUT, self._look)

    def _is_idle(self) -> bool:
        """Whether no request is being received or answered."""
        return self.cycle is None or self.cycle.response_complete or self.transport.is_closing()

    def _look(self) -> None:
        if self._is_idle():
            self._cut()

    def _cut(self) -> None:
        self.connections.discard(self)  # now: others may come before asyncio tells that it is gone
        self.transport.abort()
