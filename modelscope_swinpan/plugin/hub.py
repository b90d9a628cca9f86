"""Finding a model on this disk or, through ModelScope's client, on the hub."""

import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import requests

from ..card.hub_id import is_hub_id
from ..checkpoints.files.source import read_json
from ..checkpoints.load import CONFIGURATION, as_path, locate
from ..errors import HubError, SwinPanError
from .compat import PIPELINE_TYPES

SECONDS = 3
"""How long the hub may take to answer before a complete copy on disk is used instead."""
MEGABYTE = 10**6


def resolve_model(id_or_dir: str | Path, revision: str | None = None) -> Path:
    """The path of a model: a directory or checkpoint file, or else the local copy of the hub's model with that id.

    The text 'embedded' is the model that comes with this package. The hub is always asked for a newer version. If that
    fails, a complete local copy is used, and a warning logged. What is to be downloaded is logged before.

    Raises:
        HubError: there is no such file or directory, and it is not a hub id, or could not be fetched.
    """
    path = as_path(id_or_dir)
    if str(id_or_dir) and path.exists():
        return path
    if not is_hub_id(id_or_dir):
        raise HubError(
            f"No model directory or checkpoint file at {str(id_or_dir)!r}, and it is not a hub id, such as "
            "'damo/cv_swinL_panoptic-segmentation_cocopan'. The small model of this package is called 'embedded'."
        )
    return _fetch(str(id_or_dir), revision)


def is_ours(directory: Path) -> bool:
    """Whether a model directory's ``configuration.json`` names one of our pipelines."""
    try:
        pipeline = read_json(directory / CONFIGURATION).get("pipeline")
    except (OSError, SwinPanError):
        return False
    return isinstance(pipeline, dict) and pipeline.get("type") in PIPELINE_TYPES


def copy_without_hub(model_id: str, revision: str | None = None) -> Path | None:
    """The complete local copy of one of our models if the hub cannot be reached, which is then logged; else None."""
    copy = _complete_copy(model_id, revision)
    if copy is None or not is_ours(copy):
        return None
    try:
        _reach()
    except requests.RequestException as error:
        return _without_news(copy, model_id, error)
    return None


def _fetch(model_id: str, revision: str | None) -> Path:
    try:
        from modelscope.hub.snapshot_download import snapshot_download
    except ImportError as error:
        raise HubError(f"Fetching {model_id!r} needs ModelScope, which does not import here: {error}.") from error
    copy, client = _complete_copy(model_id, revision), logging.getLogger("modelscope_hub")
    try:
        if copy is not None:
            _reach()  # the client itself tries for half a minute
        with ExitStack() as stack:  # without the client's warnings of each try: our error names the cause
            stack.callback(client.setLevel, client.level)
            client.setLevel(max(client.level, logging.ERROR))
            _announce(model_id, revision)
            return Path(snapshot_download(model_id, revision=revision))
    except Exception as error:  # the client's own errors, requests', the disk's: which ones depends on its version
        if copy is not None:
            return _without_news(copy, model_id, error)
        raise HubError(f"Could not fetch {model_id!r}: {_reason(error)}. {_advice(model_id, error)}") from None


def _advice(model_id: str, error: Exception) -> str:
    """What to do about an error of the disk, or about any other."""
    if any(isinstance(cause, OSError) and cause.errno and cause.filename for cause in _causes(error)):
        return (
            "Name folders that can be written: by the variable MODELSCOPE_CACHE for models, by MODELSCOPE_HOME for the "
            "client's own files."
        )
    return (
        "Check the id and the connection and try again: what arrived is kept. For a machine without a connection, "
        f"fetch it elsewhere ('modelscope download --model {model_id} --local_dir DIR'), copy DIR here, and pass its "
        "path instead of the id. (There is no file or directory of that name here, either.)"
    )


def _reach() -> None:
    """Raise an error of requests unless the hub answers anything in a few seconds. Proxies are asked as usual."""
    from modelscope_hub.config import HubConfig

    requests.head(HubConfig().endpoint, timeout=SECONDS)


def _announce(model_id: str, revision: str | None) -> None:
    """Log what a download will bring, and where to, unless all of it is on disk."""
    from modelscope.hub.api import HubApi
    from modelscope.utils.logger import get_logger
    from modelscope_hub.config import HubConfig

    copy = _copy(model_id, revision)
    missing = [
        size
        for file in HubApi().get_model_files(model_id, revision=revision or "master", recursive=True)
        if (size := file["Size"] or 0) and not (copy and _has(copy / file["Path"], size))
    ]
    if missing:
        get_logger().info(
            "Downloading %s: %s in %d files, to %s (the variable MODELSCOPE_CACHE names another folder). If it breaks "
            "off, run the same again: what arrived is kept.",
            model_id,
            _megabytes(sum(missing)),
            len(missing),
            copy or HubConfig().cache_dir,
        )


def _has(file: Path, size: int) -> bool:
    return file.is_file() and file.stat().st_size == size


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:,.0f} MB" if size >= MEGABYTE else "less than 1 MB"


def _without_news(copy: Path, model_id: str, error: Exception) -> Path:
    from modelscope.utils.logger import get_logger

    reason = _reason(error)
    get_logger().warning("Using %s: the hub could not be asked for a newer %s (%s).", copy, model_id, reason)
    return copy


def _reason(error: Exception) -> str:
    """What happened, in a line. The first cause replaces urllib3's text, which shows its objects."""
    *_, first = _causes(error)
    text = re.sub(r"\w*Connection(Pool)?\(.*", lambda _: str(first), str(error), flags=re.DOTALL)
    return (text or type(error).__name__).split("\n")[0].rstrip(".")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and what led to it."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _copy(model_id: str, revision: str | None) -> Path | None:
    """The client's copy on disk, complete or not."""
    from modelscope.hub.snapshot_download import snapshot_download

    try:
        return Path(snapshot_download(model_id, revision=revision, local_files_only=True))
    except Exception:
        return None


def _complete_copy(model_id: str, revision: str | None) -> Path | None:
    """The client's copy on disk, if the weights are complete: the client gives unfinished files another name."""
    copy = _copy(model_id, revision)
    try:
        return copy if copy is not None and locate(copy)[0].is_file() else None
    except SwinPanError:  # no model in it
        return None
