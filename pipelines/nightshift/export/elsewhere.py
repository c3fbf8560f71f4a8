"""A program of ours in another's environment: what has a library that cannot stand beside us runs there."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from nightshift.errors import ModelError, UsageError
from nightshift.export.texts import text_of

MOST_QUOTED = 500
SECONDS = 600
MISSING = "ModuleNotFoundError"


def run_elsewhere(python: str, programs: Sequence[str], arguments: Sequence[Path], library: str, again: str) -> str:
    """Run the texts of ``programs``, one after the other, as one; what it printed.

    ``python`` is that of the environment, or empty for this one; ``library`` what it needs there, and ``again`` the
    command without ``--python``. Raises ``UsageError`` where Python or library is not there, ``ModelError`` where the
    program fails.
    """
    program = python or sys.executable
    text = "\n\n".join(text_of(name) for name in programs)
    # Isolated: neither this folder nor PYTHONPATH adds to what is installed there.
    words = [program, "-I", "-c", text, *map(str, arguments)]
    try:
        ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=SECONDS)
    except OSError as error:
        raise UsageError(f"{program} does not start: {error.strerror}", fix=_fix(library, again)) from error
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{library} did not end within {SECONDS} s", fix="try again on a quiet machine") from error
    if not ended.returncode:
        return ended.stdout
    told = ended.stderr.strip()
    last = told.splitlines()[-1] if told else f"it ended with {ended.returncode}"
    if last.startswith(MISSING):
        raise UsageError(f"{program} has not all of {library}: {last}", fix=_fix(library, again))
    raise ModelError(f"{library} in {program}: {last[:MOST_QUOTED]}", fix="is it that very version?")


def _fix(library: str, again: str) -> str:
    return f"python3.11 -m venv ENV && ENV/bin/pip install {library}, then: {again} --python ENV/bin/python"
