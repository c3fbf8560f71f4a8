"""A night in a few lines, for who points at it."""

from nightshift.pages.night_facts import NightFacts
from nightshift.pages.overview import NightRow


def in_words(row: NightRow, facts: NightFacts | None) -> str:
    """What became of a night, what monitoring saw, and how good it was."""
    state = f"{row.partition}: {row.state}"
    if facts is None:
        return state if row.is_read else f"{state}, not read yet"
    lines = [state]
    if row.rows is not None:
        quarantined = row.quarantined
        aside = f", {quarantined:,} in quarantine" if quarantined else ""
        rows = f"{row.rows:,} rows{aside}"
        lines.append(rows)
    elif row.quarantined:
        lines.append(f"{row.quarantined:,} rows in quarantine")
    if row.version:
        lines.append(f"scored by version {row.version}")
    if row.canary:
        lines.append(row.canary)
    lines += _watched(facts)
    lines += _judged(facts)
    return "\n".join(lines)


def _watched(facts: NightFacts) -> list[str]:
    if not facts.verdict:
        return []
    if facts.planned:
        return [f"a planned night: {facts.planned}"]
    if facts.ratio is None:
        return [f"drift: {facts.verdict}"]
    return [f"drift: {facts.verdict}, {percent(facts.ratio)} of the alarm line in {facts.worst}"]


def _judged(facts: NightFacts) -> list[str]:
    lines = []
    if facts.skill is not None:
        usual = "" if facts.usual_skill is None else f", usually {number(facts.usual_skill)}"
        lost = ", accuracy lost" if facts.lost else ""
        lines.append(f"skill {number(facts.skill)}{usual}{lost}")
    name = facts.loss_name.replace("_", " ")
    if facts.loss is not None:
        lines.append(f"{name} {number(facts.loss)}")
    if facts.estimate is not None:
        lines.append(f"{name} expected before labels {number(facts.estimate)}")
    if facts.quantiles:
        low, median, high = facts.quantiles
        lines.append(f"scores: median {number(median)}, from {number(low)} to {number(high)} for 8 of 10 rows")
    return lines


def percent(ratio: float) -> str:
    """A share of a line; what is far beyond is not counted."""
    if ratio > 10:
        return "over 1000 %"
    return f"{100 * ratio:.0f} %"


def number(value: float) -> str:
    """As many digits as a person reads."""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.3g}"
