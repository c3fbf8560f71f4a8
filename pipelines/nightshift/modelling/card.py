"""The model card of a training run."""

from nightshift.contracts import SnapshotRef
from nightshift.modelling.holdout import Split
from nightshift.spec import ModelSpec


def model_card(spec: ModelSpec, snapshot: SnapshotRef, metrics: dict[str, float], rows: Split) -> str:
    """What the model predicts, from what it learnt, and how well it did; Markdown."""
    table = "\n".join(f"| {name} | {value:.4f} |" for name, value in sorted(metrics.items()))
    missing = f" Nights without data: {', '.join(snapshot.missing)}." if snapshot.missing else ""
    return f"""# {spec.name}

{spec.description}

- **Predicts** `{spec.label.column}` (known {spec.label.delay_days} days later), {_published(spec)}
- **Learnt from** {len(rows.train.labels):,} rows, {snapshot.first_night} to {snapshot.last_night},
  less the last {spec.training.holdout_days} nights. DVC `{snapshot.md5}`.{missing}
- **Measured on** the {len(rows.holdout.labels):,} rows of those last nights. {len(rows.unlabelled.labels):,} rows
  never had an outcome and were used for neither.
- **Features** {", ".join(f"`{name}`" for name in spec.features)}.
- **Trainer** {spec.training.trainer} {spec.training.parameters}, seed {spec.training.seed}.
- **Owner** {spec.owner}. Scores come from the ONNX graph of this version only.

| metric on the holdout | value |
|---|---|
{table}
"""


def _published(spec: ModelSpec) -> str:
    prediction = f"`{spec.predict.prediction}`"
    if spec.label.type == "regression":
        return f"a number, as {prediction}."
    if spec.label.type == "multiclass":
        pairs = zip(spec.label.classes, spec.scores, strict=True)
        scores = ", ".join(f"{name} as `{column}`" for name, column in pairs)
        return f"a class, as {prediction}: the likeliest.\n  The probability of each, in [0, 1]: {scores}."
    return f"as `{spec.predict.score}` in [0, 1];\n  {prediction} is true from {spec.predict.threshold}."
