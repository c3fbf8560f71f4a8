"""The reasons of a row as a person reads them."""

import pytest

from nightshift.cli.reasons import MOST_SHOWN, with_readable_reasons


def told(added, unit="probability", error=0.0, published=True):
    features = [
        {"feature": f"f{place}", "value": 2475.0, "usual": None, "added": value, "standard_error": error}
        for place, value in enumerate(added)
    ]
    return {
        "score": 0.2 + sum(added), "usual": 0.2, "difference": sum(added), "sum_of_parts": sum(added), "unit": unit,
        "method": "every order of the features", "background_rows": 100, "is_as_published": published,
        "features": features,
    }  # fmt: skip


def readable(reasons):
    return with_readable_reasons({"row": {"reasons": reasons}})["row"]["reasons"]


def test_probabilities_are_told_in_points_and_numbers_in_their_unit():
    shown = readable({"score": told([0.4, -0.1])})["score"]
    assert shown["because"] == {
        "f0": "+40.00 points  it is 2475, usually missing",
        "f1": "-10.00 points  it is 2475, usually missing",
    }
    assert shown["sum"].startswith("+30.00 points; the score less the usual one is +30.00 points")
    assert shown["by"].endswith("without error")
    assert readable({"delay": told([12.5], unit="delay")})["delay"]["because"]["f0"].startswith("+12.5  it is")


def test_the_error_is_said_and_what_is_left_is_summed():
    shown = readable({"score": told([0.01] * (MOST_SHOWN + 3), error=0.002)})["score"]
    assert shown["because"]["3 more"] == "+3.00 points"
    assert shown["by"].endswith("standard error of a part at most 0.20 points")


@pytest.mark.parametrize("published", [True, False])
def test_another_score_than_was_published_is_said(published):
    assert ("note" in readable({"score": told([0.1], published=published)})["score"]) is not published


def test_where_nothing_is_known_it_is_said_and_all_else_stays():
    assert readable({"untold": "trained before"}) == {"untold": "trained before"}
    assert with_readable_reasons({"row": {"reasons": None}}) == {"row": {"reasons": None}}
    assert with_readable_reasons({"model": "orders"}) == {"model": "orders"}
