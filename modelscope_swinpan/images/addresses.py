"""Which IP addresses are on the public internet: a server fetches images for its clients from these alone."""

import ipaddress
import socket
import threading
from concurrent import futures
from typing import Any

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""The only IPv6 addresses that IANA has given out. Outside lie loopback, private, site-local (fec0::/10) and multicast
addresses, and those that hold an IPv4 address (::/96, ::ffff:0:0:0/96, 64:ff9b::/96)."""

_TUNNELS = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20")))
"""Global by their form. But they lead through a relay (Teredo, 6to4), or only older versions of Python call them so."""


LOOKUPS = 32
"""How many names may be looked up at a time. The system cannot be told to stop, so a lookup may outlive its wait."""
_free = threading.BoundedSemaphore(LOOKUPS)


def resolve(host: str, port: int, *, public_only: bool = False, seconds: float | None = None) -> list[str]:
    """The IP addresses of a host, all or the public ones. Other spellings of an address (0x7f000001) count as names.

    Raises:
        TimeoutError: the system does not answer within ``seconds``, or is busy with :data:`LOOKUPS` others.
        OSError: the name is not known.
    """
    found = [str(info[4][0]) for info in _look_up(host, port, seconds)]
    return [address for address in found if is_public(address)] if public_only else found


def _look_up(host: str, port: int, seconds: float | None) -> list[Any]:
    """The system's answer, which a thread waits for."""
    late = TimeoutError(f"the address of {host[:255]} was not found within {seconds or 0:.3g} s")
    if not _free.acquire(timeout=seconds):
        raise late
    answer: futures.Future[list[Any]] = futures.Future()

    def ask() -> None:
        try:
            answer.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:
            answer.set_exception(error)
        finally:
            _free.release()

    threading.Thread(target=ask, name="swinpan-lookup", daemon=True).start()
    if not futures.wait([answer], seconds).done:
        raise late
    return answer.result()


def is_public(address: str) -> bool:
    """Whether an IP address is that of one machine on the public internet, and is not another address in disguise."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip not in _GLOBAL_UNICAST:
            return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _TUNNELS)
