import pytest

from nightshift.alerts.alert import Alert
from nightshift.alerts.file import NO_ALERTS, AlertsFile, read_alerts_file
from nightshift.errors import UsageError

GOOD = """
format = 1
runbook = "https://wiki.example.org/nightshift"
[channels.oncall]
kind = "apprise"
[channels.mail]
kind = "smtp"
sender = "night@example.org"
to = ["shop@example.org"]
[[routes]]
channels = ["oncall"]
severities = ["page"]
[[routes]]
channels = ["mail"]
owners = ["shop"]
"""


def alert(severity="page", owner="shop", model="orders"):
    return Alert("i", "opened", "failed", severity, "t", "", (model,), (owner,), {}, "e", "n", "r", "s3://lake")


def test_who_gets_what(tmp_path):
    (tmp_path / "alerts.toml").write_text(GOOD)
    file = read_alerts_file(tmp_path)
    assert file.takers(alert()) == ["oncall", "mail"]
    assert file.takers(alert(severity="notice")) == ["mail"]
    assert file.takers(alert(owner="ship")) == ["oncall"]
    assert file.takers(alert(severity="notice", owner="ship")) == []
    with pytest.raises(ValueError, match="frozen"):
        file.runbook = ""


def test_without_routes_all_get_all_and_without_a_file_nobody_anything(tmp_path):
    file = AlertsFile.model_validate({"format": 1, "channels": {"a": {"kind": "webhook"}, "b": {"kind": "apprise"}}})
    assert file.takers(alert(severity="notice")) == ["a", "b"]
    assert read_alerts_file(tmp_path) == NO_ALERTS


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('url = "https://hooks.example.org/T0P-SECRET"', "channels.oncall.url"),
        ('connection = "T0P SECRET!"', "channels.oncall.connection"),
        ('kind = "T0P-SECRET"', "cannot be read"),
        ('to = ["shop@example.org"]', "neither sender nor to"),
        ("[channels.mail]\nkind = 'smtp'\nsender = 'n@example.org'", "smtp needs to"),
        ("[[routes]]\nchannels = ['nobody']", "a route names nobody"),
        ("[[routes]]\nchannels = ['oncall']\nseverities = ['T0P-SECRET']", "routes.0.severities"),
    ],
)
def test_what_is_wrong_is_named_by_its_key_and_a_secret_in_the_wrong_place_is_not_shown(tmp_path, line, why):
    (tmp_path / "alerts.toml").write_text(f'format = 1\n[channels.oncall]\nkind = "webhook"\n{line}\n')
    with pytest.raises(UsageError) as error:
        read_alerts_file(tmp_path)
    assert why in str(error.value)
    assert "T0P" not in str(error.value)
