"""What must hold of a night in all its datasets, looked at from outside after each trouble, by no code of the package.

Whole, once, of one edition and one version; what was acknowledged stands, unless something newer replaced it; what
people read is never set back. In a calm lake, where nobody died since, both places agree.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.contracts import Dataset, PartitionRef
from nightshift.stores import layout
from tests.faults.bucket import Bucket
from tests.faults.chain import Made, judged, move_of, night_of
from tests.faults.process import Done
from tests.faults.tasks import Published
from tests.faults.world import Wrong

DATASETS = (Dataset.RAW, Dataset.QUARANTINE, Dataset.VALIDATED, Dataset.PREDICTIONS)
Place = tuple[Dataset, str]
# The edition of no rows.
NOTHING = -1


@dataclass
class Standing:
    """A night in one dataset, judged."""

    made: Made
    sha256: str
    table: pa.Table


@dataclass
class Checks:
    """What was seen of a lake so far. ``set_back`` counts plain nights that went back where a store allows it."""

    bucket: Bucket
    conditional_copies: bool = True
    set_back: int = 0
    looks: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    _acknowledged: dict[Place, Made] = field(default_factory=dict)
    _plain: dict[Place, Made] = field(default_factory=dict)
    # Where what people read is not what the manifest names: somebody died between the two.
    behind: set[Place] = field(default_factory=set)
    _editions: dict[str, int] = field(default_factory=dict)
    # By digest of a file, and by ETag of a plain one.
    _judged: dict[str, Standing] = field(default_factory=dict)
    _served: dict[str, Standing] = field(default_factory=dict)

    def ended(self, done: Done) -> Done:
        """Note how a task ended. From its acknowledgement on, nothing older may stand."""
        self.outcomes[f"{done.task.name}: {done.how}"] += 1
        if done.how == "crashed":
            self.violations.append(f"{done.task.name} {done.task.partition} crashed: {done.value}")
        if isinstance(done.value, Published):
            self._acknowledge(done.value)
        return done

    def look(self, partition: str, *, calm: bool = False) -> dict[Dataset, Made]:
        """What stands of a night, judged; what is wrong goes on record."""
        self.looks += 1
        stands = {}
        for dataset in DATASETS:
            try:
                standing = self._look(dataset, partition, calm=calm)
            except Wrong as wrong:
                self.violations.append(str(wrong))
                continue
            if standing is not None:
                stands[dataset] = standing
        if calm and {Dataset.QUARANTINE, Dataset.VALIDATED} <= set(stands):
            self._no_row_in_both(partition, stands)
        return {dataset: standing.made for dataset, standing in stands.items()}

    def _look(self, dataset: Dataset, partition: str, *, calm: bool) -> Standing | None:
        place = (dataset, partition)
        manifest = self.bucket.json(layout.manifest(night_of(*place)))
        plain = self._plain_file(place)
        if manifest is None or not manifest["files"]:
            if plain is not None:
                raise Wrong(f"{dataset} {partition}: plain files, and no manifest that names any")
            return None
        (file,) = manifest["files"]
        standing = self._standing(place, file, anew=calm)
        self._provenance(place, manifest, standing.made)
        acknowledged = self._acknowledged.get(place)
        if acknowledged and standing.made.is_older_than(acknowledged):
            raise Wrong(f"{dataset} {partition}: {acknowledged} was acknowledged, {standing.made} stands")
        self._look_at_plain(place, file["sha256"], plain, calm=calm)
        return standing

    def _standing(self, place: Place, file: dict[str, Any], *, anew: bool) -> Standing:
        dataset, partition = place
        seen = self._judged.get(file["sha256"])
        if seen and not anew:
            return seen
        body = self.bucket.get(file["key"])
        if body is None:
            raise Wrong(f"{dataset} {partition}: the manifest names {file['key']}, which is not there")
        if hashlib.sha256(body).hexdigest() != file["sha256"]:
            raise Wrong(f"{dataset} {partition}: {file['key']} is not what the manifest says")
        return self._judge(place, body)

    def _provenance(self, place: Place, manifest: dict[str, Any], made: Made) -> None:
        dataset, partition = place
        if dataset is Dataset.QUARANTINE and made.edition == NOTHING:
            return
        if dataset is not Dataset.QUARANTINE:
            self._editions.setdefault(_digest(manifest), made.edition)
        edition = self._editions.get(manifest["provenance"].get("input", ""), made.edition)
        if edition != made.edition:
            raise Wrong(f"{dataset} {partition}: rows of edition {made.edition}, its input is of {edition}")

    def _look_at_plain(self, place: Place, sha256: str, plain: Standing | None, *, calm: bool) -> None:
        dataset, partition = place
        served = plain.sha256 if plain else ""
        self.behind.discard(place)
        if served != sha256:
            self.behind.add(place)
        if calm and place in self.behind:
            raise Wrong(f"{dataset} {partition}: what people read is not what the manifest names")
        if plain is None:
            return
        made = plain.made
        if dataset is not Dataset.QUARANTINE and made.is_older_than(self._plain.get(place, made)):
            self.set_back += 1
            if self.conditional_copies:
                raise Wrong(f"{dataset} {partition}: what people read was set back to {made}")
        self._plain[place] = made

    def _plain_file(self, place: Place) -> Standing | None:
        """What people read. A file whose ETag was seen is not fetched again."""
        folder = layout.served_night(night_of(*place))
        keys = self.bucket.keys(folder)
        if len(keys) > 1:
            raise Wrong(f"{folder} has {list(keys)}")
        for key, etag in keys.items():
            if etag not in self._served:
                body = self.bucket.get(key)
                if body is None:
                    return None
                self._served[etag] = self._judge(place, body)
            return self._served[etag]
        return None

    def _judge(self, place: Place, body: bytes) -> Standing:
        sha256 = hashlib.sha256(body).hexdigest()
        if sha256 not in self._judged:
            self._judged[sha256] = _judged(place, body, sha256)
        return self._judged[sha256]

    def _acknowledge(self, published: Published) -> None:
        ref = published.ref
        made = self._made(ref, published)
        if made is None:
            return
        if ref.dataset is not Dataset.PREDICTIONS:
            self._editions[ref.digest] = made.edition
        place = (ref.dataset, ref.partition)
        before = self._acknowledged.get(place, made)
        self._acknowledged[place] = Made(max(before.edition, made.edition), max(before.move, made.move))

    def _made(self, ref: PartitionRef, published: Published) -> Made | None:
        if published.plan is not None:
            edition = self._editions.get(published.plan.input_digest)
            return None if edition is None else Made(edition, move_of(published.plan.pin.run_id))
        body = self.bucket.get(layout.generation_file(night_of(ref.dataset, ref.partition), ref.generation, 0))
        return self._judge((ref.dataset, ref.partition), body).made if body else None

    def _no_row_in_both(self, partition: str, stands: dict[Dataset, Standing]) -> None:
        numbers = [set(stands[d].table["number"].to_pylist()) for d in (Dataset.VALIDATED, Dataset.QUARANTINE)]
        both = set.intersection(*numbers)
        if both:
            self.violations.append(f"{partition}: rows {sorted(both)} are published and in quarantine")


def _judged(place: Place, body: bytes, sha256: str) -> Standing:
    try:
        table = pq.read_table(pa.BufferReader(body))
    except pa.ArrowException as error:
        raise Wrong(f"{place}: {error}") from error
    if not table.num_rows and place[0] is Dataset.QUARANTINE:
        return Standing(Made(NOTHING), sha256, table)
    return Standing(judged(*place, table), sha256, table)


def _digest(manifest: dict[str, Any]) -> str:
    """As ``Manifest.digest``: of the content alone."""
    content = {
        "schema": manifest["schema"],
        "files": [[file["rows"], file["sha256"]] for file in manifest["files"]],
        "quarantined": manifest["rows_quarantined"],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
