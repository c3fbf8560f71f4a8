"""Every name that a model may have makes a name that a platform takes."""

import re

import pytest

from nightshift.export.platform_names import platform_name
from nightshift.export.targets.azureml import endpoint_name
from nightshift.spec.base import NAME_PATTERN

NAMES = ["late_orders", "late_", "a__b", "m", "m_", "x" * 63, "y" * 30 + "_" * 33, "z" * 31 + "_z"]
DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
AZURE = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]")


@pytest.mark.parametrize("name", NAMES)
def test_a_model_s_name_is_a_label_of_dns(name: str) -> None:
    assert re.fullmatch(NAME_PATTERN, name)
    assert DNS_LABEL.fullmatch(platform_name(name))
    assert DNS_LABEL.fullmatch(platform_name(name, ending="-12"))
    assert platform_name(name, ending="-12").endswith("-12")


@pytest.mark.parametrize("name", NAMES)
def test_a_model_s_name_is_one_of_azure_s_endpoints(name: str) -> None:
    assert AZURE.fullmatch(endpoint_name(name))
