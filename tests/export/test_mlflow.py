"""``mlflow models serve`` on the folder, asked over the wire as anybody would."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import requests

from nightshift.export.comparison import compare, outputs_as_scores
from nightshift.export.tensors import from_tensor
from nightshift.steps.verify_export import verify_export
from tests.exports import Written

SECONDS = 120


@contextmanager
def served(folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["models", "serve", "-m", str(folder), "-p", str(port), "--env-manager", "local", "--workers", "1"]
    # It starts uvicorn by its name.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *words], stdout=log, stderr=log, env={**os.environ, "PATH": path}
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/ping", process, folder / "log")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def wait_for(ping: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(SECONDS * 4):
        assert process.poll() is None, log.read_text()
        try:
            if requests.get(ping, timeout=1).ok:
                return
        except requests.RequestException:
            time.sleep(0.25)
    pytest.fail(log.read_text())


# MLflow warns of a hint of its own when its pyfunc is first imported.
@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred:UserWarning")
def test_mlflow_s_pyfunc_gives_the_golden_bits_and_holds_the_signature(written: Written) -> None:
    import mlflow

    folder, record = written("mlflow", "codes")
    loaded = mlflow.pyfunc.load_model(str(folder))
    inputs = {name: as_sent(from_tensor(tensor)) for name, tensor in record.golden.inputs.items()}
    scores = outputs_as_scores(record, loaded.predict(inputs)[record.output.name])
    assert compare(record, "mlflow", scores, range(20), allowed=0.0).same_bits == 20
    with pytest.raises(mlflow.exceptions.MlflowException, match="schema"):
        loaded.predict({"f0": inputs["f0"]})


def as_sent(values: np.ndarray) -> np.ndarray:
    """Texts as MLflow's signature has them."""
    return values if values.dtype == np.float32 else values.astype(str)


@pytest.mark.parametrize("kind", ["codes", "multiclass"])
def test_mlflow_s_server_gives_the_golden_bits(written: Written, kind: str) -> None:
    folder, _ = written("mlflow", kind)
    with served(folder) as url:
        verified = verify_export(f"{url}/invocations", folder)
    print(verified)
    assert (verified.rows, verified.same_bits) == (20, 20)
