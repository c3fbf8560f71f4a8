"""What is kept of a night beside its drift: figures that rank and inform."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class FeatureRank:
    """How much the drift of one feature matters to the model.

    ``importance`` is the loss of a row added when the feature is shuffled, with its standard error; ``weight`` is
    importance times ``drift``, the ratio of its statistic to its line. ``loss_moved`` is by how much the expected loss
    of a row is another one when nothing but this feature is as it was this night; ``loss_moves_usually`` is the
    standard deviation of that over the reference's nights. None where the reference does not say.
    """

    feature: str
    weight: float
    importance: float
    importance_error: float
    drift: float
    loss_moved: float | None
    loss_moves_usually: float | None


@dataclass(frozen=True)
class LossEstimate:
    """The mean loss of a row that is expected before labels arrive.

    The night's loss will lie between ``low`` and ``high`` with probability 0.95, as long as scores and outcomes belong
    together as they did. ``usual`` is the mean over the reference's nights, and ``limit`` what a quiet night's estimate
    passes with probability 0.01; None where the reference's nights are too few or too much alike to say.
    """

    loss: str
    rows: int
    estimate: float
    low: float | None
    high: float | None
    usual: float
    limit: float | None
    above: bool | None


@dataclass(frozen=True)
class DomainShift:
    """How well a small classifier tells the night's rows from the reference's, out of fold.

    ``usual`` is what it reaches on the reference's own nights, and ``limit`` what it passes on a quiet one with
    probability 0.01. ``left_out`` are columns that are constant within a night, for each night has its own, and those
    by which alone the reference's nights are told so well that no drift could pass the limit.
    """

    auc: float
    rows: int
    usual: float
    limit: float | None
    above: bool | None
    columns: list[str]
    left_out: list[str]


@dataclass(frozen=True)
class SliceDrift:
    """The watched column that differs most within one slice, over how much it usually does; 1 is usual.

    All slices of a night share one ``limit``, so that it holds over all of them.
    """

    column: str
    value: str
    rows: int
    feature: str
    distance: float
    times_usual: float
    limit: float | None
    above: bool | None


@dataclass(frozen=True)
class SliceAccuracy:
    """The mean loss of a labelled night's slice; ``limit`` is for all slices of a night together."""

    night: str
    column: str
    value: str
    rows: int
    loss: float
    usual: float
    limit: float | None
    above: bool | None


@dataclass(frozen=True)
class FeatureCarried:
    """How much of the scores one feature carried: the mean size of what it added to a row's, in the score's unit.

    ``departure`` is how far that is from usual, in usual spreads; a quiet night's lies between ``low`` and ``high``,
    for all features together, but for one in a hundred. None where the reference's nights are too few to say.
    """

    feature: str
    carried: float
    usual: float
    low: float | None
    high: float | None
    departure: float


@dataclass(frozen=True)
class Attributions:
    """What carried the night's scores, the feature furthest from usual first; all share one ``limit``."""

    rows: int
    features: list[FeatureCarried]
    limit: float | None
    above: bool | None


@dataclass(frozen=True)
class Matters:
    """What matters of a night, the heaviest drift first; parts that the reference does not hold are left out.

    ``rows`` are those of the night's sample, 0 where there was none; ``notes`` say what could not be told, and why.
    """

    features: list[FeatureRank]
    rows: int = 0
    estimate: LossEstimate | None = None
    domain: DomainShift | None = None
    slices: list[SliceDrift] = field(default_factory=list)
    slice_accuracy: list[SliceAccuracy] = field(default_factory=list)
    attributions: Attributions | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def metrics(self) -> dict[str, float | None]:
        """What MLflow shows of it, by name."""
        metrics: dict[str, float | None] = {}
        estimate = self.estimate
        if estimate:
            metrics["matters.estimated_loss"] = estimate.estimate
            metrics["matters.estimated_loss_limit"] = estimate.limit
        domain = self.domain
        if domain:
            metrics["matters.domain_auc"] = domain.auc
            metrics["matters.domain_auc_limit"] = domain.limit
        if self.slices:
            worst = self.slices[0]
            metrics["matters.slice_times_usual"] = worst.times_usual
            metrics["matters.slice_limit"] = worst.limit
        if self.attributions:
            moved_most = self.attributions.features[0]
            metrics["matters.attribution_departure"] = moved_most.departure
            metrics["matters.attribution_limit"] = self.attributions.limit
        for feature in self.features:
            metrics[f"matters.weight.{feature.feature}"] = feature.weight
            metrics[f"matters.loss_moved.{feature.feature}"] = feature.loss_moved
        return metrics
