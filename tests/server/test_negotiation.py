from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.api.status import StatusError
from sekisho.server import negotiation
from sekisho.server.negotiation import JSON, PROTOBUF, YAML, Form

CONVERSIONS = frozenset(("Table", "PartialObjectMetadata", "PartialObjectMetadataList"))
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
ONLY = (
    "only the following media types are accepted: application/json, application/yaml, "
    "application/vnd.kubernetes.protobuf"
)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Form(JSON)),
        ("*/*", Form(JSON)),
        ("*", Form(JSON)),
        ("application/*", Form(JSON)),
        ("application/yaml", Form(YAML)),
        ("application/json; charset=utf-8", Form(JSON)),
        ("text/html, application/yaml;q=0.5", Form(YAML)),
        ("application/yaml;q=0.1, application/json;q=0.9", Form(JSON)),
        ("application/yaml;q=x, application/json;q=0.1", Form(JSON)),
        ("*/*, application/yaml", Form(YAML)),
        ("*/*;q=0.9, application/yaml;q=0.1", Form(YAML)),
        ("application/json;pretty=1", Form(JSON, pretty=True)),
        (TABLE, Form(JSON, "Table", "v1")),
        (TABLE.replace("json", "yaml"), Form(YAML, "Table", "v1")),
        (TABLE.replace("json", "vnd.kubernetes.protobuf") + ",application/json", Form(JSON)),
        ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", Form(JSON)),
        ("application/json;as=Gadget;v=v1;g=meta.k8s.io," + TABLE, Form(JSON, "Table", "v1")),
        ("application/json;stream=watch", Form(JSON)),
        ("application/yaml;stream=watch,application/json", Form(JSON)),
        ("application/json;sv=v1,application/yaml", Form(YAML)),
        ("application/json;as,application/yaml", Form(JSON)),
    ],
)
def test_the_first_clause_that_can_be_served_wins(accept: str, form: Form) -> None:
    assert negotiation.negotiate(accept, CONVERSIONS) == form


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "json",
        "Application/JSON",
        "application/json;as=Table",
        "application/json;g=meta.k8s.io",
        "application/json;as=Table;v=v1;g=example.com",
        "application/json;stream=other",
        "application/json/x",
        "a,b;c",
    ],
)
def test_the_handler_refuses_in_its_words(accept: str) -> None:
    with pytest.raises(StatusError) as raised:
        negotiation.negotiate(accept, CONVERSIONS)
    assert (raised.value.code, raised.value.message, raised.value.details) == (406, ONLY, None)


def test_kinds_without_protobuf() -> None:
    metadata = f"{PROTOBUF};as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
    assert negotiation.negotiate(metadata, CONVERSIONS, False).kind == "PartialObjectMetadata"
    with pytest.raises(StatusError, match=r"application/json, application/yaml$"):
        negotiation.negotiate(PROTOBUF, CONVERSIONS, False)


def test_watches_know_no_yaml() -> None:
    with pytest.raises(StatusError) as raised:
        negotiation.negotiate(YAML, CONVERSIONS, True, True)
    assert raised.value.message == (
        "only the following media types are accepted: application/json;stream=watch, "
        "application/vnd.kubernetes.protobuf;stream=watch"
    )


@pytest.mark.parametrize("accept", ["", "*/*", "text/html,*/*;q=0.1", "text/html,", "application/yaml;x=y"])
def test_the_router_lets_pass(accept: str) -> None:
    negotiation.check_route(accept)


@pytest.mark.parametrize("accept", ["text/html", "application/*", "json", "APPLICATION/JSON", "*"])
def test_the_router_refuses_in_its_words(accept: str) -> None:
    with pytest.raises(StatusError) as raised:
        negotiation.check_route(accept, negotiation.WITH_WATCH_TYPES)
    assert raised.value.details == {}
    assert raised.value.message == (
        "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "
        "application/vnd.kubernetes.protobuf, application/json;stream=watch, "
        "application/vnd.kubernetes.protobuf;stream=watch"
    )


def test_errors_are_never_converted() -> None:
    assert negotiation.error_form(TABLE) == Form(JSON, pretty=True)
    assert negotiation.error_form(TABLE + ",application/yaml") == Form(YAML)
    assert negotiation.error_form("image/png") == Form(JSON, pretty=True)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("", JSON),
        ("application/json", JSON),
        ("APPLICATION/YAML", YAML),
        (" application/json ; charset=latin1", JSON),
        ('application/json; a="x;y"; b=c', JSON),
        ("application/json;", JSON),
        (";;;", ""),
        ("application/json; charset", ""),
        ("application/json, application/yaml", ""),
        ("text/plain", ""),
        ("application/", ""),
    ],
)
def test_body_media_types(content_type: str, expected: str) -> None:
    if expected:
        assert negotiation.body_media_type(content_type) == expected
        return
    with pytest.raises(StatusError) as raised:
        negotiation.body_media_type(content_type)
    assert raised.value.code == 415
    assert raised.value.details is None


def test_patches_need_a_type_of_their_own() -> None:
    patches = ("application/merge-patch+json",)
    negotiation.check_route_body("text/html, application/merge-patch+json; charset=utf-8", patches)
    for content_type in ("", "application/json", "application/merge-patch"):
        with pytest.raises(StatusError) as raised:
            negotiation.check_route_body(content_type, patches)
        assert (raised.value.message, raised.value.details) == ("415: Unsupported Media Type", {})


@given(st.text(alphabet="a/*;,=q1. -\x00\xe9", max_size=40))
def test_any_header_is_read(header: str) -> None:
    negotiation.parse_accept(header)
    negotiation.error_form(header)
    for check in (negotiation.check_route, negotiation.body_media_type):
        with contextlib.suppress(StatusError):
            check(header)
