"""Which handler an address is for: a dozen of them, looked up once a request."""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.refusal import Refusal

Handle: TypeAlias = Callable[[Exchange], Awaitable[Reply]]
NAMED = re.compile(r"{(\w+)}")


@dataclass(frozen=True)
class ServedRoute:
    """``path`` has words in braces, which a request names; ``name`` is what figures call the route."""

    method: str
    path: str
    name: str
    handle: Handle

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What takes its path; a word in braces is a part of it between two slashes."""
        return re.compile(NAMED.sub(r"(?P<\1>[^/]+)", self.path))


@dataclass
class RouteTable:
    """All of a server; those that name nothing are found at once."""

    routes: Iterable[ServedRoute]
    _plain: dict[tuple[str, str], ServedRoute] = field(init=False)
    _named: list[ServedRoute] = field(init=False)

    def __post_init__(self) -> None:
        self._plain = {(each.method, each.path): each for each in self.routes}
        self._named = [each for each in self.routes if NAMED.search(each.path)]

    def find(self, method: str, path: str) -> tuple[ServedRoute, dict[str, str]]:
        """Who takes it, and what the path names. Raises ``Refusal``."""
        # A body is left out by who sends it.
        method = "GET" if method == "HEAD" else method
        plain = self._plain.get((method, path))
        if plain is not None:
            return plain, {}
        for route in self._named:
            match = route.pattern.fullmatch(path)
            if match and route.method == method:
                return route, match.groupdict()
        raise self._refusal(path)

    def _refusal(self, path: str) -> Refusal:
        methods = {route.method for route in self.routes if route.pattern.fullmatch(path)}
        if methods:
            # Who is answered 405 is told which methods there are.
            allowed = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
            headers = ((b"allow", allowed.encode()),)
            return Refusal(405, "there is no such route here: Method Not Allowed", headers=headers)
        return Refusal(404, "there is no such route here: Not Found")
