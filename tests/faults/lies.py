"""What a store that lies answers: flipped bits, bodies cut with a length that fits, pages that are not all."""

import random
import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

ENTRY = re.compile(rb"<Contents>.*?</Contents>", re.DOTALL)
TRUNCATED = re.compile(rb"<IsTruncated>.*?</IsTruncated>")
DIGIT = re.compile(rb"[0-9]")
# How often a flip in JSON is one of a digit, which leaves it well-formed.
SHARE_OF_DIGITS = 0.5


@dataclass(frozen=True)
class Answer:
    """What a client gets."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def saying(self, body: bytes) -> "Answer":
        """The same with another body, and its length."""
        headers = [pair for pair in self.headers if pair[0].lower() != "content-length"]
        return replace(self, headers=[*headers, ("Content-Length", str(len(body)))], body=body)


def refusal(what: str) -> Answer:
    """An error of S3: ``503 SlowDown``."""
    status, code = what.split()
    body = f"<Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
    return Answer(int(status), [("Content-Type", "application/xml")], b"").saying(body)


def flipped(answer: Answer, rng: random.Random) -> Answer:
    """One bit is another: anywhere, or, in JSON, in a digit."""
    body = bytearray(answer.body)
    digits = [match.start() for match in DIGIT.finditer(answer.body)] if body[:1] == b"{" else []
    if digits and rng.random() < SHARE_OF_DIGITS:
        body[rng.choice(digits)] ^= 1
    elif body:
        body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
    return replace(answer, body=bytes(body))


def cut(answer: Answer, rng: random.Random) -> Answer:
    """The end is gone, and the length says so."""
    return answer.saying(answer.body[: rng.randrange(max(1, len(answer.body)))])


def short(answer: Answer, rng: random.Random) -> Answer:
    """A well-formed listing without some of its entries, which says that it is all."""
    return answer.saying(ENTRY.sub(lambda entry: entry[0] if rng.random() < 0.5 else b"", answer.body))


def first_page(answer: Answer) -> tuple[Answer, str]:
    """Half of a listing, and the token of the other half."""
    entries = ENTRY.findall(answer.body)
    kept = iter([True] * (len(entries) // 2) + [False] * len(entries))
    body = ENTRY.sub(lambda entry: entry[0] if next(kept) else b"", answer.body)
    token = f"rest-{random.getrandbits(64):x}"
    more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"
    return answer.saying(TRUNCATED.sub(more.encode(), body)), token


def token_in(path: str) -> str:
    """The token of the page that is asked for; empty for the first."""
    return parse_qs(urlsplit(path).query).get("continuation-token", [""])[0]
