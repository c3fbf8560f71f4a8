"""The same worlds row by row, through the project's own profile and counting: what the counts level stands for."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from benchmarks.alarm_cells import GAP, HISTORY, REFERENCE_NIGHTS, Alarms, Cell, drawn_nights
from benchmarks.alarm_counts import CountedNight, category_name
from benchmarks.alarm_project import Present, spec_of
from benchmarks.alarm_worlds import Latent, Numbers, Texts
from nightshift.modelling.arrays import Array
from nightshift.monitoring.drift import NightValues
from nightshift.monitoring.drift.measure import DriftReference
from nightshift.profiles.profile import Profile, build


def watch_rows(cell: Cell, references: int, nights: int) -> Alarms:
    """The project's alarms on nights of a cell, drawn as rows."""
    detector = Present()
    raised = []
    for run in range(references):
        fitted, later = _replicate(cell, run, nights)
        raised.append([
            detector.alarm(fitted, night, later[max(place - HISTORY, 0) : place]) for place, night in enumerate(later)
        ])
    return Alarms(cell, np.array(raised))


def _replicate(cell: Cell, run: int, nights: int) -> tuple[DriftReference, list[CountedNight]]:
    drawn = drawn_nights(cell, run, nights)
    spec = spec_of(tuple((name, _type(latent)) for name, latent in drawn.latents.items()))
    tables = [
        _night(
            drawn.random, drawn.latents, night, cell.rows if night < REFERENCE_NIGHTS else cell.night_rows or cell.rows
        )
        for night in range(len(drawn.partitions))
    ]
    reference = pa.concat_tables(tables[:REFERENCE_NIGHTS])
    keys = np.repeat(drawn.partitions[:REFERENCE_NIGHTS], cell.rows)
    unknown = np.full(reference.num_rows, np.nan)
    profile = build(spec, reference, keys, unknown, unknown)
    later = range(REFERENCE_NIGHTS + GAP, len(tables))
    counted = [_counted(profile, drawn.partitions[night], tables[night]) for night in later]
    return DriftReference.of(spec, profile), counted


def _type(latent: Latent) -> str:
    return "float64" if isinstance(latent, Numbers) else "string"


def _night(random: np.random.Generator, latents: Mapping[str, Latent], night: int, rows: int) -> pa.Table:
    columns = {}
    for name, latent in latents.items():
        is_null = random.uniform(size=rows) < latent.null[night]
        values: Array
        if isinstance(latent, Numbers):
            values = random.normal(latent.mean[night], latent.spread[night], rows)
        else:
            values = _categories(random, latent, night, rows)
        columns[name] = pa.array(values, mask=is_null)
    return pa.table(columns)


def _categories(random: np.random.Generator, latent: Texts, night: int, rows: int) -> Array:
    shares = latent.shares[night]
    names = np.array([category_name(place) for place in range(len(shares))])
    return names[random.choice(len(shares), rows, p=shares)]


def _counted(profile: Profile, partition: str, table: pa.Table) -> CountedNight:
    columns = {name: table[name].combine_chunks() for name in table.column_names}
    values = NightValues(partition, table.num_rows, profile.count(columns), profile.moments(columns))
    return CountedNight(values, np.zeros((0, 0), np.int64))
