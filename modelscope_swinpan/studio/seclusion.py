"""Keeps the page from asking other hosts for anything: it works without a network, and tells nobody of visits."""

import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'"
"""Content security policy. Gradio writes scripts and styles into its page, and compiles the components' own."""

_FOREIGN = re.compile(rb'<link\s+rel="preconnect"[^>]*>|<script\s+src="https?://[^>]*>\s*</script>')


class Seclusion:
    """ASGI middleware that takes foreign scripts and connections out of Gradio's page, and forbids any others.

    Gradio names a script that resizes frames, and hosts of fonts that our theme does not use.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_page = False

        async def send_secluded(message: Message) -> None:
            nonlocal is_page
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                is_page = headers.get("Content-Type", "").startswith("text/html")
                if is_page:
                    del headers["Content-Length"]
            elif is_page and message["type"] == "http.response.body":
                message["body"] = _FOREIGN.sub(b"", message["body"])
            await send(message)

        await self._app(scope, receive, send_secluded)
