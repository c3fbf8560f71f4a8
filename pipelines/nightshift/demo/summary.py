"""The end of the demo, for people: who scores, what was seen each night, what that led to, where to look."""

from collections.abc import Mapping

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from nightshift.demo.findings import Findings, NightSummary, RetrainOutcome, Version

METRICS = ("roc_auc", "pr_auc", "log_loss", "brier", "f1")


def summary(found: Findings, model: str, lake: str) -> RenderableType:
    """The whole of it, without the addresses."""
    return Group(
        heading(f"The champion of {model}: {described(found.champion)}"),
        heading(f"Scored: {len(found.nights)} nights, {sum(n.flights for n in found.nights)} flights"),
        night_table(found),
        *story(found),
        heading("Read the predictions"),
        snippet(model, lake),
    )


def heading(text: str) -> Text:
    """A bold line after an empty one."""
    return Text(f"\n{text}", style="bold")


def described(version: Version) -> str:
    """A version in one line."""
    known = [f"{name} {version.metrics[name]:.4f}" for name in METRICS if name in version.metrics]
    return f"version {version.number}, trained through {version.trained_through}; holdout: {', '.join(known)}"


def night_table(found: Findings) -> Table:
    """One row a night, narrow enough for 80 columns; drift is in multiples of its alarm line."""
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for name in ("night", "flights", "model", "verdict", "drift", "worst", "loss/limit"):
        table.add_column(name, no_wrap=True)
    for night in found.nights:
        table.add_row(
            night.night,
            str(night.flights),
            f"v{night.version}",
            Text(verdict(night), style="red" if night.drifted or night.lost else "green"),
            f"{night.statistic / night.threshold:.2f}x",
            night.worst,
            f"{_number(night.log_loss)}/{_number(night.limit)}" if night.log_loss is not None else "no labels",
        )
    return table


def verdict(night: NightSummary) -> str:
    """A word or two for a night."""
    return " + ".join([*["drift"] * night.drifted, *["worse"] * night.lost]) or "quiet"


def story(found: Findings) -> list[Text]:
    """What started the retrain and what came of it."""
    if found.decision is None:
        return [heading("No retrain: the governor saw no reason for one in these nights")]
    why = Text(f"{found.decision.reason}", style="yellow")
    return [heading(f"The governor started a retrain at {found.decision.partition}, because"), why, *ending(found)]


def ending(found: Findings) -> list[Text]:
    """What the challenger did."""
    if found.outcome is None:
        return [heading("The challenger: no move of an alias; see its run in Airflow")]
    return [heading(f"The challenger: {described(found.outcome.version)}"), Text(_gate(found.outcome))]


def snippet(model: str, lake: str) -> Text:
    """Three lines for a shell."""
    return Text(
        'eval "$(.venv/bin/nightshift env)"\n'
        ".venv/bin/python -c 'import pandas as pd\n"
        f'print(pd.read_parquet("{lake}/predictions/{model}/"))\''
    )


def addresses(env: Mapping[str, str]) -> Text:
    """The three URLs, with user and password."""
    login = f"user {env['NIGHTSHIFT_AIRFLOW_USER']}, password {env['NIGHTSHIFT_AIRFLOW_PASSWORD']}"
    rows = (
        ("Airflow", env["NIGHTSHIFT_AIRFLOW_URL"], login),
        ("MLflow", env["MLFLOW_TRACKING_URI"], "no password; this machine only"),
        ("S3", env["AWS_ENDPOINT_URL"], "keys: the first line above"),
    )
    return Text("\n".join(f"{name:<8} {url}  {note}" for name, url, note in rows))


def show(console: Console, found: Findings, model: str, env: Mapping[str, str]) -> None:
    """Print it; lines to be copied are never wrapped."""
    said = Group(summary(found, model, env["NIGHTSHIFT_LAKE"]), heading("Look around"), addresses(env))
    console.print(said, soft_wrap=True, highlight=False)


def _gate(outcome: RetrainOutcome) -> str:
    done = "became the champion" if outcome.promoted else "was not promoted"
    return f"version {outcome.version.number} {done}: {outcome.reason}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
