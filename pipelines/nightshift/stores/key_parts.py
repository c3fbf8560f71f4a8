"""What the parts of a key say, read back; ``layout`` puts keys together, and hands these on."""

import re

PARQUET = ".parquet"
# <column>=<night>, as a folder or as a JSON file.
NIGHT = re.compile(r"/([^/=]+)=([^/=]+?)(?:/|\.json\Z)")
# Where a model stands second in a key; elsewhere it is the first word after what is kept of it.
BELOW = {"manifests", "generations", "reports", "cache"}


def stem(key: str) -> str:
    """A key without its suffix, and with its folder: the two files of a shard have the same."""
    before, _, _ = key.rpartition(".")
    return before


def folder(key: str) -> str:
    """The prefix of all that lies beside a key."""
    before, slash, _ = key.rpartition("/")
    return before + slash


def with_column(key: str, column: str) -> str:
    """The same place of a night under another partition column."""
    return NIGHT.sub(lambda named: named[0].replace(f"{named[1]}=", f"{column}=", 1), key, count=1)


def generation_of(key: str) -> tuple[str, str, str]:
    """Dataset, model and night that a file of a generation was written for; empty words for what is none."""
    folder, dataset, model, night, *_ = [*key.split("/"), "", "", "", ""]
    return (dataset, model, night) if folder == "generations" else ("", "", "")


def is_drift(key: str) -> bool:
    """Whether this is what monitoring saw of a night."""
    return key.endswith("/_drift.json")


def night_of_decision(key: str) -> str:
    """The night that a decision is about."""
    _, _, night = stem(key).rpartition("/")
    return night


def night_of_record(key: str) -> str:
    """The night that a record of accuracy, or of a night in shadow, is about."""
    prefix = folder(key)
    return stem(key).removeprefix(prefix)


def model_of(key: str) -> str | None:
    """The model that an object is of, by the place of its name in the key; None where there is none."""
    words = key.split("/")
    place = 2 if words[0] in BELOW else 1
    return words[place] if len(words) > place else None


def is_parquet(key: str) -> bool:
    """Whether people who read Parquet see this object."""
    return key.endswith(PARQUET)
