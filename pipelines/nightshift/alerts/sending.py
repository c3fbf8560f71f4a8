"""Sending: all channels at once, none for longer than a few seconds, and the failure of one is no other's."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from nightshift.alerts.alert import Alert
from nightshift.alerts.channels import Channel, ChannelFailure

log = logging.getLogger("nightshift")
MOST_SECONDS = 10.0
HANGS = "it did not answer in {:.0f} seconds"


def send_to_all(channels: Mapping[str, Channel], alert: Alert, seconds: float = MOST_SECONDS) -> dict[str, str]:
    """What became of it by channel: empty where it was sent, or why not, in words without a secret."""
    outcomes: dict[str, str] = {}
    # At DEBUG it logs the path of each request, which is the secret of most webhooks; some threads are of libraries.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

    def send(name: str, channel: Channel) -> None:
        outcome = _outcome(channel, alert)
        outcomes[name] = outcome

    threads = []
    for name, channel in channels.items():
        # One that hangs for ever is left behind: it holds up no process that ends.
        thread = threading.Thread(
            target=send,
            args=(name, channel),
            name=f"alert-{name}",
            daemon=True,
        )
        thread.start()
        threads.append(thread)
    until = time.monotonic() + seconds
    for thread in threads:
        left = until - time.monotonic()
        thread.join(max(0.0, left))
    return {name: outcomes.get(name, HANGS.format(seconds)) for name in channels}


def _outcome(channel: Channel, alert: Alert) -> str:
    try:
        channel.send(alert)
    except ChannelFailure as failure:
        return str(failure)
    except Exception as error:  # noqa: BLE001  a channel may call any library, and must not fail who reports
        return f"it broke off: {type(error).__name__}"
    return ""


def within(seconds: float, work: Callable[[], None], what: str) -> bool:
    """Do it, and leave it behind when it takes longer; whether it ended well. A failure is one line of the log."""
    ended = threading.Event()

    def guarded() -> None:
        try:
            work()
            ended.set()
        except Exception as error:  # noqa: BLE001  whatever is wrong with an alert is not wrong with the night
            log.warning("%s failed, and nothing else did: %s", what, _in_a_line(error))

    thread = threading.Thread(target=guarded, name="alerts", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        log.warning("%s was left behind after %.0f seconds; the next chance is the next task", what, seconds)
    return ended.is_set()


def _in_a_line(error: Exception) -> str:
    from nightshift.errors import NightshiftError

    return f"{type(error).__name__}: {error.message}" if isinstance(error, NightshiftError) else type(error).__name__
