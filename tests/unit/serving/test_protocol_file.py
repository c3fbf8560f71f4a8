"""The server held to the Open Inference Protocol's own OpenAPI file, by requests that are made up out of it.

What of the file does not hold here is changed in ``described``, each with its reason, and nowhere else.
"""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.unit.serving.conftest import Site

MakeSite = Callable[..., Site]
FILE = Path(__file__).parents[2] / "contracts" / "open_inference_rest.yaml"
SEED = 20261126
EXAMPLES = 15
VERSION = "/v2/models/{MODEL_NAME}/versions/{MODEL_VERSION}"
LOOKED_AT = ("/v2/health/live", "/v2/health/ready", "/v2/", VERSION, f"{VERSION}/ready")
EXCLUDED = [
    # The file knows no columns: what it allows may be wrong for a model all the same, and is answered 400.
    positive_data_acceptance,
    # It forbids what nobody reads: an `id` that is no text, `parameters` that are no object.
    negative_data_rejection,
]


def described(here: Site) -> dict[str, Any]:
    """The protocol's file, for the one model that a server of ours has."""
    file: dict[str, Any] = copy.deepcopy(yaml.safe_load(FILE.read_text()))
    # It writes ${NAME} where OpenAPI has {NAME}: as it stands, each address would have a `$` in it.
    paths = {path.replace("${", "{"): routes for path, routes in file["paths"].items()}
    # It takes any text for a model: all but one are answered 404, a status that it has not.
    known = {"MODEL_NAME": here.spec.name, "MODEL_VERSION": "1"}
    for routes in paths.values():
        for parameter in routes.get("parameters", ()):
            parameter["schema"]["enum"] = [known[parameter["name"]]]
    # Its tensors have no null, JSON has no NaN, and rows of tables have missing values.
    (number,) = [kind for kind in file["components"]["schemas"]["tensor_data"]["items"]["anyOf"]
                 if kind.get("type") == "number"]  # fmt: skip
    number["nullable"] = True
    return {**file, "paths": paths}


def operation(here: Site, path: str, method: str) -> Any:
    """One of the file's, to be asked of this application."""
    schema = schemathesis.openapi.from_dict(described(here))
    schema.app = here.client.app
    return schema[path][method]


def tried(strategy: Any, test: Callable[[Any], None], examples: int) -> None:
    """The same examples each time, without a database of former ones."""
    bounded = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    seed(SEED)(bounded(given(case=strategy)(lambda case: test(case))))()


def test_the_file_is_changed_where_it_says_so_and_nowhere_else(site: MakeSite) -> None:
    file = yaml.safe_load(FILE.read_text())
    changed = described(site())
    assert [path.replace("${", "{") for path in file["paths"]] == list(changed["paths"])
    assert {*LOOKED_AT, f"{VERSION}/infer"} == set(changed["paths"])
    for name, schema in file["components"]["schemas"].items():
        assert (schema == changed["components"]["schemas"][name]) == (name != "tensor_data")


@pytest.mark.parametrize("path", LOOKED_AT)
def test_what_is_looked_at_is_as_the_file_says(site: MakeSite, path: str) -> None:
    here = site()
    found: list[int] = []

    def ask(case: Any) -> None:
        found.append(case.call_and_validate(excluded_checks=EXCLUDED).status_code)

    tried(operation(here, path, "GET").as_strategy(), ask, examples=3)
    assert set(found) == {200}


def test_whatever_the_file_allows_gets_an_answer_of_the_file(site: MakeSite) -> None:
    here = site()
    found: list[int] = []

    def ask(case: Any) -> None:
        found.append(case.call_and_validate(excluded_checks=EXCLUDED).status_code)

    tried(operation(here, f"{VERSION}/infer", "POST").as_strategy(), ask, EXAMPLES)
    assert set(found) == {400}


def test_with_the_tensors_of_a_row_in_it_the_answer_is_of_the_file_too(site: MakeSite) -> None:
    """Whatever stands beside them: ids, parameters, outputs without a name that there is."""
    here = site()
    found: list[int] = []

    def ask(case: Any) -> None:
        beside = case.body if isinstance(case.body, dict) else {}
        case.body = {**beside, "inputs": here.tensors(5), "outputs": [{"name": "score"}]}
        found.append(case.call_and_validate(excluded_checks=EXCLUDED).status_code)

    tried(operation(here, f"{VERSION}/infer", "POST").as_strategy(), ask, EXAMPLES)
    assert set(found) == {200}


def test_a_method_that_a_route_has_not_is_told_which_it_has(site: MakeSite) -> None:
    here = site()
    found = here.client.delete("/v2/health/live")
    assert (found.status_code, set(found.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})


@pytest.mark.parametrize("path", ["/score/", "/v2/health/live/", "/metrics/"])
def test_no_address_is_answered_by_way_of_another(site: MakeSite, path: str) -> None:
    here = site()
    found = here.client.get(path, follow_redirects=False)
    assert (found.status_code, set(found.json())) == (404, {"error"})
    assert found.headers["x-request-id"]
