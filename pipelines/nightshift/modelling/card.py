"""The model card of a training run."""

import html
from collections.abc import Sequence

from nightshift.contracts import Searched, SnapshotRef
from nightshift.modelling.folds import Fold
from nightshift.modelling.holdout import Split
from nightshift.modelling.label_types import label_type
from nightshift.modelling.outcomes import unknown_classes
from nightshift.spec import ModelSpec


def model_card(
    spec: ModelSpec,
    snapshot: SnapshotRef,
    metrics: dict[str, float],
    rows: Split,
    folds: Sequence[Fold],
    without: dict[str, str] | None = None,
    searched: Searched | None = None,
) -> str:
    """What the model predicts, from what it learnt, and how well its recipe did; Markdown.

    ``without`` are features that it was trained without, each with the reason; ``searched`` says how a search chose it.
    """
    lines = [f"| {name} | {value:.4f} |" for name, value in sorted(metrics.items())]
    table = "\n".join(lines)
    left_out = {
        "Nights without data": snapshot.missing,
        "Nights that were taken back": snapshot.retracted,
        "Nights that could not be read": snapshot.unreadable,
        "Nights of another clock": snapshot.other_clock,
        "Nights with labels of rows that they do not have": list(snapshot.labels_without_row),
    }
    unknown = unknown_classes(spec, rows)
    without_outcome = len(rows.unlabelled.labels) - sum(unknown.values())
    sentences = [f" {what}: {', '.join(nights)}." for what, nights in left_out.items() if nights]
    return f"""# {spec.name}

{spec.description}

- **Predicts** `{spec.label.column}` (known {spec.label.delay_days} days later), {label_type(spec).card_line}
- **Learnt from** {len(rows.labelled.labels):,} rows, {snapshot.first_night} to {snapshot.last_night}, all of them.
  DVC `{snapshot.md5}`.{"".join(sentences)}
- **Measured on** the same recipe, fitted to fewer nights and judged by later ones: {_of_folds(folds)}.
  {without_outcome:,} rows never had an outcome and were used for neither.{_of_unknown(unknown)}
- **Features** {", ".join(f"`{name}`" for name in spec.features)}.{_of_left_out(without or {})}
- **Trainer** {spec.training.trainer} {spec.training.parameters}, seed {spec.training.seed}.{_of_search(searched)}
- **Owner** {spec.owner}. Scores come from the ONNX graph of this version only.

| metric on the judged nights | value |
|---|---|
{table}
"""


def _of_folds(folds: Sequence[Fold]) -> str:
    """Which nights each fold was fitted on, and which judged it."""
    parts = []
    for fold in folds:
        nights = fold.judged_nights
        rows = len(fold.judged.labels)
        parts.append(f"through {fold.fitted_through}, {rows:,} rows of {nights[0]} to {nights[-1]}")
    return "; ".join(parts)


def _of_left_out(without: dict[str, str]) -> str:
    if not without:
        return ""
    parts = []
    for name, reason in without.items():
        shown = html.escape(reason, quote=False)
        parts.append(f"`{name}` ({shown})")
    features = ", ".join(parts)
    return f"\n  Trained without {features}: whatever they hold, scores are the same."


def _of_search(searched: Searched | None) -> str:
    if searched is None:
        return ""
    # A reason may hold what a library says.
    why = html.escape(searched.reason, quote=False)
    return (
        f"\n  Trial {searched.trial} of {searched.trials} of a search on nights before the judged ones, MLflow's run"
        f" `{searched.run_id}`: {why}."
    )


def _of_unknown(classes: dict[str, int]) -> str:
    if not classes:
        return ""
    # Their texts are data, whatever stands there: a card is read by more people than the lake.
    rows = sum(classes.values())
    return f"\n  Neither were {rows:,} rows of {len(classes):,} classes that it was not taught."
