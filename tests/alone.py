"""A program run as on a machine that has only what it says that it needs."""

import sys
from collections.abc import Sequence
from pathlib import Path

RUN = """
import runpy, sys

class Refuse:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ModuleNotFoundError(name, name=name)

program, needs, *arguments = sys.argv[1:]
folder = program.rpartition("/")[0]
beside = [name.removesuffix(".py") for name in __import__("os").listdir(folder)]
allowed = {*sys.stdlib_module_names, *needs.split(), *beside}
sys.meta_path.insert(0, Refuse)
sys.path.insert(0, folder)
sys.argv = [program, *arguments]
runpy.run_path(program, run_name="__main__")
"""


def words(program: Path, *arguments: str, needs: Sequence[str] = ("numpy", "onnxruntime")) -> list[str]:
    """The command: nothing is imported but the standard library, ``needs``, and what lies beside the program."""
    return [sys.executable, "-I", "-c", RUN, str(program), " ".join(needs), *arguments]
