"""Answer requests for scores by day, as the champion would have scored the rows at night."""

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from nightshift.extras import require
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

if TYPE_CHECKING:
    from nightshift.serving.options import ServeOptions
    from nightshift.serving.server import Told
    from nightshift.serving.stand import Stand


def serve(spec: ModelSpec, stores: Stores, options: "ServeOptions", told: "Told") -> None:
    """Until somebody ends it; ``told`` hears its address.

    Raises ``UsageError`` without the extra, ``PortTaken``, ``NoChampion``, ``ModelError`` for a version that may not
    answer, ``LakeUnavailable``.
    """
    require("serve", f"serving {spec.name}")
    if options.grpc_port is not None:
        require("serve-grpc", f"serving {spec.name} by gRPC")
    from nightshift.serving.beside import beside
    from nightshift.serving.server import listen_at, run

    with closing(listen_at(options)) as opened:
        stand = stand_of(spec, stores, options)
        stand.begin()
        with beside(stand, spec, stores, options) as at_work:
            run(stand, options, opened, told, at_work)


def stand_of(spec: ModelSpec, stores: Stores, options: "ServeOptions") -> "Stand":
    """Who answers for a model, by this lake; nobody before it has begun."""
    from nightshift.monitoring.matters.reference import kept_background
    from nightshift.serving.champions import LakeChampions
    from nightshift.serving.stand import Stand

    golden_rows = partial(kept_background, lake=stores.lake)
    return Stand(spec.name, LakeChampions(spec.name, stores, options.bits, golden_rows))
