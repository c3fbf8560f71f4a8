"""The figures of all models as of the last look at the lake, which a thread takes again and again.

Who asks for them never waits for the lake, and costs it nothing. While it is down they stay as they were, and say since
when.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from nightshift import __version__
from nightshift.errors import LakeUnavailable
from nightshift.figures import catalogue
from nightshift.figures.catalogue import Sample
from nightshift.figures.kept import LookMemory
from nightshift.figures.model import ModelFigures, look_at
from nightshift.spec import ModelSpec, load_good_specs
from nightshift.stores import Stores

AT_ONCE = 8
log = logging.getLogger("nightshift")


@dataclass(frozen=True)
class LookedAt:
    """A model's last figures; ``at`` is when all of it could last be read, 0 for never."""

    figures: ModelFigures
    is_up: bool
    at: float


class LakeLook:
    """What is known of all models. ``clock`` says what time it is, in seconds since 1970."""

    def __init__(self, stores: Stores, clock: Callable[[], float] = time.time) -> None:
        self._stores = stores
        self._clock = clock
        self._kept: dict[str, LookMemory] = {}
        self._models: dict[str, LookedAt] = {}
        self._is_up = False
        self._taken_at = 0.0
        self._last_success = 0.0
        self._seconds = 0.0

    @property
    def is_up(self) -> bool:
        """Whether the lake answered all that the last look asked."""
        return self._is_up

    @property
    def taken_at(self) -> float:
        """When the last look ended."""
        return self._taken_at

    @property
    def models(self) -> dict[str, LookedAt]:
        """What is known of each model, by its name."""
        return dict(self._models)

    def take(self) -> None:
        """Look at every model that ``models/`` has. Raises nothing that a store, a record or a model.yaml may cause."""
        began = time.monotonic()
        specs, errors = load_good_specs(self._stores.settings.models)
        for name, error in errors.items():
            log.warning("%s: no figure of it: %s", name, error)
        names = {spec.name for spec in specs}
        before = {name: known for name, known in self._models.items() if name in names | errors.keys()}
        is_gone = threading.Event()
        looked = dict(self._looked_at(specs, before, is_gone))
        self._models = {**before, **looked, **{name: self._unknown(name, before) for name in errors}}
        self._is_up = not is_gone.is_set()
        self._seconds = time.monotonic() - began
        self._taken_at = self._clock()
        if self._is_up:
            self._last_success = self._taken_at

    def samples(self) -> Iterator[Sample]:
        """All figures, as of the last look."""
        yield catalogue.UP.at(self._is_up)
        yield catalogue.LAST_SUCCESS.at(self._last_success)
        yield catalogue.LOOK_DURATION.at(self._seconds)
        yield catalogue.BUILD.at(1, __version__)
        for name, known in sorted(self.models.items()):
            yield catalogue.MODEL_UP.at(known.is_up, name)
            yield catalogue.MODEL_LAST_SUCCESS.at(known.at, name)
            yield from known.figures.samples

    def keep_taking(self, seconds: float, stopped: threading.Event) -> threading.Thread:
        """Take a look every so many seconds, until it is stopped."""

        def work() -> None:
            while not stopped.wait(seconds):
                try:
                    self.take()
                except Exception:  # a thread that ended would leave figures that say for ever that all is up
                    self._is_up = False
                    log.exception("a look broke off; the figures are as they were, and the next look is taken")

        thread = threading.Thread(target=work, name="look", daemon=True)
        thread.start()
        return thread

    def _looked_at(
        self, specs: list[ModelSpec], before: dict[str, LookedAt], is_gone: threading.Event
    ) -> Iterator[tuple[str, LookedAt]]:
        """Several models at once. Once the lake does not answer it is gone: then no other look is begun."""

        def one(spec: ModelSpec) -> LookedAt:
            if is_gone.is_set():
                return self._unknown(spec.name, before)
            try:
                return self._one(spec, before)
            except LakeUnavailable as error:
                is_gone.set()
                log.warning("%s: the figures are as they were: %s", spec.name, error)
                return self._unknown(spec.name, before)
            except Exception:  # what is wrong with one model takes no figure from another
                log.exception("%s: a look broke off; its figures are as they were", spec.name)
                return self._unknown(spec.name, before)

        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="figures") as pool:
            looks = pool.map(one, specs)
            for spec, known in zip(specs, looks, strict=True):
                yield spec.name, known

    def _one(self, spec: ModelSpec, before: dict[str, LookedAt]) -> LookedAt:
        kept = self._kept.setdefault(spec.name, LookMemory(self._stores.lake.objects))
        figures = look_at(spec, self._stores, kept)
        if figures.problems:
            return LookedAt(figures, False, self._unknown(spec.name, before).at)
        return LookedAt(figures, True, self._clock())

    def _unknown(self, name: str, before: dict[str, LookedAt]) -> LookedAt:
        """What was known of a model, which could not be looked at now."""
        known = before.get(name)
        return LookedAt(known.figures, False, known.at) if known else LookedAt(ModelFigures(name), False, 0.0)
