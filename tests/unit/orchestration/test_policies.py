"""Who goes first where workers are few, and which pools tasks take."""

from pathlib import Path

import pytest

pytest.importorskip("airflow")

from nightshift.orchestration import policies
from nightshift.settings import Settings
from nightshift.spec import ModelSpec, load_spec

FLIGHTS = Path(__file__).parents[3] / "models" / "flight_delays" / "model.yaml"


def spec(priority: int = 5) -> ModelSpec:
    return load_spec(FLIGHTS).model_copy(update={"priority": priority})


def arguments(priority: int, verb: str) -> dict[str, object]:
    made = policies.of_night(spec(priority), verb, "doc")["default_args"]
    return {name: made[name] for name in ("priority_weight", "weight_rule", "pool") if name in made}


def test_the_model_of_the_higher_priority_goes_first_and_of_one_model_its_nights() -> None:
    order = [
        arguments(5, "train"), arguments(5, "predict"), arguments(6, "retrain"), arguments(6, "ingest"),
    ]  # fmt: skip
    weights = [int(str(each["priority_weight"])) for each in order]
    assert weights == sorted(set(weights))
    # Airflow's own rule would add the weights of all tasks behind a task.
    assert {each["weight_rule"] for each in order} == {"absolute"}


@pytest.mark.parametrize(
    ("pools", "verb", "taken"),
    [
        ((), "predict", None),
        (("mlflow",), "predict", None),
        (("mlflow", "s3"), "predict", "s3"),
        (("mlflow", "s3"), "train", "mlflow"),
        (("mlflow", "s3"), "rollback", "mlflow"),
    ],
)
def test_a_task_takes_a_pool_only_where_airflow_has_it(
    monkeypatch: pytest.MonkeyPatch, pools: tuple[str, ...], verb: str, taken: str | None
) -> None:
    # One that Airflow does not have is waited for without end.
    current = Settings(project=FLIGHTS.parents[2], home=FLIGHTS, pools=pools)
    monkeypatch.setattr(policies, "settings", lambda: current)
    assert arguments(5, verb).get("pool") == taken


def test_pools_are_said_with_their_slots() -> None:
    told = Settings.model_validate({"project": FLIGHTS, "home": FLIGHTS, "NIGHTSHIFT_POOLS": "mlflow=2, s3=4"})
    assert told.pools == ("mlflow", "s3")
