"""A load in several processes leaves what one leaves that goes night by night; killed, refused or not."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nightshift.contracts import Dataset
from nightshift.errors import ExpectationsFailed
from nightshift.partitions import between
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.load import load
from nightshift.steps.validate import reports_of
from nightshift.stores import Stores, layout
from tests.conftest import SOURCE

pytestmark = [pytest.mark.stack, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

FIRST, REFUSED, LAST = "2024-01-02", "2024-01-07", "2024-01-11"
NOTHING = "2024-01-04"
# One night has nothing, in every one a row is dropped, and one is refused while the flag is there.
WITHOUT = SOURCE.replace("dt.date(2024, 2, 29)", f"dt.date.fromisoformat({NOTHING!r})")
CHANGED = WITHOUT.replace(
    "    return frame\n",
    "    frame.loc[frame.index == 3, 'amount'] = -5.0\n"
    f"    if str(night) == {REFUSED!r}:\n"
    "        frame['items'] = np.int16(99)\n"
    "    return frame\n",
    1,
)
MENDED = CHANGED.replace("np.int16(99)", "np.int16(9)")


@pytest.fixture
def project_of(tmp_path: Path, make_project: Callable[..., Path]) -> Path:
    """The folder of the model."""
    return make_project(
        tmp_path / "project",
        source=CHANGED,
        columns={"amount": {"on_breach": "drop"}},
        night={"max_quarantined_share": 0.2},
    )


def published(spec: ModelSpec, stores: Stores) -> dict[str, str]:
    """Every file that people read, with its digest."""
    objects = stores.lake.objects
    digests = {}
    for dataset in (Dataset.RAW, Dataset.VALIDATED, Dataset.QUARANTINE, Dataset.LABELS):
        for key in objects.keys(layout.served(dataset, spec.name)):
            stored = objects.get(key)
            assert stored
            digests[key] = hashlib.sha256(stored[0]).hexdigest()
    return digests


def pages(spec: ModelSpec, stores: Stores) -> list[str]:
    """The nights that have Data Docs."""
    objects = stores.lake.objects
    return [night for night in between(FIRST, LAST) if objects.head(reports_of(spec, night).html)]


def killed_in_the_middle(spec: ModelSpec, stores: Stores) -> None:
    """A load at the command line whose process is gone as soon as the first night stands."""
    settings = stores.settings
    environment = {
        **os.environ,
        "NIGHTSHIFT_PROJECT": str(settings.project),
        "NIGHTSHIFT_HOME": str(settings.home),
        "NIGHTSHIFT_LAKE": settings.lake,
        "NIGHTSHIFT_CORES": "2",
    }
    command = [str(Path(sys.executable).with_name("nightshift")), "load", spec.name, FIRST, LAST]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not stores.lake.partitions(Dataset.VALIDATED, spec.name):
        time.sleep(0.1)
    process.kill()
    assert process.wait() == -signal.SIGKILL


def test_killed_and_refused_it_goes_on_and_leaves_what_one_process_leaves(
    project_of: Path, open_stores: Callable[[Path], Stores]
) -> None:
    root = project_of.parents[1]
    spec = load_spec(project_of / "model.yaml")
    one, several = open_stores(root), open_stores(root)
    killed_in_the_middle(spec, several)
    for_a_while = set(several.lake.partitions(Dataset.VALIDATED, spec.name))
    assert for_a_while
    refusals = []
    for stores, workers in ((one, 1), (several, 2)):
        with pytest.raises(ExpectationsFailed, match=f"{spec.name} {REFUSED} refused: 1 of") as error:
            load(spec, FIRST, LAST, stores, workers=workers)
        refusals.append(error.value.message)
        # Those before it are there, and it is the only one with a page.
        before = [night for night in between(FIRST, REFUSED) if night not in {NOTHING, REFUSED}]
        assert set(before) <= set(stores.lake.partitions(Dataset.VALIDATED, spec.name))
        assert REFUSED not in stores.lake.partitions(Dataset.VALIDATED, spec.name)
        assert pages(spec, stores)[:1] == [REFUSED]
    assert refusals[0] == refusals[1]

    (project_of / "source.py").write_text(MENDED)
    function_of_before = __import__("nightshift.sources.functions", fromlist=["_beside"])._beside
    function_of_before.cache_clear()
    there = {night: several.lake.manifest(spec.key(Dataset.VALIDATED, night)) for night in before}
    results = [load(spec, FIRST, LAST, stores, workers=workers) for stores, workers in ((one, 1), (several, 2))]
    for loaded in results:
        assert loaded.loaded + loaded.already_there == 9
        assert loaded.without_source == [NOTHING]
        assert loaded.already_there >= len(before)
    # What stood was not made again, and both lakes have the same files.
    assert there == {night: several.lake.manifest(spec.key(Dataset.VALIDATED, night)) for night in before}
    files = published(spec, one)
    assert len(files) == 4 * 9
    assert published(spec, several) == files
    # The page of the refused night went with its refusal.
    assert pages(spec, one) == pages(spec, several) == [LAST]
