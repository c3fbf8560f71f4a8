"""``make soak``: trouble for as long as asked, added to benchmarks/soak.json; then the table of all runs of this code.

``SOAK="--minutes 10 --seed 7 --store moto"`` goes on from there with another seed. ``--campaign`` runs the older
campaign of predict alone, a night of many megabytes, and readers under swaps; ``--airflow`` a real Airflow.
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections import Counter
from typing import Any

from tests.faults.soak import Soak, code, kinds, now, runs, save
from tests.faults.store import STORES
from tests.faults.troubles import TROUBLES


def main() -> int:
    """Exit 1 when something was seen that must not be."""
    arguments = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--store", choices=sorted(STORES), default="seaweedfs")
    arguments.add_argument("--only", action="append", default=[], choices=[each.__name__ for each in TROUBLES])
    arguments.add_argument("--campaign", action="store_true")
    arguments.add_argument("--airflow", action="store_true")
    arguments.add_argument("--table", action="store_true", help="show what all runs of this code did, and run nothing")
    options = arguments.parse_args()
    if options.table:
        show([run for run in runs() if run["code"] == code()["code"]])
        return 0
    run = _run(options)
    for violation in run["violations"]:
        print(f"VIOLATION  {violation}")
    show([other for other in runs() if other["code"] == run["code"]])
    return int(bool(run["violations"]))


def _run(options: Namespace) -> dict[str, Any]:
    if not (options.campaign or options.airflow):
        return Soak(options.seed, options.store, options.minutes, tuple(options.only)).run()
    head = {"began": now(), **code(), "seed": options.seed, "store": "seaweedfs", "seconds": options.minutes * 60}
    if options.airflow:
        from tests.faults.airflow_chaos import chaos

        run = head | chaos(options.seed, options.minutes * 60)
    else:
        from tests.faults.campaign import everything

        run = head | everything(options.seed, options.minutes * 60)
    save(run)
    return run


def show(same: list[dict[str, Any]]) -> None:
    """Faults by kind over runs of one code, with the bound, as docs/publishing.md has them; and what readers saw."""
    print(f"\n{len(same)} runs of this code, {sum(run['seconds'] for run in same) / 60:,.0f} minutes\n")
    print("| trouble | faults | of them on moto | do harm, at most |\n|---|---|---|---|")
    for kind, row in kinds(same).items():
        print(f"| {kind} | {row['faults']:,} | {row['on_moto']:,} | {row['bound']:.2%} |")
    print()
    for what in ("faults", "reads", "failed_reads", "set_back"):
        sums = sum((Counter(run.get(what, {})) for run in same), Counter[str]())
        print(f"{what.replace('_', ' ')}:")
        for name in sorted(sums):
            print(f"  {sums[name]:8,}  {name}")
    print(f"violations: {sum(len(run['violations']) for run in same)}")


if __name__ == "__main__":
    sys.exit(main())
