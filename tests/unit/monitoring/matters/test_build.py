import io

import numpy as np
import pyarrow.parquet as pq
import pytest

from nightshift.modelling.folds import folds_of
from nightshift.modelling.label_types import label_type
from nightshift.monitoring.matters import estimate
from nightshift.monitoring.matters.build import JudgedWindow, build
from nightshift.monitoring.matters.reference import LOSS, PREDICTION, MattersReference
from nightshift.optimization.export import to_onnx
from nightshift.profiles.profile import Profile
from nightshift.scoring.graph import OnnxGraph
from nightshift.steps.optimize import _profile

LOSSES = {"binary": "log_loss", "multiclass": "log_loss", "regression": "squared_error"}


@pytest.mark.parametrize("kind", LOSSES)
def test_every_kind_of_label_has_a_reference_that_is_the_same_again(fitted, kind):
    made = fitted(kind)
    fold = folds_of(made.spec, made.rows)[-1]
    graph = OnnxGraph(made.spec, to_onnx(made.spec, made.pipeline))
    profile = Profile.from_json(_profile(made.spec, made.rows, [fold], [graph]), "here")
    judged = JudgedWindow(fold.judged, graph.score(fold.judged.table), graph, fold.judged)
    files = build(made.spec, profile, made.rows.all_rows, judged, graph)
    assert build(made.spec, profile, made.rows.all_rows, judged, graph) == files
    record = MattersReference.from_json(files.record, "here")
    assert (record.loss, record.rows_sha256) == (LOSSES[kind], files.rows_sha256)
    assert {one.name for one in record.bins} == {"kind", "amount", "items", label_type(made.spec).drift_column}
    assert all(np.isfinite(one.losses).all() for one in record.bins)
    assert set(record.attributions.features) == set(made.spec.features)
    assert len(record.attributions.nights) == len(record.attributions.carried) == 10
    rows = pq.read_table(io.BytesIO(files.rows))
    learnt = rows.filter(rows[LOSS].is_valid())
    assert (learnt.num_rows > 0) is (kind == "regression")
    if kind == "regression":
        expect = estimate.by_rows(made.spec.features, learnt, learnt[PREDICTION].to_numpy(), learnt[LOSS].to_numpy())
    else:
        expect = estimate.by_classes(record.estimate)
    told = estimate.estimate(record.estimate, expect(fold.judged.table, judged.scores))
    assert 0 < told.estimate < np.inf
    # Three judged nights are too few to say what is usual.
    assert (told.limit, told.above) == (None, None)
