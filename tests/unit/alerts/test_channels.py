"""A channel sends what people need, to whom it was told to, and says why not without a word of a secret."""

import dataclasses
import hashlib
import hmac
import json
import logging
import socket
import time
from email import message_from_bytes, policy

import pytest

from nightshift.alerts.alert import Alert
from nightshift.alerts.channels import ChannelFailure
from nightshift.alerts.channels.chat import Chat
from nightshift.alerts.channels.mail import Mail
from nightshift.alerts.channels.opened import open_channels
from nightshift.alerts.channels.webhook import Webhook
from nightshift.alerts.file import AlertsFile
from nightshift.alerts.sending import send_to_all, within
from nightshift.alerts.text import body, subject
from tests.receivers import HANGS, hook, post_office

KEY = "a key of more than sixteen"
ALERT = Alert(
    id="refused-orders-validate-2024-03-01-1",
    event="opened",
    kind="refused",
    severity="page",
    title="orders 2024-03-01: the night is refused by validate",
    night="2024-03-01",
    models=("orders",),
    owners=("shop",),
    nights={"orders": ("2024-03-01",)},
    evidence="ExpectationsFailed: column amount has <!channel> @everyone\x1b[31m",
    next_command="mend the source, then trigger orders.ingest",
    runbook="docs/runbook.md#alert-a-refused-night",
    lake="s3://lake",
    links={"run": "http://airflow/dags/orders.validate"},
)


def test_a_webhook_gets_all_that_an_alert_says_and_who_sent_it():
    with hook() as receiver:
        Webhook(receiver.url, KEY).send(ALERT)
    (said,) = receiver.said
    (headers,) = receiver.headers
    expected = json.loads(json.dumps(dataclasses.asdict(ALERT)))
    assert said == {"schema": 1, "send_id": f"{ALERT.id}/opened", **expected}
    assert headers["Idempotency-Key"] == f"{ALERT.id}/opened"
    signed = f"{headers['X-Nightshift-Timestamp']}.".encode() + receiver.bodies[0]
    digest = hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-Nightshift-Signature"] == f"sha256={digest}"
    assert abs(time.time() - int(headers["X-Nightshift-Timestamp"])) < 60


@pytest.mark.parametrize("status", [300, 302, 400, 404, 500, 503])
def test_any_answer_but_yes_is_a_failure(status):
    with hook(status) as receiver, pytest.raises(ChannelFailure, match=f"^it answered {status}$"):
        Webhook(receiver.url).send(ALERT)


def test_a_webhook_that_sends_elsewhere_is_not_followed():
    with hook() as elsewhere, hook(307, location=elsewhere.url) as receiver:
        with pytest.raises(ChannelFailure, match="it answered 307"):
            Webhook(receiver.url).send(ALERT)
        assert elsewhere.bodies == []


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://hooks.example.org/T0P-SECRET", "not HTTPS"),
        ("https://me:T0P-SECRET@hooks.example.org/", "a login in it"),
        ("ftp://hooks.example.org/T0P-SECRET", "is none"),
        ("T0P-SECRET", "is none"),
        ("https://[T0P-SECRET", "is none"),
        ("https://169.254.169.254/T0P-SECRET", "no receiver has"),
        ("https://[fe80::1]/T0P-SECRET", "no receiver has"),
        ("https://[::ffff:169.254.169.254]/T0P-SECRET", "no receiver has"),
        ("https://0.0.0.0/T0P-SECRET", "no receiver has"),
    ],
)
def test_an_address_that_leads_where_no_receiver_is_gets_nothing_and_is_not_shown(address, why):
    with pytest.raises(ChannelFailure, match=why) as failure:
        Webhook(address).send(ALERT)
    assert "T0P-SECRET" not in str(failure.value)


def test_a_login_in_netrc_is_not_sent(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password T0P-SECRET\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with hook() as receiver:
        Webhook(receiver.url).send(ALERT)
    assert "Authorization" not in receiver.headers[0]


def test_a_mail_is_one_readable_page_to_all_and_a_name_in_the_data_is_no_header():
    nasty = dataclasses.replace(ALERT, title="orders\r\nBcc: thief@example.org", evidence="x" * 100)
    with post_office() as (post, address):
        Mail(address, "night@example.org", ("a@example.org", "b@example.org")).send(nasty)
    ((people, content),) = post.mails
    mail = message_from_bytes(content, policy=policy.default)
    assert people == ["a@example.org", "b@example.org"]
    assert mail["Bcc"] is None
    assert mail["X-Nightshift-Id"] == nasty.send_id
    assert mail.get_content().replace("\r\n", "\n").strip() == body(nasty)


def test_a_mail_that_some_do_not_get_is_a_failure():
    with post_office() as (_, address), pytest.raises(ChannelFailure, match="refused 1 of 2 people"):
        Mail(address, "night@example.org", ("a@example.org", "nobody@example.org")).send(ALERT)


def test_a_password_is_not_sent_in_the_clear(monkeypatch):
    with post_office() as (post, address):
        # Another name for this machine, as of a host beyond it.
        monkeypatch.setattr("nightshift.alerts.channels.mail.LOOPBACK", set())
        secret = address.replace("smtp://", "smtp://me:T0P-SECRET@")
        with pytest.raises(ChannelFailure, match="has no STARTTLS") as failure:
            Mail(secret, "night@example.org", ("a@example.org",)).send(ALERT)
        assert post.mails == []
    assert "T0P" not in str(failure.value)


def test_apprise_gets_it_and_its_failure_is_seen():
    pytest.importorskip("apprise")
    with hook(200) as receiver:
        Chat(receiver.url.replace("http://", "json://")).send(ALERT)
        (said,) = receiver.said
        assert said["title"] == subject(ALERT)
        assert said["message"] == body(ALERT)
        assert said["type"] == "failure"
        receiver.status = 500
        with pytest.raises(ChannelFailure, match="not all of its receivers took it"):
            Chat(receiver.url.replace("http://", "json://")).send(ALERT)


def test_pagerduty_knows_an_alert_again_and_nobody_is_followed():
    apprise = pytest.importorskip("apprise")
    from nightshift.alerts.channels import chat

    plugin = apprise.Apprise.instantiate(f"pagerduty://{'A' * 32}@{'b' * 20}/here/night")
    chat._bound(plugin, ALERT)
    assert (plugin.dedup, plugin.action, plugin.redirects) == (ALERT.id, "map", False)


def test_an_address_that_apprise_does_not_know_is_said_by_its_place():
    pytest.importorskip("apprise")
    with pytest.raises(ChannelFailure, match=r"^address 2 of 2 is none that apprise knows$"):
        Chat("json://127.0.0.1/ nosuch://T0P-SECRET").send(ALERT)


def test_what_data_say_calls_nobody_and_tells_no_terminal_a_thing():
    assert "<!channel>" not in body(ALERT)
    assert "@everyone" not in body(ALERT)
    assert "\x1b" not in body(ALERT)
    assert "\n" not in subject(dataclasses.replace(ALERT, title="a\nb"))


def test_one_channel_that_hangs_or_fails_is_left_and_the_others_send(caplog):
    with hook(HANGS) as hanging, hook(500) as failing, hook() as good, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        channels = {
            "hangs": Webhook(hanging.url),
            "fails": Webhook(failing.url),
            "refuses": Webhook(f"http://127.0.0.1:{nobody.getsockname()[1]}/T0P-SECRET"),
            "good": Webhook(good.url),
        }
        began = time.monotonic()
        outcomes = send_to_all(channels, ALERT, seconds=1.0)
        took = time.monotonic() - began
        assert len(good.bodies) == 1
    assert took < 2
    assert outcomes["good"] == ""
    assert outcomes["hangs"] == "it did not answer in 1 seconds"
    assert outcomes["fails"] == "it answered 500"
    assert outcomes["refuses"].startswith("it was not reached")
    assert "T0P-SECRET" not in caplog.text + str(outcomes)


def test_what_breaks_in_telling_is_one_line_and_no_error(caplog):
    def broken() -> None:
        raise RuntimeError("with T0P-SECRET in it")

    assert within(5, broken, "telling") is False
    assert within(0.1, lambda: time.sleep(2), "telling") is False
    assert within(5, lambda: None, "telling") is True
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "T0P-SECRET" not in caplog.text


def test_a_channel_that_is_set_up_wrongly_fails_alone():
    file = AlertsFile.model_validate({
        "format": 1,
        "channels": {
            "unset": {"kind": "webhook"},
            "wrong": {"kind": "webhook"},
            "short": {"kind": "webhook"},
            "airflow": {"kind": "smtp", "connection": "smtp_default", "to": ["a@example.org"]},
            "mail": {"kind": "smtp", "sender": "n@example.org", "to": ["a@example.org"]},
        },
    })
    environment = {
        "NIGHTSHIFT_ALERT_WRONG": "http://example.org/T0P-SECRET",
        "NIGHTSHIFT_ALERT_SHORT": "https://example.org/",
        "NIGHTSHIFT_ALERT_SHORT_KEY": "T0P",
        "NIGHTSHIFT_ALERT_MAIL": "gopher://T0P-SECRET",
    }
    outcomes = send_to_all(open_channels(file, environment), ALERT)
    assert outcomes == {
        "unset": "NIGHTSHIFT_ALERT_UNSET is not set: its address",
        "wrong": "its address is not HTTPS, which only this machine may do without",
        "short": "its key has less than 16 characters",
        "airflow": "it needs a connection of Airflow, which is not there",
        "mail": "its address is none: smtp://user:password@host:587, or smtps://",
    }


def test_a_log_at_its_longest_has_no_path_of_a_webhook(caplog):
    caplog.set_level("DEBUG")
    # As where Airflow logs everything.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.NOTSET)
    with hook() as receiver:
        outcomes = send_to_all({"oncall": Webhook(f"{receiver.url}/T0P-SECRET")}, ALERT)
    assert outcomes == {"oncall": ""}
    assert "T0P-SECRET" not in caplog.text
