"""The part of the lake's map where calls for another's workers lie, while they are made; ``layout`` hands these on."""


def launch(digest: str) -> str:
    """The prefix of a launch, by the digest of its calls."""
    return f"launches/{digest}/"


def launched_calls(digest: str) -> str:
    """What its workers are to do."""
    return f"{launch(digest)}calls.json"


def call_outcome(digest: str, job: str, index: int) -> str:
    """What came of a call, by the job that made it: another try is another job."""
    return f"{launch(digest)}{job}/{index:06d}.json"
