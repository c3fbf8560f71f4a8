"""Ray where it does not start."""

import pytest

from nightshift.engines.on_ray import OnRay
from nightshift.errors import EngineUnavailable

pytestmark = pytest.mark.engines


def doubled(number: int) -> int:
    return 2 * number


def test_a_machine_too_busy_for_ray_to_start_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen with 13 processes to a core: after 30 seconds Ray 2.60 raises an Exception of no kind."""
    ray = pytest.importorskip("ray")

    def too_busy(**_: object) -> None:
        raise Exception("The current node timed out during startup. This could happen because ...")

    monkeypatch.setattr(ray, "init", too_busy)
    with pytest.raises(EngineUnavailable, match="Ray does not start on this machine: The current node timed out"):
        OnRay().run(doubled, [1])
