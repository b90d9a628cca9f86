"""The errors that a caller can meet. Each message says what came, what was expected and what to do.

ModelScope re-raises errors of constructors as ``type(error)(message)``, so each class takes one message alone.
"""

MAX_MESSAGE = 4000
"""Characters of a message. What a file, a request or a list of names puts into it may be of any length."""
END = 400
"""How many characters of the end of a long message are kept: they say what to do."""


def brief(message: str) -> str:
    """A message of at most :data:`MAX_MESSAGE` characters: of a longer one, the beginning and the end."""
    if len(message) <= MAX_MESSAGE:
        return message
    note = f" … [{len(message):,} characters, cut] … "
    return message[: MAX_MESSAGE - END - len(note)] + note + message[-END:]


class SwinPanError(Exception):
    """Base class of every error that this package raises on purpose. A long message is cut in its middle."""

    def __init__(self, message: object = "") -> None:
        super().__init__(brief(str(message)))


class ConfigError(SwinPanError, ValueError):
    """An option or a ``configuration.json`` entry is unknown, has the wrong type or is out of range."""


class CheckpointError(SwinPanError):
    """A checkpoint is missing, damaged, unsafe to read or belongs to another model."""


class ImageError(SwinPanError, ValueError):
    """An input is no usable image: it is unreadable, has the wrong type or shape, or is too large or too small."""


class HubError(SwinPanError):
    """A model cannot be downloaded from the hub or uploaded to it."""


class DeviceError(SwinPanError, RuntimeError):
    """A device cannot do the work, for example because it is out of memory."""


class TrainingError(SwinPanError, RuntimeError):
    """A training run cannot go on: its numbers are no longer finite, or its folder belongs to another run."""


class DatasetError(SwinPanError, ValueError):
    """Files of a dataset are missing, damaged or contradict each other."""


class DamagedFileError(DatasetError):
    """A photo or PNG of a dataset is missing or cannot be decoded. Training may leave a few out."""


SHORT_OF_MEMORY = (
    *("out of memory", "not enough memory", "MemoryError"),
    *("allocate memory", "memory allocation", "bad_alloc", "bad allocation", "failed to map segment"),
    *("ALLOC_FAILED", "ALLOCATION_FAILED", "OUT_OF_DEVICE_MEMORY", "OUT_OF_HOST_MEMORY"),  # cuBLAS, cuDNN, Level Zero
)
"""Words by which errors of Python, PyTorch and other runtimes say that memory does not suffice."""


def is_short_of_memory(error: Exception) -> bool:
    """Whether an error, of whatever library, says that memory does not suffice."""
    text = f"{type(error).__name__}: {error}"
    return any(words in text for words in SHORT_OF_MEMORY)
