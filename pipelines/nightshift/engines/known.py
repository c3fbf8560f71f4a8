"""The engines that there are, by the names that a spec gives them."""

from nightshift.engines.launcher import Launcher
from nightshift.errors import UsageError


def launcher_of(engine: str) -> Launcher:
    """The engine of that name. Raises ``UsageError``."""
    if engine == "ray":
        from nightshift.engines.on_ray import OnRay

        return OnRay()
    if engine == "spark":
        from nightshift.engines.on_spark import OnSpark

        return OnSpark()
    if engine == "aws_batch":
        from nightshift.engines.on_aws_batch import OnAwsBatch

        return OnAwsBatch()
    raise UsageError(f"there is no engine {engine[:40]!r} to launch shards on", fix="give ray, spark or aws_batch")
