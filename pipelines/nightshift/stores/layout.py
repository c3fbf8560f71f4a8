"""The map of the lake: every key and every prefix of it. Nobody else spells one, but the ``..._keys`` beside this.

    manifests/<dataset>/<model>/<column>=<night>.json                        the commit of a night
    manifests/<dataset>/<model>/<column>=<night>.retracted                   look into it: the night was taken back once
    generations/<dataset>/<model>/<night>/<generation>/part-00000.parquet    its files, immutable
    generations/predictions/<model>/<night>/shards/<digest>.parquet, .json   a finished shard, by what it is made from
    generations/predictions/<model>/<night>/<generation>/_sample.parquet     rows of a large night, for monitoring
    <dataset>/<model>/<column>=<night>/part-00000.parquet                    what people read: copied after the commit
    monitoring/<model>/<column>=<night>/_drift.json, _report.html            what monitoring saw of a night
    monitoring/<model>/_accuracy/<night>.json                                how good it was, once its labels are there
    monitoring/<model>/_decisions/<night>.json                               whether it was worth a retrain
    monitoring/<model>/_shadow/<night>.json, .html, _canary/...              how a challenger beside the champion did
    monitoring/<model>/_replayed/<night>.json                                whether a night gave those rows those bits
    reports/validation/<model>/<column>=<night>/result.json, data_docs.html  how it did against its expectations
    models/<model>/<onnx sha256>/model.onnx, profile-..., evidence-...       a version's graph, profile and evidence
    models/<model>/<onnx sha256>/reference-<sha256>.json, .parquet           what says which drift of it matters
    models/<model>/replays/<its sha256>.json, verdicts/...                   how a version was trained, and judged
    models/<model>/searches/<its sha256>.json                                what a search tried, and what it chose
    models/<model>/searches/<study>/000001.json                              a trial of one, by what its trials share
    models/<model>/begun/<study>/000001-0.json                               that a trial of a search was begun
    versions/<model>/<version>/000001.json, head.json                        what a version is, by each gate; sealed
    asked/<model>/<digest>.json                                              a verdict put before a person; sealed
    ledger/<model>/000001.json, head.json                                    every move of an alias, in order; sealed
    ledger/<model>/retrains/000001.json, head.json                           retrains: started, and ended; sealed
    ledger/<model>/silences/000001.json, head.json                           alarms acknowledged and muted; sealed
    alerts/incidents/<cause>/000001.json, open/...                           what people were told, and of what; sealed
    snapshots/<model>/nights.json                                            which nights were joined before
    requests/<model>/arrived=<day>/<time>-<version>-<id>.parquet             rows as a server by day answered them
    checkpoints/<model>/<what it is made of>.bin                             how far a training came; gone afterwards
    launches/<digest>/calls.json, <job>/000001.json                          calls for others' workers; gone afterwards
    _doctor/<id>/...                                                         a store is being tried; gone afterwards
    cache/maintain/<model>/<dataset>.json                                    which nights were seen right, and how
    cache/nights/<model>/<year>.json                                         what the page shows of a year's nights
    cache/ledger/<model>/facts.json                                          what it shows of the ledgers; sealed
    cache/pages/<model>/row.json, cache/index.json                           what the index shows of a model; of all

docs/publishing.md says why a night is in three places. Parquet skips names with ``_``. What DVC keeps: remote.py."""

import re

from nightshift.contracts import Dataset, PartitionKey
from nightshift.errors import UsageError
from nightshift.stores.cache_keys import ledger_facts as ledger_facts
from nightshift.stores.cache_keys import maintained as maintained
from nightshift.stores.cache_keys import night_facts as night_facts
from nightshift.stores.cache_keys import page_index as page_index
from nightshift.stores.cache_keys import summaries as summaries
from nightshift.stores.cache_keys import summary as summary
from nightshift.stores.key_parts import NIGHT as NIGHT
from nightshift.stores.key_parts import PARQUET as PARQUET
from nightshift.stores.key_parts import folder as folder
from nightshift.stores.key_parts import generation_of as generation_of
from nightshift.stores.key_parts import is_drift as is_drift
from nightshift.stores.key_parts import is_parquet as is_parquet
from nightshift.stores.key_parts import model_of as model_of
from nightshift.stores.key_parts import night_of_decision as night_of_decision
from nightshift.stores.key_parts import night_of_record as night_of_record
from nightshift.stores.key_parts import stem as stem
from nightshift.stores.key_parts import with_column as with_column
from nightshift.stores.launch_keys import call_outcome as call_outcome
from nightshift.stores.launch_keys import launch as launch
from nightshift.stores.launch_keys import launched_calls as launched_calls
from nightshift.stores.request_keys import replayed as replayed
from nightshift.stores.request_keys import replayed_nights as replayed_nights
from nightshift.stores.request_keys import requests as requests
from nightshift.stores.request_keys import requests_file as requests_file
from nightshift.stores.training_keys import asked as asked
from nightshift.stores.training_keys import beginning as beginning
from nightshift.stores.training_keys import checkpoint as checkpoint
from nightshift.stores.training_keys import checkpoints as checkpoints
from nightshift.stores.training_keys import evidence as evidence
from nightshift.stores.training_keys import graph as graph
from nightshift.stores.training_keys import join_cache as join_cache
from nightshift.stores.training_keys import profile as profile
from nightshift.stores.training_keys import reference as reference
from nightshift.stores.training_keys import reference_rows as reference_rows
from nightshift.stores.training_keys import replay as replay
from nightshift.stores.training_keys import search as search
from nightshift.stores.training_keys import trial as trial
from nightshift.stores.training_keys import trials as trials
from nightshift.stores.training_keys import verdict as verdict
from nightshift.stores.training_keys import versions as versions

RETRACTED = ".retracted"
DATASETS = "|".join(Dataset)
FOLDERS_OF_MODELS = ("ledger/", "versions/", *(f"manifests/{dataset}/" for dataset in Dataset))
DRIFT = re.compile(r"(?:^|/)monitoring/([^/]+)/([^/=]+)=([^/=]+)/_drift\.json\Z")
MANIFEST = re.compile(rf"(?:^|/)manifests/({DATASETS})/([^/]+)/([^/=]+)=([^/=]+)\.json\Z")


def manifests(dataset: Dataset, model: str) -> str:
    """The prefix of a dataset's commit records."""
    return f"manifests/{dataset}/{model}/"


def manifests_of_column(dataset: Dataset, model: str, column: str) -> str:
    """The prefix of those under one partition column, which a model may have changed."""
    return f"{manifests(dataset, model)}{column}="


def manifest(key: PartitionKey) -> str:
    """The commit record of a night."""
    return f"{manifests_of_column(key.dataset, key.model, key.column)}{key.partition}.json"


def manifest_in(where: str) -> PartitionKey | None:
    """The night whose commit record lies at an address of the lake; None for what is no address of one."""
    named = MANIFEST.search(where)
    if named is None:
        return None
    dataset, model, column, partition = named.groups()
    return address(Dataset(dataset), model, column, partition)


def retraction(key: PartitionKey) -> str:
    """The mark, for listings, of a night that was taken back; the manifest alone says whether it still is."""
    return f"{stem(manifest(key))}{RETRACTED}"


def marked_manifest(key: str) -> str | None:
    """The manifest that a retraction's mark is about, or None for what is no mark."""
    if not key.endswith(RETRACTED):
        return None
    return f"{key.removesuffix(RETRACTED)}.json"


def generations(dataset: Dataset, model: str) -> str:
    """The prefix of a dataset's immutable files."""
    return f"generations/{dataset}/{model}/"


def generation_file(key: PartitionKey, generation: str, index: int) -> str:
    """A file of a generation."""
    folder = generations(key.dataset, key.model)
    return f"{folder}{key.partition}/{generation}/part-{index:05d}{PARQUET}"


def shard(dataset: Dataset, model: str, partition: str, digest: str) -> str:
    """The predictions of a shard, by the digest of what they are made from."""
    folder = generations(dataset, model)
    return f"{folder}{partition}/shards/{digest}.parquet"


def shard_result(shard: str) -> str:
    """What says that a shard is done, beside its predictions."""
    return f"{stem(shard)}.json"


def shard_sample(shard: str) -> str:
    """A shard's part of its night's sample, which goes when the shard goes; no Parquet to those who look for it."""
    return f"{stem(shard)}.sample"


def sample(key: PartitionKey, generation: str) -> str:
    """The sample of a large night, beside its predictions."""
    folder = generations(key.dataset, key.model)
    return f"{folder}{key.partition}/{generation}/_sample{PARQUET}"


def served(dataset: Dataset, model: str) -> str:
    """The prefix that people read a dataset under."""
    return f"{dataset}/{model}/"


def served_of_column(dataset: Dataset, model: str, column: str) -> str:
    """The prefix of the nights under one partition column."""
    return f"{served(dataset, model)}{column}="


def served_night(key: PartitionKey) -> str:
    """The prefix that people read a night under."""
    return f"{served_of_column(key.dataset, key.model, key.column)}{key.partition}/"


def served_file(key: PartitionKey, index: int) -> str:
    """A plain file of a night."""
    return f"{served_night(key)}part-{index:05d}{PARQUET}"


def validations(model: str) -> str:
    """The prefix of the validation reports of all nights, also of refused ones, which are in no dataset."""
    return f"reports/validation/{model}/"


def validations_of_column(model: str, column: str) -> str:
    """The prefix of those under one partition column."""
    return f"{validations(model)}{column}="


def validation_result(key: PartitionKey) -> str:
    """The result of a night's validation, as Great Expectations writes it."""
    return f"{validations(key.model)}{key.column}={key.partition}/result.json"


def data_docs(key: PartitionKey) -> str:
    """The Data Docs page of a night."""
    return f"{validations(key.model)}{key.column}={key.partition}/data_docs.html"


def drift(key: PartitionKey) -> str:
    """What monitoring saw of a night, as a record."""
    return f"{served_night(key.of(Dataset.MONITORING))}_drift.json"


def drift_in(where: str) -> PartitionKey | None:
    """The night whose record of monitoring lies at an address of the lake; None for what is no address of one."""
    named = DRIFT.search(where)
    if named is None:
        return None
    return address(Dataset.MONITORING, *named.groups())


def drift_report(key: PartitionKey) -> str:
    """The same as a page."""
    night = key.of(Dataset.MONITORING)
    return f"{served_night(night)}_report.html"


def accuracies(model: str) -> str:
    """The prefix of how good the scores of nights were."""
    folder = served(Dataset.MONITORING, model)
    return f"{folder}_accuracy/"


def accuracy(model: str, night: str) -> str:
    """How good the scores of a night were."""
    folder = accuracies(model)
    return f"{folder}{night}.json"


def shadow_night(model: str, night: str, suffix: str = ".json") -> str:
    """How the challenger in shadow scored a night, beside the champion; as a page it is HTML."""
    return f"{served(Dataset.MONITORING, model)}_shadow/{night}{suffix}"


def canary_night(model: str, night: str, suffix: str = ".json") -> str:
    """How a canary scored its rows of a night, beside the champion's; as a page it is HTML."""
    return f"{served(Dataset.MONITORING, model)}_canary/{night}{suffix}"


def decisions(model: str) -> str:
    """The prefix of the governor's decisions."""
    return f"{served(Dataset.MONITORING, model)}_decisions/"


def decision(model: str, night: str) -> str:
    """What the governor decided for a night."""
    return f"{decisions(model)}{night}.json"


def ledger(model: str) -> str:
    """The prefix of the moves of a model's aliases."""
    return f"ledger/{model}/"


def retrains(model: str) -> str:
    """The prefix of the retrains that were ever started."""
    return f"{ledger(model)}retrains/"


def silences(model: str) -> str:
    """The prefix of what people said about alarms."""
    return f"{ledger(model)}silences/"


def ledger_entry(log: str, number: int) -> str:
    """One entry of a log under its prefix; numbers begin at 1 and have no gap."""
    return f"{log}{number:06d}.json"


def ledger_head(log: str) -> str:
    """What a log says, as of some entry: a cache."""
    return f"{log}head.json"


def number_of_entry(log: str, key: str) -> int | None:
    """The number of an entry; None for all else under a log's prefix."""
    number = stem(key).removeprefix(log)
    return int(number) if number.isdecimal() else None


def night_in(key: str, dataset: Dataset, model: str) -> PartitionKey | None:
    """The night that a key of a dataset names as ``<column>=<night>``, or None."""
    named = NIGHT.search(key)
    return address(dataset, model, *named.groups()) if named else None


def address(dataset: Dataset, model: str, column: str, partition: str) -> PartitionKey | None:
    """The address of a night whose name was read from a key; None for what is no night."""
    try:
        return PartitionKey(dataset, model, column, partition)
    except UsageError:
        return None


def plain_night(key: str, dataset: Dataset, model: str) -> PartitionKey | None:
    """The night whose folder a plain file lies right in, or None."""
    night = night_in(key, dataset, model)
    return night if night and key.startswith(served_night(night)) else None
