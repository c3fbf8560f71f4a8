"""A driver that is killed while it waits: ``python -m tests.engines.batch_driver FOLDER``."""

import sys
from pathlib import Path

from nightshift.engines.on_aws_batch import OnAwsBatch
from tests.engines.batch_works import waits

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    OnAwsBatch().run(waits, [str(folder / "one"), str(folder / "two")])
