"""Which texts mean no in a binary label: what the spec says, and what an older spec without it leaves to be seen."""

import logging
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.errors import SchemaMismatch
from nightshift.modelling.label_types.reading import mismatch
from nightshift.modelling.label_types.usual import usual_negatives
from nightshift.quotes import all_quoted
from nightshift.spec import ModelSpec
from nightshift.stores.text_values import NO_VALUE, places_among

log = logging.getLogger("nightshift")
MOST_SHOWN = 5


def known_negatives(spec: ModelSpec, texts: pa.Array, where: str) -> list[str]:
    """The texts of a night that may mean no.

    Specs of before have no ``label.negative``. Beside a word for yes only its opposite is a no; beside another text
    the only other one of the night, which is said, if it is not the same in other letters and not empty.
    """
    label = spec.label
    if label.negative is not None:
        return [label.negative]
    positive = label.positive or ""
    different = pc.unique(texts.drop_null())
    opposites = usual_negatives(positive)
    if opposites:
        written = [text for text in different.to_pylist() if text.strip().lower() in opposites]
        return written or list(opposites)
    is_other = places_among(different, [positive]).is_null()
    others: list[str] = different.filter(is_other).to_pylist()
    if len(others) > 1:
        raise _too_many(spec, texts, where)
    if not others or not _may_mean_no(others[0], positive):
        return []
    log.warning(
        "%s: label.negative is not in model.yaml, so %r is taken as no: write negative: %r",
        where,
        others[0],
        others[0],
    )
    return others


def neither(
    spec: ModelSpec,
    texts: pa.Array,
    strangers: pa.Array,
    negatives: Sequence[str],
    where: str,
) -> SchemaMismatch:
    """The error of a night's texts of which some, the strangers, mean neither yes nor no."""
    positive = spec.label.positive
    allowed = " or ".join(map(repr, [positive, *negatives]))
    if spec.label.negative is not None:
        return mismatch(
            spec,
            where,
            f"has {_names(strangers)}; a binary label has two values, {allowed}",
            fix="mend the source; or, where such a text is no outcome yet, add it to label.nulls in model.yaml",
        )
    return mismatch(
        spec,
        where,
        f"has {_names(texts)}; a binary label has two values, {allowed}",
        fix="mend the source; or write the text that means no as label.negative in model.yaml",
    )


def _too_many(spec: ModelSpec, texts: pa.Array, where: str) -> SchemaMismatch:
    return mismatch(
        spec,
        where,
        f"has {_names(texts)}; a binary label has two values",
        fix="mend the source; or write the text that means no as label.negative in model.yaml",
    )


def _names(texts: pa.Array) -> str:
    different = pc.unique(texts.drop_null()).to_pylist()
    first_few = sorted(different)[:MOST_SHOWN]
    return all_quoted(first_few)


def _may_mean_no(text: str, positive: str) -> bool:
    word = text.strip()
    if word in NO_VALUE:
        return False
    yes = positive.strip().lower()
    is_same_in_other_letters = word.lower() == yes
    return not is_same_in_other_letters
