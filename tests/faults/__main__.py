"""``make soak``: a long campaign, a large night, readers under swaps; then the table and benchmarks/soak.json."""

import json
import platform
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from tests.faults import large
from tests.faults.campaign import campaign, told
from tests.faults.hammer import hammer
from tests.faults.world import Night

RESULT = Path(__file__).parents[2] / "benchmarks" / "soak.json"
LARGE_POINTS_A_MINUTE, SWAPPING = 2, 20


def main() -> int:
    """Exit 1 when something was seen that must not be."""
    arguments = ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=10, help="of the campaign")
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    found = {
        "seed": given.seed,
        "python": platform.python_version(),
        "campaign": campaign(given.seed, given.minutes * 60),
        "large_night": told(large.some_points(given.seed, round(given.minutes * LARGE_POINTS_A_MINUTE)).record),
        "swaps": hammer(Night("2024-01-01", 4_000), SWAPPING).as_json(),
    }
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    show(found)
    return int(any(violations(found)))


def violations(found: dict[str, Any]) -> list[str]:
    """All that was wrong anywhere."""
    parts = [found["campaign"], found["large_night"]]
    of_readers = [what for reader in found["swaps"]["readers"] for what in reader["violations"]]
    return [what for part in parts for what in [*part["violations"], *part.get("left_over", ())]] + of_readers


def show(found: dict[str, Any]) -> None:
    """What was done, what readers saw, what was wrong."""
    for title in ("campaign", "large_night"):
        part = found[title]
        print(f"\n{title}, seed {found['seed']}: {sum(part['faults'].values()):,} faults")
        for name in ("faults", "runs"):
            for what, count in part[name].items():
                print(f"  {count:7,}  {what if name == 'faults' else 'runs: ' + what}")
        print(f"  {part['clean_runs']:7,}  clean runs after faults")
    print("\nreaders                 reads  failed  new versions  violations")
    for title in ("campaign", "swaps"):
        for reader in found[title]["readers"]:
            failed, wrong = sum(reader["errors"].values()), len(reader["violations"])
            name = f"{title} {reader['reader']}"
            print(f"  {name:20} {reader['reads']:7,} {failed:7,} {reader['changes']:13,} {wrong:11,}")
    print(f"\nswaps of two generations: {found['swaps']['swaps']:,}")
    for wrong in violations(found):
        print(f"VIOLATION  {wrong}")


if __name__ == "__main__":
    sys.exit(main())
