"""By what code a result was computed: a digest of modules and of all that they import from this package.

An old result is trusted as long as the digest of the code that made it stands. It is taken of syntax trees without
docstrings and comments, so that only what can run counts, and a new import is in it by itself. It is the same in a
clone and in a wheel, and under every minor of Python: what those do differently to a row is in the packages that
compute it, whose versions callers put beside it.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import resolve_name
from itertools import chain
from pathlib import Path

PACKAGE = Path(__file__).parent
INIT = "__init__"
EXCLUDED = {
    "nightshift": "has the number of a release; what a release changed is in other modules",
    "nightshift.errors": "has the classes of messages; when one is raised is in the module that raises it",
    "nightshift.settings": "says where the stores are, not what is in them",
    "nightshift.spec.files": "finds and reads model.yaml; what it read, the spec itself, is in every key",
    "nightshift.stores.registry": "is opened by training and planning; a pin has what they took from it",
    "nightshift.stores.snapshots": "keeps files by their md5 and makes none; scoring never opens it",
    "nightshift.modelling.metrics": "judges scores and makes none",
    "nightshift.modelling.plots": "draws a training for people and makes no row",
}
"""Modules, and rooms with all in them, that decide no row, each with the reason.

What nothing but these imports is left out with them.
"""


@cache
def code_digest(*roots: str) -> str:
    """The SHA-256 of some modules (of a room: all in it) and of their imports within this package."""
    digest = hashlib.sha256()
    for module, tree in sorted(_closure(roots).items()):
        content = (module, _plain(tree))
        digest.update(repr(content).encode())
    return digest.hexdigest()


def import_closure(*roots: str) -> list[str]:
    """The modules that these come down to, themselves included and without ``EXCLUDED``, sorted by name."""
    return sorted(_closure(roots))


def _closure(roots: Iterable[str]) -> dict[str, ast.Module]:
    """The syntax tree of each module that is reached."""
    trees: dict[str, ast.Module] = {}
    waiting = list(chain.from_iterable(map(_modules_in, roots)))
    while waiting:
        module = waiting.pop()
        if module in trees or _is_excluded(module):
            continue
        trees[module] = _tree(module)
        waiting.extend(_imports(module, trees[module]))
    return trees


def _is_excluded(module: str) -> bool:
    if module in EXCLUDED:
        return True
    _, *rooms = _with_packages(module)
    return any(room in EXCLUDED for room in rooms)


def _modules_in(root: str) -> Iterator[str]:
    """The module itself and the packages it is in; of a room, every module in it too."""
    yield from _with_packages(root)
    for file in _path(root).rglob("*.py"):
        path = file.relative_to(PACKAGE.parent).with_suffix("")
        if path.name != INIT:
            yield from _with_packages(".".join(path.parts))


def _imports(module: str, tree: ast.Module) -> Iterator[str]:
    """The modules that an import loads, with the packages they are in. Imports inside functions count too."""
    is_package = _file(module).stem == INIT
    parent, _, _ = module.rpartition(".")
    package = module if is_package else parent
    for name in _imported_names(tree, package):
        yield from filter(_exists, _with_packages(name))


def _with_packages(name: str) -> Iterator[str]:
    """``a.b.c`` as ``a``, ``a.b`` and ``a.b.c``."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        yield ".".join(parts[:count])


def _imported_names(tree: ast.Module, package: str) -> Iterator[str]:
    for node in _without_expressions(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        if isinstance(node, ast.ImportFrom):
            source = _source(node, package)
            for alias in node.names:
                yield f"{source}.{alias.name}"


def _source(node: ast.ImportFrom, package: str) -> str:
    """The module that names are imported from, also where it is written relative to its package."""
    dots = "." * node.level
    module = node.module or ""
    return resolve_name(dots + module, package)


def _exists(module: str) -> bool:
    top, _, _ = module.partition(".")
    if top != PACKAGE.name:
        return False
    return _file(module).is_file()


def _file(module: str) -> Path:
    path = _path(module)
    if path.is_dir():
        return path / f"{INIT}.py"
    return path.with_suffix(".py")


def _path(module: str) -> Path:
    """Without a suffix: a folder, or what is before the suffix of a file."""
    parts = module.split(".")
    return PACKAGE.parent.joinpath(*parts)


def _tree(module: str) -> ast.Module:
    """What of a module's source can run."""
    tree = ast.parse(_file(module).read_bytes())
    for node in _without_expressions(tree):
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if isinstance(statements, list):
                statements[:] = [statement for statement in statements if _runs(statement)]
    return tree


def _without_expressions(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that can be, or hold, statements: a tenth of all."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield from _without_expressions(child)


def _runs(statement: ast.stmt) -> bool:
    """Neither a docstring, of which constants have some too, nor for type checkers alone."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return not isinstance(statement.value.value, str)
    if isinstance(statement, ast.If) and not statement.orelse:
        return not _is_type_checking(statement.test)
    return True


def _is_type_checking(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def _plain(part: object) -> object:
    """A syntax tree as tuples. Empty fields are left out: which of them there are differs between minors of Python."""
    if isinstance(part, list):
        return tuple(map(_plain, part))
    if not isinstance(part, ast.AST):
        return part
    plain: list[object] = [type(part).__name__]
    for name, value in ast.iter_fields(part):
        if value is not None and value != []:
            plain.append((name, _plain(value)))
    return tuple(plain)
