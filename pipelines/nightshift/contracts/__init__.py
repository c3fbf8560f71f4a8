"""Frozen objects that travel between steps: references and summaries, never frames.

They pass through Airflow's XCom and print as JSON, so fields are plain: str, int, float, bool,
lists and dicts of these. Dates travel as partition keys, ``YYYY-MM-DD``. They are pydantic's
dataclasses because XCom brings an inner object back as a dict: building the outer one makes it whole.
"""

from dataclasses import field, replace

from pydantic.dataclasses import dataclass

from nightshift.contracts.approval import Approval as Approval
from nightshift.contracts.outcomes import CanaryVerdict as CanaryVerdict
from nightshift.contracts.outcomes import Decision as Decision
from nightshift.contracts.outcomes import EpisodeChange as EpisodeChange
from nightshift.contracts.outcomes import Maintained as Maintained
from nightshift.contracts.outcomes import NightReport as NightReport
from nightshift.contracts.outcomes import Replayed as Replayed
from nightshift.contracts.outcomes import Retracted as Retracted
from nightshift.contracts.outcomes import ShadowVerdict as ShadowVerdict
from nightshift.contracts.training import Candidate as Candidate
from nightshift.contracts.training import Evidence as Evidence
from nightshift.contracts.training import FoldRef as FoldRef
from nightshift.contracts.training import GraphRef as GraphRef
from nightshift.contracts.training import Promotion as Promotion
from nightshift.contracts.training import Registered as Registered
from nightshift.contracts.training import Searched as Searched
from nightshift.contracts.training import SnapshotRef as SnapshotRef
from nightshift.contracts.training import Trained as Trained
from nightshift.contracts.training import Verdict as Verdict

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
class Pin:
    """The champion, resolved once per run and never again.

    Its facts are those of the version's sealed record; nights of before the seals say no ``profile_sha256``, and
    versions of before there were any no ``reference_sha256``.
    """

    model: str
    version: str
    run_id: str
    sha256: str
    key: str
    snapshot_md5: str
    trained_through: str
    profile_sha256: str = ""
    reference_sha256: str = ""


@dataclass(frozen=True)
class CanaryPin:
    """A second version, which scores a share of a night's rows: those that the hash of their keys draws.

    ``number`` is that of the ledger's entry that put it there, and part of what draws the rows (scoring/canary.py).
    ``threshold`` is the version's own, if the spec has none.
    """

    pin: Pin
    share: float
    number: int
    threshold: float | None = None


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
    """One night's scoring, decided before any task of it runs: by which version, from one input.

    ``inputs`` are the sequences of what it rests on; ``threshold`` is the version's own, if the spec has none;
    ``champion`` that of now, also where another should have stood on that night, and scores it. ``dataset`` is where
    it is published: nobody reads that of a challenger in shadow. ``canary`` scores a share of the rows in its place.
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
    dataset: Dataset = Dataset.PREDICTIONS
    canary: CanaryPin | None = None

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
    canary = f" with canary {plan.canary.pin.version}" if plan.canary else ""
    return f"version {plan.pin.version}{canary} in generation {plan.generation}"


@dataclass(frozen=True)
class CanaryRows:
    """The rows that a canary scored, counted as those of the champion are, by the canary's own profile."""

    rows: int
    counts: dict[str, list[int]] = field(default_factory=dict)
    unseen: dict[str, int] | None = None
    moments: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class ShardResult:
    """A shard's finished file, its rows per bin of the model's profile, and those of unseen categories by column.

    ``moments`` are the profile's, by column: finite rows, mean, lowest, highest.
    ``sample_sha256`` is the digest of its part of a large night's sample, which lies beside it.
    Where a canary scored some of the ``rows``, the counts are of the champion's, and ``canary`` has those of the other.
    ``scored_on`` says by which kernels.
    """

    index: int
    key: str
    rows: int
    bytes: int
    sha256: str
    counts: dict[str, list[int]] = field(default_factory=dict)
    unseen: dict[str, int] | None = None
    moments: dict[str, list[float]] = field(default_factory=dict)
    sample_sha256: str = ""
    canary: CanaryRows | None = None
    scored_on: str = ""
