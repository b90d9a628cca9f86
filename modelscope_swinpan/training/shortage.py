"""What a machine is short of in training: memory, or the shared memory through which other processes send samples."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import SHORT_OF_MEMORY, DeviceError, SwinPanError

SAME = "Then give the same command again."
SHORTAGES = (
    (
        ("shared memory", "</torch_"),
        "The processes that read images have too little shared memory",
        "Give a container more of it (docker run --shm-size 8g), or let no others read: --set workers=0. " + SAME,
    ),
    (
        ("DataLoader worker (pid",),
        "A process that reads images was killed",
        "Often memory is short: have fewer of them, --set workers=1, or none, --set workers=0. " + SAME,
    ),
    (
        SHORT_OF_MEMORY,
        "Out of memory",
        "Try, in this order: --set bfloat16=true, --set checkpointing=true, --set accumulate=N, a smaller size. If "
        "there is a checkpoint, this needs another folder.",
    ),
)
"""For each: words of PyTorch's error, by which it is known; what it means; and what to do."""


@contextmanager
def shortages_told() -> Iterator[None]:
    """Raise a DeviceError that says what to do, where PyTorch raises an error because something is short."""
    try:
        yield
    except SwinPanError:
        raise
    except (MemoryError, RuntimeError) as error:
        message = _message(f"{type(error).__name__}: {error}")
        if message is None:
            raise
        error.__traceback__ = None  # it would keep tensors alive
        raise DeviceError(message) from None


def _message(text: str) -> str | None:
    for words, meaning, advice in SHORTAGES:
        for line in text.splitlines():  # a worker's error has its traceback with it
            if any(word in line for word in words):
                return f"{meaning} ({line.strip():.300}). {advice}"
    return None
