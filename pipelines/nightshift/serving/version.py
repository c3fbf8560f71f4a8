"""One version, opened to answer: its graph, how rows are fed to it, and what was tried of its bits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self, TypeAlias

import pyarrow as pa

from nightshift.contracts import Pin
from nightshift.errors import ModelError, VariantRefused
from nightshift.modelling.arrays import Float32s
from nightshift.modelling.label_types import LabelType, label_type
from nightshift.scoring.bits import BitsAgreement, bits_agree
from nightshift.scoring.graph import OnnxGraph, fetch
from nightshift.scoring.lone import LoneRow
from nightshift.scoring.values import ColumnValues, ValueFeeds
from nightshift.serving.options import BitsPromise
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

PublishedValues: TypeAlias = dict[str, Any]
"""What a night publishes of rows, by column: arrays or lists, a value per row."""


@dataclass(frozen=True)
class ServedVersion:
    """A version that answers; ``spec`` decides from its threshold on. ``agreement`` is None where no rows were kept.

    ``elsewhere`` says on which other kernels the night is scored; empty where it is on those of here, or nobody knows.
    """

    spec: ModelSpec
    pin: Pin
    graph: OnnxGraph
    feeds: ValueFeeds
    label: LabelType
    agreement: BitsAgreement | None
    elsewhere: str = ""

    @property
    def bits(self) -> str:
        """What is to be said of them."""
        tried = str(self.agreement or "not tried")
        return f"{tried}; {self.elsewhere}" if self.elsewhere else tried

    def named(self, version: str, sha256: str) -> Self:
        """The same with another's number and digest: for scores that the other one has made."""
        return replace(self, pin=replace(self.pin, version=version, sha256=sha256))

    @cached_property
    def published(self) -> tuple[str, ...]:
        """The columns that an answer has."""
        return tuple(field.name for field in self.label.published_fields())

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The columns that a row needs."""
        return self.graph.feeds.columns

    def answer(self, columns: dict[str, ColumnValues], rows: int) -> PublishedValues:
        """What a night would publish of these rows, without keys and version.

        Raises ``SchemaMismatch``, ``ModelError``.
        """
        inputs = self.feeds(columns, rows)
        return self.published_of(self.graph.score_fed(inputs, rows))

    def answer_row(self, row: Mapping[str, Any]) -> PublishedValues:
        """The same of one row by column names.

        Raises ``NotPlain`` for a row that ``answer`` has to look at, ``ModelError``.
        """
        inputs = self._lone(row)
        return self.published_of(self.graph.score_once(inputs, 1))

    def published_of(self, scores: Float32s) -> PublishedValues:
        """What a night would publish of scores."""
        return dict(zip(self.published, self.label.published_values(scores), strict=True))

    @cached_property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Of an answer: who gave it."""
        return [(b"nightshift-version", self.pin.version.encode()), (b"nightshift-sha256", self.pin.sha256.encode())]

    @cached_property
    def _lone(self) -> LoneRow:
        return LoneRow(self.spec, self.graph.feeds)


def open_version(
    spec: ModelSpec, pin: Pin, stores: Stores, golden: pa.Table | None, promise: BitsPromise, elsewhere: str = ""
) -> ServedVersion:
    """Fetch, check and open a version, and try its bits by rows that were kept with it, which also warms it up.

    Raises ``MissingPartition``, ``UnsafeGraph``, ``OtherLabel``, ``ModelError`` for features that model.yaml has not,
    ``VariantRefused`` where the night's bits are required and cannot be promised, ``LakeUnavailable``.
    """
    own = spec.with_threshold(stores.versions.learnt_threshold(pin, spec.predict.learnt_by))
    graph = fetch(own, pin.key, pin.sha256, stores)
    graph.check_features()
    agreement = bits_agree(graph, golden) if golden is not None and golden.num_rows else None
    if promise == "required":
        require_here(pin, elsewhere)
        require_bits(pin, agreement)
    return ServedVersion(own, pin, graph, ValueFeeds(own, graph.feeds), label_type(own), agreement, elsewhere)


def require_here(pin: Pin, elsewhere: str) -> None:
    """Raises ``VariantRefused`` where the night is scored on other kernels: a row may have other bits there."""
    if elsewhere:
        raise VariantRefused(
            f"{pin.model} version {pin.version}: {elsewhere}",
            fix="serve it on a machine like that of the night, or without the promise: --bits stated",
        )


def require_bits(pin: Pin, agreement: BitsAgreement | None) -> None:
    """Raises ``ModelError`` where nothing was tried, ``VariantRefused`` where some row has other bits."""
    version = f"{pin.model} version {pin.version}"
    if agreement is None:
        raise ModelError(
            f"{version} keeps no rows by which its bits could be tried: it is of before there were any",
            fix=f"nightshift train {pin.model} NIGHT, or serve it without the promise: --bits stated",
        )
    if not agreement.is_servable:
        raise VariantRefused(
            f"{version} does not give a row by day the bits that it has at night: {agreement}",
            fix="optimize.variants without that layout, or serve it without the promise: --bits stated",
        )
