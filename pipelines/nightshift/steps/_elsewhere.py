"""Promote a version to another project: its lake, its registry, and what its gate asks there.

Nothing of the other lake is believed to be like this one: the graph is held against the trained model on rows of the
nights there, and the gate there judges it on those of them that its twin was not fitted on.
"""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nightshift.concurrency import let_openmp_threads_sleep
from nightshift.contracts import Candidate, Dataset, Evidence, GraphRef, Promotion, Registered, SnapshotRef, Verdict
from nightshift.errors import MissingPartition, ModelError, ParityFailed, UsageError
from nightshift.extras import require
from nightshift.modelling.holdout import LabelledRows, read_split
from nightshift.optimization.parity import Parity, parity_rows
from nightshift.optimization.recipe_graphs import AS_NEAR
from nightshift.optimization.variants.catalogue import is_exact
from nightshift.partitions import shifted
from nightshift.progress import OnProgress, unheard
from nightshift.releases.carried import CAME_FROM, CAME_FROM_SHA256, CarriedVersion, put, require_recipe, take
from nightshift.releases.searched import as_searched
from nightshift.scoring.graph import fetch
from nightshift.spec import ModelSpec, find_spec
from nightshift.steps._approval import with_answer
from nightshift.steps._moving import require_version
from nightshift.steps.evaluate import evaluate
from nightshift.steps.optimize import tags_of
from nightshift.steps.promote import promote
from nightshift.steps.snapshot import snapshot
from nightshift.steps.train import register
from nightshift.stores import Stores, verdicts
from nightshift.stores.registry import TAG
from nightshift.stores.run_copies import CopiedRun, RunThere, download, upload, uploaded
from nightshift.stores.seals import Seals
from nightshift.stores.versions import VersionRecord
from nightshift.training.evidence import TwinFit, store_scores, unfitted
from nightshift.training.trained_file import TRAINED_FILE, read_pipeline

STAGES = 5


@dataclass(frozen=True)
class Elsewhere:
    """A version of another project that was judged there: under which number, how far its graph was, and what came."""

    version: str
    verdict: Verdict
    promotion: Promotion
    rows_compared: int
    max_difference: float


def promote_elsewhere(
    spec: ModelSpec,
    version: str,
    stores: Stores,
    there: Stores,
    progress: OnProgress = unheard,
) -> Elsewhere:
    """Carry a version that passed its gate to another project, hold it to parity and to the gate there, and promote it.

    Done again, it is the same version there, judged by what there is by then. What is refused before the gate there
    has no number there. Raises ``UsageError`` for no version, the same lake, no such model there, or without the extra
    ``train``; ``ModelError`` for a version that did not pass its gate, is withdrawn, or is of another recipe than
    model.yaml there, and where too few nights there judge it; ``UnsealedRecord``, ``UnreadableRecord``,
    ``DamagedFile``, ``MissingPartition``, ``ParityFailed``, ``Superseded``.
    """
    require("train", f"promoting {spec.name} to another project")
    require_version(spec, version, f"promote {spec.name}@1 --to PROJECT")
    _require_another(stores, there)
    spec_there = find_spec(there.settings.models, spec.name)
    let_openmp_threads_sleep()
    progress("reading the version", 0, STAGES)
    carried = take(spec, version, stores)
    require_recipe(carried, spec_there)
    with tempfile.TemporaryDirectory(prefix="nightshift-") as place:
        copied = download(stores.registry, spec.name, carried.verdict.candidate.trained, Path(place))
        progress("copying its files", 1, STAGES)
        put(carried, there)
        progress("comparing its graph", 2, STAGES)
        return _Arrival(carried, copied, spec_there, _as_of_version(carried, there)).judged(progress)


def _as_of_version(carried: CarriedVersion, there: Stores) -> Stores:
    """The stores there, whose entries say what came from where."""
    origin = {**there.origin, **carried.came_from}
    return Stores(there.settings, origin, there.began)


def _require_another(stores: Stores, there: Stores) -> None:
    Seals.of(there.settings)
    own = stores.settings
    other = there.settings
    if own.lake_place == other.lake_place:
        raise UsageError(
            f"{other.project} has the lake of this project, {own.lake}",
            fix="name another project, or give --env with the addresses of its stores",
        )


class _Arrival:
    """A version whose files have arrived, and what is done with it there."""

    def __init__(self, carried: CarriedVersion, copied: CopiedRun, spec: ModelSpec, there: Stores) -> None:
        self._carried = carried
        self._copied = copied
        self._spec = spec
        self._there = there
        self._candidate = carried.verdict.candidate
        self._trained = self._candidate.trained
        classes = self._trained.classes or spec.label.classes
        chosen = as_searched(spec, carried.searched)
        self._taught = chosen.with_classes(classes).with_threshold(self._trained.threshold)

    def judged(self, progress: OnProgress) -> Elsewhere:
        """Parity on the nights there, then a number, then the gate there, and what follows from it."""
        frozen = self._freeze()
        unseen = self._unseen(frozen)
        graph = self._held(unseen)
        rows, told_of_rows = self._judging(unseen)
        progress("registering it", 3, STAGES)
        registered = self._registered(graph)
        candidate = Candidate(
            self._spec.name,
            registered.version,
            replace(registered.trained, snapshot=frozen),
            graph,
            self._evidence(rows, graph),
        )
        progress("evaluating it", 4, STAGES)
        verdict = evaluate(self._spec, candidate, self._there)
        # It was trained on the nights of its own snapshot; what moves there, moves as of the nights that judge it.
        own = replace(registered.trained.snapshot, as_of=frozen.as_of)
        known = replace(candidate, trained=replace(registered.trained, snapshot=own))
        origin = f"from {self._carried.came_from[CAME_FROM]}"
        told = with_answer(replace(verdict, candidate=known), f"{origin}{told_of_rows}")
        promotion = promote(self._spec, told, self._there)
        progress("done", STAGES, STAGES)
        return Elsewhere(
            version=registered.version,
            verdict=told,
            promotion=promotion,
            rows_compared=graph.rows_compared,
            max_difference=graph.max_difference,
        )

    def _freeze(self) -> SnapshotRef:
        """The newest nights there whose labels are known."""
        spec = self._spec
        column = spec.partition.column
        validated = self._there.lake.partitions(Dataset.VALIDATED, spec.name, column)
        labelled = self._there.lake.partitions(Dataset.LABELS, spec.name, column)
        both = set(validated).intersection(labelled)
        if not both:
            raise MissingPartition(
                f"{self._there.lake.objects.uri} has no labelled night of {spec.name} to judge a version on",
                fix=f"in {self._there.settings.project}: nightshift load {spec.name} FIRST LAST",
            )
        as_of = shifted(max(both), spec.label.delay_days)
        return snapshot(spec, as_of, self._there)

    def _unseen(self, frozen: SnapshotRef) -> LabelledRows:
        """The labelled rows there that the twin was not fitted on. Raises ``ModelError`` where they are too few."""
        rows = read_split(self._taught, frozen, self._there).labelled
        fitted_through = self._carried.record.twin_fitted_through
        is_unseen = unfitted(rows.nights, fitted_through)
        unseen = rows.only(is_unseen)
        nights = len(np.unique(unseen.nights))
        least = self._spec.gates.min_nights
        if nights < least:
            raise ModelError(
                f"{self._spec.name}: {self._there.lake.objects.uri} has {nights} labelled nights after"
                f" {fitted_through}, and gates.min_nights is {least}: nothing there judges version"
                f" {self._carried.record.version}",
                fix=f"in {self._there.settings.project}: nightshift load {self._spec.name} FIRST LAST",
            )
        return unseen

    def _judging(self, unseen: LabelledRows) -> tuple[LabelledRows, str]:
        """Those after all nights by which the version was chosen; where they are too few, these as well, which is said.

        Of the same source the nights there are the nights here: they chose it once already.
        """
        chosen_through = self._carried.record.trained_through
        is_new = unfitted(unseen.nights, chosen_through)
        new = unseen.only(is_new)
        nights = len(np.unique(new.nights))
        if nights >= self._spec.gates.min_nights:
            return new, ""
        return unseen, (
            f"; judged by nights up to {chosen_through} too, by which it was chosen there: {nights} came after"
        )

    def _held(self, rows: LabelledRows) -> GraphRef:
        """The graph that scores, as far from the trained model as it is on these rows. Raises ``ParityFailed``."""
        where = f"the model of MLflow's run {self._trained.run_id}"
        file = self._copied.model / TRAINED_FILE
        body = file.read_bytes()
        pipeline = read_pipeline(self._taught, body, self._trained.sha256, where)
        held = parity_rows(self._taught, pipeline, rows.table)
        known = self._candidate.graph
        graph = fetch(self._taught, known.key, known.sha256, self._there)
        scores = graph.score(held.rows)
        parity = held.require(scores) if is_exact(known.variant) else held.compare(scores)
        self._require_as_near(parity)
        return replace(
            known,
            max_difference=parity.max_difference,
            label_flips=parity.label_flips,
            rows_compared=parity.rows,
        )

    def _require_as_near(self, parity: Parity) -> None:
        """A graph that is not exact was judged by what it lost: it may be about as far from the model as it was."""
        known = self._candidate.graph
        allowed = AS_NEAR * known.max_difference + self._spec.optimize.max_abs_difference
        if parity.max_difference > allowed:
            raise ParityFailed(
                f"{self._spec.name}: on the nights there the graph of version {self._candidate.version} is up to"
                f" {parity.max_difference:.2e} away from the trained model, and it was {known.max_difference:.2e}",
                fix="nothing was promoted: train on nights like those there, or leave optimize.max_metric_loss out",
            )

    def _evidence(self, rows: LabelledRows, graph: GraphRef) -> Evidence:
        """What the twin says of the nights there."""
        record = self._carried.record
        twin = fetch(self._taught, record.twin_key, record.twin_sha256, self._there)
        fit = TwinFit(
            record.twin_key,
            record.twin_sha256,
            record.twin_fitted_through,
        )
        return store_scores(
            self._spec,
            rows.nights,
            twin.score(rows.table),
            fit,
            graph,
            self._there,
        )

    def _registered(self, graph: GraphRef) -> Registered:
        """Its number there: the one it got before, or a new one, with a run like its own."""
        known = self._known()
        if known:
            verdict = verdicts.read(self._spec.name, known.verdict_sha256, self._there)
            return Registered(self._spec.name, known.version, verdict.candidate.trained)
        run = self._uploaded() or self._copied_run()
        trained = replace(self._trained, run_id=run.run_id, model_uri=run.model_uri)
        registered = register(self._spec, trained, self._there)
        tags = self._carried.came_from | tags_of(graph, self._carried.record.twin_sha256)
        self._there.registry.tag(self._spec.name, registered.version, tags)
        return registered

    def _known(self) -> VersionRecord | None:
        """What a gate there said of it before."""
        name = self._spec.name
        for version in self._there.versions.known(name):
            record = self._there.versions.record(name, version)
            if record and self._carried.came_from.items() <= record.origin.items():
                return record
        return None

    def _uploaded(self) -> RunThere | None:
        """The run of a try that came no further than its number."""
        sha256 = self._carried.came_from[CAME_FROM_SHA256]
        return uploaded(self._there.registry, self._spec.name, f"{TAG}{CAME_FROM_SHA256}", sha256)

    def _copied_run(self) -> RunThere:
        came_from = self._carried.came_from
        tags = {f"{TAG}{name}": value for name, value in came_from.items()}
        return upload(
            self._there.registry,
            self._spec.name,
            self._copied,
            f"from {came_from[CAME_FROM]}",
            tags,
        )
