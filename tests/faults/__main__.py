"""``make soak``: a long campaign, then the table and benchmarks/soak.json."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path

from tests.faults.campaign import Report, campaign

RESULT = Path(__file__).parents[2] / "benchmarks" / "soak.json"


def main() -> int:
    """Exit 1 when something was seen that must not be."""
    arguments = ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    report = campaign(given.seed, given.minutes * 60)
    RESULT.write_text(json.dumps(report.as_json(), indent=1) + "\n")
    show(report)
    return int(bool(report.record.violations or report.left_over))


def show(report: Report) -> None:
    """What was done, what readers saw, what was wrong."""
    found = report.as_json()
    print(f"seed {report.seed}, {report.seconds:.0f} s, {report.injected} faults")
    for name in ("faults", "runs"):
        print(f"\n{name}")
        for what, count in found[name].items():
            print(f"  {count:6,}  {what}")
    print("\nreaders                reads  failed  new versions  violations")
    for tally in report.readers:
        failed = sum(tally.errors.values())
        print(f"  {tally.reader:14} {tally.reads:11,} {failed:7,} {tally.changes:13,} {len(tally.violations):11,}")
    print(f"\nclean runs after faults: {report.record.clean_runs}; collected: {report.collected['collected']} files,")
    print(f"{report.collected['uploads_aborted']} uploads; left over: {len(report.left_over)}")
    for wrong in [*report.record.violations, *report.left_over]:
        print(f"VIOLATION  {wrong}")


if __name__ == "__main__":
    sys.exit(main())
