"""Frozen objects that travel between steps: references and summaries, never frames.

They pass through Airflow's XCom and print as JSON, so fields are plain: str, int, float, bool,
lists and dicts of these. Dates travel as partition keys, ``YYYY-MM-DD``. They are pydantic's
dataclasses because XCom brings an inner object back as a dict: building the outer one makes it whole.
"""

from dataclasses import field, replace

from pydantic.dataclasses import dataclass

from nightshift.contracts.approval import Approval as Approval
from nightshift.contracts.outcomes import Decision as Decision
from nightshift.contracts.outcomes import Maintained as Maintained
from nightshift.contracts.outcomes import NightReport as NightReport
from nightshift.contracts.outcomes import Retracted as Retracted

# With pydantic this module takes a while to import: who needs the list alone finds it there.
from nightshift.datasets import Dataset as Dataset
from nightshift.errors import UsageError
from nightshift.partitions import parse_partition


@dataclass(frozen=True)
class PartitionKey:
    """The address of a night: of which dataset, of which model, in which partition column.

    Raises ``UsageError`` for a partition that is no date, so a key that exists need not be looked at again.
    """

    dataset: Dataset
    model: str
    column: str
    partition: str

    def __post_init__(self) -> None:
        parse_partition(self.partition)

    def __str__(self) -> str:
        return f"{self.dataset}/{self.model} {self.partition}"

    def of(self, dataset: Dataset) -> "PartitionKey":
        """The same night of another dataset."""
        return replace(self, dataset=dataset)


@dataclass(frozen=True)
class PartitionRef:
    """One published night of one dataset; ``digest`` is that of its content, not of when it was made."""

    dataset: Dataset
    model: str
    partition: str
    generation: str
    digest: str
    rows: int
    rows_quarantined: int = 0
    sequence: int = 0


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
class Trained:
    """A model that was fitted and logged; the metrics are those of its recipe on nights that no fit of them saw.

    ``classes`` are those that it knows, if any. ``threshold`` is the one that the training set, to flag ``share``,
    which is ``predict.share`` of model.yaml. ``sha256`` is the digest of the file that it was written to: what
    ``optimize`` reads must be that. It was fitted on nights up to ``fitted_through``; ``folds`` are the recipe's fits
    on fewer, the last of which is its twin. ``replay_sha256`` is the digest of what it takes to train it again.
    """

    model: str
    run_id: str
    model_uri: str
    snapshot: SnapshotRef
    metrics: dict[str, float]
    classes: list[str] = field(default_factory=list)
    threshold: float | None = None
    share: float | None = None
    sha256: str = ""
    fitted_through: str = ""
    recipe_sha256: str = ""
    folds: list[FoldRef] = field(default_factory=list)
    replay_sha256: str = ""


@dataclass(frozen=True)
class Registered:
    """A trained model with its version number in the registry; no alias names it yet."""

    model: str
    version: str
    trained: Trained


@dataclass(frozen=True)
class GraphRef:
    """The ONNX file that scores for its trained model: made as ``variant`` says, kept in the lake at ``key``.

    ``profile_sha256`` is that of the reference beside it, ``exact_sha256`` that of the plain export.
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

    ``waits_for`` is the digest of the verdict that a person is asked about, if one is.
    """

    model: str
    champion: str | None
    previous: str | None
    moved: bool
    reason: str
    waits_for: str = ""


@dataclass(frozen=True)
class Pin:
    """The champion, resolved once per run and never again.

    Its facts are those of the version's sealed record; nights of before the seals say no ``profile_sha256``.
    """

    model: str
    version: str
    run_id: str
    sha256: str
    key: str
    snapshot_md5: str
    trained_through: str
    profile_sha256: str = ""


@dataclass(frozen=True)
class Shard:
    """A range of row groups of one input file: ``first`` up to but not including ``last``; ``bytes`` is the file's."""

    index: int
    key: str
    sha256: str
    first: int
    last: int
    rows: int
    bytes: int = 0


@dataclass(frozen=True)
class Plan:
    """One night's scoring, decided before any task of it runs: by one version, from one input.

    ``inputs`` are the sequences of what it rests on; ``threshold`` is the version's own, if the spec has none;
    ``champion`` that of now, also where another should have stood on that night, and scores it.
    """

    model: str
    partition: str
    pin: Pin
    generation: str
    input_digest: str
    input_rows: int
    base_etag: str | None
    shards: list[Shard]
    inputs: dict[str, int] = field(default_factory=dict)
    threshold: float | None = None
    champion: str | None = None

    def parts(self) -> "list[Plan]":
        """The plan for each of its shards: what a task needs is in one message. Of a night without rows, itself."""
        alone = [replace(self, shards=[shard]) for shard in self.shards]
        return alone or [self]


def whole_plan(parts: list[Plan]) -> Plan:
    """The plan that these are the parts of. Raises ``UsageError`` when they are of several."""
    first, *_ = parts
    for part in parts:
        if replace(part, shards=first.shards) != first:
            raise UsageError(
                f"{first.model} {first.partition}: tasks of this run were planned apart, for {_scorer(first)} and"
                f" {_scorer(part)}",
                fix="clear the task plan with all that follow it",
            )
    return replace(first, shards=[shard for part in parts for shard in part.shards])


def _scorer(plan: Plan) -> str:
    return f"version {plan.pin.version} in generation {plan.generation}"


@dataclass(frozen=True)
class ShardResult:
    """A shard's finished file, its rows per bin of the model's profile, and those of unseen categories by column."""

    index: int
    key: str
    rows: int
    bytes: int
    sha256: str
    counts: dict[str, list[int]] = field(default_factory=dict)
    unseen: dict[str, int] | None = None
