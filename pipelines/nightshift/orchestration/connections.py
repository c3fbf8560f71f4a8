"""Channels whose secrets lie in Airflow's connections: mail by the provider's own notifier, others by their address."""

from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException

from nightshift.alerts.alert import Alert
from nightshift.alerts.channels import Channel, ChannelFailure
from nightshift.alerts.channels.chat import Chat
from nightshift.alerts.channels.webhook import Webhook
from nightshift.alerts.file import ChannelSettings
from nightshift.alerts.text import body, subject


class MailOfAirflow:
    """Through ``SmtpNotifier``, by a connection of the kind *SMTP*."""

    def __init__(self, connection: str, sender: str | None, to: tuple[str, ...]) -> None:
        self._connection = connection
        self._sender = sender
        self._to = to

    def send(self, alert: Alert) -> None:
        """Hand it to the server. Raises ``ChannelFailure``."""
        from html import escape

        from airflow.providers.smtp.notifications.smtp import SmtpNotifier

        notifier = SmtpNotifier(
            to=list(self._to),
            from_email=self._sender,
            subject=subject(alert),
            html_content=f"<pre>{escape(body(alert))}</pre>",
            smtp_conn_id=self._connection,
            custom_headers={"X-Nightshift-Id": alert.send_id},
        )
        try:
            # Not by calling it, which would take the texts for templates.
            notifier.notify({})
        except Exception as error:  # noqa: BLE001  whatever the hook raises, with an address in it
            raise ChannelFailure(f"the server was not reached: {type(error).__name__}") from None


def of_connection(channel: ChannelSettings) -> Channel:
    """The channel of a connection. Raises ``ChannelFailure`` where Airflow has none of that name."""
    name = channel.connection or ""
    try:
        connection = BaseHook.get_connection(name)
    except (AirflowException, RuntimeError) as error:
        raise ChannelFailure(f"Airflow has no connection {name}: {type(error).__name__}") from None
    if channel.kind == "smtp":
        return MailOfAirflow(name, channel.sender, channel.to)
    extra = connection.extra_dejson
    if channel.kind == "apprise":
        addresses = " ".join(_addresses(extra))
        return Chat(addresses)
    address = str(extra.get("url") or "")
    return Webhook(address, connection.password or None)


def _addresses(extra: dict[str, Any]) -> list[str]:
    """As the provider of apprise keeps them: ``config``, one or a list of ``path``."""
    config = extra.get("config") or []
    entries = config if isinstance(config, list) else [config]
    return [str(entry["path"]) for entry in entries if isinstance(entry, dict) and "path" in entry]
