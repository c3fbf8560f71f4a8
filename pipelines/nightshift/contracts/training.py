"""What a training hands on: from the snapshot it learnt from to who is champion after it."""

from dataclasses import field
from typing import Any

from pydantic.dataclasses import dataclass


@dataclass(frozen=True)
class SnapshotRef:
    """The training data at one DVC version; ``md5`` ends in ``.dir``.

    Of its window it lacks nights without data (``missing``), those that were taken back (``retracted``), those
    whose manifest could not be read (``unreadable``), and those whose rows were told apart by another clock
    (``other_clock``). ``labels_without_row`` counts, by night, the labels whose row the night does not have.
    """

    model: str
    md5: str
    as_of: str
    first_night: str
    last_night: str
    nights: int
    rows: int
    missing: list[str]
    retracted: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    other_clock: list[str] = field(default_factory=list)
    labels_without_row: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class FoldRef:
    """A fit of a training that is there to be judged: its file among the run's artifacts, and by which nights.

    It was fitted on nights up to ``fitted_through``; those from ``first_judged`` to ``last_judged`` it did not see.
    """

    file: str
    sha256: str
    fitted_through: str
    first_judged: str
    last_judged: str


@dataclass(frozen=True)
class Searched:
    """What a search came to: the trainer and its parameters, of trial number ``trial`` of ``trials``, and why.

    Trial 0 is training as model.yaml has it. ``sha256`` is the digest of the search's record in the lake, and
    ``run_id`` its run of MLflow.
    """

    model: str
    run_id: str
    sha256: str
    trainer: str
    parameters: dict[str, Any]
    trial: int
    trials: int
    reason: str


@dataclass(frozen=True)
class Trained:
    """A model that was fitted and logged; the metrics are those of its recipe on nights that no fit of them saw.

    ``classes`` are those that it knows, if any. ``threshold`` is the one that the training set, by ``threshold_rule``
    of model.yaml: to flag ``share``, if that was it. ``sha256`` is the digest of the file that it was written to: what
    ``optimize`` reads must be that. It was fitted on nights up to ``fitted_through``; ``folds`` are the recipe's fits
    on fewer, the last of which is its twin. ``replay_sha256`` is the digest of what it takes to train it again.
    ``searched`` says which recipe it is, where a search chose it.
    """

    model: str
    run_id: str
    model_uri: str
    snapshot: SnapshotRef
    metrics: dict[str, float]
    classes: list[str] = field(default_factory=list)
    threshold: float | None = None
    share: float | None = None
    threshold_rule: str = ""
    sha256: str = ""
    fitted_through: str = ""
    recipe_sha256: str = ""
    folds: list[FoldRef] = field(default_factory=list)
    replay_sha256: str = ""
    searched: Searched | None = None


@dataclass(frozen=True)
class Registered:
    """A trained model with its version number in the registry; no alias names it yet."""

    model: str
    version: str
    trained: Trained


@dataclass(frozen=True)
class GraphRef:
    """The ONNX file that scores for its trained model: made as ``variant`` says, kept in the lake at ``key``.

    ``profile_sha256`` is that of the profile beside it, ``reference_sha256`` that of what says which drift matters,
    ``exact_sha256`` that of the plain export.
    """

    sha256: str
    key: str
    bytes: int
    max_difference: float
    label_flips: int
    rows_compared: int
    variant: str
    profile_sha256: str = ""
    exact_sha256: str = ""
    reference_sha256: str = ""


@dataclass(frozen=True)
class Evidence:
    """What a recipe is judged by: its out-of-fold scores, a file of the lake, and the twin that gave the last of them.

    The twin is a graph like the one that scores, fitted on nights up to ``twin_fitted_through`` alone.
    """

    key: str
    sha256: str
    first_night: str
    last_night: str
    nights: int
    twin_key: str
    twin_sha256: str
    twin_fitted_through: str


@dataclass(frozen=True)
class Candidate:
    """A registered version with the graph that would score, and what speaks for it."""

    model: str
    version: str
    trained: Trained
    graph: GraphRef
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Verdict:
    """What the gates said of a candidate, and why.

    ``table`` has a row for each question, plain values by name: what it is about, the estimate with its interval, the
    verdict, and what another would have needed. ``inconclusive``: nothing speaks against it but that the nights do
    not say enough.
    """

    candidate: Candidate
    promote: bool
    reasons: list[str]
    champion: str | None
    metrics: dict[str, float] = field(default_factory=dict)
    table: list[dict[str, str | float | None]] = field(default_factory=list)
    inconclusive: bool = False


@dataclass(frozen=True)
class Promotion:
    """A move (or not) of the champion alias, as the ledger has it.

    ``waits_for`` is the digest of the verdict that a person is asked about, if one is; ``stands`` is where the
    candidate stands beside the champion, *shadow* or *canary*, if it does.
    """

    model: str
    champion: str | None
    previous: str | None
    moved: bool
    reason: str
    waits_for: str = ""
    stands: str = ""
