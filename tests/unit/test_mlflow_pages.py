"""Every address of MLflow's UI leads into its view of model training, and one module makes them."""

import re
from pathlib import Path

import pytest

from nightshift.mlflow_pages import home_page, model_page, run_page, version_page

VIEW = "?workflowType=machine_learning"
PAGE_BY_HAND = re.compile(r"/?#/(?:experiments|models|runs)")


@pytest.mark.parametrize(
    ("address", "path"),
    [
        (home_page("http://ml"), "experiments"),
        (run_page("http://ml/", "1", "ab"), "experiments/1/runs/ab"),
        (model_page("http://ml", "m"), "models/m"),
        (version_page("http://ml", "m", "3"), "models/m/versions/3"),
    ],
)
def test_an_address_names_the_view_behind_its_path(address: str, path: str) -> None:
    assert address == f"http://ml/#/{path}{VIEW}"


def test_no_other_place_makes_an_address_of_mlflow(repository: Path) -> None:
    by_hand = []
    for folder in ("pipelines", "plugins", "dags", "models", "docker", "docs", "README.md"):
        root = repository / folder
        files = root.rglob("*") if root.is_dir() else [root]
        for file in files:
            if file.suffix not in {".py", ".j2", ".md", ".html", ".yaml", ".yml"}:
                continue
            lines = file.read_text(encoding="utf-8").splitlines()
            by_hand += [line for line in lines if PAGE_BY_HAND.search(line) and VIEW not in line]
    assert by_hand == []
