"""Names: what is good, what is bad, and in which words."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.api import names
from sekisho.api.field import Path

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
GOOD = [
    (names.dns1123_label, ["a", "0", "a-b", "a" * 63]),
    (names.dns1123_subdomain, ["a", "a.b-c.d", "1.2", "a" * 253]),
    (names.dns1035_label, ["a", "a1-b"]),
    (names.path_segment, ["a", "system:node", "A b", "", "..."]),
    (names.qualified_name, ["a", "A_b.c-D", "example.com/x", "1", "a" * 63]),
    (names.label_value, ["", "a", "A_b.c-D", "a" * 63]),
    (names.config_map_key, ["a", "-", "_x.y", ".hidden"]),
    (names.c_identifier, ["_", "a1", "A_B"]),
    (names.env_var_name, ["A", "1 a", "a-b.c", " ", "<>"]),
    (names.strict_env_var_name, ["A", "a-b.c", "_1"]),
    (names.port_name, ["http", "a", "1a", "a-b"]),
    (names.wildcard_dns1123_subdomain, ["*.a", "*.example.com"]),
    (names.domain_prefixed_path, ["acme.io/foo", "a/b/c", "a/%20~"]),
    (names.fully_qualified_name, ["a.b.c"]),
    (names.fully_qualified_domain_name, ["a.b", "a.b."]),
    (names.http_header_name, ["X-A", "a"]),
    (names.percent, ["0%", "100%"]),
    (names.condition_reason, ["A", "Reason:B,C_"]),
    (names.decimal_integer, ["0", "-1", "120"]),
    (names.prefixed_label_key, ["a/b"]),
    (names.domain_prefixed_key, ["acme.io/Foo"]),
]
BAD = [
    (names.dns1123_label, ["", "A", "-a", "a-", "a.b", "a\n", "é", "a" * 64]),
    (names.dns1123_subdomain, ["", "A", "a..b", "a.", ".a", "a_b", "a" * 254]),
    (names.dns1035_label, ["", "1a", "a-"]),
    (names.path_segment, [".", "..", "a/b", "a%b"]),
    (names.qualified_name, ["", "/", "a/", "/a", "a/b/c", "A/b", "_a", "a-", "a" * 64, "é"]),
    (names.label_value, ["-", "a ", "a" * 64, "a\n"]),
    (names.config_map_key, ["", ".", "..", "..a", "a/b", "a" * 254]),
    (names.c_identifier, ["", "1a", "a-b"]),
    (names.env_var_name, ["", "A=B", "é", "a\n"]),
    (names.strict_env_var_name, ["", "1", "a b", ".."]),
    (names.port_name, ["", "1", "a--b", "-a", "a-", "A", "a" * 16]),
    (names.wildcard_dns1123_subdomain, ["*", "a.b", "*.*.a", "*a"]),
    (names.domain_prefixed_path, ["", "a", "/a", "a/", "A/b", "a/b c"]),
    (names.fully_qualified_name, ["", "a.b", "A.b.c"]),
    (names.fully_qualified_domain_name, ["", "a", "a..", f"{'a' * 64}.b"]),
    (names.http_header_name, ["", "a b"]),
    (names.percent, ["%", "1", "1.5%"]),
    (names.condition_reason, ["", "1", "a:"]),
    (names.decimal_integer, ["", "01", "-0", "-", "+1", "1a"]),
    (names.prefixed_label_key, ["a", "A/b"]),
    (names.domain_prefixed_key, ["a", "A/b"]),
]


@pytest.mark.parametrize(("validator", "value"), [(f, v) for f, vs in GOOD for v in vs])
def test_good(validator, value):
    assert validator(value) == []


@pytest.mark.parametrize(("validator", "value"), [(f, v) for f, vs in BAD for v in vs])
def test_bad(validator, value):
    assert validator(value)


def test_examples_are_joined_with_upstreams_commas():
    assert names.dns1123_label("_") == [
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
        "start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
        f"validation is '{LABEL}')"
    ]
    assert names.dns1123_subdomain("_") == [
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
        "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        rf"'{LABEL}(\.{LABEL})*')"
    ]


def test_a_label_with_dots_is_told_so():
    assert names.dns1123_label("a.b") == ["must not contain dots"]
    assert names.dns1123_label("a.b" * 30) == ["must be no more than 63 characters", "must not contain dots"]


def test_lengths_of_label_keys_are_bytes():
    assert names.qualified_name("k" * 64) == ["name part must be no more than 63 bytes"]
    assert names.label_value("v" * 64) == ["must be no more than 63 bytes"]
    assert "must be no more than 63 bytes" in names.label_value("é" * 32)


def test_empty_parts_of_a_key():
    assert [m[:30] for m in names.qualified_name("/")] == [
        "prefix part must be non-empty"[:30],
        "name part must be non-empty"[:30],
        "name part must consist of alph",
    ]


def test_a_path_segment_names_each_character():
    assert names.path_segment("a%/") == ["may not contain '/'", "may not contain '%'"]
    assert names.path_segment("..") == ["may not be '..'"]


def test_a_generate_name_loses_its_dash_and_what_is_before_it():
    assert names.mask_trailing_dash("web-") == "wea"
    assert names.mask_trailing_dash("-") == "-"
    assert names.dns1123_subdomain(names.mask_trailing_dash("Bad_-")) != []


def test_errors_of_a_prefixed_path_show_the_bad_half():
    errors = names.domain_prefixed_path_errors(Path("p"), "A/b c")
    assert [str(e).split(": ", 2)[2][:5] for e in errors] == ['"A": ', '"b c"']


def test_a_domain_name_shows_its_bad_label():
    label = "a" * 64
    errors = names.fully_qualified_domain_name_errors(Path("p"), f"{label}.b")
    assert str(errors[0]) == f'p: Invalid value: "{label}": must be no more than 63 characters'


def test_ranges():
    assert names.port_number(0) == ["must be between 1 and 65535, inclusive"]
    assert names.port_number(65535) == []
    assert names.user_id(-1) == ["must be between 0 and 2147483647, inclusive"]
    assert names.non_negative(-1) == ["must be greater than or equal to 0"]


@given(st.text(alphabet="aA0-._/\n ", max_size=12))
def test_agrees_with_the_plain_regex(text):
    assert (not names.dns1123_label(text)) == bool(re.fullmatch(LABEL, text))
    assert (not names.label_value(text)) == bool(
        re.fullmatch("(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?", text)
    )


def test_hostile_names_are_refused_quickly():
    start = time.perf_counter()
    for hostile in ("a" * 200_000 + "!", "a." * 100_000 + "!", "-" * 200_000, "a-" * 100_000):
        assert names.dns1123_subdomain(hostile)
        assert names.qualified_name(hostile)
    assert time.perf_counter() - start < 5
