"""Python files that belong to no package, as modules."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def load_script(file: Path) -> ModuleType:
    """Run a file and give what it defines; run again, it is a new module."""
    name = f"script_{file.stem}"
    description = importlib.util.spec_from_file_location(name, file)
    assert description is not None
    assert description.loader is not None
    module = importlib.util.module_from_spec(description)
    # A dataclass looks there for the module that it is of.
    sys.modules[name] = module
    description.loader.exec_module(module)
    return module
