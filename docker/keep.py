"""All state of a project as one file: ``save`` writes it to standard output, ``restore`` reads it from standard input.

Both want that nothing else runs: a copy of a database that is written to is none. A backup begins with ``format``,
which says what it is, and ends with ``complete``: one that was cut short is put back as far as it goes, and refused.
"""

import io
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

STATE = Path("/state")
VOLUMES = ("secrets", "postgres", "redis", "s3", "airflow")
FORMAT = "nightshift-state 1"
FIRST = "format"
LAST = "complete"


class Refused(Exception):
    """What a person should do, in one line."""


def main(verb: str) -> None:
    """Do it, or say in a line why not."""
    verbs: dict[str, Callable[[], None]] = {"save": save, "restore": restore}
    try:
        verbs[verb]()
    except Refused as error:
        sys.exit(f"error: {error}")


def save() -> None:
    """The volumes as a tar, with owners and modes."""
    if not any((STATE / "secrets").iterdir()):
        raise Refused("there is nothing to keep: no secrets were ever made; `make compose-up` makes them")
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as backup:
        add_text(backup, FIRST, FORMAT)
        for volume in VOLUMES:
            backup.add(STATE / volume, arcname=volume)
            print(f"{volume} is kept", file=sys.stderr, flush=True)
        add_text(backup, LAST, "")


def restore() -> None:
    """Into volumes that are empty. What stands in for a lost project is nobody's to be written over."""
    taken = [volume for volume in VOLUMES if any((STATE / volume).iterdir())]
    if taken:
        raise Refused(
            f"{', '.join(taken)} are not empty: `docker compose --profile '*' down --volumes` removes all that is there"
        )
    try:
        with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as backup:
            complete = unpack(backup)
    except (tarfile.ReadError, EOFError) as error:
        raise Refused(f"the backup cannot be read: {error}") from error
    if not complete:
        raise Refused("the backup was cut short: remove the volumes again, and restore another one")


def unpack(backup: tarfile.TarFile) -> bool:
    """Whether its end was there."""
    # With the owner that each had: this process is root, in a container without a network. Python before 3.11.4 knows
    # no filters, and later ones take this for one.
    backup.extraction_filter = lambda member, _: member
    is_first = True
    for member in backup:
        if is_first:
            require_format(backup, member)
            is_first = False
        elif member.name == LAST:
            return True
        else:
            require_place(member)
            backup.extract(member, STATE, numeric_owner=True)
            if member.name in VOLUMES:
                print(f"{member.name} is put back", file=sys.stderr, flush=True)
    return False


def require_format(backup: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    """Refuse what no ``save`` of ours has written."""
    content = backup.extractfile(member) if member.name == FIRST else None
    written = content.read(100).decode(errors="replace") if content else member.name
    if written != FORMAT:
        raise Refused(f"this is no backup of Nightshift that this version reads: it begins with {written!r}")


def require_place(member: tarfile.TarInfo) -> None:
    """Refuse a name that leads out of the volumes."""
    parts = Path(member.name).parts
    if not parts or parts[0] not in VOLUMES or ".." in parts:
        raise Refused(f"the backup has {member.name!r}, which is no place of ours")


def add_text(backup: tarfile.TarFile, name: str, text: str) -> None:
    """A small file of its own."""
    info = tarfile.TarInfo(name)
    info.size = len(text)
    backup.addfile(info, io.BytesIO(text.encode()))


if __name__ == "__main__":
    main(sys.argv[1])
