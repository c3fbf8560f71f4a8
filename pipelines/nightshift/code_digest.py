"""By what code a result was computed: a digest of modules and of all that they import from this package.

An old result is trusted as long as the digest of the code that made it stands. It is taken of syntax trees without
docstrings and comments, so that only what can run counts, and a new import is in it by itself. It is the same in a
clone and in a wheel, and under every minor of Python: what those do differently to a row is in the packages that
compute it, whose versions callers put beside it.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

PACKAGE = Path(__file__).parent
EXCLUDED = {
    "nightshift": "has the number of a release; what a release changed is in other modules",
    "nightshift.errors": "has the classes of messages; when one is raised is in the module that raises it",
    "nightshift.settings": "says where the stores are, not what is in them",
    "nightshift.spec.files": "finds and reads model.yaml; what it read, the spec itself, is in every key",
    "nightshift.stores.registry": "is opened by training and planning; a pin has what they took from it",
    "nightshift.stores.snapshots": "keeps files by their md5 and makes none; scoring never opens it",
    "nightshift.modelling.metrics": "judges scores and makes none",
}
"""Modules that decide no row, each with the reason. What nothing but these imports is left out with them."""


@cache
def code_digest(*roots: str) -> str:
    """The SHA-256 of some modules (of a room: all in it) and of their imports within this package."""
    digest = hashlib.sha256()
    for module in import_closure(*roots):
        digest.update(repr((module, _plain(_tree(module)))).encode())
    return digest.hexdigest()


@cache
def import_closure(*roots: str) -> tuple[str, ...]:
    """The modules that these come down to, themselves included and without ``EXCLUDED``, sorted by name."""
    closure: set[str] = set()
    waiting = [module for root in roots for module in _modules_in(root)]
    while waiting:
        module = waiting.pop()
        if module not in closure and module not in EXCLUDED:
            closure.add(module)
            waiting.extend(_imports(module))
    return tuple(sorted(closure))


def _modules_in(root: str) -> Iterator[str]:
    """The module itself; of a room, every module in it."""
    yield root
    folder = PACKAGE.parent.joinpath(*root.split("."))
    for file in folder.rglob("*.py"):
        if file.stem != "__init__":
            yield ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)


def _imports(module: str) -> Iterator[str]:
    """The modules that an import loads, with the packages they are in. Imports inside functions count too."""
    package = module if _file(module).stem == "__init__" else module.rpartition(".")[0]
    for name in _imported_names(_tree(module), package):
        parts = name.split(".")
        parents = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
        yield from filter(_exists, parents)


def _imported_names(tree: ast.Module, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{source}.{alias.name}" for alias in node.names)


def _exists(module: str) -> bool:
    return module.partition(".")[0] == PACKAGE.name and _file(module).is_file()


def _file(module: str) -> Path:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _tree(module: str) -> ast.Module:
    """What of a module's source can run."""
    tree = ast.parse(_file(module).read_bytes())
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if isinstance(statements, list):
                statements[:] = [statement for statement in statements if _runs(statement)]
    return tree


def _runs(statement: ast.stmt) -> bool:
    """Neither a docstring, of which constants have some too, nor for type checkers alone."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return not isinstance(statement.value.value, str)
    if isinstance(statement, ast.If) and isinstance(statement.test, ast.Name):
        return statement.test.id != "TYPE_CHECKING" or bool(statement.orelse)
    return True


def _plain(part: object) -> object:
    """A syntax tree as tuples. Empty fields are left out: which of them there are differs between minors of Python."""
    if isinstance(part, list):
        return tuple(map(_plain, part))
    if not isinstance(part, ast.AST):
        return part
    fields = [(name, value) for name, value in ast.iter_fields(part) if value is not None and value != []]
    return (type(part).__name__, *((name, _plain(value)) for name, value in fields))
