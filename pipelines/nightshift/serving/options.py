"""What whoever starts a server may set: where it listens, what it bounds, how often it looks at the ledger."""

from typing import Literal, TypeAlias

from pydantic import Field

from nightshift.serving.access.rules import AccessRules
from nightshift.spec.base import Frozen

MOST_BATCH_ROWS = 64
"""As many as ``scoring.bits`` tries the bits of."""
BitsPromise: TypeAlias = Literal["required", "stated"]


class ServeOptions(Frozen):
    """The settings of a server, each an option of ``nightshift serve``."""

    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(8100, ge=0, le=65_535)
    bits: BitsPromise = "required"
    interval: float = Field(10.0, ge=0.1, le=3600)
    drain: float = Field(0.0, ge=0, le=600)
    max_body: int = Field(1_000_000, ge=1_000)
    max_rows: int = Field(1_000, ge=1)
    concurrency: int = Field(64, ge=1)
    timeout: float = Field(5.0, gt=0, le=600)
    access: AccessRules | None = None
    cache_bytes: int = Field(0, ge=0)
    batch_rows: int = Field(0, ge=0, le=MOST_BATCH_ROWS)
    batch_ms: float = Field(2.0, gt=0, le=100)
    replay: float = Field(0.0, ge=0, le=1)
    fallback: int | None = Field(None, ge=0)
    grpc_port: int | None = Field(None, ge=1, le=65_535)
