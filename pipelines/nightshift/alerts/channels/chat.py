"""Slack, Teams, PagerDuty and a hundred others, by apprise; its addresses say which, and hold their keys."""

import logging

from nightshift.alerts.alert import Alert
from nightshift.alerts.channels import ChannelFailure
from nightshift.alerts.text import body, subject
from nightshift.errors import UsageError
from nightshift.extras import require

KINDS_OF_MESSAGE = {"opened": "failure", "recovered": "success", "test": "info"}
CONNECT_SECONDS = 3.0
READ_SECONDS = 5.0


class Chat:
    """All of apprise's ``addresses``, with white space between them."""

    def __init__(self, addresses: str) -> None:
        try:
            require("alerts", "a channel of apprise", "apprise")
        except UsageError as error:
            raise ChannelFailure(error.message) from None
        self._addresses = addresses.split()

    def send(self, alert: Alert) -> None:
        """To each of them. Raises ``ChannelFailure`` unless all took it."""
        import apprise

        # It logs what it sends, and to where.
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        messenger = apprise.Apprise()
        for place, address in enumerate(self._addresses, 1):
            plugin = apprise.Apprise.instantiate(address, suppress_exceptions=True)
            if plugin is None:
                raise ChannelFailure(f"address {place} of {len(self._addresses)} is none that apprise knows")
            _bound(plugin, alert)
            messenger.add(plugin)
        if len(messenger) == 0:
            raise ChannelFailure("it has no address")
        kind = apprise.NotifyType(KINDS_OF_MESSAGE[alert.event])
        took = messenger.notify(
            body=body(alert),
            title=subject(alert),
            notify_type=kind,
        )
        if not took:
            raise ChannelFailure("not all of its receivers took it")


def _bound(plugin: object, alert: Alert) -> None:
    """Nobody is followed elsewhere or waited for; PagerDuty knows an alert again, and closes it."""
    settings: dict[str, object] = {
        "redirects": False,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_read_timeout": READ_SECONDS,
    }
    if hasattr(plugin, "dedup"):
        settings["dedup"] = getattr(plugin, "dedup", None) or alert.id
        settings["action"] = "map"
    for name, value in settings.items():
        setattr(plugin, name, value)
