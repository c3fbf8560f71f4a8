import numpy as np
import pyarrow as pa
import pytest

from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.metrics import row_losses
from nightshift.monitoring.matters import estimate

ROWS = 200
NIGHTS = 24


def rows_of(random, nights, hard=0.0, of_number=False):
    """Rows whose outcome is the less sure the nearer ``x`` is to ``hard``; and their scores."""
    rows = nights * ROWS
    x = random.normal(hard, 1, rows)
    days = np.repeat(np.arange(nights), ROWS)
    table = pa.table({"x": x, "kind": random.choice(["a", "b"], rows)})
    if of_number:
        labels = x + random.normal(0, np.exp(x / 2), rows)
        return LabelledRows(table, labels, days), x
    scores = 1 / (1 + np.exp(-2 * (x - 2)))
    labels = (random.random(rows) < scores).astype(float)
    return LabelledRows(table, labels, days), scores


def learnt(loss, columns, judged, scores):
    losses = row_losses(loss, judged.labels, scores)
    return estimate.reference_of(loss, columns, judged, scores, losses, by_odds=loss == "log_loss")


@pytest.mark.parametrize(("loss", "of_number"), [("log_loss", False), ("squared_error", True)])
def test_harder_rows_are_expected_to_lose_more_before_their_labels_are_there(loss, of_number):
    random = np.random.default_rng(4)
    judged, scores = rows_of(random, NIGHTS, of_number=of_number)
    reference = learnt(loss, ["x", "kind"], judged, scores)
    for hard in (0.0, 1.0):
        night, of_night = rows_of(random, 30, hard, of_number)
        if of_number:
            losses = (judged.labels - scores) ** 2
            expect = estimate.by_rows(["x", "kind"], judged.table, scores, losses)
            lost = ((night.labels - of_night) ** 2).mean()
        else:
            expect = estimate.by_classes(reference)
            lost = -np.where(night.labels == 1, np.log(of_night), np.log1p(-of_night)).mean()
        told = estimate.estimate(reference, expect(night.table, of_night))
        assert told.above is (hard > 0)
        assert told.low < lost < told.high
        assert told.estimate == pytest.approx(lost, rel=0.15)


def test_quiet_nights_pass_the_limit_about_as_seldom_as_asked():
    times = 0
    for run in range(30):
        random = np.random.default_rng([5, run])
        judged, scores = rows_of(random, NIGHTS)
        reference = learnt("log_loss", ["x"], judged, scores)
        expect = estimate.by_classes(reference)
        later, of_later = rows_of(random, 10)
        for day in range(10):
            of_night = later.nights == day
            told = estimate.estimate(reference, expect(later.only(of_night).table, of_later[of_night]))
            times += told.above
    # Of 300 at 1 %, 8 are three standard errors.
    assert times <= 8


def test_a_night_of_fewer_rows_has_a_wider_line():
    random = np.random.default_rng(6)
    judged, scores = rows_of(random, NIGHTS)
    reference = learnt("log_loss", ["x"], judged, scores)
    expected = estimate.by_classes(reference)(judged.table, scores)
    few, many = (estimate.estimate(reference, expected[:rows]) for rows in (20, 4_000))
    assert few.limit > many.limit
    assert few.high - few.low > many.high - many.low
