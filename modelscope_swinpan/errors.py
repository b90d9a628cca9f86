"""The errors a caller can meet. Each takes one message: what came, what was expected, what to do.

ModelScope re-raises constructor errors as ``type(error)(message)``, so every kind is made from a message alone.
"""


class SwinPanError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigError(SwinPanError, ValueError):
    """An option or a ``configuration.json`` entry that is unknown, of the wrong type or out of range."""


class CheckpointError(SwinPanError):
    """A checkpoint that is missing, damaged, unsafe to read, or of another model."""


class ImageError(SwinPanError, ValueError):
    """An input that is not a usable image: unreadable, of the wrong type or shape, too large or too small."""


class HubError(SwinPanError):
    """A model that could not be fetched from the hub, or not be published there."""


class DeviceError(SwinPanError, RuntimeError):
    """A device that cannot do what was asked of it: out of memory."""


class TrainingError(SwinPanError, RuntimeError):
    """A training run that cannot go on: its numbers are no longer finite, or its files are another run's."""


class DatasetError(SwinPanError, ValueError):
    """A dataset whose files are missing, damaged or contradict each other."""
