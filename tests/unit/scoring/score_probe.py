"""Score a shard of a lake in a folder, as a process of its own, and print what came out and what was loaded.

    python score_probe.py FOLDER

Only the store is not the real one: a client of S3 that reads and writes files, and Arrow's local file system.
"""

import io
import json
import sys
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem
from pydantic import SecretStr, TypeAdapter

from nightshift.contracts import Plan
from nightshift.settings import Settings
from nightshift.spec import ModelSpec
from nightshift.steps.score import score
from nightshift.stores import Stores


class FolderClient:
    """As much of boto3's S3 client as scoring a small shard needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get_object(self, **asked: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._file(asked).read_bytes()), "ETag": "etag"}

    def head_object(self, **asked: Any) -> dict[str, Any]:
        size = self._file(asked).stat().st_size
        return {"ETag": "etag", "ContentLength": size, "Metadata": {}, "LastModified": None}

    def put_object(self, **sent: Any) -> None:
        file = self.folder / sent["Bucket"] / sent["Key"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(sent["Body"])

    def _file(self, asked: dict[str, Any]) -> Path:
        file = self.folder / asked["Bucket"] / asked["Key"]
        if not file.exists():
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return Path(file)


def main(folder: Path) -> None:
    spec = ModelSpec.model_validate_json((folder / "spec.json").read_text())
    plan = TypeAdapter(Plan).validate_json((folder / "plan.json").read_text())
    stores = Stores(Settings(project=folder, home=folder, seal_key=SecretStr("x" * 64)))
    vars(stores.lake.objects)["_client"] = FolderClient(folder)
    vars(stores.lake.objects)["filesystem"] = SubTreeFileSystem(str(folder), LocalFileSystem())
    result = score(spec, plan, plan.shards[0], stores)
    again = score(spec, plan, plan.shards[0], stores)
    loaded = sorted({name.partition(".")[0] for name in sys.modules})
    print(json.dumps({"key": result.key, "rows": result.rows, "again": again == result, "loaded": loaded}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
