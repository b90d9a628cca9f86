"""Publishing a model directory, through ModelScope's hub client."""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from ..card.content import README
from ..card.front_matter import split
from ..card.hub_id import check_hub_id
from ..errors import ConfigError, HubError

CLIENT_LOGS = ("modelscope", "modelscope_hub")


def publish(
    directory: Path, name: str, files: Sequence[str], *, token: str | None = None, public: bool = False
) -> None:
    """Upload ``files``, which :func:`~modelscope_swinpan.card.check.check_directory` found, to the hub as ``name``.

    A model that the hub does not have is made there, private unless ``public``. Without a ``token`` the client takes
    that of ``modelscope login`` or of MODELSCOPE_API_TOKEN. It is handed to the client and kept nowhere.

    Raises:
        ConfigError: ``name`` is no hub id, the token cannot be one, or the card has no head.
        HubError: the hub refuses, or cannot be reached.
    """
    check_hub_id(name)
    if token is not None and not re.fullmatch("[!-~]+", token):
        raise ConfigError("The token has characters in it that none has, such as blanks. Copy it again.")
    head, _ = split((directory / README).read_text(encoding="utf-8"))
    try:
        from modelscope.hub.api import HubApi
    except ImportError as error:
        raise HubError(f"Publishing needs ModelScope, which does not import here: {error}.") from error
    with _one_line(name, token):
        api = HubApi(token=token)
        api.create_repo(
            name,
            token=token,
            repo_type="model",
            visibility="public" if public else "private",
            license=head["license"],
            exist_ok=True,
            create_default_config=False,
        )
        api.upload_folder(
            repo_id=name,
            folder_path=str(directory),
            token=token,
            commit_message="Upload by swinpan",
            allow_patterns=[escape(file) for file in files],
            use_cache=False,  # whose file would lie in the directory
        )


@contextmanager
def _one_line(name: str, token: str | None) -> Iterator[None]:
    """Make a HubError of whatever goes wrong, with the first reason that the client logged, and without the token.

    The client's logs are silent meanwhile: it tells the same error of every file.
    """
    reasons = _Reasons(logging.ERROR)
    logs = {log: log.handlers for log in map(logging.getLogger, CLIENT_LOGS)}
    for log in logs:
        log.handlers = [reasons]
    try:
        yield
    except Exception as error:  # the client's own errors, requests', the disk's: which ones depends on its version
        told = [*reasons.lines, *str(error).splitlines(), type(error).__name__]
        reason = (told[0].replace(token, "…") if token else told[0]).rstrip(".")
        raise HubError(
            f"Could not publish {name!r}: {reason}. Check token, name and connection and try again: large files "
            "that arrived are not sent again."
        ) from error
    finally:
        for log, handlers in logs.items():
            log.handlers = handlers


class _Reasons(logging.Handler):
    """Collects the first lines of errors in a log: the exception that follows them may only count them."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage().split("\n")[0])
