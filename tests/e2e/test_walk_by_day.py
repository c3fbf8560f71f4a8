"""From a demo to a score, as docs/serving.md walks: a published night, the server, and the page's own curl.

The last of the files: the champion stays who it is, and its night is published once more.
"""  # fmt: skip

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests

from nightshift.contracts import Dataset
from nightshift.spec import load_spec
from nightshift.stack import Stack
from nightshift.stack.ports import Ports
from nightshift.steps.predict import predict
from nightshift.stores import Stores
from tests.e2e.conftest import MODEL, NIGHT, until

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")]
MAIN = "from nightshift.cli.main import main; main()"
PORT = 8100


@pytest.fixture(scope="module")
def section(repository: Path) -> str:
    """What the page says under its first heading."""
    text = (repository / "docs" / "serving.md").read_text()
    _, _, rest = text.partition("## From a demo to a score\n")
    return rest.partition("\n## ")[0]


@contextmanager
def serving(words: list[str], stack: Stack, project: Path, folder: Path) -> Iterator[int]:
    """A command of the page, at a port that is free."""
    port = Ports.free().s3
    env = {**os.environ, **stack.env(), "NIGHTSHIFT_PROJECT": str(project)}
    program, *rest = words
    assert program == "nightshift"
    with (folder / "said").open("w") as said:
        command = [sys.executable, "-c", MAIN, *rest, "--port", str(port)]
        process = subprocess.Popen(command, env=env, stdout=said, stderr=said)
    try:
        until(lambda: is_ready(process, port, folder / "said"), 60)
        yield port
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def is_ready(process: "subprocess.Popen[bytes]", port: int, said: Path) -> bool:
    assert process.poll() is None, said.read_text()
    try:
        return requests.get(f"http://127.0.0.1:{port}/v2/health/ready", timeout=5).ok
    except requests.ConnectionError:
        time.sleep(0.1)
        return False


def test_the_curl_of_the_page_is_answered_with_the_score_of_that_night(
    section: str, stores: Stores, whole_stack: Stack, with_two_models: Path, tmp_path: Path
) -> None:
    spec = load_spec(with_two_models / "models" / MODEL / "model.yaml")
    predict(spec, NIGHT, stores)
    (serve,) = re.findall(r"^nightshift serve .*$", section, re.MULTILINE)
    (curl,) = re.findall(r"^curl .*?'$(?=\n```)", section, re.MULTILINE | re.DOTALL)
    assert curl.count(f"127.0.0.1:{PORT}/") == 1
    with serving(serve.split(), whole_stack, with_two_models, tmp_path) as port:
        words = ["sh", "-c", curl.replace(f":{PORT}/", f":{port}/")]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    answer = json.loads(said)
    (prediction,) = answer["predictions"]
    published = row_of(spec.key(Dataset.PREDICTIONS, NIGHT), {key: prediction[key] for key in spec.keys}, stores)
    for column in ("late_probability", "will_be_late"):
        assert np.float32(prediction[column]).tobytes() == np.float32(published[column]).tobytes()
    assert NIGHT in section
    assert (answer["model"], answer["version"]) == (MODEL, str(published["model_version"]))
    # What the page shows of an answer is what an answer has.
    assert set(answer) == {"model", "version", "sha256", "predictions"}
    assert set(prediction) == {*spec.keys, "late_probability", "will_be_late"}


def row_of(key: Any, keys: dict[str, Any], stores: Stores) -> "pd.Series[Any]":
    """A published row by its keys."""
    table = stores.lake.read(stores.lake.require(key)).to_pandas()
    for name, value in keys.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]
