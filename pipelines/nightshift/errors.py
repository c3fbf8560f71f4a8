"""The errors of Nightshift, one tree.

    NightshiftError
      SpecError            a model.yaml says something that is not allowed
      UsageError           a command, trigger or partition key is wrong
      DataError            the data of a night are not what the spec promises
        NoSourceData         the source has nothing for this night (a skip, not a failure)
        RowsGone             the source has nothing any more for a night that is published
        SourceMissing        no file matches the source's pattern
        SourceUnreadable     a file, a query or a function of the source does not give rows
        MissingPartition     a night that a step needs is not in the lake
        SchemaMismatch       a column is missing, or of another type
        ExpectationsFailed   the night was refused by its expectations
        LostRows             rows in are not rows out plus rows quarantined
      ModelError           a model cannot be used
        NoChampion           no version carries the alias
        CollapsedRefit       the recipe that was judged says something else when fitted on the whole window
        ParityFailed         the ONNX graph disagrees with the trained model
        NotReproduced        trained again as it was, a version's exact graph has other bytes
        VariantRefused       a faster graph cannot be made of this model, or may not score
        UnsafeGraph          the ONNX file holds what production does not load
        FromTheFuture        the model was trained on data later than the partition
        OtherLabel           the model was trained for another label than model.yaml has now
        NotApproved          a person approved something else, or what nobody may approve
        TakenBack            a canary did harm, and scores no more
      UnreadableRecord     a small file of the lake is damaged, or a later version wrote it
        LaterRecord          a later version wrote it
        UnsealedRecord       nobody with the lake's key wrote it
      DamagedFile          bytes of the lake are not those that were written
      Superseded           another run published this night first
      StackError           the embedded stack cannot start, stop or be found
        PortTaken            a service's port is in use
        ServiceDied          a service ended while starting
      Unavailable          a store does not answer; the only error worth a retry
        LakeUnavailable      S3
        RegistryUnavailable  MLflow
        SourceUnavailable    the database that a source asks
        EngineUnavailable    Ray, Spark or AWS Batch
        ServerUnavailable    a server that an export was given to
        OutOfSpace           a worker's disk is full

A message has three parts: what is wrong, with which object, and what to do next.
"""

import logging
import re
import unicodedata

LINE = re.compile(r"\n(?=\S)")


# The separators of lines and paragraphs, and what turns the direction of writing.
UNSEEN = frozenset("\u2028\u2029\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def plain(text: str, kept: str = "\n\t") -> str:
    """A text that may come from data, as a log and a terminal may show it: what they would obey is written out."""
    if text.isprintable() and UNSEEN.isdisjoint(text):
        return text
    characters = []
    for character in text:
        obeyed = unicodedata.category(character) in {"Cc", "Cs"} or character in UNSEEN
        written = ascii(character)[1:-1] if obeyed and character not in kept else character
        characters.append(written)
    return "".join(characters)


class PlainLines(logging.Filter):
    """Texts that come into a line of the log stay in it: none begins a line of its own, or tells a terminal a thing."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Take the texts that a message is about as they may be shown."""
        if isinstance(record.args, tuple):
            shown = map(self._shown, record.args)
            record.args = tuple(shown)
        return True

    def _shown(self, argument: object) -> object:
        if isinstance(argument, str):
            return plain(argument, kept="")
        if isinstance(argument, Exception):
            # An error may have several lines.
            return LINE.sub("\n  ", plain(str(argument)))
        return argument


class NightshiftError(Exception):
    """Any error that Nightshift explains to a person.

    ``fix`` is the next thing to do, shown on a line of its own.
    """

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        self.message = plain(message)
        self.fix = None if fix is None else plain(fix)
        super().__init__(self.message if fix is None else f"{self.message}\n  -> {self.fix}")

    def __reduce__(self) -> tuple[object, tuple[type, str, str | None]]:
        # An error crosses process borders (Airflow's supervisor, worker pools) whole.
        return _rebuild, (type(self), self.message, self.fix)


def _rebuild(kind: type[NightshiftError], message: str, fix: str | None) -> NightshiftError:
    return kind(message, fix=fix)


class SpecError(NightshiftError):
    """A model.yaml says something that is not allowed."""


class UsageError(NightshiftError):
    """A command, a trigger or a partition key is wrong."""


class DataError(NightshiftError):
    """The data of a night are not what the spec promises."""


class NoSourceData(DataError):
    """The source has nothing for this night."""


class RowsGone(DataError):
    """The source has nothing any more for a night that is published."""


class SourceMissing(DataError):
    """No file matches the source's pattern."""


class SourceUnreadable(DataError):
    """A file, a query or a function of the source does not give rows."""


class MissingPartition(DataError):
    """A night that a step needs is not in the lake."""


class SchemaMismatch(DataError):
    """A column is missing, or of another type."""


class ExpectationsFailed(DataError):
    """The night was refused by its expectations."""


class LostRows(DataError):
    """Rows in are not rows out plus rows quarantined."""


class ModelError(NightshiftError):
    """A model cannot be used."""


class NoChampion(ModelError):
    """No version carries the alias."""


class ParityFailed(ModelError):
    """The ONNX graph disagrees with the trained model."""


class CollapsedRefit(ModelError):
    """The recipe that was judged does not say the same when it is fitted on the whole window."""


class NotReproduced(ModelError):
    """Trained again as it was, a version's exact graph has other bytes."""


class VariantRefused(ModelError):
    """A faster graph cannot be made of this model, or may not score."""


class UnsafeGraph(ModelError):
    """The ONNX file holds what production does not load."""


class FromTheFuture(ModelError):
    """The model was trained on data later than the partition."""


class OtherLabel(ModelError):
    """The model was trained for another label than model.yaml has now."""


class TakenBack(ModelError):
    """A canary did harm, and scores nothing any more."""


class NotApproved(ModelError):
    """A person approved something else, or what nobody may approve."""


class UnreadableRecord(NightshiftError):
    """A small file of the lake is damaged, or a later version wrote it."""


class LaterRecord(UnreadableRecord):
    """A later version wrote it: whole, but not for this one to read."""


class UnsealedRecord(UnreadableRecord):
    """Nobody with the lake's key wrote it, for the place where it lies."""


class DamagedFile(NightshiftError):
    """Bytes of the lake are not those that were written."""


class Superseded(NightshiftError):
    """Another run published this night first."""


class StackError(NightshiftError):
    """The embedded stack cannot start, stop or be found."""


class PortTaken(StackError):
    """A service's port is in use."""


class ServiceDied(StackError):
    """A service ended while starting."""


class Unavailable(NightshiftError):
    """A store does not answer; the only error worth a retry."""


class LakeUnavailable(Unavailable):
    """S3 does not answer."""


class RegistryUnavailable(Unavailable):
    """MLflow does not answer."""


class SourceUnavailable(Unavailable):
    """What a source asks does not answer."""


class EngineUnavailable(Unavailable):
    """Ray, Spark or AWS Batch cannot be reached, or gave up."""


class ServerUnavailable(Unavailable):
    """A server that an export was given to cannot be reached."""


class OutOfSpace(Unavailable):
    """A worker's disk is full."""
