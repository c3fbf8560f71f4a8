"""The command line: every verb explains itself, and wrong use is one clear line, never a traceback."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from nightshift.cli.main import app, main
from nightshift.settings import Settings, settings
from tests.receivers import hook

VERBS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
COMMANDS = sorted(VERBS)
SHOWN = sorted(name for name, verb in VERBS.items() if not verb.hidden)
EXPECTED = (
    "init up down status env doctor new check ingest validate snapshot train predict monitor explain approve rollback"
    " maintain gc load demo data"
)


@pytest.fixture(autouse=True)
def elsewhere(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A project with one small model, no services, no colours, and a screen wide enough for one line."""
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)
    monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(project))
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("NO_COLOR", "1")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def nightshift(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the console script's function; exit code, output and errors."""

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["nightshift", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


Nightshift = Callable[..., tuple[int, str, str]]
NO_CHAMPIONS = "champions were not looked at: MLFLOW_TRACKING_URI is not set\n"


def test_all_verbs_are_there() -> None:
    assert set(EXPECTED.split()) <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    doc = typer.main.get_command(app).commands[command].help  # type: ignore[attr-defined]
    assert doc
    assert doc.splitlines()[0].rstrip(".;:")[:40] in shown.output


@pytest.mark.parametrize("command", ["checkout", "diff"])
def test_every_command_of_data_has_help(command: str) -> None:
    shown = CliRunner().invoke(app, ["data", command, "--help"])
    assert shown.exit_code == 0
    doc = typer.main.get_command(app).commands["data"].commands[command].help  # type: ignore[attr-defined]
    assert doc.rstrip(".")[:40] in shown.output


def test_without_a_verb_the_verbs_are_listed(nightshift: Nightshift) -> None:
    code, out, err = nightshift()
    assert code == 2
    listed = re.findall(r"^[^\w-]*([a-z][a-z-]*)\s{2}", out + err, re.MULTILINE)
    assert sorted(listed) == SHOWN


def test_gc_is_maintain_and_says_that_the_name_goes(nightshift: Nightshift) -> None:
    assert "gc" not in SHOWN
    assert [option.opts for option in VERBS["gc"].params] == [option.opts for option in VERBS["maintain"].params]
    code, _, err = nightshift("gc", "nope")
    assert code == 1
    assert "`nightshift gc` is `nightshift maintain` now" in err
    assert "no model 'nope'" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["predickt"], "no such command 'predickt'"),
        (["predict"], "missing argument .*model"),
        (["predict", "m"], "missing argument .*night"),
        (["predict", "m", "2024-01-01", "more"], "unexpected extra argument"),
        (["check", "--shema"], "no such option"),
        (["data", "chekout"], "no such command 'chekout'"),
        (["data", "diff", "a@1"], "missing argument .*b"),
    ],
)
def test_wrong_words_are_named_and_exit_2(nightshift: Nightshift, words: list[str], said: str) -> None:
    code, _, err = nightshift(*words)
    assert code == 2
    assert re.search(said, err.lower())
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "verb", ["ingest", "validate", "snapshot", "train", "predict", "monitor", "explain", "approve"]
)
def test_an_unknown_model_is_one_line_with_the_known_ones(nightshift: Nightshift, project: Path, verb: str) -> None:
    (known,) = (folder.name for folder in (project / "models").iterdir())
    code, out, err = nightshift(verb, "nope", "2024-01-01")
    assert (code, out) == (1, "")
    assert err.splitlines() == [f"error: no model 'nope'; there are: {known}", "  -> give one of these names"]


@pytest.mark.parametrize("words", [["checkout", "nobody"], ["diff", "0" * 32, "nobody"]])
def test_what_names_no_snapshot_is_one_clear_error(nightshift: Nightshift, words: list[str]) -> None:
    code, out, err = nightshift("data", *words)
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "error: 'nobody' names no snapshot",
        "  -> give MODEL@champion, MODEL@challenger, MODEL@3 or an md5",
    ]


@pytest.mark.parametrize("verb", ["ingest", "validate", "snapshot", "train", "predict", "explain"])
@pytest.mark.parametrize("night", ["../x", "2013-02-30", "tomorrow", ""])
def test_a_bad_night_is_refused_before_anything_is_asked(
    nightshift: Nightshift, project: Path, verb: str, night: str
) -> None:
    (model,) = (folder.name for folder in (project / "models").iterdir())
    code, out, err = nightshift(verb, model, night)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: partition key {night!r} is ")
    assert len(err.splitlines()) == 2
    assert "Traceback" not in err


def test_check_says_which_specs_are_good(nightshift: Nightshift, project: Path) -> None:
    (model,) = (folder.name for folder in (project / "models").iterdir())
    said = f"{model}: good (7 columns, 6 features)\n{NO_CHAMPIONS}"
    assert nightshift("check") == (0, said, "")


def test_check_tries_the_trainer(nightshift: Nightshift, project: Path, make_project: Callable[..., Path]) -> None:
    make_project(project, name="rough", training={"parameters": {"max_iter": 0}})
    code, out, err = nightshift("check", "rough")
    assert (code, out) == (1, "")
    assert err.startswith("rough: training.parameters: max_iter must be an int in the range [1, inf). Got 0 instead.")
    assert len(err.splitlines()) == 2


def test_an_mlflow_that_does_not_answer_is_said_and_no_mistake_of_a_spec(
    nightshift: Nightshift, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (model,) = (folder.name for folder in (project / "models").iterdir())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    settings.cache_clear()
    code, out, _ = nightshift("check")
    assert code == 0
    assert out.startswith(f"{model}: good (7 columns, 6 features)\nchampions were not looked at: ")


def test_check_asks_for_the_text_that_means_no(nightshift: Nightshift, project: Path) -> None:
    (folder,) = (project / "models").iterdir()
    spec = yaml.safe_load((folder / "model.yaml").read_text())
    spec["label"]["positive"] = "yes"
    (folder / "model.yaml").write_text(yaml.safe_dump(spec))
    code, _, err = nightshift("check")
    assert code == 0
    assert f"{folder.name}: warning: label.negative is missing" in err
    spec["label"]["negative"] = "no"
    (folder / "model.yaml").write_text(yaml.safe_dump(spec))
    assert nightshift("check")[2] == ""


def test_check_says_that_no_label_file_is_there_yet(nightshift: Nightshift, project: Path) -> None:
    (folder,) = (project / "models").iterdir()
    spec = yaml.safe_load((folder / "model.yaml").read_text())
    spec["label"]["source"] = {"files": "outcomes/*.csv"}
    (folder / "model.yaml").write_text(yaml.safe_dump(spec))
    code, _, err = nightshift("check")
    assert (code, err.count("\n")) == (0, 1)
    assert f"{folder.name}: warning: label.source: no file matches outcomes/*.csv so far" in err
    (project / "outcomes").mkdir()
    (project / "outcomes" / "a.csv").write_text("day\n")
    assert nightshift("check")[2] == ""
    spec["label"]["source"] = {"files": "s3://outcomes/*.csv"}
    (folder / "model.yaml").write_text(yaml.safe_dump(spec))
    code, out, _ = nightshift("check")
    assert code == 0
    assert f"{folder.name}: the files of label.source were not looked at: " in out


def test_check_of_a_project_without_models_says_how_to_draft_one(nightshift: Nightshift, project: Path) -> None:
    shutil.rmtree(project / "models")
    code, out, err = nightshift("check")
    assert (code, err) == (0, "")
    assert "nightshift new" in out


def test_libraries_see_the_environment_file_when_a_verb_opens_the_stores(
    nightshift: Nightshift, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Registered for removal after the test: export_env sets it.
    monkeypatch.setenv("SHOP_DATABASE_URL", "")
    monkeypatch.delenv("SHOP_DATABASE_URL")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "env").write_text("SHOP_DATABASE_URL=sqlite://\n")
    assert nightshift("check")[0] == 0
    assert "SHOP_DATABASE_URL" not in os.environ
    assert nightshift("predict", "nope", "2024-01-01")[0] == 1
    assert os.environ["SHOP_DATABASE_URL"] == "sqlite://"


def test_check_names_file_and_key_of_every_broken_spec(
    nightshift: Nightshift, project: Path, make_project: Callable[..., Path]
) -> None:
    broken = [make_project(project, name=name, nihgt={"min_rows": 1}) for name in ("broken_a", "broken_b")]
    code, out, err = nightshift("check")
    assert code == 1
    assert "good" in out
    for folder in broken:
        assert f"{folder / 'model.yaml'}: nihgt: unknown key; did you mean night?" in err


def test_check_of_one_model_says_nothing_of_others(
    nightshift: Nightshift, project: Path, make_project: Callable[..., Path]
) -> None:
    make_project(project, name="broken", nihgt={"min_rows": 1})
    (model,) = (folder.name for folder in (project / "models").iterdir() if folder.name != "broken")
    assert nightshift("check", model)[0] == 0
    code, _, err = nightshift("check", "nope")
    assert code == 1
    assert f"no model 'nope'; there are: broken, {model}" in err


def test_new_writes_a_model_that_passes_check_and_says_what_to_look_at(
    nightshift: Nightshift, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [f"2024-01-0{day}" for day in range(1, 6)]
    rows = [f"{day},{number},{number % 7},{number % 2}" for day in days for number in range(40)]
    (project / "in").mkdir()
    (project / "in" / "a.csv").write_text("\n".join(["day,id,size,gone", *rows]))
    monkeypatch.chdir(project / "in")
    words = ["new", "churn", "--data", "*.csv", "--label", "gone", "--partition-by", "day", "--keys", "id"]
    code, out, err = nightshift(*words)
    assert (code, err) == (0, "")
    assert "binary, 1 features, 200 rows of 5 nights" in out
    assert "files: in/*.csv" in (project / "models/churn/model.yaml").read_text()
    assert out.splitlines()[-1] == "next: read it, then: nightshift check churn"
    code, out, _ = nightshift("check", "churn")
    assert code == 0
    assert out.startswith(f"churn: good (2 columns, 1 features)\n{NO_CHAMPIONS}")
    assert out.splitlines()[-1].startswith("next: nightshift load churn 2024-01-01 ")
    assert "is there already" in nightshift(*words)[2]
    assert "--label-type: got 'counts', allowed: binary" in nightshift(*words, "--label-type", "counts")[2]


def test_init_writes_a_project_that_is_found_and_refuses_to_write_it_again(
    nightshift: Nightshift, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NIGHTSHIFT_PROJECT")
    code, out, err = nightshift("init", str(tmp_path / "mine"))
    assert (code, err) == (0, "")
    assert "dags/nightshift_dags.py" in out
    monkeypatch.chdir(tmp_path / "mine" / "models")
    assert nightshift("check")[0] == 0
    code, out, err = nightshift("init", str(tmp_path / "mine"))
    assert (code, out, len(err.splitlines())) == (1, "", 2)
    assert "nightshift.toml" in err


def test_check_outside_a_project_says_so(
    nightshift: Nightshift, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NIGHTSHIFT_PROJECT")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    code, _, err = nightshift("check")
    assert code == 1
    assert "is not inside a Nightshift project" in err


def test_the_schema_is_a_json_schema_that_takes_the_small_spec(nightshift: Nightshift, project: Path) -> None:
    import jsonschema
    import yaml

    code, out, _ = nightshift("check", "--schema")
    assert code == 0
    schema = json.loads(out)
    jsonschema.Draft202012Validator.check_schema(schema)
    (file,) = (project / "models").glob("*/model.yaml")
    jsonschema.validate(yaml.safe_load(file.read_text()), schema)
    with pytest.raises(jsonschema.ValidationError, match="colums"):
        jsonschema.validate({**yaml.safe_load(file.read_text()), "colums": {}}, schema)


def test_env_without_a_stack_says_how_to_start_one(nightshift: Nightshift) -> None:
    code, out, err = nightshift("env")
    assert (code, out) == (1, "")
    assert "no stack was ever started" in err
    assert "nightshift up" in err


def test_a_malformed_environment_is_one_line(nightshift: Nightshift, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_LAKE", "lake")
    code, _, err = nightshift("check")
    assert code == 1
    assert err.startswith("error: environment variable NIGHTSHIFT_LAKE: ")


def test_status_without_a_stack_is_not_all_up(nightshift: Nightshift) -> None:
    code, out, err = nightshift("status")
    assert code == 3
    assert "down" in out + err


@pytest.mark.parametrize("command", ["list", "test", "tell"])
def test_every_command_of_alerts_has_help(command: str) -> None:
    shown = CliRunner().invoke(app, ["alerts", command, "--help"])
    assert shown.exit_code == 0
    doc = typer.main.get_command(app).commands["alerts"].commands[command].help  # type: ignore[attr-defined]
    assert doc.rstrip(".")[:40] in shown.output


def test_alerts_are_tried_one_line_a_channel_and_one_that_fails_is_exit_1(
    nightshift: Nightshift, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert nightshift("alerts", "test")[0] == 1
    (project / "alerts.toml").write_text(
        'format = 1\n[channels.oncall]\nkind = "webhook"\n[channels.unset]\nkind = "webhook"\n'
    )
    with hook() as receiver:
        monkeypatch.setenv("NIGHTSHIFT_ALERT_ONCALL", receiver.url)
        assert nightshift("alerts", "test", "oncall") == (0, "oncall: sent\n", "")
        code, said, _ = nightshift("alerts", "test")
    assert (code, said) == (1, "oncall: sent\nunset: NIGHTSHIFT_ALERT_UNSET is not set: its address\n")
    assert [each["event"] for each in receiver.said] == ["test", "test"]


def test_check_warns_of_a_channel_that_cannot_be_opened_and_refuses_a_wrong_alerts_toml(
    nightshift: Nightshift, project: Path
) -> None:
    file = project / "alerts.toml"
    file.write_text('format = 1\n[channels.oncall]\nkind = "webhook"\n')
    code, _, warned = nightshift("check")
    assert code == 0
    assert "alerts.toml: oncall: warning: NIGHTSHIFT_ALERT_ONCALL is not set: its address" in warned
    file.write_text('format = 1\n[channels.oncall]\nkind = "webhook"\nurl = "T0P-SECRET"\n')
    code, _, refused = nightshift("check")
    assert code == 1
    assert "channels.oncall.url" in refused
    assert "T0P-SECRET" not in refused
