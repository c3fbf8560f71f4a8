"""S3 servers that keep their word and some that do not: moto's server, with a hand between it and the client."""

import io
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from moto.moto_api._internal import moto_api_backend
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from nightshift.settings import Settings

CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")
COPY = "HTTP_X_AMZ_COPY_SOURCE"
Hand = Callable[[WSGIEnvironment, StartResponse, WSGIApplication], Iterable[bytes]]


class Quiet(WSGIRequestHandler):
    """Without a line for each request."""

    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None:
        pass


def honest(environ: WSGIEnvironment, start: StartResponse, store: WSGIApplication) -> Iterable[bytes]:
    return store(environ, start)


def deaf(environ: WSGIEnvironment, start: StartResponse, store: WSGIApplication) -> Iterable[bytes]:
    """Conditions never arrive, as behind some proxies."""
    return store({name: value for name, value in environ.items() if name not in CONDITIONS}, start)


def hasty(environ: WSGIEnvironment, start: StartResponse, store: WSGIApplication) -> Iterable[bytes]:
    """Looks at the condition before it has the body, and writes whatever has come about since."""
    if environ["REQUEST_METHOD"] != "PUT" or not any(name in environ for name in CONDITIONS):
        return store(environ, start)
    answers: list[str] = []
    look = {**environ, "REQUEST_METHOD": "HEAD", "wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "0"}
    list(store(look, lambda status, *_: answers.append(status)))  # type: ignore[arg-type,misc]
    there = answers[0].startswith("200")
    if there == ("HTTP_IF_NONE_MATCH" in environ):
        return answer(environ, start, "412 Precondition Failed", "PreconditionFailed")
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    return deaf({**environ, "wsgi.input": io.BytesIO(body)}, start, store)


def breaking(*names: str, status: str = "500 Internal Server Error", code: str = "InternalError") -> Hand:
    """Answers so to every request that carries one of these headers."""

    def hand(environ: WSGIEnvironment, start: StartResponse, store: WSGIApplication) -> Iterable[bytes]:
        if any(name in environ for name in names):
            return answer(environ, start, status, code)
        return store(environ, start)

    return hand


def cut(environ: WSGIEnvironment, start: StartResponse, store: WSGIApplication) -> Iterable[bytes]:
    """Answers to the GET of an object with half of what it says that it sends."""
    if environ["REQUEST_METHOD"] != "GET" or "list-type" in environ["QUERY_STRING"]:
        return store(environ, start)
    body = b"".join(store(environ, start))
    return [body[: len(body) // 2]]


def answer(environ: WSGIEnvironment, start: StartResponse, status: str, code: str) -> list[bytes]:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


def one_at_a_time(store: WSGIApplication) -> WSGIApplication:
    """The store, which has a request's body before it looks: moto's own threads may both find that nothing is there."""
    lock = threading.Lock()

    def whole(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH")
        if length:
            environ = {**environ, "wsgi.input": io.BytesIO(environ["wsgi.input"].read(int(length)))}
        with lock:
            return list(store(environ, start))

    return whole


class S3:
    """A running server; ``hand`` may be changed while it runs."""

    def __init__(self, hand: Hand) -> None:
        self.hand = hand
        store = one_at_a_time(DomainDispatcherApplication(create_backend_app))
        self._server = make_server(
            "127.0.0.1",
            0,
            lambda environ, start: self.hand(environ, start, store),
            threaded=True,
            request_handler=Quiet,
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def settings(self, home: Path) -> Settings:
        """Settings of a client of this server, whose bucket is there."""
        found = Settings.model_validate({
            "project": home, "home": home, "endpoint": f"http://127.0.0.1:{self._server.server_port}",
            "access_key": "k", "secret_key": "s",
        })  # fmt: skip
        import boto3

        known = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
        client = boto3.client("s3", endpoint_url=found.endpoint, **known)
        client.create_bucket(Bucket="lake")
        client.close()
        return found

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def s3(hand: Hand = honest) -> Iterator[S3]:
    """A server with an empty memory."""
    moto_api_backend.reset()
    server = S3(hand)
    try:
        yield server
    finally:
        server.stop()
