"""Finding a model on this disk or, through ModelScope's client, on the hub."""

import logging
from pathlib import Path

from ..card.hub_id import HUB_ID
from ..checkpoints.load import locate
from ..errors import HubError

_logger = logging.getLogger(__name__)


def resolve_model(id_or_dir: str | Path) -> Path:
    """The path of a model: a directory or checkpoint file, or else the local copy of the hub's model with that id.

    The hub is always asked for a newer version. If that fails, a complete local copy is used, and a warning logged.

    Raises:
        HubError: there is no such file or directory, and it is not a hub id, or could not be fetched.
    """
    if str(id_or_dir) and Path(id_or_dir).exists():
        return Path(id_or_dir)
    if not HUB_ID.fullmatch(str(id_or_dir)):
        raise HubError(
            f"No model directory or checkpoint file at {str(id_or_dir)!r}, and it is not a hub id, such as "
            "'damo/cv_swinL_panoptic-segmentation_cocopan'."
        )
    return _fetch(str(id_or_dir))


def _fetch(model_id: str) -> Path:
    try:
        from modelscope.hub.snapshot_download import snapshot_download
    except ImportError as error:
        raise HubError(f"Fetching {model_id!r} needs ModelScope, which does not import here: {error}.") from error
    try:
        return Path(snapshot_download(model_id))
    except Exception as error:  # the client's own errors, requests', the disk's: which ones depends on its version
        reason = str(error).split("\n")[0].rstrip(".")
        copy = _complete_copy(model_id)
        if copy is not None:
            _logger.warning("Using %s: the hub could not be asked for a newer %s (%s).", copy, model_id, reason)
            return copy
        raise HubError(
            f"Could not fetch {model_id!r}: {reason}. Check the id and the connection and try again: what arrived "
            "is kept. (There is no file or directory of that name here, either.)"
        ) from error


def _complete_copy(model_id: str) -> Path | None:
    """The client's copy on disk, if the weights are complete: the client gives unfinished files another name."""
    from modelscope.hub.snapshot_download import snapshot_download

    try:
        copy = Path(snapshot_download(model_id, local_files_only=True))
        return copy if locate(copy)[0].is_file() else None
    except Exception:  # no copy, or no model in it
        return None
