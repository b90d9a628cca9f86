"""The fetch guard: a server fetches images for its clients from the public internet only."""

from typing import Any

import requests
from requests_hardened import Config, HTTPSession
from requests_hardened.ip_filter import InvalidIPAddress

from ..errors import ImageError


class PublicSession(HTTPSession):
    """A session that refuses loopback, private, link-local and multicast addresses, also after a redirect.

    A host's name is resolved once, so the address that is checked is the one that is connected to. Proxies and
    ``.netrc`` are ignored: they would open hosts to the client that it cannot reach, or give away our credentials.
    """

    def __init__(self) -> None:
        # Only the filter's settings: images.fetch decides on redirects and timeouts.
        super().__init__(
            Config(
                ip_filter_enable=True, ip_filter_allow_loopback_ips=False, never_redirect=False, default_timeout=None
            )
        )
        self.trust_env = False

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send one request, or follow one redirect; an ImageError if the host's address is not public."""
        try:
            response: requests.Response = super().send(request, **options)
        except InvalidIPAddress:
            raise ImageError(
                f"{request.url}: not on the public internet. This server fetches images from nowhere else."
            ) from None
        return response
