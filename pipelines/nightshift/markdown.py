"""Texts of the data in pages of Markdown, which people open in Airflow and in MLflow."""

import re

from nightshift.errors import plain

OBEYED = re.compile(r"([\\`*\[\]<>#|!~&])")
LINK = re.compile(r"(?i)://|\bwww\.|\bmailto:")
"""What is made a link without being asked."""


def as_markdown(text: str) -> str:
    """A text in one line or one cell, where it formats, links and loads nothing."""
    words = plain(text, kept="").split()
    escaped = OBEYED.sub(r"\\\1", " ".join(words))
    return LINK.sub(_without_link, escaped)


def _without_link(begins: re.Match[str]) -> str:
    return begins[0].replace(":", "&#58;").replace(".", "&#46;")
