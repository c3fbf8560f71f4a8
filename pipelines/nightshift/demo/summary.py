"""The end of the demo, for people: who scores, what was seen each night, what that led to, where to look."""

from collections.abc import Mapping

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from nightshift.demo.findings import Findings, NightSummary, RetrainOutcome, Version
from nightshift.mlflow_pages import home_page
from nightshift.monitoring.verdicts import in_words

METRICS = ("roc_auc", "pr_auc", "log_loss", "brier", "f1")


def summary(findings: Findings, model: str, lake: str) -> RenderableType:
    """The whole of it, without the addresses."""
    flights = sum(night.flights for night in findings.nights)
    return Group(
        heading(f"The champion of {model}: {described(findings.champion)}"),
        heading(f"Scored: {len(findings.nights)} nights, {flights} flights"),
        night_table(findings),
        *woken(findings),
        *story(findings),
        heading("Read the predictions"),
        snippet(model, lake),
    )


def heading(text: str) -> Text:
    """A bold line after an empty one."""
    return Text(f"\n{text}", style="bold")


def described(version: Version) -> str:
    """A version in one line."""
    known = [name for name in METRICS if name in version.metrics]
    metrics = ", ".join(f"{name} {version.metrics[name]:.4f}" for name in known)
    return f"version {version.number}, trained through {version.trained_through}; judged nights: {metrics}"


def night_table(findings: Findings) -> Table:
    """One row a night, narrow enough for 80 columns; drift is in multiples of its alarm line."""
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for name in ("night", "flights", "model", "verdict", "drift", "worst", "loss", "skill"):
        table.add_column(name, no_wrap=True)
    for night in findings.nights:
        table.add_row(
            night.night,
            str(night.flights),
            f"v{night.version}",
            _verdict_text(night),
            _drift_in_lines(night),
            night.worst,
            _number(night.log_loss, "no labels"),
            _number(night.skill),
        )
    return table


def _drift_in_lines(night: NightSummary) -> str:
    """A night of which nothing could be compared has no alarm line."""
    if not night.threshold:
        return "-"
    return f"{night.statistic / night.threshold:.2f}x"


def _verdict_text(night: NightSummary) -> Text:
    alarms = night.drifted or night.lost
    return Text(verdict(night), style="red" if alarms else "green")


def verdict(night: NightSummary) -> str:
    """A word or two for a night."""
    return in_words(night.drifted, bool(night.lost))


def _number(value: float | None, unknown: str = "-") -> str:
    return unknown if value is None else f"{value:.3f}"


def woken(findings: Findings) -> list[Text]:
    """The alarms that somebody would have been woken by, once each."""
    if not findings.episodes:
        return [heading("Nobody was woken: no alarm in these nights")]
    times = f"{len(findings.episodes)} {'alarm' if len(findings.episodes) == 1 else 'alarms'}, each told once"
    lines = []
    for episode in findings.episodes:
        lines.append(f"{episode.detector} of version {episode.version} since {episode.first_night}, {episode.state}")
    return [heading(times), Text("\n".join(lines))]


def story(findings: Findings) -> list[Text]:
    """What started the retrain and what came of it."""
    decision = findings.decision
    if decision is None:
        return [heading("No retrain: the governor saw no reason for one in these nights")]
    return [
        heading(f"The governor started a retrain at {decision.partition}, because"),
        Text(f"{decision.reason}", style="yellow"),
        *ending(findings),
    ]


def ending(findings: Findings) -> list[Text]:
    """What the challenger did."""
    outcome = findings.outcome
    if outcome is None:
        return [heading("The challenger: no move of an alias; see its run in Airflow")]
    return [
        heading(f"The challenger: {described(outcome.version)}"),
        Text(_gate(outcome)),
    ]


def snippet(model: str, lake: str) -> Text:
    """Three lines for a shell."""
    return Text(
        'eval "$(.venv/bin/nightshift env)"\n'
        ".venv/bin/python -c 'import pandas as pd\n"
        f'print(pd.read_parquet("{lake}/predictions/{model}/"))\''
    )


def addresses(env: Mapping[str, str]) -> Text:
    """The three URLs, with users and passwords."""
    airflow = f"user {env['NIGHTSHIFT_AIRFLOW_USER']}, password {env['NIGHTSHIFT_AIRFLOW_PASSWORD']}"
    mlflow = f"user {env['MLFLOW_TRACKING_USERNAME']}, password {env['MLFLOW_TRACKING_PASSWORD']}"
    rows = (
        ("Airflow", env["NIGHTSHIFT_AIRFLOW_URL"], airflow),
        ("MLflow", home_page(env["MLFLOW_TRACKING_URI"]), mlflow),
        ("S3", env["AWS_ENDPOINT_URL"], "keys: the first line above"),
    )
    lines = [f"{name:<8} {url}  {note}" for name, url, note in rows]
    return Text("\n".join(lines))


def show(console: Console, findings: Findings, model: str, env: Mapping[str, str]) -> None:
    """Print it; lines to be copied are never wrapped."""
    content = Group(
        summary(findings, model, env["NIGHTSHIFT_LAKE"]),
        heading("Look around"),
        addresses(env),
    )
    console.print(content, soft_wrap=True, highlight=False)


def _gate(outcome: RetrainOutcome) -> str:
    done = "became the champion" if outcome.promoted else "was not promoted"
    return f"version {outcome.version.number} {done}: {outcome.reason}"
