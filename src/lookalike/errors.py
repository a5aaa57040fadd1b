"""Every error lookalike raises on purpose.

    LookalikeError
    ├── UsageError                  an argument is wrong (also a ValueError)
    │   └── FilterError             a filter expression is wrong; points at the place
    ├── PictureError                a file or array is not a usable picture
    ├── ModelError                  a model is unknown, damaged or does not fit
    │   └── FetchError              a model could not be downloaded or verified
    ├── CollectionError             a collection is missing, damaged or does not fit
    │   ├── CollectionNotFound
    │   ├── CollectionBusy          another process is writing to it
    │   ├── CollectionTooNew        written by a later version of lookalike
    │   └── CollectionDamaged
    ├── NotInCollection             the collection has no such picture
    ├── MissingExtra                an optional dependency is not installed
    └── RequestError                a server refused a request, or could not be reached

Messages name the offending thing, what was allowed and what to do. `exit_code` is what the
command line ends with when the error reaches it.
"""

from __future__ import annotations

_OF_MEMORY = ["allocate memory", "failed to allocate", "bad_alloc", "bad allocation", "out of memory"]
_OF_MEMORY += ["insufficient memory", "can't start new thread", "failed to map segment"]


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory is used up: Python says so with MemoryError; PyTorch, ONNX Runtime,
    OpenCV and the system have errors and words of their own."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(words in said for words in _OF_MEMORY)


class LookalikeError(Exception):
    """The root: catch this to catch everything lookalike raises on purpose."""

    exit_code = 1


class UsageError(LookalikeError, ValueError):
    """An argument is wrong: the message names it, what was allowed and what was got."""

    exit_code = 2


class FilterError(UsageError):
    """A filter expression cannot be understood.

    Attributes:
        expression: the whole expression as it was given.
        position: 0-based index of the character where the trouble starts.
    """

    def __init__(self, message: str, expression: str, position: int) -> None:
        super().__init__(f"{message}\n{_pointed_at(expression, position)}")
        self.expression = expression
        self.position = position


def _pointed_at(expression: str, position: int, reach: int = 60) -> str:
    """The part of the expression around a position, on one line, with a caret below it."""
    shown = "".join(c if c.isprintable() else " " for c in expression)
    start, end = max(0, position - reach), position + reach
    before = ("…" if start else "") + shown[start:position]
    after = shown[position:end] + ("…" if end < len(shown) else "")
    return f"  {before}{after}\n  {' ' * len(before)}^"


class PictureError(LookalikeError):
    """A file, bytes or an array that cannot be used as a picture.

    Attributes:
        reason: one short clause, the same for the same cause, without the name.
        name: the path, or a word such as `<bytes>`; None when the caller knows it.
    """

    def __init__(self, reason: str, name: str | None = None) -> None:
        super().__init__(f"{name}: {reason}" if name else reason)
        self.reason = reason
        self.name = name


class ModelError(LookalikeError):
    """A model is unknown, damaged, or does not fit what it is used for."""


class FetchError(ModelError):
    """A model could not be downloaded, or what came was not what its card promises."""


class CollectionError(LookalikeError):
    """A collection is missing, damaged, or does not fit what it is used for."""


class CollectionNotFound(CollectionError):
    """There is no collection in this directory."""


class CollectionBusy(CollectionError):
    """Another process is writing to the collection."""


class CollectionTooNew(CollectionError):
    """The collection was written by a later version of lookalike."""


class CollectionDamaged(CollectionError):
    """The collection's files contradict each other or cannot be read."""


class NotInCollection(LookalikeError):
    """The collection has no picture with this id or path."""


class MissingExtra(LookalikeError):
    """An optional dependency is not installed; the message says what to install."""


class RequestError(LookalikeError):
    """A server refused a request or could not answer it; or no server could be reached.

    Attributes:
        status: the HTTP status, e.g. 429; 0 when there was no answer.
        code: one word for the kind of error, e.g. `overloaded`.
        retry_after: seconds after which trying again may help; None when it would not.
    """

    def __init__(self, message: str, status: int = 0, code: str = "", retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after
