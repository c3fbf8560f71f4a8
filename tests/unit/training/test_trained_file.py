"""A trained model is read if it is the very file that was written, and of the trainer's types; nothing of it runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from sklearn.pipeline import Pipeline

from nightshift.errors import ModelError
from nightshift.training.trained_file import digest_of, dumped, read_pipeline


class Payload:
    """Unpickled, it writes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (self.file.write_text, ("ran",))


@pytest.fixture
def trained(fitted: Callable[..., Any]) -> Any:
    return fitted("binary", "logistic_regression")


def test_the_file_that_was_written_is_read(trained: Any) -> None:
    body = dumped(trained.pipeline)
    assert isinstance(read_pipeline(trained.spec, body, digest_of(body), "here"), Pipeline)


def test_another_file_is_one_clear_error_and_runs_nothing(trained: Any, tmp_path: Path) -> None:
    written = tmp_path / "ran"
    foreign = cloudpickle.dumps(Payload(written))
    with pytest.raises(ModelError, match="was replaced, and is not read") as error:
        read_pipeline(trained.spec, foreign, digest_of(dumped(trained.pipeline)), "here")
    assert "train anew" in str(error.value.fix)
    assert not written.exists()


class Stranger:
    """A type that no trainer has."""


def test_types_that_the_trainer_has_not_are_refused_whatever_the_digest(trained: Any) -> None:
    pipeline = Pipeline([("stranger", Stranger())])
    body = dumped(pipeline)
    with pytest.raises(ModelError, match="made of types that logistic_regression has not"):
        read_pipeline(trained.spec, body, digest_of(body), "here")
