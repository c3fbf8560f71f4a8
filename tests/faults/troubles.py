"""The kinds of trouble of a lane: each happens several times in an episode, and counts what it did."""

import time
from collections.abc import Callable
from typing import Any

from tests.faults.lane import QUICK, SLOW, TOO_YOUNG, Lane
from tests.faults.plans import commits, copies, late, looks_at_plain, lying, nth, sometimes
from tests.faults.process import TaskProcess
from tests.faults.proxy import Fault, Plan, Request
from tests.faults.tasks import Task

Trouble = Callable[[Lane, str], None]


def killed(lane: Lane, partition: str) -> None:
    """``kill -9`` at a random instant, or at a request, before or after the store has it; retried, or something new."""
    task = lane.any_task(partition)
    for _ in range(3):
        fault = lane.rng.choice((Fault.KILL_BEFORE, Fault.KILL_AFTER, None))
        lane.hurt.start(task, nth(lane.request(task), fault) if fault else None)
        if fault is None:
            time.sleep(lane.instant(task))
            lane.hurt.kill()
        if lane.end(lane.hurt).how == "killed":
            lane.count("killed", "at a request" if fault else "at an instant")
        else:
            task = lane.any_task(partition)
        lane.hurt.proxy.injected.clear()


def disturbed(lane: Lane, partition: str) -> None:
    """500, 503, delays, cut connections and lost answers."""
    lane.hurt.start(lane.any_task(partition), sometimes(lane.rng, lane.rng.choice((0.05, 0.1, 0.2))))
    lane.end(lane.hurt)
    lane.count_injected("network", lane.hurt)


def raced(lane: Lane, partition: str) -> None:
    """Several of one task at the same time, of other versions or the same; half the time the network fails one."""
    task = lane.any_task(partition)
    plan = sometimes(lane.rng, 0.05) if lane.rng.random() < 0.5 else None
    for process in lane.all_hurt:
        process.start(lane.task(task.name, partition), plan)
        if lane.rng.random() < 0.5:
            lane.newer(partition)
        plan = None
    lane.count("raced", "one more of a task at the same time", len(lane.all_hurt) - 1)
    for process in lane.all_hurt:
        lane.end(process)
        lane.count_injected("network", process)


def paused(lane: Lane, partition: str) -> None:
    """Tasks stand still, others make the night of something newer, then the first go on, in any order."""
    slept = []
    for process in lane.all_hurt:
        task = lane.any_task(partition)
        where = lane.rng.choice(("at an instant", "at a request", "at a request", "before the plain copy"))
        pause(lane, process, task, where)
        if stopped(process):
            lane.count("paused", where)
            slept.append(process)
        else:
            lane.end(process)
    lane.newer(partition)
    makes_newer(lane, partition)
    lane.rng.shuffle(slept)
    for process in slept:
        process.resume()
    for process in slept:
        lane.end(process)
        process.proxy.injected.clear()


def pause(lane: Lane, process: TaskProcess, task: Task, where: str) -> None:
    """Let a task begin that will stand still, if it does not end before."""
    if where == "at an instant":
        lane.outside.slow_down(SLOW)
        process.start(task)
        time.sleep(lane.instant(task))
        process.pause()
        lane.outside.slow_down(QUICK)
    elif where == "at a request":
        process.start(task, nth(lane.request(task), Fault.PAUSE))
    else:
        process.start(task, _last_look())


def came_late(lane: Lane, partition: str) -> None:
    """Writes are held back and their connections cut; they reach the store after others made the night anew."""
    plans: list[Plan] = [
        nth(1, Fault.LATE, commits),
        nth(1, Fault.LATE, copies),
        late(lane.rng, lane.rng.choice((0.3, 0.6, 1.0))),
    ]
    for process, plan in zip(lane.all_hurt, plans, strict=True):
        process.start(lane.any_task(partition), plan)
        lane.end(process)
    lane.newer(partition)
    makes_newer(lane, partition)
    for process in lane.all_hurt:
        for request in process.proxy.late:
            lane.count("late", kind_of(request))
        process.proxy.release()
        process.proxy.injected.clear()


def lied_to(lane: Lane, partition: str) -> None:
    """Bits flipped, bodies cut, pages missing: a task is right, or ends in one of our errors."""
    for _ in range(3):
        lane.hurt.start(lane.any_task(partition), lying(lane.rng, lane.rng.choice((0.05, 0.1, 0.2))))
        lane.end(lane.hurt)
        lane.count_injected("lied to", lane.hurt)
        lane.checks.look(partition)


def doubled(lane: Lane, partition: str) -> None:
    """plan, score and publish of one run twice: at once, or the first goes on after the second ended."""
    name = lane.rng.choice(("ingest", "validate", "plan", "score", "score", "publish", "publish", "publish"))
    task = prepared(lane, name, partition)
    if task is None:
        return
    if lane.rng.random() < 0.4:
        for process in (*lane.all_hurt, lane.other):
            process.start(task)
        for process in (*lane.all_hurt, lane.other):
            lane.end(process)
        lane.count("doubled", f"{name}, at once", len(lane.all_hurt))
        return
    slept = []
    for process in lane.all_hurt:
        process.start(task, nth(lane.request(task), Fault.PAUSE))
        if stopped(process):
            slept.append(process)
        else:
            lane.end(process)
    lane.do(task)
    if name in {"ingest", "validate"}:
        lane.correct(partition)
        makes_newer(lane, partition)
        name = f"{name}, corrected between"
    for process in slept:
        process.resume()
        lane.end(process)
        process.proxy.injected.clear()
    lane.count("doubled", f"{name}, the first goes on last", len(slept))


def mixed(lane: Lane, partition: str, between: Callable[[Lane, str], None] = Lane.newer) -> None:
    """Messages of a dead try: two plans of one run, of other champions or inputs, and parts and results of both."""
    tries = []
    for process in (lane.hurt, lane.other):
        parts = lane.checks.ended(process.do(Task("plan", partition)))
        if parts.how != "done":
            return
        scored = lane.checks.ended(process.do(Task("score", partition, 1, parts.value)))
        tries.append((parts.value, scored.value if scored.how == "done" else []))
        between(lane, partition)
        makes_newer(lane, partition)
    (first, results), (second, others) = tries
    for parts, joined in (
        (first, by_turns(results, others)),
        (second, by_turns(others, results)),
        (by_turns(first, second), by_turns(results, others)),
        (second, [*others, *results]),
    ):
        lane.checks.ended(lane.hurt.do(Task("publish", partition, 1, parts, joined)))
        lane.checks.look(partition)
        lane.count("doubled", "plans and results of two tries joined")


def by_turns(first: list[Any], second: list[Any]) -> list[Any]:
    """The first of one, the second of the other, and so on."""
    return [pair[number % 2] for number, pair in enumerate(zip(first, second, strict=False))]


def no_disk(lane: Lane, partition: str) -> None:
    """The disk takes a kilobyte or nothing, and keys are checked on disk."""
    for limit in (0, 1_000):
        lane.checks.ended(lane.hurt.do(lane.task("predict", partition, file_limit=limit, rows_in_memory=10)))
        lane.promote()
        lane.count("disk full", "while keys are checked")


def collected(lane: Lane, partition: str) -> None:
    """Garbage is collected while a task works."""
    lane.hurt.start(lane.any_task(partition))
    lane.collect(TOO_YOUNG)
    lane.count("collected", "within a task")
    done = lane.end(lane.hurt)
    if done.how != "done":
        lane.violations.append(f"{done.task.name} beside maintain ended {done.how}: {done.value}")


def store_killed(lane: Lane, partition: str) -> None:
    """The store is killed within a task, and comes back."""
    task = lane.any_task(partition)
    lane.hurt.start(task)
    time.sleep(lane.instant(task))
    lane.store.kill()
    lane.count("store killed", "within a task")
    lane.store.start()
    lane.end(lane.hurt)
    lane.checks.look(partition)


TROUBLES: dict[Trouble, int] = {
    killed: 5,
    disturbed: 4,
    raced: 5,
    paused: 7,
    came_late: 5,
    lied_to: 3,
    doubled: 5,
    mixed: 1,
    no_disk: 2,
    collected: 2,
    store_killed: 1,
}


def makes_newer(lane: Lane, partition: str) -> None:
    """Another run of the night, from where there is something to do."""
    for name in lane.stale(partition):
        lane.do(lane.task(name, partition))


def stopped(process: TaskProcess) -> bool:
    """Whether the process came to stand still, rather than to its end."""
    while process.busy:
        if process.stands_still():
            return True
        time.sleep(0.004)
    return False


def prepared(lane: Lane, name: str, partition: str) -> Task | None:
    """A task with all that goes before it."""
    if name in {"ingest", "validate"}:
        return lane.due(name, partition)
    lane.promote()
    task = lane.task(name, partition)
    if name in {"score", "publish"}:
        planned = lane.do(lane.task("plan", partition))
        task = Task(name, partition, task.shard_rows, planned.value)
        if planned.how != "done":
            return None
    if name == "publish":
        scored = lane.do(Task("score", partition, task.shard_rows, task.parts))
        task = Task(name, partition, task.shard_rows, task.parts, scored.value)
        return task if scored.how == "done" else None
    return task


def kind_of(request: Request) -> str:
    """What a write is."""
    if commits(request):
        return "commit"
    return "plain copy" if copies(request) else "file"


def _last_look() -> Plan:
    """Stop right before the plain copy: at the answer of what is asked last before it, which is not the first look."""
    committed = False

    def plan(request: Request) -> Fault | None:
        nonlocal committed
        committed = committed or commits(request)
        if committed and looks_at_plain(request):
            committed = False
            return Fault.PAUSE
        return None

    return plan
