"""What stands before the routes, whichever door a request comes in by: bounds, figures, and who may ask."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightshift.serving.gate import Gate
from nightshift.serving.metrics import ServeMetrics
from nightshift.serving.options import ServeOptions
from nightshift.serving.stand import Stand

if TYPE_CHECKING:
    from nightshift.serving.access.guard import Guard


@dataclass(frozen=True)
class Entrance:
    """That of one server; ``guard`` is None where nobody is asked who they are."""

    gate: Gate
    metrics: ServeMetrics
    guard: "Guard | None" = None


def entrance_of(stand: Stand, options: ServeOptions) -> Entrance:
    """Raises ``UsageError`` where ``options.access`` names a secret, keys or an address that are not there."""
    gate = Gate(options)
    metrics = ServeMetrics(stand, lambda: gate.under_way)
    if options.access is None:
        return Entrance(gate, metrics)
    # Who asks nobody loads no cryptography.
    from nightshift.serving.access.guard import guard_of

    guard = guard_of(options.access, stand.model)
    metrics.register(guard)
    return Entrance(gate, metrics, guard)
