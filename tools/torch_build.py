"""Let torch, and torch alone, come from PyTorch's index for processors where pip would bring gigabytes of CUDA with it.

    python tools/torch_build.py --index URL --constraints constraints.txt torch==2.13.0

`make install` runs it before anything is installed, so it needs the standard library alone. Where pip finds a build
for processors by itself, and where it cannot say, nothing is done: what follows installs, or says why it cannot.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Pip: TypeAlias = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]
GPU_ONLY = ("nvidia-", "cuda-")


def main() -> None:
    """Ask pip, and install torch from the index when its answer has packages for GPUs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--index", required=True)
    parser.add_argument("--constraints", required=True)
    parser.add_argument("requirement")
    arguments = parser.parse_args()
    settle(arguments.requirement, arguments.constraints, arguments.index, pip)


def pip(words: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Run the pip of this environment; nobody judges how it ends."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--progress-bar", "off", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def settle(requirement: str, constraints: str, index: str, run: Pip) -> None:
    """Install ``requirement`` from ``index`` when pip's own choice would be a build for GPUs."""
    answer = run(["--dry-run", "--report", "-", "-c", constraints, requirement])
    if answer.returncode:
        return
    extra = gpu_packages(json.loads(answer.stdout))
    if not extra:
        return
    print(f"pip's torch brings {len(extra)} packages of CUDA; taking it, and it alone, from {index} ...")
    done = run(["--no-deps", "--index-url", index, requirement])
    if done.returncode:
        print(f"{index} did not give {requirement}: pip's own build is installed, with gigabytes of CUDA")


def gpu_packages(report: dict[str, Any]) -> list[str]:
    """The names of what pip would install for GPUs alone, out of its report."""
    names = [item["metadata"]["name"].lower() for item in report["install"]]
    return sorted(name for name in names if name.startswith(GPU_ONLY))


if __name__ == "__main__":
    main()
