"""``make soak``: trouble for as long as asked, added to benchmarks/soak.json; then the table of all runs of this code.

``SOAK="--minutes 10 --seed 7 --store moto"`` goes on from there with another seed. ``--campaign`` runs the older
campaign of predict alone, a night of many megabytes, and readers under swaps; ``--airflow`` a real Airflow.
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections import Counter
from typing import Any

from tests.faults.soak import Soak, code, now, runs, save
from tests.faults.store import STORES
from tests.faults.troubles import TROUBLES

# Of n faults of which none did harm, the share that does is below 3 / n, with 95 % confidence.
RULE_OF_THREE = 3


def main() -> int:
    """Exit 1 when something was seen that must not be."""
    arguments = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--store", choices=sorted(STORES), default="seaweedfs")
    arguments.add_argument("--only", action="append", default=[], choices=[each.__name__ for each in TROUBLES])
    arguments.add_argument("--campaign", action="store_true")
    arguments.add_argument("--airflow", action="store_true")
    run = _run(arguments.parse_args())
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
    """Faults by kind over runs of one code, with the bound, and what readers saw."""
    faults, second = Counter[str](), Counter[str]()
    for run in same:
        for name, count in run["faults"].items():
            faults[name] += count
            second[name.partition(":")[0]] += count if run["store"] == "moto" else 0
    kinds = Counter[str]()
    for name, count in faults.items():
        kinds[name.partition(":")[0]] += count
    print(f"\n{len(same)} runs of this code, {sum(run['seconds'] for run in same) / 60:,.0f} minutes")
    print(f"{'':32} {'faults':>8} {'on moto':>8}  share that does harm, at most (95 %)")
    for kind, count in kinds.most_common():
        print(f"{kind:32} {count:8,} {second[kind]:8,}  {RULE_OF_THREE / count:.2%}")
        for name in sorted(name for name in faults if name.startswith(f"{kind}:")):
            print(f"    {name.partition(': ')[2]:40} {faults[name]:8,}")
    total = sum(kinds.values())
    print(f"{'all':32} {total:8,} {sum(second.values()):8,}  {RULE_OF_THREE / max(1, total):.3%}")
    for what in ("reads", "failed_reads", "set_back"):
        sums = sum((Counter(run.get(what, {})) for run in same), Counter[str]())
        print(f"{what.replace('_', ' '):14} {', '.join(f'{name} {count:,}' for name, count in sums.items()) or 'none'}")
    print(f"violations     {sum(len(run['violations']) for run in same)}")


if __name__ == "__main__":
    sys.exit(main())
