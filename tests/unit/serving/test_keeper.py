"""A share of the requests lies in the lake as it came and as it was answered; the rest is counted by its reason."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from starlette.testclient import TestClient

from nightshift.errors import LakeUnavailable, ModelError
from nightshift.scoring.kept_rows import FEATURES, KEYS, KeptColumns, from_parquet, score_columns
from nightshift.serving import keeper as keeper_module
from nightshift.serving.beside import BesideAnswers, require_keepable
from nightshift.serving.keeper import FULL, LAKE, NO_SCORES, PERSONAL, UNFIT, RequestKeeper
from nightshift.serving.options import ServeOptions
from nightshift.serving.routes import application
from nightshift.serving.version import ServedVersion
from nightshift.spec import ModelSpec
from tests.unit.serving.conftest import KnownChampions, Site
from tests.unit.serving.test_binary import packed
from tests.unit.serving.test_bounds import figures

MakeSite = Callable[..., Site]


class FakeLake:
    """Takes files, or is away."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.is_away = False

    def put(self, key: str, body: bytes) -> None:
        if self.is_away:
            raise LakeUnavailable("nobody answers at s3://lake")
        self.files[key] = body

    @property
    def tables(self) -> list[pa.Table]:
        return [from_parquet(body, key)[0] for key, body in self.files.items()]


def kept_at(site: MakeSite, share: float = 1.0, **options: Any) -> tuple[Site, RequestKeeper, FakeLake]:
    """A site whose requests are kept."""
    here = site(**options)
    lake = FakeLake()
    keeper = RequestKeeper(share, lake.put)
    client = TestClient(application(here.stand, ServeOptions(**options), BesideAnswers(keeper)))
    return Site(here.spec, here.stand, here.champions, client, here.table), keeper, lake


def version_of(here: Site) -> ServedVersion:
    served = here.champions.versions["1"]
    assert isinstance(served, ServedVersion)
    return served


def with_personal(here: Site, *names: str) -> ModelSpec:
    columns = {
        name: column.model_copy(update={"personal": name in names}) for name, column in here.spec.columns.items()
    }
    return here.spec.model_copy(update={"columns": columns})


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_what_is_kept_is_what_came_and_the_bits_that_went_back(site: MakeSite, kind: str) -> None:
    here, keeper, lake = kept_at(partial(site, kind))
    name = here.spec.name
    assert here.client.post("/score", json={"rows": here.rows(5)}).status_code == 200
    assert here.client.post(f"/v2/models/{name}/infer", json={"inputs": here.tensors(7)}).status_code == 200
    keeper.flush()
    (key,) = lake.files
    assert key.startswith(f"requests/{name}/arrived=2")
    table, said = from_parquet(lake.files[key], key)
    pin = version_of(here).pin
    assert (said.version, said.sha256, table.num_rows, keeper.kept, keeper.rows_waiting) == ("1", pin.sha256, 12, 12, 0)
    columns = KeptColumns(here.spec, version_of(here).graph)
    places = [*range(5), *range(7)]
    expected = here.table.take(pa.array(places)).select(list(columns.graph.feeds.columns))
    assert columns.as_night(table, said.personal).to_pylist() == expected.to_pylist()
    published = here.published()
    for column, scores in score_columns(table).items():
        wanted = np.array([published[column][place] for place in places], np.float32)
        assert scores.tobytes() == wanted.tobytes()


def test_the_same_requests_are_drawn_everywhere_and_of_them_the_share() -> None:
    one, other, none = (RequestKeeper(share, FakeLake().put) for share in (0.2, 0.2, 0.0))
    ids = [f"request-{number}" for number in range(5_000)]
    drawn = [name for name in ids if one.draws(name)]
    assert drawn == [name for name in ids if other.draws(name)]
    assert 850 < len(drawn) < 1150
    assert not any(none.draws(name) for name in ids)


def test_a_personal_text_is_kept_as_its_code_and_stands_for_the_same_input_of_the_graph(site: MakeSite) -> None:
    here, keeper, lake = kept_at(site)
    here.stand.version = _with_spec(version_of(here), with_personal(here, "site", *here.spec.keys))
    rows = here.rows(4)
    rows[1]["site"] = "a street that nobody has seen"
    assert here.client.post("/score", json={"rows": rows}).status_code == 200
    keeper.flush()
    ((key, body),) = lake.files.items()
    table, said = from_parquet(body, key)
    assert said.personal == ("site",)
    assert b"a street" not in body
    assert KEYS not in table.column_names
    graph = version_of(here).graph
    known = list(graph.feeds.categories["site"])
    codes = table[FEATURES].combine_chunks().field("site").to_pylist()
    assert codes == [known.index(rows[0]["site"]), -1, *(known.index(row["site"]) for row in rows[2:])]
    night = KeptColumns(here.spec, graph).as_night(table, said.personal)
    as_sent = version_of(here).feeds({name: [row[name] for row in rows] for name in graph.feeds.columns}, 4)
    # A text that nobody has seen is another one now, and scored as any such is.
    assert graph.score_fed(graph.fed(night), 4).tobytes() == graph.score_fed(as_sent, 4).tobytes()


def _with_spec(version: ServedVersion, spec: ModelSpec) -> ServedVersion:
    return ServedVersion(spec, version.pin, version.graph, version.feeds, version.label, version.agreement)


def test_a_personal_number_has_no_code_so_the_server_does_not_start_and_a_later_champion_s_rows_are_dropped(
    site: MakeSite,
) -> None:
    here, keeper, lake = kept_at(site)
    here.stand.version = _with_spec(version_of(here), with_personal(here, "amount"))
    with pytest.raises(ModelError, match="rows cannot be kept for a replay, for amount is personal") as error:
        require_keepable(here.stand)
    assert error.value.fix == "serve it without --replay"
    here.client.post("/score", json={"rows": here.rows(3)})
    keeper.flush()
    assert (lake.files, keeper.dropped[PERSONAL], keeper.rows_waiting) == ({}, 3, 0)


def test_while_the_lake_is_away_rows_wait_up_to_the_bound_and_those_beyond_are_counted(
    site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "MOST_ROWS", 10)
    here, keeper, lake = kept_at(site)
    lake.is_away = True
    for _ in range(4):
        here.client.post("/score", json={"rows": here.rows(4)})
        keeper.flush()
    assert (keeper.rows_waiting, keeper.dropped[FULL], keeper.kept) == (8, 8, 0)
    assert figures(here)["nightshift_serve_replay_dropped_rows_total", FULL] == 8
    lake.is_away = False
    keeper.close()
    assert (keeper.rows_waiting, keeper.kept, sum(table.num_rows for table in lake.tables)) == (0, 8, 8)
    here.client.post("/score", json={"rows": here.rows(4)})
    lake.is_away = True
    keeper.close()
    assert keeper.dropped[LAKE] == 4


def test_bytes_are_bounded_too(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "MOST_BYTES", 2_000)
    here, keeper, _ = kept_at(site)
    here.client.post("/score", json={"rows": here.rows(1)})
    here.client.post("/score", json={"rows": here.rows(30)})
    assert (keeper.rows_waiting, keeper.dropped[FULL]) == (1, 30)
    keeper.flush()
    assert keeper._bytes_in == keeper._bytes_out


def test_who_wanted_other_outputs_than_scores_is_not_kept(site: MakeSite) -> None:
    here, keeper, lake = kept_at(site)
    request = {"inputs": here.tensors(2), "outputs": [{"name": "prediction"}]}
    assert here.client.post(f"/v2/models/{here.spec.name}/infer", json=request).status_code == 200
    keeper.flush()
    assert (lake.files, keeper.dropped[NO_SCORES]) == ({}, 2)


def test_requests_in_binary_are_kept_with_the_others(site: MakeSite) -> None:
    here, keeper, lake = kept_at(site)
    body, headers = packed(here.tensors(4))
    path = f"/v2/models/{here.spec.name}/infer"
    in_binary = {"inputs": here.tensors(3), "parameters": {"binary_data_output": True}}
    assert here.client.post(path, content=body, headers=headers).status_code == 200
    assert here.client.post(path, json=in_binary).status_code == 200
    assert here.client.post("/score", json={"rows": here.rows(2)}).status_code == 200
    keeper.flush()
    assert sum(table.num_rows for table in lake.tables) == keeper.kept == 9
    assert (sum(keeper.dropped.values()), keeper.rows_waiting) == (0, 0)


def test_what_still_waits_for_the_lake_when_the_server_gives_up_is_told(
    site: MakeSite, caplog: pytest.LogCaptureFixture
) -> None:
    here, keeper, lake = kept_at(site)
    lake.is_away = True
    here.client.post("/score", json={"rows": here.rows(2)})
    keeper.give_up()
    assert "2 rows that were answered are not kept" in caplog.text
    assert keeper.dropped["lake"] == 2


def test_what_was_refused_is_not_kept_and_a_key_that_is_none_is_null(site: MakeSite) -> None:
    here, keeper, lake = kept_at(site)
    (*_, key) = here.spec.keys
    assert here.client.post("/score", json={"rows": [{"colour": 1}]}).status_code == 400
    row = here.rows(1)[0] | {key: {"no": "key"}}
    assert here.client.post("/score", json={"rows": [row]}).status_code == 200
    keeper.flush()
    (table,) = lake.tables
    assert table[KEYS].combine_chunks().field(key).to_pylist() == [None]
    assert keeper.dropped[UNFIT] == 0


def test_with_nothing_beside_there_are_no_such_figures(site: MakeSite) -> None:
    here = site()
    assert not [name for name, *_ in figures(here) if "replay" in name or "fallback" in name]
    registry = CollectorRegistry()
    registry.register(BesideAnswers())
    assert generate_latest(registry) == b""
    assert KnownChampions({}).withdrawn == set()
