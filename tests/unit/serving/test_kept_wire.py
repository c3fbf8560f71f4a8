"""In whichever form a request came, its rows are kept as JSON's are, or counted as JSON's are."""

import json
from collections.abc import Callable
from typing import Any

import orjson
import pyarrow as pa
import pytest

from nightshift.scoring.kept_rows import KEYS, REQUEST_ID, score_columns
from nightshift.serving import keeper as keeper_module
from nightshift.serving.beside import BesideAnswers
from nightshift.serving.by_name import score_rows
from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.keeper import FULL, NO_SCORES, UNFIT, RequestKeeper
from nightshift.serving.rest_wire import REST, shown
from nightshift.serving.wire import Wire, WireBody
from tests.unit.serving.conftest import Site
from tests.unit.serving.grpc_site import whole
from tests.unit.serving.test_binary import bits
from tests.unit.serving.test_keeper import FakeLake, version_of
from tests.unit.serving.wire_forms import FORMS, ask, both_doors

MakeSite = Callable[..., Site]
KINDS = [
    ("binary", "hist_gradient_boosting"),
    ("multiclass", "logistic_regression"),
    ("quantile", "hist_gradient_boosting"),
]
ROWS = 40


@pytest.fixture
def lake() -> FakeLake:
    return FakeLake()


@pytest.fixture
def keeper(lake: FakeLake) -> RequestKeeper:
    """One that keeps all."""
    return RequestKeeper(1.0, lake.put)


def taken(keeper: RequestKeeper, lake: FakeLake) -> pa.Table:
    """The one file that a flush puts into the lake."""
    lake.files.clear()
    keeper.flush()
    (table,) = lake.tables
    return table


@pytest.mark.parametrize(("kind", "trainer"), KINDS)
def test_all_forms_of_a_request_are_kept_as_the_same_rows(
    site: MakeSite, keeper: RequestKeeper, lake: FakeLake, kind: str, trainer: str
) -> None:
    here = site(kind, trainer)
    with both_doors(here, BesideAnswers(keeper)) as server:
        for count in (1, ROWS):
            tensors = whole(here, count, with_keys=True)
            kept = {}
            for form in FORMS:
                heard = ask(server, form, tensors)
                kept[form] = taken(keeper, lake)
                for name, scores in score_columns(kept[form]).items():
                    assert [score.tobytes() for score in scores] == list(map(bits, heard.outputs[name])), form
            expected = kept["JSON"].drop_columns(["arrived_at"])
            assert (expected.num_rows, set(expected[REQUEST_ID].to_pylist())) == (count, {"seven"})
            sent = {tensor["name"]: tensor["data"] for tensor in tensors}
            for key in here.spec.keys:
                assert expected[KEYS].combine_chunks().field(key).to_pylist() == sent[key]
            for form, table in kept.items():
                assert table.drop_columns(["arrived_at"]).equals(expected), form
    assert (keeper.kept, keeper.rows_waiting) == (len(FORMS) * (1 + ROWS), 0)
    assert sum(keeper.dropped.values()) == 0
    assert keeper._bytes_in == keeper._bytes_out


def test_who_wanted_other_outputs_than_scores_is_counted_in_all_forms(site: MakeSite, keeper: RequestKeeper) -> None:
    here = site()
    with both_doors(here, BesideAnswers(keeper)) as server:
        for place, form in enumerate(FORMS, start=1):
            ask(server, form, whole(here, 2), outputs=["prediction"])
            keeper.flush()
            assert (keeper.dropped[NO_SCORES], keeper.kept, keeper.rows_waiting) == (2 * place, 0, 0), form


@pytest.mark.parametrize("form", FORMS)
def test_the_bytes_of_all_forms_are_bounded(
    site: MakeSite, keeper: RequestKeeper, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    tensors = whole(here, ROWS)
    with both_doors(here, BesideAnswers(keeper)) as server:
        ask(server, form, tensors)
        # At least the eight bytes of a float64 and the four of its score are there of each row.
        assert keeper._bytes_in > 12 * ROWS
        monkeypatch.setattr(keeper_module, "MOST_BYTES", keeper._bytes_in)
        ask(server, form, tensors)
    assert (keeper.rows_waiting, keeper.dropped[FULL]) == (ROWS, ROWS)
    keeper.flush()
    assert keeper._bytes_in == keeper._bytes_out


def answered_by_name(here: Site) -> tuple[bytes, Reply]:
    """A body of two rows, and what is answered to it."""
    version = version_of(here)
    request = {"rows": here.rows(2)}
    answer, rows = score_rows(version, request, 10)
    return json.dumps(request).encode(), shown(request, answer, version, rows)


def test_what_cannot_be_read_is_counted_and_takes_none_of_the_others_with_it(
    site: MakeSite, keeper: RequestKeeper, lake: FakeLake
) -> None:
    body, reply = answered_by_name(site())
    broken = Wire(lambda _, body: WireBody(body[1:], orjson.loads), REST.answered, shown)
    for wire in (REST, broken, REST):
        keeper.offer(exchange_of("score"), body, reply, wire)
    assert taken(keeper, lake).num_rows == 4
    assert (keeper.dropped[UNFIT], keeper.kept, keeper.rows_waiting) == (2, 4, 0)


def test_a_key_that_is_a_list_is_none_and_takes_none_of_the_others_with_it(
    site: MakeSite, keeper: RequestKeeper, lake: FakeLake
) -> None:
    here = site()
    (key,) = set(here.spec.keys) - set(here.spec.features)
    tensors = whole(here, 2, with_keys=True)
    with both_doors(here, BesideAnswers(keeper)) as server:
        ask(server, "JSON", tensors)
        (of_key,) = [tensor for tensor in tensors if tensor["name"] == key]
        of_key["data"] = [[], [1, 2]]
        ask(server, "JSON", tensors)
    keys = taken(keeper, lake)[KEYS].combine_chunks().field(key).to_pylist()
    assert (None in keys[:2], keys[2:]) == (False, [None, None])


def exchange_of(route: str) -> Exchange:
    async def nothing() -> Any:
        raise AssertionError("the body is there")

    return Exchange(nothing, {}, "seven", route=route)


def test_while_an_answer_is_under_way_nothing_of_it_is_read(
    site: MakeSite, keeper: RequestKeeper, lake: FakeLake
) -> None:
    body, reply = answered_by_name(site())
    read: list[bytes] = []

    def reading(raw: bytes) -> Any:
        read.append(raw)
        return orjson.loads(raw)

    wire = Wire(lambda _, body: WireBody(body, reading), lambda reply: WireBody(reply.body, reading), shown)
    keeper.offer(exchange_of("score"), body, reply, wire)
    assert read == []
    assert taken(keeper, lake).num_rows == 2
    assert len(read) == 2
