"""What a version is: its graph, its profile, what it learnt from, and what its gate said, in a sealed record.

A record is written when a gate has spoken, and never changed; a version that stands before a gate again gets another,
and the last one counts. MLflow shows the same as tags, which nothing here reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nightshift.contracts import Pin
from nightshift.errors import ModelError
from nightshift.mlflow_pages import model_page
from nightshift.stores import layout
from nightshift.stores.ledger import Ledger, LedgerHead
from nightshift.stores.records import Record
from nightshift.stores.registry import PASSED

if TYPE_CHECKING:
    from nightshift.stores import Stores

GateVerdict = Literal["passed", "failed"]


class VersionRecord(Record):
    """The facts of a version, and what its gate said of it.

    ``threshold`` is the score from which on it says yes, where model.yaml had a training set that, by
    ``threshold_rule``; older records say by which ``share``.
    What scores was fitted on nights up to ``fitted_through``; its gate judged the recipe, ``recipe_sha256``, by a twin
    that was fitted on nights up to ``twin_fitted_through`` alone. Records of before there were twins have none.
    ``exact_sha256`` is the digest of its plain export, whichever variant scores, and ``replay_sha256`` that of how it
    was trained (``replays.py``); older records have neither, and cannot be reproduced. ``reference_sha256`` is that of
    what says which drift of it matters; of older ones nothing says it. ``search_sha256`` is that of the search that
    chose its recipe, if one did. ``verdict_sha256`` is that of all that its gate said (``verdicts.py``); an older one
    cannot be promoted to another project.
    ``vouched`` is whether a person took them from MLflow's tags, where they were before there were such records.
    """

    what = "a record of a version"

    format: Literal[1] = 1
    model: str
    version: str
    run_id: str
    onnx_sha256: str
    onnx_key: str
    variant: str
    profile_sha256: str
    snapshot_md5: str
    trained_through: str
    gate: GateVerdict
    reason: str
    share: float | None = None
    threshold: float | None = None
    threshold_rule: str = ""
    vouched: bool = False
    fitted_through: str = ""
    recipe_sha256: str = ""
    twin_sha256: str = ""
    twin_key: str = ""
    twin_fitted_through: str = ""
    exact_sha256: str = ""
    replay_sha256: str = ""
    reference_sha256: str = ""
    search_sha256: str = ""
    verdict_sha256: str = ""
    origin: dict[str, str]

    @property
    def rule(self) -> str:
        """By which its threshold was set; empty for one of model.yaml's own."""
        if self.threshold_rule or self.share is None:
            return self.threshold_rule
        return f"share {self.share}"

    @property
    def pin(self) -> Pin:
        """What scoring needs of it."""
        return Pin(
            model=self.model,
            version=self.version,
            run_id=self.run_id,
            sha256=self.onnx_sha256,
            key=self.onnx_key,
            snapshot_md5=self.snapshot_md5,
            trained_through=self.trained_through,
            profile_sha256=self.profile_sha256,
            reference_sha256=self.reference_sha256,
        )

    def says_as(self, other: VersionRecord | None) -> bool:
        """Whether another one says the same, whoever wrote it."""
        return other is not None and self.model_copy(update={"origin": other.origin}) == other


@dataclass(frozen=True)
class Twin:
    """What stands for a version before a later gate: a graph, and the last night that it was fitted on.

    A version of before there were twins stands there itself, and what it was held out from is not known: it may have
    been fitted on any night of its window (``is_gated`` is False then).
    """

    version: str
    key: str
    sha256: str
    fitted_through: str
    recipe_sha256: str
    is_gated: bool

    @property
    def why(self) -> str:
        """Why nights up to there are no test of it."""
        if self.is_gated:
            return f"version {self.version} was judged by a fit through {self.fitted_through}, which has seen them"
        return (
            f"version {self.version} is of before there were twins, and may have been fitted on any night through"
            f" {self.fitted_through}"
        )


class VersionHead(LedgerHead):
    """The last record of a version."""

    last: VersionRecord | None = None


class Versions:
    """The versions of all models."""

    def __init__(self, stores: Stores) -> None:
        # Not the registry itself: what a version is does not need an MLflow.
        self._stores = stores

    def log(self, model: str, version: str) -> Ledger[VersionRecord, VersionHead]:
        """All records of a version. Raises ``ModelError`` for what is no number of one."""
        if not (version.isascii() and version.isdecimal()):
            raise ModelError(f"{model} has no version {version!r}: versions are numbers", fix=self._look(model))
        prefix = layout.versions(model, version)
        return Ledger(self._stores.lake.objects, prefix, VersionRecord, VersionHead, _with_record)

    def known(self, model: str) -> list[str]:
        """The versions that have records."""
        folder = layout.versions(model)
        prefixes = self._stores.lake.objects.prefixes(folder, "/")
        return [prefix.removeprefix(folder).rstrip("/") for prefix in prefixes]

    def record(self, model: str, version: str) -> VersionRecord | None:
        """What a version is, or None for one that no gate has judged. Raises ``UnreadableRecord``."""
        return self.log(model, version).head().last

    def write(self, record: VersionRecord) -> None:
        """What a gate has said, once: a retried task says it again."""
        log = self.log(record.model, record.version)
        for head in log.attempts():
            if record.says_as(head.last) or log.append(head, record):
                return

    def pin(self, model: str, version: str) -> Pin:
        """A version that may score. Raises ``ModelError`` when it has not passed its gate, ``UnreadableRecord``."""
        return self.pin_of(model, version, self.record(model, version))

    def pin_of(self, model: str, version: str, record: VersionRecord | None) -> Pin:
        """The same, by a record that was read already."""
        if record is None:
            raise self._unjudged(model, version)
        if record.gate != PASSED:
            raise self._not_passed(model, version)
        return record.pin

    def twin(self, pin: Pin) -> Twin:
        """What a challenger is compared with in place of this version."""
        record = self.record(pin.model, pin.version)
        if record is None or not record.twin_sha256:
            return Twin(pin.version, pin.key, pin.sha256, pin.trained_through, recipe_sha256="", is_gated=False)
        return Twin(
            pin.version,
            record.twin_key,
            record.twin_sha256,
            record.twin_fitted_through,
            record.recipe_sha256,
            is_gated=True,
        )

    def threshold(self, pin: Pin, rule: str) -> float:
        """The score from which on a version says yes by a rule. Raises ``ModelError`` for one trained without it."""
        record = self.record(pin.model, pin.version)
        if record is None or record.threshold is None or record.rule != rule:
            trained = f"for {record.rule}" if record and record.rule else "without one"
            raise ModelError(
                f"{pin.model} version {pin.version} has no threshold for predict.{rule}: it was trained {trained}",
                fix=f"nightshift train {pin.model} NIGHT, or put predict of model.yaml back",
            )
        return record.threshold

    def learnt_threshold(self, pin: Pin, rule: str) -> float | None:
        """The same, or None where model.yaml itself says from where on, and there is no rule."""
        return self.threshold(pin, rule) if rule else None

    def _unjudged(self, model: str, version: str) -> ModelError:
        facts, _ = self._stores.registry.facts(model, version)
        if facts.get("gate") != PASSED:
            return self._not_passed(model, version)
        return ModelError(
            f"{model} version {version} has no sealed record in the lake; that it passed its gate, MLflow's tags alone"
            " say, which are for show",
            fix=f"if it was registered by an earlier version of Nightshift: nightshift seal {model}",
        )

    def _not_passed(self, model: str, version: str) -> ModelError:
        return ModelError(
            f"{model} version {version} has not passed its gate and must not score",
            fix=f"nightshift rollback {model}, or train a version that passes",
        )

    def _look(self, model: str) -> str:
        return f"see {model_page(self._stores.settings.mlflow_url, model)}"


def _with_record(head: VersionHead, _: int, record: VersionRecord) -> VersionHead:
    return head.model_copy(update={"last": record})
