"""What all doors of a server have in common: bounds, figures, who may ask, and requests that wait for each other."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightshift.serving.batches import Batches
from nightshift.serving.gate import Gate
from nightshift.serving.metrics import ServeMetrics
from nightshift.serving.options import ServeOptions
from nightshift.serving.stand import Stand

if TYPE_CHECKING:
    from nightshift.serving.access.guard import Guard


@dataclass(frozen=True)
class Entrance:
    """That of one server; ``guard`` is None where nobody is asked who they are, ``batches`` where none wait."""

    gate: Gate
    metrics: ServeMetrics
    guard: "Guard | None" = None
    batches: Batches | None = None


def entrance_of(stand: Stand, options: ServeOptions) -> Entrance:
    """Raises ``UsageError`` where ``options.access`` names a secret, keys or an address that are not there."""
    gate = Gate(options)
    metrics = ServeMetrics(stand, lambda: gate.under_way)
    guard = _guard(stand, options)
    batches = Batches(options.batch_rows, options.batch_ms / 1000) if options.batch_rows > 1 else None
    for layer in (guard, batches):
        if layer is not None:
            metrics.register(layer)
    return Entrance(gate, metrics, guard, batches)


def _guard(stand: Stand, options: ServeOptions) -> "Guard | None":
    if options.access is None:
        return None
    # Who asks nobody loads no cryptography.
    from nightshift.serving.access.guard import guard_of

    return guard_of(options.access, stand.model)
