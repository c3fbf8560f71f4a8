"""From alerts.toml and the environment to channels. One that is set up wrongly fails alone, when it is to send."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nightshift.alerts.alert import Alert
from nightshift.alerts.channels import Channel, ChannelFailure
from nightshift.alerts.channels.chat import Chat
from nightshift.alerts.channels.mail import Mail
from nightshift.alerts.channels.webhook import Webhook
from nightshift.alerts.file import AlertsFile, ChannelSettings, variable_of

OfConnection = Callable[[ChannelSettings], Channel]
"""A channel whose secrets are in a connection of Airflow. Raises ``ChannelFailure``."""


@dataclass(frozen=True)
class Broken:
    """A channel that cannot be opened."""

    reason: str

    def send(self, alert: Alert) -> None:
        """Raises ``ChannelFailure``."""
        raise ChannelFailure(self.reason)


def open_channels(
    file: AlertsFile, environment: Mapping[str, str | None], of_connection: OfConnection | None = None
) -> dict[str, Channel]:
    """Each channel by its name. Opens no socket, and raises nothing."""
    channels: dict[str, Channel] = {}
    for name, settings in file.channels.items():
        try:
            channels[name] = _opened(name, settings, environment, of_connection)
        except ChannelFailure as failure:
            reason = str(failure)
            channels[name] = Broken(reason)
    return channels


def _opened(
    name: str,
    settings: ChannelSettings,
    environment: Mapping[str, str | None],
    of_connection: OfConnection | None,
) -> Channel:
    if settings.connection is not None:
        if of_connection is None:
            raise ChannelFailure("it needs a connection of Airflow, which is not there")
        return of_connection(settings)
    variable = variable_of(name)
    address = environment.get(variable)
    if not address:
        raise ChannelFailure(f"{variable} is not set: its address")
    if settings.kind == "smtp":
        return Mail(address, settings.sender or "", settings.to)
    if settings.kind == "apprise":
        return Chat(address)
    return Webhook(address, environment.get(f"{variable}_KEY") or None)
