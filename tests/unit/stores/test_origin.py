"""What is said beside a night of the run that made it."""

import datetime as dt
from pathlib import Path

from nightshift.settings import Settings
from nightshift.stores import Stores


def test_how_long_a_run_took_is_told_where_it_is_known_and_never_below_zero(tmp_path: Path) -> None:
    settings = Settings(project=tmp_path, home=tmp_path)
    now = dt.datetime.now(dt.UTC)
    assert Stores(settings).seconds is None
    took = Stores(settings, began=now - dt.timedelta(seconds=90)).seconds
    assert took is not None
    assert 90 <= took < 150
    # Another machine's clock may be ahead.
    assert Stores(settings, began=now + dt.timedelta(hours=1)).seconds == 0
