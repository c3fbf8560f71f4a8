"""What a caller is told who gets no score: a status and a sentence, as JSON."""

from typing import TypeAlias

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]


class Refusal(Exception):
    """A request that is not answered. ``retry_after`` is in seconds, where trying again may help."""

    def __init__(self, status: int, message: str, retry_after: int | None = None, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after
        self.headers = headers


class TookTooLong(Refusal):
    """The rows are good, and their scores were not there in time."""
