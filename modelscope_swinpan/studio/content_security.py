"""Keep the page from contacting other hosts. So it works without the internet, and no third party learns of visits."""

import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'"
"""The content security policy. Gradio needs the two exceptions: its page has inline scripts, and it compiles others."""

_FOREIGN = re.compile(rb'<link\s+rel="preconnect"[^>]*>|<script\s+src="https?://[^>]*>\s*</script>')


class ContentSecurityPolicy:
    """ASGI middleware that removes foreign scripts and connections from Gradio's page and forbids all others.

    Gradio's page names a script that resizes frames, and hosts of fonts that our theme does not use. ``script`` is
    JavaScript to run before all of Gradio's.
    """

    def __init__(self, app: ASGIApp, script: str = "") -> None:
        self._app = app
        self._head = f"<head><script>{script}</script>".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_page = False

        async def send_cleaned(message: Message) -> None:
            nonlocal is_page
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                is_page = headers.get("Content-Type", "").startswith("text/html")
                if is_page:
                    del headers["Content-Length"]
            elif is_page and message["type"] == "http.response.body":
                message["body"] = _FOREIGN.sub(b"", message["body"]).replace(b"<head>", self._head, 1)
            await send(message)

        await self._app(scope, receive, send_cleaned)
