"""What people write for yes and for no."""

import pytest

from nightshift.modelling.label_types.usual import usual_negatives, usual_positive


@pytest.mark.parametrize(
    ("one", "other", "positive"),
    [
        ("0", "1", "1"),
        ("1.0", "0.0", "1.0"),
        ("+1", "-1", "+1"),
        ("0", "5", "5"),
        ("FALSE", "TRUE", "TRUE"),
        ("y", "n", "y"),
        ("Nein", "Ja", "Ja"),
        ("oui", "non", "oui"),
        ("no", "sí", "sí"),
        ("not returned", "returned", "returned"),
        ("no_churn", "churn", "churn"),
        ("On-time", "Late", "Late"),
        ("left", "right", None),
        ("1", "2", None),
        ("maybe", "yes", None),
    ],
)
def test_the_usual_reading_of_two_texts(one: str, other: str, positive: str | None) -> None:
    assert usual_positive(one, other) == positive
    assert usual_positive(other, one) == positive


def test_a_number_or_a_letter_alone_may_be_a_code() -> None:
    assert usual_negatives("Yes") == ("no",)
    assert [usual_negatives(text) for text in ("1", "s", "late")] == [(), (), ()]
