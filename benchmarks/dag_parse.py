"""``dags.*``: what a task pays for the other models of its project, and what a Dag processor pays for all.

Each reading is a process of its own, as in Airflow, and begins with nothing imported. A task reads the Dag file in
Airflow's parsing context, which names its Dag; the Dag processor reads it without.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks.world import PROJECT, World
from nightshift.project import PROJECT_FILE

MODELS = 1_000
FEWER = 100
ROUNDS = 5
CONTEXT = "_AIRFLOW_PARSING_CONTEXT_DAG_ID"
EXAMPLE = PROJECT / "pipelines/nightshift/demo/tiny_project/models/orders"
READ = """
import json, runpy, sys, time
import airflow.sdk
began, cpu = time.perf_counter(), time.process_time()
dags = runpy.run_path(sys.argv[1])["dags"]
spent = {"dags": len(dags), "seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
print(json.dumps(spent))
"""


def figures(world: World) -> dict[str, float]:
    """CPU seconds of a task beside those of a task that is alone, and seconds of a Dag processor."""
    folder = world.project.parent / "many"
    projects = {models: _project(folder / str(models), models) for models in (1, FEWER, MODELS)}
    of_task: dict[int, list[float]] = {1: [], MODELS: []}
    for _ in range(ROUNDS):
        for models, seconds in of_task.items():
            seconds.append(_read(projects[models], "m0000.predict")["cpu_seconds"])
    alone, among_many = (median(seconds) for seconds in of_task.values())
    fewer = _read(projects[FEWER])
    all_of_them = _read(projects[MODELS])
    growth = all_of_them["cpu_seconds"] / fewer["cpu_seconds"] / (MODELS / FEWER)
    dags = f"{all_of_them['dags']:,.0f} Dags in {all_of_them['seconds']:.1f} s"
    world.console.print(f"a task: {alone:.2f} CPU s alone, {among_many:.2f} among {MODELS:,} models; {dags}")
    return {
        "dags.task_parse_cpu_seconds": among_many,
        "dags.task_parse_cpu_seconds_1000_vs_1": among_many / alone,
        "dags.parse_seconds_1000_models": all_of_them["seconds"],
        "dags.parse_growth": growth,
    }


def _project(root: Path, models: int) -> Path:
    root.mkdir(parents=True)
    (root / PROJECT_FILE).write_text("format = 1\n")
    shutil.copytree(PROJECT / "dags", root / "dags")
    spec = (EXAMPLE / "model.yaml").read_text()
    for number in range(models):
        name = f"m{number:04}"
        shutil.copytree(EXAMPLE, root / "models" / name)
        (root / "models" / name / "model.yaml").write_text(spec.replace("name: orders", f"name: {name}", 1))
    return root


def _read(project: Path, dag: str = "") -> dict[str, float]:
    environment = {**os.environ, "NIGHTSHIFT_PROJECT": str(project), "NIGHTSHIFT_HOME": str(project / "home")}
    environment |= {CONTEXT: dag} if dag else {}
    command = [sys.executable, "-W", "ignore", "-c", READ, str(project / "dags" / "nightshift_dags.py")]
    answer = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    last: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return last
