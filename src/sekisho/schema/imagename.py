"""The tag of an image's name, as defaulting reads it: the reference grammar of the distribution project."""

from __future__ import annotations

import re

_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = rf"(?:{_HOST}(?:\.{_HOST})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_DIGEST = r"(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})"
_REFERENCE = re.compile(
    rf"(?P<name>(?:(?P<domain>{_DOMAIN})/)?{_PART}(?:/{_PART})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?(?P<digest>@{_DIGEST})?",
    re.ASCII,
)
_IDENTIFIER = re.compile(r"[0-9a-f]{64}")
_LONGEST_NAME = 255


def image_tag(reference: str) -> str:
    """The tag of `reference`: `latest` when it has neither tag nor digest, empty when it has only a digest
    or is no image's name at all."""
    first, slash, rest = reference.partition("/")
    if not slash or not _is_domain(first):
        first, rest = "docker.io", reference if slash else f"library/{reference}"
    match = _REFERENCE.fullmatch(f"{first}/{rest}")
    if match is None or len(match["name"]) > _LONGEST_NAME or _IDENTIFIER.fullmatch(reference):
        return ""
    if match["tag"]:
        return match["tag"]
    return "" if match["digest"] else "latest"


def _is_domain(first: str) -> bool:
    """Whether what stands before the first slash is a registry rather than a part of the path."""
    return "." in first or ":" in first or first == "localhost" or first.lower() != first
