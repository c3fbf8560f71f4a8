"""What people were told and is not over, and a message to each channel to see that it gets through."""

from nightshift.alerts.alert import Alert
from nightshift.alerts.channels.opened import Broken, OfConnection, open_channels
from nightshift.alerts.desk import Desk
from nightshift.alerts.file import ALERTS_FILE, read_alerts_file
from nightshift.alerts.incident import Incident
from nightshift.alerts.pages import page_on
from nightshift.alerts.sending import send_to_all
from nightshift.errors import UsageError
from nightshift.settings import Settings, environment_of
from nightshift.stores import Stores


def open_alerts(stores: Stores) -> list[Incident]:
    """Those that are open, or of which not all was told. Raises ``LakeUnavailable``, ``UsageError``."""
    desk = Desk(stores)
    return desk.all_open()


def broken_channels(settings: Settings) -> dict[str, str]:
    """The channels that cannot be opened, and why; of those in Airflow's connections nothing is known here.

    Sends nothing. Raises ``UsageError`` for an alerts.toml that is wrong.
    """
    file = read_alerts_file(settings.project)
    opened = open_channels(file, environment_of(settings.home))
    broken = {}
    for name, channel in opened.items():
        if not isinstance(channel, Broken):
            continue
        if file.channels[name].connection is None:
            broken[name] = channel.reason
    return broken


def try_channels(
    settings: Settings, only: str | None = None, of_connection: OfConnection | None = None
) -> dict[str, str]:
    """Send a test to each channel, or to one: what came of it, empty where it was sent.

    Raises ``UsageError`` for an alerts.toml that is wrong, and without a channel.
    """
    file = read_alerts_file(settings.project)
    channels = open_channels(file, environment_of(settings.home), of_connection)
    wanted = {name: channel for name, channel in channels.items() if only in {None, name}}
    if not wanted:
        what = "has no channel" if only is None else f"has no channel {only[:60]!r}"
        raise UsageError(
            f"{settings.project / ALERTS_FILE} {what}", fix="write one: docs/alerts.md shows how, a few lines each"
        )
    test = Alert(
        id="test",
        event="test",
        kind="test",
        severity="notice",
        title="this channel gets through",
        night="",
        models=(),
        owners=(),
        nights={},
        evidence="somebody asked for it: nightshift alerts test",
        next_command="nothing",
        runbook=page_on("test", file.runbook),
        lake=settings.lake,
    )
    return send_to_all(wanted, test)
