"""``score.peak_mib`` and ``.memory_growth``: a process that scores and publishes, at ten times the rows."""

from benchmarks import peak
from benchmarks.nights import big_night
from benchmarks.world import World

ROWS = 5_000_000
MANY_ROWS = 50_000_000


def figures(world: World) -> dict[str, float]:
    """Largest resident memory in MiB, and its ratio."""
    few = _peak_mib(world, ROWS)
    many = _peak_mib(world, MANY_ROWS)
    return {"score.peak_mib": many, "score.peak_mib_at_5m": few, "score.memory_growth": many / few}


def _peak_mib(world: World, rows: int) -> float:
    world.console.print(f"writing a night of {rows:,} rows to score it in a process of its own ...")
    night = peak.scoring(world, big_night(world, rows, world.pin))
    world.console.print(f"{rows:,} rows: {night.seconds:.0f} s, peak {night.mib:.0f} MiB")
    return night.mib
