"""Python imports this first where the folder is on its path. It then reaches no other host, and keeps what it tried."""

import os
import sys

LOOPBACK = (None, "", "127.0.0.1", "0.0.0.0", "::1", "localhost")


def refuse_other_hosts(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # others are paths of sockets on this machine
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in LOOPBACK:
        with open(os.environ["GUARD_LOG"], "a") as log:  # noqa: PTH123 (no import that is not needed)
            log.write(f"{host}\n")
        raise PermissionError(f"{event}: {host} is another host.")


sys.addaudithook(refuse_other_hosts)
