"""Keys of what a training leaves, and of the version it becomes; ``layout`` is the map of all, and hands these on."""

from nightshift.stores.key_parts import PARQUET


def graph(model: str, sha256: str) -> str:
    """The ONNX graph of a version, by its content."""
    return f"models/{model}/{sha256}/model.onnx"


def profile(model: str, sha256: str, profile_sha256: str = "") -> str:
    """The profile of a version, beside its graph, by its content; without it, of a version from before the seals."""
    name = f"profile-{profile_sha256}" if profile_sha256 else "profile"
    return f"models/{model}/{sha256}/{name}.json"


def reference(model: str, graph_sha256: str, sha256: str) -> str:
    """What says which drift of a version matters, beside its graph, by its content."""
    return f"models/{model}/{graph_sha256}/reference-{sha256}.json"


def reference_rows(model: str, graph_sha256: str, sha256: str) -> str:
    """The rows of a version's reference, by their content."""
    return f"models/{model}/{graph_sha256}/reference-{sha256}{PARQUET}"


def evidence(model: str, graph_sha256: str, sha256: str) -> str:
    """The out-of-fold scores of a version's recipe, beside its graph, by their content."""
    return f"models/{model}/{graph_sha256}/evidence-{sha256}.parquet"


def replay(model: str, sha256: str) -> str:
    """How a version was trained, by its content."""
    name = f"{sha256}.json"
    return f"models/{model}/replays/{name}"


def verdict(model: str, sha256: str) -> str:
    """What the gate said of a version, by its content."""
    name = f"{sha256}.json"
    return f"models/{model}/verdicts/{name}"


def asked(model: str, digest: str) -> str:
    """A verdict that a person was asked about, by its digest."""
    return f"asked/{model}/{digest}.json"


def versions(model: str, number: str = "") -> str:
    """The prefix of what the versions of a model are, or of one: a record for each gate that it stood before."""
    folder = f"{number}/" if number else ""
    return f"versions/{model}/{folder}"


def searches(model: str) -> str:
    """The prefix of all searches of a model."""
    return f"models/{model}/searches/"


def search(model: str, sha256: str) -> str:
    """What a search tried and chose, by its content."""
    name = f"{sha256}.json"
    return f"{searches(model)}{name}"


def trials(model: str, study: str) -> str:
    """The prefix of the finished trials of a search, by the digest of what they share."""
    folder = searches(model)
    return f"{folder}{study}/"


def trial(model: str, study: str, number: int) -> str:
    """A finished trial; numbers begin at 0, which is model.yaml's own recipe, and have no gap."""
    folder = trials(model, study)
    return f"{folder}{number:06d}.json"


def beginning(model: str, study: str, number: int, time: int) -> str:
    """That a trial was begun, for the first or a later time."""
    return f"models/{model}/begun/{study}/{number:06d}-{time}.json"


def checkpoints(model: str) -> str:
    """The prefix of how far trainings of a model came that did not end."""
    return f"checkpoints/{model}/"


def checkpoint(model: str, name: str) -> str:
    """How far a training came, by what it is made of."""
    return f"{checkpoints(model)}{name}.bin"


def join_cache(model: str) -> str:
    """Which nights were joined with their labels before, and what came of it."""
    return f"snapshots/{model}/nights.json"
