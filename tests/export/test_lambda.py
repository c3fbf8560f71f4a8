"""AWS's own runtime client of Lambda takes events from a runtime API and has our handler answer them."""

import json
import os
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from nightshift.export.comparison import compare
from tests.exports import Written

API = "/2018-06-01/runtime"
HEADERS = {
    "Content-Type": "application/json",
    "Lambda-Runtime-Aws-Request-Id": "one",
    "Lambda-Runtime-Deadline-Ms": "99999999999999",
    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:f",
    "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0",
    "Lambda-Runtime-Aws-Tenant-Id": "none",
    "Lambda-Runtime-Client-Context": "{}",
    "Lambda-Runtime-Cognito-Identity": "{}",
}
"""Of an event: without one of them the client dies of it."""


class Runtime:
    """The runtime API of one function, with one event and then silence."""

    def __init__(self, event: dict[str, Any]) -> None:
        self.event = event
        self.given = threading.Event()
        self.answered = threading.Event()
        self.over = threading.Event()
        self.answer: Any = None
        self.where = ""

    def next(self) -> dict[str, Any]:
        if self.given.is_set():
            self.over.wait(60)
        self.given.set()
        return self.event

    def take(self, path: str, body: bytes) -> None:
        self.where = path
        self.answer = json.loads(body)
        self.answered.set()


def serve(runtime: Runtime) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == f"{API}/invocation/next"
            self._send(200, json.dumps(runtime.next()).encode())

        def do_POST(self) -> None:
            runtime.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self._send(202, b"{}")

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            for name, value in {**HEADERS, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def test_lambda_s_runtime_client_gives_the_golden_bits(written: Written, python_of: Callable[[str], str]) -> None:
    python = python_of("lambda")
    folder, record = written("lambda", "codes")
    columns = record.golden.columns
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    http = {"method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}
    event = {
        "version": "2.0",
        "rawPath": "/",
        "requestContext": {"http": http},
        "body": json.dumps({"instances": rows}),
        "isBase64Encoded": False,
    }
    runtime = Runtime(event)
    server = serve(runtime)
    task = folder / "task"
    environment = {
        **os.environ,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
        "LAMBDA_TASK_ROOT": str(task),
        "AWS_LAMBDA_FUNCTION_NAME": "f",
    }
    process = subprocess.Popen([python, "-s", "-m", "awslambdaric", "handler.handler"], cwd=task, env=environment)
    try:
        assert runtime.answered.wait(60)
    finally:
        process.kill()
        process.wait()
        runtime.over.set()
        server.shutdown()
        server.server_close()
    assert runtime.where == f"{API}/invocation/one/response"
    assert runtime.answer["statusCode"] == 200
    predictions = json.loads(runtime.answer["body"])["predictions"]
    scores = np.array([list(row.values()) for row in predictions], np.float32)
    verified = compare(record, "awslambdaric", scores, range(20), allowed=0.0)
    print(verified)
    assert verified.same_bits == 20
