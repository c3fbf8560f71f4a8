"""``demo.tiny_cpu_seconds``: all that ``nightshift demo --tiny`` costs, with its services, on an empty home."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.world import World
from nightshift.project import PROJECT_FILE
from nightshift.stack.files import read_json

NIGHTSHIFT = Path(sys.executable).with_name("nightshift")


def figures(world: World) -> dict[str, float]:
    """CPU seconds of the demo and its services, and the wall time, which is the machine's."""
    with tempfile.TemporaryDirectory(prefix="nightshift-tiny-") as folder:
        project = Path(folder)
        (project / PROJECT_FILE).write_text("format = 1\n")
        home = project / "home"
        environment = {**os.environ, "NIGHTSHIFT_PROJECT": str(project), "NIGHTSHIFT_HOME": str(home)}
        began = time.perf_counter()
        process = subprocess.Popen([NIGHTSHIFT, "demo", "--tiny"], env=environment, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        tiny = home / "tiny"
        try:
            assert process.returncode == 0, (tiny / ".nightshift" / "logs" / "rehearsal.log").read_text()[-3000:]
            cpu = used.ru_utime + used.ru_stime + _services_cpu_seconds(tiny / ".nightshift" / "run")
        finally:
            subprocess.run([NIGHTSHIFT, "down"], env=environment, stdout=subprocess.DEVNULL, check=True)
    world.console.print(f"three nights: {cpu:.0f} CPU seconds, {seconds:.0f} s")
    return {"demo.tiny_cpu_seconds": cpu, "demo.tiny_seconds": seconds}


def _services_cpu_seconds(records: Path) -> float:
    """Of the services that run, with all that they started."""
    total = 0.0
    for file in records.glob("*.json"):
        service = psutil.Process(int(read_json(file)["pid"]))
        for process in [service, *service.children(recursive=True)]:
            times = process.cpu_times()
            total += times.user + times.system
    return total
