"""What whoever starts a server may set: where it listens, what it bounds, how often it looks at the ledger."""

from typing import Literal, TypeAlias

from pydantic import Field

from nightshift.spec.base import Frozen

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
    grpc_port: int | None = Field(None, ge=1, le=65_535)
