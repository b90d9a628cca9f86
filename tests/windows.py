"""Takes from the package, and from it alone, what Python lacks on Windows.

Other packages keep it: they ask which system they are on, and this is none.
"""

import builtins
import importlib
import os
import pkgutil
import signal
import sys
from types import ModuleType
from typing import Any

MODULES = {"curses", "fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
NAMES = {
    "os": {
        *("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_SYNC", "WNOHANG", "chown", "confstr", "ctermid"),
        *("eventfd", "fchmod", "fchown", "fdatasync", "fork", "forkpty", "getegid", "geteuid", "getgid", "getgroups"),
        *("getloadavg", "getpgid", "getpgrp", "getpriority", "getuid", "killpg", "lchown", "lockf", "memfd_create"),
        *("mkfifo", "mknod", "nice", "openpty", "pathconf", "pipe2", "posix_fadvise", "posix_fallocate"),
        *(
            "posix_spawn",
            "pread",
            "pwrite",
            "register_at_fork",
            "sched_getaffinity",
            "sched_setaffinity",
            "sched_yield",
        ),
        *(
            "sendfile",
            "setgid",
            "setpriority",
            "setsid",
            "setuid",
            "statvfs",
            "sync",
            "sysconf",
            "uname",
            "wait",
            "wait3",
        ),
    },
    "signal": {
        *("SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGSTOP", "SIGTSTP", "SIGUSR1"),
        *("SIGUSR2", "SIGWINCH", "alarm", "pause", "pthread_kill", "pthread_sigmask", "setitimer", "siginterrupt"),
    },
    "time": {"clock_settime", "pthread_getcpuclockid", "tzset"},
    "socket": {"AF_UNIX", "SO_REUSEPORT", "socketpair_unix"},
}
"""What modules have on POSIX alone, as far as anybody might use it."""
OURS = "modelscope_swinpan"


class _WithoutPosix(ModuleType):
    """A module as it is on Windows."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__)
        self.__dict__["_real"] = module

    def __getattr__(self, name: str) -> Any:
        if name in NAMES[self.__name__]:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} on Windows")
        return getattr(self._real, name)


def block() -> None:
    """From now on, modules of the package import what they would on Windows."""
    real = builtins.__import__
    windows = {name: _WithoutPosix(importlib.import_module(name)) for name in NAMES}

    def as_on_windows(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:  # noqa: A002
        found = real(name, globals, locals, fromlist, level)
        if level or str((globals or {}).get("__name__", "")).partition(".")[0] != OURS:
            return found
        if name.partition(".")[0] in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r} on Windows", name=name)
        return windows.get(found.__name__, found)

    builtins.__import__ = as_on_windows


def main() -> None:
    """Import every module of the package; then run the commands in the arguments, each as one of them."""
    assert not any(name.partition(".")[0] == OURS for name in sys.modules)
    block()
    package = importlib.import_module(OURS)
    for module in pkgutil.walk_packages(package.__path__, f"{OURS}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    from typer.testing import CliRunner

    from modelscope_swinpan.cli import app

    for command in sys.argv[1:]:
        answer = CliRunner().invoke(app, command.split("|"))
        assert answer.exit_code == 0, (command, answer.output, answer.exception)


if __name__ == "__main__":
    assert isinstance(os.getpid(), int)
    assert signal.SIGINT
    main()
