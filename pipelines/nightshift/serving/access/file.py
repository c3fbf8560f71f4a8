"""Reading ``access.toml``."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from nightshift.errors import UsageError
from nightshift.serving.access.rules import FOLDER, AccessRules


def read_access_file(path: Path) -> AccessRules:
    """The checked file. Raises ``UsageError``, which quotes nothing of it: a secret may stand in the wrong place."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return AccessRules.model_validate(content, context={FOLDER: path.parent})
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{path} cannot be read: {reason}", fix="correct it, or give another: --access") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{path}: {key}: {message}", fix="correct it; docs/serving.md has each key") from None
