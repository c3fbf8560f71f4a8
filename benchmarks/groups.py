"""Which suites make a group: ``make bench GROUP=score``. Each takes at most a quarter of an hour on two quiet cores."""

from collections.abc import Callable
from typing import TypeAlias

from benchmarks import (
    alarms,
    attribution,
    canary,
    dag_parse,
    drafts,
    gate,
    gate_power,
    gate_rows,
    judge_search,
    load,
    looks,
    maintain,
    matters,
    memory,
    monitor,
    night,
    out_of_fold,
    overhead,
    pages,
    quantiles,
    refit,
    score,
    search,
    search_choice,
    serve,
    serve_moves,
    serve_options,
    serve_skew,
    shadow,
    skill,
    skill_flights,
    small_models,
    snapshots,
    stages,
    start,
    tiny,
    train_small,
    two_workers,
    validate,
    verify,
)
from benchmarks.world import World

Suite: TypeAlias = Callable[[World], dict[str, float]]

GROUPS: dict[str, tuple[Suite, ...]] = {
    "score": (score.figures, overhead.figures, stages.figures, verify.figures),
    "data": (validate.figures, snapshots.figures, load.figures),
    "judge": (
        alarms.figures,
        gate.figures,
        gate_power.figures,
        gate_rows.figures,
        judge_search.figures,
        refit.figures,
        skill.figures,
        skill_flights.figures,
        matters.figures,
        attribution.figures,
    ),
    "shadow": (shadow.figures, canary.figures),
    "learn": (quantiles.figures, out_of_fold.figures, search_choice.figures),
    "draft": (drafts.figures,),
    "keep": (maintain.figures, pages.of_models, looks.figures),
    "scale": (memory.figures, night.figures, monitor.figures),
    "workers": (two_workers.figures,),
    "small": (train_small.figures, small_models.figures),
    "serve": (serve.figures, serve_options.figures, serve_skew.figures, serve_moves.figures),
    "start": (start.figures, tiny.figures, dag_parse.figures),
}
LONG: dict[str, tuple[Suite, ...]] = {
    "long": (
        snapshots.long_figures,
        alarms.long_figures,
        matters.long_figures,
        maintain.long_figures,
    ),
    "search": (search.figures,),
}
"""``make bench-long``: the same promises at ten times the size, and what takes longer than a group may."""
MOST_MINUTES = 15
