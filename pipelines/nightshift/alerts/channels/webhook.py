"""A webhook: one POST of JSON by docs/alerts.md, signed where there is a key, that follows nobody elsewhere."""

import hashlib
import hmac
import json
from dataclasses import asdict

import requests

from nightshift.alerts import clock
from nightshift.alerts.alert import SCHEMA, Alert
from nightshift.alerts.channels import ChannelFailure
from nightshift.alerts.channels.addresses import checked_address, require_public_or_own

CONNECT_SECONDS = 3
READ_SECONDS = 5
LEAST_KEY = 16


class Webhook:
    """Posts to ``address``; with a ``key`` it says by a signature who sends."""

    def __init__(self, address: str, key: str | None = None) -> None:
        self._parts = checked_address(address)
        if key is not None and len(key) < LEAST_KEY:
            raise ChannelFailure(f"its key has less than {LEAST_KEY} characters")
        self._key = key

    def send(self, alert: Alert) -> None:
        """Post it once. Any answer but 2xx is a failure, a redirect too."""
        require_public_or_own(self._parts)
        content = payload(alert)
        try:
            with requests.Session() as session:
                # Of what the machine's owner has set up, proxies count; a login out of .netrc does not.
                session.auth = _NoLogin()
                answer = session.post(
                    self._parts.geturl(),
                    data=content,
                    headers=self._headers(alert, content),
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                    allow_redirects=False,
                    stream=True,
                )
                status = answer.status_code
        except requests.exceptions.SSLError:
            raise ChannelFailure("its certificate is not trusted") from None
        except requests.exceptions.Timeout:
            raise ChannelFailure(f"it did not answer in {READ_SECONDS} seconds") from None
        except requests.exceptions.RequestException as error:
            raise ChannelFailure(f"it was not reached: {type(error).__name__}") from None
        if not 200 <= status < 300:
            raise ChannelFailure(f"it answered {status}")

    def _headers(self, alert: Alert, content: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "nightshift",
            "Idempotency-Key": alert.send_id,
        }
        if self._key is not None:
            sent = str(int(clock.now().timestamp()))
            headers["X-Nightshift-Timestamp"] = sent
            headers["X-Nightshift-Signature"] = signature(self._key, sent, content)
        return headers


def payload(alert: Alert) -> bytes:
    """What is posted."""
    content = {
        "schema": SCHEMA,
        "send_id": alert.send_id,
        **asdict(alert),
    }
    return json.dumps(content, sort_keys=True).encode()


def signature(key: str, sent: str, content: bytes) -> str:
    """HMAC-SHA256 over the time, a dot and the body, in hex: what a receiver makes too, and compares."""
    message = sent.encode() + b"." + content
    digest = hmac.new(key.encode(), message, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


class _NoLogin(requests.auth.AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request
