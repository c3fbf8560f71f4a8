"""Channels: each sends an alert, or says in a few words that name no secret why it did not."""

from typing import Protocol

from nightshift.alerts.alert import Alert


class ChannelFailure(Exception):
    """An alert did not get through. Its text is for logs: it has neither an address nor a key."""


class Channel(Protocol):
    """One way to tell people."""

    def send(self, alert: Alert) -> None:
        """Send it. Raises ``ChannelFailure``."""
