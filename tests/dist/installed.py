"""The new environment as tests use it: programs by name, each a process of its own."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
VENV = REPOSITORY / ".venv-dist"


@dataclass(frozen=True)
class Installed:
    """The environment, a folder to be in, and all variables: nothing of the caller's own reaches what runs."""

    folder: Path
    variables: Mapping[str, str]

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment to its end, which is not judged."""
        return subprocess.run(
            [str(VENV / "bin" / program), *arguments],
            cwd=self.folder,
            env=dict(self.variables),
            capture_output=True,
            text=True,
            check=False,
        )
