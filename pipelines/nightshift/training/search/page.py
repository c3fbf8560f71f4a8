"""A search as a page: what was chosen, why, and every trial."""

import json

from nightshift.stores.searches import SearchRecord, TrialRecord

OWN = "training as it stands"
SHOWN = 160


def search_page(search: SearchRecord) -> str:
    """Markdown, for people who look at the run."""
    nights = sorted(search.night_rows)
    judged = f"judged by {len(nights)} nights, {nights[0]} to {nights[-1]}" if nights else "judged by no night"
    lines = [_line(search, trial) for trial in search.trials]
    table = "\n".join(lines)
    return f"""# The search of {search.model}

- **Chosen**: trial {search.winner}, {search.trainer} `{json.dumps(search.parameters)}`: {search.reason}
- **Trials**: {len(search.trials)}, until {search.ended}; {judged}, all of them before those that the gate judges by.

| trial | what | loss of a row | how it ended | seconds |
|---|---|---|---|---|
{table}
"""


def _line(search: SearchRecord, trial: TrialRecord) -> str:
    loss = ""
    if trial.losses:
        last = trial.losses[-1]
        loss = f"{last:.5g}"
    cells = [
        str(trial.number),
        _what(search, trial),
        loss,
        _end(trial),
        f"{trial.seconds:.1f}",
    ]
    joined = " | ".join(cells)
    return f"| {joined} |"


def _what(search: SearchRecord, trial: TrialRecord) -> str:
    if trial.candidate == 0:
        return OWN
    candidate = search.candidates[trial.candidate - 1]
    trainer = candidate["trainer"]
    values = json.dumps(trial.values)
    return f"{trainer} `{values[:SHOWN]}`"


def _end(trial: TrialRecord) -> str:
    """A reason may hold anything that a library says."""
    if not trial.why:
        return trial.state
    first, *_ = trial.why.splitlines()
    plain = first.replace("|", r"\|")
    return f"{trial.state}: {plain[:SHOWN]}"
