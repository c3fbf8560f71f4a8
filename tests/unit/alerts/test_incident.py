from nightshift.alerts.alert import Cause
from nightshift.alerts.incident import Hit, Incident
from nightshift.alerts.teller import healed_by

CAUSE = Cause("refused", "refused-a", "a: the night is refused", "too few rows", "mend the source")
TASK = "validate.validate"


def of(*nights, task=TASK):
    hits = (Hit("a", "shop", task, nights),)
    return Incident(number=3, cause=CAUSE, severity="page", hits=hits, lake="s3://lake")


def after(incident, night, task=TASK):
    return healed_by("a", {task}, night)(incident)


def test_a_later_night_that_went_well_ends_it_and_an_earlier_one_does_not():
    incident = of("2024-03-05", "2024-03-06")
    assert after(incident, "2024-03-07").recovered
    assert after(incident, "2024-03-04") == incident
    assert not after(incident, "2024-03-05").recovered


def test_the_nights_that_failed_end_it_too_once_they_are_made():
    incident = after(of("2024-03-05", "2024-03-06"), "2024-03-05")
    assert incident.hits[0].nights == ("2024-03-06",)
    assert after(incident, "2024-03-06").recovered


def test_another_task_of_the_model_says_nothing_of_it():
    assert after(of("2024-03-05"), "2024-03-07", task="ingest.ingest") == of("2024-03-05")


def test_a_task_of_no_night_is_well_once_it_runs_again():
    incident = Incident(
        number=1, cause=CAUSE, severity="notice", hits=(Hit("a", "shop", "maintain.maintain"),), lake="s3://lake"
    )
    assert healed_by("a", {"maintain.maintain"}, "")(incident).recovered


def test_its_name_says_cause_first_night_and_number_and_its_end_wakes_nobody():
    incident = of("2024-03-06", "2024-03-05")
    assert incident.id == "refused-a-2024-03-05-3"
    assert incident.alert("opened").severity == "page"
    assert incident.alert("recovered").severity == "notice"
    assert incident.alert("opened").runbook == "docs/runbook.md#alert-a-refused-night"
    where = "https://wiki.example.org/night"
    assert incident.alert("opened", where).runbook == f"{where}#alert-a-refused-night"


def test_one_that_was_well_and_fails_again_before_the_others_are_is_hit_again_by_that_night_alone():
    both = of("2024-03-05").joined(Hit("b", "shop", TASK, ("2024-03-05",)))
    healed = after(both, "2024-03-06")
    assert not healed.is_over
    again = healed.joined(Hit("a", "shop", TASK, ("2024-03-07",)))
    assert {hit.model: hit.nights for hit in again.hits} == {"a": ("2024-03-07",), "b": ("2024-03-05",)}
