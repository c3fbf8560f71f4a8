"""A night by two models: how far they are apart, and with labels, who lost less."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.errors import LostRows
from nightshift.modelling.arrays import Float64s, Floats
from nightshift.modelling.gate.differences import losses_of
from nightshift.modelling.label_types import label_type
from nightshift.monitoring.decided import as_decided
from nightshift.monitoring.labelled import OF_THE_MODEL, join, published_as, scored_columns
from nightshift.monitoring.shadow.record import Disagreement, ShadowNight
from nightshift.scoring.canary import canary_rows
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.manifest import Manifest


@dataclass(frozen=True)
class ScoredNight:
    """What one of the two says of a night: its rows in the order of their keys."""

    spec: ModelSpec
    manifest: Manifest
    table: pa.Table

    @classmethod
    def read(cls, spec: ModelSpec, manifest: Manifest, stores: Stores) -> "ScoredNight":
        """The night as it was decided then."""
        order = [(key, "ascending") for key in spec.keys]
        columns = [name for name in manifest.columns if name not in OF_THE_MODEL]
        rows = stores.lake.read(manifest, columns)
        return cls(as_decided(spec, manifest), manifest, rows.sort_by(order))

    def without_canarys(self, predictions: Manifest) -> "ScoredNight":
        """The rows that the champion scored: what a canary did says nothing of it."""
        pinned = predictions.canary_pin
        if pinned is None or not self.table.num_rows:
            return self
        (keys,) = self.table.select(list(self.spec.keys)).combine_chunks().to_batches()
        own = self.table.filter(pa.array(~canary_rows(pinned, keys)))
        return replace(self, table=own)

    @property
    def scores(self) -> Floats:
        """Of each row: (n,) or (n, k)."""
        return label_type(self.spec).read_scores(self.table)

    def losses(self, metric: str, labels: Floats, scores: Floats) -> Float64s:
        """Of labelled rows, by what it decided."""
        return losses_of(self.spec, metric, labels, scores)


def summed_by(spec: ModelSpec) -> str:
    """What decides between the two: the gate's metric, where that is a mean of rows, or else the loss of a row."""
    return spec.metric if spec.judged_by in spec.label.ranks else spec.judged_by


def measure_shadow(
    spec: ModelSpec, predictions: Manifest, scored: Manifest, labels: Manifest | None, stores: Stores
) -> ShadowNight | None:
    """The record of a night; without labels there is nothing of losses in it.

    None of one that was published, by either, in other columns than model.yaml has now. Raises ``LostRows`` where the
    two did not score the same rows, ``LakeUnavailable``.
    """
    if not (published_as(spec, predictions.columns) and published_as(spec, scored.columns)):
        return None
    champion = ScoredNight.read(spec, predictions, stores)
    challenger = ScoredNight.read(spec, scored, stores)
    _require_same_rows(spec, champion, challenger)
    champion = champion.without_canarys(predictions)
    challenger = challenger.without_canarys(predictions)
    night = ShadowNight(
        model=spec.name,
        night=scored.partition,
        version=scored.pin.version,
        champion=predictions.pin.version,
        predictions=predictions.digest,
        shadow=scored.digest,
        rows=champion.table.num_rows,
        disagreement=_disagreement(champion, challenger),
        metric=summed_by(spec),
    )
    if labels is None or not champion.table.num_rows:
        return night
    return _with_losses(night, champion, challenger, labels, stores)


def _require_same_rows(spec: ModelSpec, champion: ScoredNight, challenger: ScoredNight) -> None:
    keys = list(spec.keys)
    if not champion.table.select(keys).equals(challenger.table.select(keys)):
        raise LostRows(
            f"{challenger.manifest.key}: its rows are not those of the champion's",
            fix=f"nightshift shadow {spec.name} {challenger.manifest.partition}",
        )


def _with_losses(
    night: ShadowNight, champion: ScoredNight, challenger: ScoredNight, labels: Manifest, stores: Stores
) -> ShadowNight:
    """Rows of a class that the challenger was not taught are left out, as its gate left them out."""
    outcomes = stores.lake.read(labels)
    of_champion, known_labels, _ = join(champion.spec, champion.table, outcomes)
    of_challenger, _, _ = join(challenger.spec, challenger.table, outcomes)
    known = np.isfinite(known_labels) & label_type(champion.spec).taught(known_labels, of_challenger)
    targets = known_labels[known]
    champions = champion.losses(night.metric, targets, of_champion[known])
    challengers = challenger.losses(night.metric, targets, of_challenger[known])
    differences = challengers - champions
    return night.model_copy(
        update={
            "labels": labels.digest,
            "labelled": len(targets),
            "difference": float(differences.sum()),
            "champion_loss": float(champions.sum()),
        }
    )


def _disagreement(champion: ScoredNight, challenger: ScoredNight) -> Disagreement | None:
    """None of a night without rows."""
    if champion.table.num_rows == 0:
        return None
    of_champion = np.nan_to_num(champion.scores.astype(np.float64))
    of_challenger = np.nan_to_num(challenger.scores.astype(np.float64))
    apart = np.abs(of_challenger - of_champion)
    if apart.ndim > 1:
        apart = apart.max(axis=1)
    of_half, of_nine_in_ten = np.quantile(apart, [0.5, 0.9])
    return Disagreement(
        same=_same(champion, challenger),
        average=float(apart.mean()),
        of_half=float(of_half),
        of_nine_in_ten=float(of_nine_in_ten),
        at_most=float(apart.max()),
        champion_mean=float(of_champion.mean()),
        shadow_mean=float(of_challenger.mean()),
    )


def _same(champion: ScoredNight, challenger: ScoredNight) -> float | None:
    """The share of rows of which both predict the same; None where predictions are numbers, or the scores."""
    if label_type(champion.spec).estimator_type == "regressor":
        return None
    scores = set(scored_columns(champion.spec))
    decided = [name for name in champion.table.column_names if name not in {*champion.spec.keys, *scores}]
    if not decided:
        return None
    shares = []
    for name in decided:
        same = pc.equal(champion.table[name], challenger.table[name])
        shares.append(pc.mean(same).as_py() or 0.0)
    return float(min(shares))
