"""Publishing a model directory on the hub, through ModelScope's client."""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from glob import escape
from logging.handlers import MemoryHandler
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

    If the hub does not have the model yet, it is created, private unless ``public``. Without a ``token`` the client
    takes that of ``modelscope login`` or MODELSCOPE_API_TOKEN. We pass the token on and store it nowhere.

    Raises:
        ConfigError: ``name`` is not a hub id, the token has impossible characters, or the card has no front matter.
        HubError: the hub refuses, or cannot be reached.
    """
    check_hub_id(name)
    if token is not None and not re.fullmatch("[!-~]+", token):
        raise ConfigError("The token has characters that no token has, such as blanks. Copy it again.")
    head, _ = split((directory / README).read_text(encoding="utf-8-sig"))
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
            use_cache=False,  # the cache is a file in the directory
        )


@contextmanager
def _one_line(name: str, token: str | None) -> Iterator[None]:
    """Turn any exception into a HubError of one line: the first error that the client logged, without the token.

    The client's own logs are silenced meanwhile: they repeat the error for every file.
    """
    reasons = MemoryHandler(10**6, flushLevel=logging.CRITICAL + 1)  # the exception may only say how many there were
    reasons.setLevel(logging.ERROR)
    logs = {log: log.handlers for log in map(logging.getLogger, CLIENT_LOGS)}
    for log in logs:
        log.handlers = [reasons]
    try:
        yield
    except Exception as error:  # the client's own errors, requests', the disk's: which ones depends on its version
        logged = [record.getMessage().split("\n")[0] for record in reasons.buffer]
        told = [*logged, *str(error).splitlines(), type(error).__name__]
        reason = (told[0].replace(token, "…") if token else told[0]).rstrip(".")
        raise HubError(
            f"Could not publish {name!r}: {reason}. Check token, name and connection and try again: large files "
            "that arrived are not sent again."
        ) from error
    finally:
        for log, handlers in logs.items():
            log.handlers = handlers
