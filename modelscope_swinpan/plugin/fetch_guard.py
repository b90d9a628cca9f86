"""Fetching for strangers: from the public internet, and nowhere near this machine."""

from typing import Any

import requests
from requests_hardened import Config, HTTPSession
from requests_hardened.ip_filter import InvalidIPAddress

from ..errors import ImageError


class PublicSession(HTTPSession):
    """A session that refuses loopback, private, link-local and multicast addresses, of redirects too.

    A host's name is resolved once: the address that is checked is the one that is connected to. Proxies and ``.netrc``
    are left out, as both lead to what the asker cannot reach, or shows who we are.
    """

    def __init__(self) -> None:
        # The filter's settings; redirects and timeouts are those of remote.fetch.
        super().__init__(
            Config(
                ip_filter_enable=True, ip_filter_allow_loopback_ips=False, never_redirect=False, default_timeout=None
            )
        )
        self.trust_env = False

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send one request, or follow one redirect.

        Raises:
            ImageError: the host's address is not public.
        """
        try:
            response: requests.Response = super().send(request, **options)
        except InvalidIPAddress:
            raise ImageError(
                f"{request.url}: not on the public internet; images are fetched from there alone."
            ) from None
        return response
