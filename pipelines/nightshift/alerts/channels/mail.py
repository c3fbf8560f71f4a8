"""Mail by SMTP: a login goes over TLS only, or stays on this machine."""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import make_msgid
from urllib.parse import unquote, urlsplit

from nightshift.alerts.alert import Alert
from nightshift.alerts.channels import ChannelFailure
from nightshift.alerts.channels.addresses import LOOPBACK
from nightshift.alerts.text import body, subject

SECONDS = 5
PORTS = {"smtp": 587, "smtps": 465}


class Mail:
    """Through the server of ``address``, ``smtp://user:password@host:587`` or ``smtps://...``.

    ``smtp`` goes on by STARTTLS where the server offers it, and must where there is a password.
    """

    def __init__(self, address: str, sender: str, to: tuple[str, ...]) -> None:
        try:
            parts = urlsplit(address)
            usual_port = PORTS.get(parts.scheme, 0)
            self._port = parts.port or usual_port
        except ValueError:
            raise ChannelFailure("its address is none") from None
        is_mail = parts.scheme in PORTS
        if not is_mail or not parts.hostname:
            raise ChannelFailure("its address is none: smtp://user:password@host:587, or smtps://")
        self._host = parts.hostname
        self._wraps = parts.scheme == "smtps"
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._sender = sender
        self._to = to

    def send(self, alert: Alert) -> None:
        """Hand it to the server. Raises ``ChannelFailure``, also where it takes only some of the people."""
        message = written(alert, self._sender, self._to)
        try:
            with self._connected() as server:
                refused = server.send_message(message)
        except smtplib.SMTPAuthenticationError:
            raise ChannelFailure("the server refuses its login") from None
        except smtplib.SMTPResponseException as error:
            raise ChannelFailure(f"the server answered {error.smtp_code}") from None
        except ssl.SSLError:
            raise ChannelFailure("the server's certificate is not trusted") from None
        except TimeoutError:
            raise ChannelFailure(f"the server did not answer in {SECONDS} seconds") from None
        except (OSError, smtplib.SMTPException) as error:
            raise ChannelFailure(f"the server was not reached: {type(error).__name__}") from None
        if refused:
            raise ChannelFailure(f"the server refused {len(refused)} of {len(self._to)} people")

    def _connected(self) -> smtplib.SMTP:
        trusted = ssl.create_default_context()
        if self._wraps:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=SECONDS, context=trusted)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=SECONDS)
        try:
            self._begin(server, trusted)
        except BaseException:
            server.close()
            raise
        return server

    def _begin(self, server: smtplib.SMTP, trusted: ssl.SSLContext) -> None:
        server.ehlo()
        is_in_clear = not self._wraps
        if is_in_clear and server.has_extn("starttls"):
            server.starttls(context=trusted)
            server.ehlo()
        elif is_in_clear and self._password and self._host not in LOOPBACK:
            raise ChannelFailure("the server has no STARTTLS, and the password is not sent without")
        if self._password:
            server.login(self._user, self._password)


def written(alert: Alert, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """The message. Those of one alert are one thread of mails."""
    thread = f"<{alert.id}@nightshift.invalid>"
    text = body(alert)
    message = EmailMessage()
    message["Subject"] = subject(alert)
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Message-ID"] = make_msgid(domain="nightshift.invalid")
    message["References"] = thread
    message["X-Nightshift-Id"] = alert.send_id
    message.set_content(text)
    return message
