"""``alerts.toml``: which channels there are, and who gets what. It holds no secret: those are in the environment.

A mistake in it fails no night: what reads it for a night says so in the log, and ``nightshift check`` refuses it.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from nightshift.alerts.alert import SEVERITIES, Alert, Severity
from nightshift.errors import UsageError
from nightshift.spec.base import Frozen, Name

ALERTS_FILE = "alerts.toml"
ADDRESS_VARIABLE = "NIGHTSHIFT_ALERT_"
Address = Annotated[str, StringConstraints(pattern=r"^[^\s@<>,]+@[^\s@<>,]+$")]


class ChannelSettings(Frozen):
    """One way to tell people, by its name.

    Its address is in the environment variable ``NIGHTSHIFT_ALERT_<NAME>``, or in the connection of Airflow that
    ``connection`` names.
    """

    kind: Literal["smtp", "webhook", "apprise"]
    connection: str | None = Field(None, pattern=r"^[\w.-]{1,200}$")
    sender: Address | None = None
    to: tuple[Address, ...] = ()

    @model_validator(mode="after")
    def _mail_has_people(self) -> Self:
        is_mail = self.kind == "smtp"
        if is_mail and not self.to:
            raise ValueError("smtp needs to: a list of addresses")
        if is_mail and self.connection is None and self.sender is None:
            raise ValueError("smtp needs sender: an address")
        if not is_mail and (self.to or self.sender):
            raise ValueError(f"{self.kind} has neither sender nor to: its address says where it goes")
        return self


class Route(Frozen):
    """Who gets what: alerts that are of one of the models, of one of the owners and of one of the severities."""

    channels: tuple[Name, ...] = Field(min_length=1)
    models: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = SEVERITIES

    def takes(self, alert: Alert) -> bool:
        """Whether it is for these channels; a route that names nobody is for all."""
        if alert.severity not in self.severities:
            return False
        if self.models and not set(self.models) & set(alert.models):
            return False
        return not self.owners or bool(set(self.owners) & set(alert.owners))


class AlertsFile(Frozen):
    """The whole file. Without routes each channel gets everything."""

    format: Literal[1]
    runbook: str = Field("", pattern=r"^(https?://[^\s#]+)?$")
    channels: dict[Name, ChannelSettings] = Field(default_factory=dict)
    routes: tuple[Route, ...] = ()

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Self:
        for route in self.routes:
            unknown = sorted(set(route.channels) - set(self.channels))
            if unknown:
                raise ValueError(f"a route names {', '.join(unknown)}, which channels does not have")
        return self

    def takers(self, alert: Alert) -> list[str]:
        """The channels that an alert goes to, in their order."""
        if not self.routes:
            return list(self.channels)
        named = {name for route in self.routes if route.takes(alert) for name in route.channels}
        return [name for name in self.channels if name in named]


NO_ALERTS = AlertsFile(format=1)


def variable_of(channel: str) -> str:
    """The environment variable with a channel's address; with ``_KEY`` behind it, that with the key it signs by."""
    return f"{ADDRESS_VARIABLE}{channel.upper()}"


def read_alerts_file(project: Path) -> AlertsFile:
    """The checked ``alerts.toml`` of a project; without one there are no alerts. Raises ``UsageError``."""
    path = project / ALERTS_FILE
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return AlertsFile.model_validate(content)
    except FileNotFoundError:
        return NO_ALERTS
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", fix="correct it, then nightshift alerts test") from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        # What stands there may be a secret in the wrong place: it is not quoted.
        raise UsageError(
            f"{path}: {key}: {first['msg']}", fix="correct it, then nightshift alerts test; docs/alerts.md has each key"
        ) from None
