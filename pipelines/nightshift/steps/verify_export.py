"""Hold a folder, or a server that was given one, against the golden rows of the export."""

from pathlib import Path

from nightshift.errors import UsageError
from nightshift.export.comparison import Verified
from nightshift.export.folder_check import verify_folder
from nightshift.export.server_check import verify_server
from nightshift.export.written import read_record


def verify_export(where: str, of: Path | None = None, python: str = "") -> Verified:
    """``where`` is a folder, or the address of a server; then ``of`` is the folder that it was given.

    ``python`` is a Python that has the library of the folder's target, where that cannot stand beside us.

    Raises ``UsageError``, ``ParityFailed`` where it differs, ``UnsafeGraph``, ``UnreadableRecord``, ``ModelError``,
    ``ServerUnavailable``.
    """
    if "://" not in where:
        return verify_folder(Path(where), python)
    if of is None:
        raise UsageError(
            f"{where} is a server, and its golden rows are in the export that it was given",
            fix=f"nightshift verify-export {where} --of DIR",
        )
    return verify_server(read_record(of), where)
