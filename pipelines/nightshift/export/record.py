"""``nightshift.json``: what an exported graph is, how it is fed, and rows whose scores it has to give again."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from nightshift.stores.records import Record

RECORD = "nightshift.json"
Datatype = Literal["FP32", "INT64", "BYTES"]
"""As the Open Inference Protocol calls them; BYTES is a text."""
GraphKind = Literal["trees", "linear", "network"]


class Part(BaseModel):
    """A part of the record."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ExportedInput(Part):
    """An input of the graph; of its ``shape`` -1 are the rows. ``columns`` are what it holds, in its order."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    columns: tuple[str, ...]


class ExportedOutput(Part):
    """The output with the scores. Of one with more columns than there are scores, the last is the score.

    ``columns`` are the published columns of the scores, in their order.
    """

    name: str
    shape: tuple[int, ...]
    columns: tuple[str, ...]


class ExportedColumn(Part):
    """A feature: its type in model.yaml, and the texts that training has seen, in the order of their codes.

    A null is NaN of a number and the empty text of a text. A date is days since 1970-01-01, a truth value 0 or 1. A
    text that training has not seen is given as it is.
    """

    type: str
    nullable: bool
    categories: tuple[str, ...] = ()


class ExportedLabel(Part):
    """What a score means: P(``column``), P(class) of each class, a number, or quantiles of it.

    From ``threshold`` on a score of a binary or multilabel label says yes.
    """

    type: str
    column: str
    classes: tuple[str, ...] = ()
    quantiles: tuple[float, ...] = ()
    threshold: float | None = None


class Tensor(Part):
    """``data`` row by row; of FP32 each is its 32 bits, most significant first, in hexadecimal."""

    datatype: Datatype
    shape: tuple[int, ...]
    data: tuple[Any, ...]


class GoldenRows(Part):
    """Rows that nobody is, with their scores by the graph that scores at night.

    ``columns`` are values as people write them; ``inputs`` what the exported graph is given of them, and
    ``champion_inputs`` what the champion's own is, where that is another. ``scores`` are bits, as in a ``Tensor``, a
    list to a row.
    """

    columns: dict[str, tuple[Any, ...]]
    inputs: dict[str, Tensor]
    champion_inputs: dict[str, Tensor] = {}
    scores: tuple[tuple[str, ...], ...]


class ExportRecord(Record):
    """One export of one version; until it is written it has no target.

    ``graph_sha256`` is that of ``graph_file``, an address in the folder; ``champion_sha256`` that of the graph which
    scores at night. Scores have the golden rows' bits where ONNX Runtime has the version and the CPU the instructions
    that stand here; elsewhere they differ by ``tolerance`` at most.
    """

    what = "a record of an export"
    remedy = "export again: nightshift export MODEL --to TARGET --out DIR"

    format: Literal[1] = 1
    model: str
    version: str
    target: str = ""
    graph_file: str = ""
    graph_sha256: str
    champion_sha256: str
    variant: str
    graph_kind: GraphKind
    snapshot_md5: str
    trained_through: str
    inputs: tuple[ExportedInput, ...]
    output: ExportedOutput
    columns: dict[str, ExportedColumn]
    label: ExportedLabel
    onnxruntime: str
    cpu: tuple[str, ...]
    tolerance: float
    golden: GoldenRows
