"""Specs that would take all memory, run for ever or read what is not theirs: each is one clear error."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from nightshift.errors import SpecError, UsageError
from nightshift.partitions import PARTITION_PATTERN, VERSION_PATTERN, parse_partition
from nightshift.settings import Settings
from nightshift.spec import ModelSpec, load_good_specs, load_spec
from nightshift.spec.files import spec_of
from nightshift.stores import Stores
from nightshift.validation.checks import Matches
from nightshift.validation.expectations import report
from nightshift.validation.references import read
from nightshift.validation.results import CheckResult
from tests.unit.hostile.conftest import SPEC
from tests.unit.hostile.memory import limited

PATH = Path("models/shop/model.yaml")
BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
TEXTS = {
    "nested lists": ("name: " + "[" * 3_000 + "]" * 3_000, "too deep"),
    # A reader that calls itself in C ends the process at it.
    "nested lists that never end": ("[" * 100_000, "too deep"),
    "nested sections": ("name: " + "{a: " * 3_000 + "}" * 3_000, "too deep"),
    "nested blocks": ("".join(" " * n + "a:\n" for n in range(1_500)), "too deep"),
    "aliases of aliases": (BOMB, "with its aliases written out it has more than 300,000 values"),
    "aliases in a key": (BOMB + "night: {min_rows: *a11}\n", "with its aliases written out"),
    "a list that holds itself": ("columns: &a [*a]\n", "columns"),
    "a section that holds itself": ("columns: &a {x: *a}\n", "columns"),
    "too many characters": ("# " + "x" * 2**21, "the file has .* characters, allowed 2,097,152"),
    "a number of many digits": ("night: {min_rows: " + "9" * 10_000 + "}", "a value is none"),
    "no day": ("partition: {start: 2024-13-45}", "a value is none"),
    "a command": ("name: !!python/object/apply:os.system [id]", "is not YAML"),
    "control characters": ("name: a\x07", "is not YAML"),
    "a text": ("name", "the file: got 'name'"),
    "nothing": ("", "the file: got None"),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_a_spec_that_is_none_is_one_error(kind: str) -> None:
    text, why = TEXTS[kind]
    began = time.process_time()
    with limited(megabytes=300), pytest.raises(SpecError, match=rf"(?s)^models/shop/model\.yaml.*{why}"):
        spec_of(PATH, text)
    assert time.process_time() - began < 20


def test_a_spec_of_letters_that_take_several_bytes_is_read_to_its_end(model_folder: Path) -> None:
    file = model_folder / "model.yaml"
    comment = "# " + "ü" * 1_500_000
    text = file.read_text()
    file.write_text(f"{comment}\n{text}")
    assert load_spec(file).training.seed == 7


def test_a_spec_that_is_endless_is_read_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "shop" / "model.yaml"
    path.parent.mkdir()
    path.symlink_to("/dev/zero")
    with pytest.raises(SpecError, match="characters, allowed"):
        load_spec(path)


def test_a_deep_spec_costs_no_other_model_its_dags(spec: ModelSpec, model_folder: Path) -> None:
    deep = model_folder.parent / "deep"
    deep.mkdir()
    (deep / "model.yaml").write_text("[" * 3_000)
    specs, errors = load_good_specs(model_folder.parent)
    assert ([one.name for one in specs], list(errors)) == ([spec.name], ["deep"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "models" / "shop"
    made.mkdir(parents=True)
    (tmp_path / "secret.json").write_text("[]")
    (tmp_path / "secret.py").write_text("def features(night): ...")
    for name in ("link.json", "link.py", "link.csv"):
        (made / name).symlink_to(tmp_path / f"secret.{name.rpartition('.')[2]}")
    (made / "out").symlink_to(tmp_path)
    return made


REFERENCE = {"column": "kind", "key": "k"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"night": {"great_expectations": "/etc/passwd"}}, "great_expectations", id="another path"),
        pytest.param({"night": {"great_expectations": "../../secret.json"}}, "great_expectations", id="upwards"),
        pytest.param({"night": {"great_expectations": "out/secret.json"}}, "great_expectations", id="a linked folder"),
        pytest.param({"night": {"great_expectations": "link.json"}}, "leads out of", id="a link"),
        pytest.param({"night": {"great_expectations": "a\0.json"}}, "great_expectations", id="a zero byte"),
        pytest.param({"source": {"python": "link.py"}}, "leads out of", id="a linked source"),
        pytest.param({"source": {"python": "a.py\n"}}, "source.python", id="a line break"),
        pytest.param({"source": {"files": "*.csv", "transform": "link.py"}}, "leads out of", id="a linked transform"),
        pytest.param({"night": {"references": [{**REFERENCE, "file": "/etc/passwd"}]}}, "leads out of", id="a list"),
        pytest.param(
            {"night": {"references": [{**REFERENCE, "file": "link.csv"}]}}, "leads out of", id="a linked list"
        ),
        pytest.param({"night": {"references": [{**REFERENCE, "file": "../../x"}]}}, "leads out of", id="a list above"),
    ],
)
def test_a_file_that_lies_elsewhere_is_refused(folder: Path, changes: dict[str, Any], why: str) -> None:
    path = folder / "model.yaml"
    path.write_text(yaml.safe_dump({**SPEC, "source": {"files": "*.csv"}, **changes}))
    with pytest.raises(SpecError, match=why):
        load_spec(path)


def test_a_list_that_was_linked_since_is_not_read(folder: Path, shop: Callable[..., ModelSpec]) -> None:
    spec = shop("*.csv", night={"references": [{**REFERENCE, "file": "link.csv"}]})
    project = folder.parent.parent
    with pytest.raises(SpecError, match="leads out of"):
        read(spec, Stores(Settings(project=project, home=project)))


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", r"^(\w+\s?)*$", "(a*)*b", "^(a?){40}a{40}$", r"^([a-z]+,?)+\Z"]
)
def test_a_pattern_that_python_would_try_for_ever_is_run_in_time_with_the_text(pattern: str) -> None:
    check = Matches(("kind",), "refuse", pattern)
    texts = ["a" * 60_000 + "!", "a" * 40 + "!\n", "ä" * 40 + "!", None]
    began = time.process_time()
    rows = pa.record_batch({"kind": pa.array(texts)})
    check.breaches(rows)
    assert time.process_time() - began < 5
    frame = pa.table(rows.to_pydict()).to_pandas()
    result = CheckResult(check, 4, 3, False, examples=["a"])
    outcome = report([result], "shop", frame)
    assert time.process_time() - began < 30
    assert [breach.expectation for breach in outcome.breaches] == ["expect_column_values_to_match_regex"]
    assert outcome.json["statistics"]["unsuccessful_expectations"] == 1


MANY_SPLITS = ["^[a-z]*[a-z]*[a-z]*$", "[a-z]+[a-z]+1", "^.*.*x", "^(?=[a-z]*[a-z]*[a-z]*1)[a-z]", "[a-z]*[a-z]{2,}$"]


@pytest.mark.parametrize("pattern", MANY_SPLITS)
def test_a_long_text_is_matched_in_time_with_its_length(pattern: str) -> None:
    """``^[a-z]*[a-z]*[a-z]*$`` took 74 seconds for 4,000 letters and a line break."""
    check = Matches(("kind",), "refuse", pattern)
    texts = ["a" * 60_000 + "\n!", "a" * 4_000 + "\n!", "a" * 50 + "\n!"]
    began = time.process_time()
    breaches = check.breaches(pa.record_batch({"kind": pa.array(texts)}))
    assert breaches is not None
    assert breaches.tolist() == [True] * 3
    assert time.process_time() - began < 5
    assert check.is_ours_alone


def test_long_and_short_texts_match_alike() -> None:
    check = Matches(("kind",), "refuse", r"^[a-z]+-[a-z]+\Z")
    texts = ["a-b", "a" * 5_000 + "-b", "ab", "a" * 5_000, None]
    breaches = check.breaches(pa.record_batch({"kind": pa.array(texts)}))
    assert breaches is not None
    assert breaches.tolist() == [False, False, True, True, False]


def test_a_backslash_before_a_letter_is_no_end_of_a_text() -> None:
    check = Matches(("kind",), "refuse", r"^(a+,?)+\\Z\Z")
    breaches = check.breaches(pa.record_batch({"kind": pa.array(["a,a\\Z", "a,a", "a\\Zb"])}))
    assert breaches is not None
    assert breaches.tolist() == [False, True, True]


@pytest.mark.parametrize("pattern", [r"^(\w+)+(?=x)", r"(a)\1(b+)*", "(a", "a{99999999999999999999}", "(" * 5_000])
def test_a_pattern_that_no_engine_runs_in_bounded_time_is_refused(shop: Callable[..., ModelSpec], pattern: str) -> None:
    with pytest.raises(ValueError, match=r"pattern .* (may take for ever|is no regular expression)"):
        shop("*.csv", columns={**SPEC["columns"], "kind": {"type": "string", "pattern": pattern}})


@pytest.mark.parametrize("pattern", ["^[a-z]+$", r"^(?=.*x)\d{3}$", "^[A-Z]{2}(-[0-9]{2})*$", "^(ab|cd)$", r"(a)\1"])
def test_a_plain_pattern_is_run_as_great_expectations_does(shop: Callable[..., ModelSpec], pattern: str) -> None:
    shop("*.csv", columns={**SPEC["columns"], "kind": {"type": "string", "pattern": pattern}})
    assert not Matches(("kind",), "refuse", pattern).is_ours_alone


OTHER_DIGITS = ["\uff12026-11-25", "\u0662\u0660\u0662\u0666-\u0661\u0661-\u0662\u0665"]
KEYS = [*OTHER_DIGITS, "2026-11-25\n", "../../x", "2026-11-25/..", "{{ ds }}", "2026-13-01", "2026-02-30", "", " "]


@pytest.mark.parametrize("key", KEYS)
def test_a_partition_key_is_a_date_in_plain_digits(key: str) -> None:
    with pytest.raises(UsageError, match="partition key"):
        parse_partition(key)


def test_the_form_refuses_what_the_step_would() -> None:
    from jsonschema import Draft202012Validator

    night = Draft202012Validator({"pattern": PARTITION_PATTERN})
    assert night.is_valid("2026-11-25")
    assert not any(night.is_valid(key) for key in KEYS if key != "2026-02-30")
    version = Draft202012Validator({"pattern": VERSION_PATTERN})
    assert version.is_valid("12")
    assert not any(version.is_valid(key) for key in ("1\n", "\u0661", "01", "-1", "1.0", "", "latest", "1" * 20))
