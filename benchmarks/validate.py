"""``validate.*``: what it costs to validate a large night, beside reading it; rows and columns of the real flights."""

from statistics import median

from benchmarks import peak
from benchmarks.nights import NIGHT, drawn
from benchmarks.rivals import seconds
from benchmarks.world import World
from nightshift.contracts import Dataset
from nightshift.modelling.holdout import read_snapshot
from nightshift.spec import ModelSpec
from nightshift.steps.validate import validate
from nightshift.stores import layout

ROWS, MANY_ROWS = 1_000_000, 4_000_000
REPEATS = 5


def figures(world: World) -> dict[str, float]:
    """Validate and publish a night of a million rows, by turns with reading it whole; and its memory at 4 million."""
    spec, lake = _raw(world, ROWS), world.stores.lake
    manifest = lake.require(spec.key(Dataset.RAW, NIGHT))

    def published() -> None:
        lake.objects.delete(layout.manifest(spec.key(Dataset.VALIDATED, NIGHT)))
        validate(spec, NIGHT, world.stores)

    lake.read(manifest), published()
    pairs = [(seconds(published), seconds(lambda: lake.read(manifest))) for _ in range(REPEATS)]
    for validated, read in pairs:
        world.console.print(f"validate {validated:.2f} s, read {read:.2f} s")
    few, many = (peak.validating(world, _raw(world, rows), NIGHT) for rows in (ROWS, MANY_ROWS))
    return {
        "validate.vs_read": median(validated / read for validated, read in pairs),
        "validate.seconds_per_million_rows": median(validated for validated, _ in pairs),
        "validate.peak_mib": many.mib,
        "validate.memory_growth": many.mib / few.mib,
    }


def _raw(world: World, rows: int) -> ModelSpec:
    """A raw night of the flights' columns, and a spec under whose limits it falls."""
    flight = world.spec.columns["flight"].model_copy(update={"max": None, "min": None})
    spec = world.spec.model_copy(
        update={
            "name": f"bench_{rows}",
            "columns": {**world.spec.columns, "flight": flight},
            "night": world.spec.night.model_copy(update={"max_rows": None}),
        }
    )
    lake = world.stores.lake
    if lake.manifest(spec.key(Dataset.RAW, NIGHT)) is None:
        snapshot = read_snapshot(world.spec, world.stores.snapshots.checkout(world.snapshot.md5))
        real = snapshot.select(list(spec.columns))
        draft = lake.begin(spec.key(Dataset.RAW, NIGHT))
        file = lake.add(draft, 0, drawn(real, rows), real.schema)
        lake.commit(draft, [file], real.schema, rows_in=rows, provenance={})
    return spec
