"""Is this a good name? One function per format, each returning what is wrong in upstream's words.

Every validator takes the value and returns a list of messages, empty when the value is good; the caller
puts them behind its field path. Formats, lengths and messages are those of
k8s.io/apimachinery/pkg/util/validation and pkg/api/validate/content. Lengths count bytes of UTF-8, though
half of upstream's messages call them characters. Good values take one compiled match and no allocation
beyond the empty list.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sekisho.api import field
from sekisho.api.addresses import canonical_cidr, canonical_ip, cidr, interface_address, ip
from sekisho.api.field import ErrorList, Path

__all__ = [
    "c_identifier",
    "canonical_cidr",
    "canonical_ip",
    "cidr",
    "condition_reason",
    "config_map_key",
    "decimal_integer",
    "dns1035_label",
    "dns1123_label",
    "dns1123_subdomain",
    "dns1123_subdomain_caseless",
    "dns1123_subdomain_with_underscore",
    "domain_prefixed_key",
    "domain_prefixed_path",
    "domain_prefixed_path_errors",
    "env_var_name",
    "fully_qualified_domain_name",
    "fully_qualified_domain_name_errors",
    "fully_qualified_name",
    "fully_qualified_name_errors",
    "group_id",
    "http_header_name",
    "in_range",
    "interface_address",
    "ip",
    "label_value",
    "mask_trailing_dash",
    "max_length_error",
    "non_negative",
    "path_segment",
    "path_segment_prefix",
    "percent",
    "port_name",
    "port_number",
    "prefixed_label_key",
    "qualified_name",
    "range_error",
    "regex_error",
    "strict_env_var_name",
    "user_id",
    "wildcard_dns1123_subdomain",
]

LABEL_MAX = 63
SUBDOMAIN_MAX = 253
NOT_NEGATIVE = "must be greater than or equal to 0"

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_UNDERSCORE_LABEL = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_UNDERSCORE_SUBDOMAIN = rf"{_UNDERSCORE_LABEL}(\.{_UNDERSCORE_LABEL})*"
_WILDCARD = rf"\*\.{_SUBDOMAIN}"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_QUALIFIED})?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_C_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_ENV_VAR = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_PERCENT = "[0-9]+%"
_HEADER = "[-A-Za-z0-9]+"
_HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_CONDITION_REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"


def _matcher(pattern: str, flags: int = 0) -> Callable[[str], object]:
    """A whole-string match. The groups in upstream's patterns capture only because Go's do."""
    return re.compile(pattern.replace("(", "(?:"), flags).fullmatch


_is_label = _matcher(_LABEL)
_is_subdomain = _matcher(_SUBDOMAIN)
_is_subdomain_caseless = _matcher(_SUBDOMAIN, re.IGNORECASE | re.ASCII)
_is_underscore_subdomain = _matcher(_UNDERSCORE_SUBDOMAIN)
_is_label_1035 = _matcher(_LABEL_1035)
_is_wildcard = _matcher(_WILDCARD)
_is_qualified = _matcher(_QUALIFIED)
_is_config_key = _matcher(_CONFIG_KEY)
_is_c_identifier = _matcher(_C_IDENTIFIER)
_is_env_var = _matcher(_ENV_VAR)
_is_relaxed_env_var = _matcher("[ -<>-~]+")
_is_percent = _matcher(_PERCENT)
_is_header = _matcher(_HEADER)
_is_http_path = re.compile(_HTTP_PATH).fullmatch
_is_condition_reason = _matcher(_CONDITION_REASON)
_is_decimal = _matcher("-?[1-9][0-9]*|0")
_is_port_charset = _matcher("[-a-z0-9]+")
_has_letter = re.compile("[a-z]").search


def regex_error(message: str, pattern: str, *examples: str) -> str:
    """Upstream's sentence about a pattern, with its peculiar commas between the examples."""
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{message} ({'e.g. ' if examples else ''}{shown}regex used for validation is '{pattern}')"


def range_error(low: int, high: int) -> str:
    return f"must be between {low} and {high}, inclusive"


def max_length_error(limit: int, unit: str = "characters") -> str:
    return f"must be no more than {limit} {unit}"


_SUBDOMAIN_ERROR = regex_error(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.',"
    " and must start and end with an alphanumeric character",
    _SUBDOMAIN,
    "example.com",
)
_SUBDOMAIN_CASELESS_ERROR = regex_error(
    "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.',"
    " and must start and end with an alphanumeric character",
    _SUBDOMAIN,
    "Example.com",
)
_UNDERSCORE_SUBDOMAIN_ERROR = regex_error(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.',"
    " and must start and end with an alphanumeric character",
    _UNDERSCORE_SUBDOMAIN,
    "example.com",
)
_LABEL_ERROR = regex_error(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-',"
    " and must start and end with an alphanumeric character",
    _LABEL,
    "my-name",
    "123-abc",
)
_LABEL_1035_ERROR = regex_error(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-',"
    " start with an alphabetic character, and end with an alphanumeric character",
    _LABEL_1035,
    "my-name",
    "abc-123",
)
_WILDCARD_ERROR = regex_error(
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must"
    " consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    _WILDCARD,
    "*.example.com",
)
_QUALIFIED_ERROR = regex_error(
    "must consist of alphanumeric characters, '-', '_' or '.',"
    " and must start and end with an alphanumeric character",
    _QUALIFIED,
    "MyName",
    "my.name",
    "123-abc",
)
_LABEL_VALUE_ERROR = regex_error(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.',"
    " and must start and end with an alphanumeric character",
    _LABEL_VALUE,
    "MyValue",
    "my_value",
    "12345",
)
_CONFIG_KEY_ERROR = regex_error(
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    _CONFIG_KEY,
    "key.name",
    "KEY_NAME",
    "key-name",
)
_ENV_VAR_ERROR = regex_error(
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.',"
    " and must not start with a digit",
    _ENV_VAR,
    "my.env-name",
    "MY_ENV.NAME",
    "MyEnvName1",
)
_CONDITION_REASON_ERROR = regex_error(
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric"
    " characters or '_,:', and must end with an alphanumeric character or '_'",
    _CONDITION_REASON,
    "my_name",
    "MY_NAME",
    "MyName",
    "ReasonA,ReasonB",
    "ReasonA:ReasonB",
)


def _longer(value: str, limit: int) -> bool:
    """Whether the UTF-8 form takes more than `limit` bytes."""
    return len(value) > limit or (not value.isascii() and len(value.encode(errors="replace")) > limit)


def _check(value: str, limit: int, matched: object, error: str) -> list[str]:
    problems = [max_length_error(limit)] if _longer(value, limit) else []
    if not matched:
        problems.append(error)
    return problems


def dns1123_subdomain(value: str) -> list[str]:
    """RFC 1123 subdomain, lower case, at most 253: the names of most kinds."""
    return _check(value, SUBDOMAIN_MAX, _is_subdomain(value), _SUBDOMAIN_ERROR)


def dns1123_subdomain_caseless(value: str) -> list[str]:
    """A subdomain in which upper case is allowed: names of CSI and DRA drivers."""
    return _check(value, SUBDOMAIN_MAX, _is_subdomain_caseless(value), _SUBDOMAIN_CASELESS_ERROR)


def dns1123_subdomain_with_underscore(value: str) -> list[str]:
    return _check(value, SUBDOMAIN_MAX, _is_underscore_subdomain(value), _UNDERSCORE_SUBDOMAIN_ERROR)


def dns1123_label(value: str) -> list[str]:
    """RFC 1123 label, lower case, at most 63: namespaces, volumes, containers."""
    matched = _is_label(value)
    error = "must not contain dots" if not matched and _is_subdomain(value) else _LABEL_ERROR
    return _check(value, LABEL_MAX, matched, error)


def dns1035_label(value: str) -> list[str]:
    """RFC 1035 label: as `dns1123_label`, but begins with a letter."""
    return _check(value, LABEL_MAX, _is_label_1035(value), _LABEL_1035_ERROR)


def wildcard_dns1123_subdomain(value: str) -> list[str]:
    """`*.` and a subdomain: hosts of Ingress rules (RFC 1034 section 4.3.3)."""
    return _check(value, SUBDOMAIN_MAX, _is_wildcard(value), _WILDCARD_ERROR)


def path_segment(value: str) -> list[str]:
    """What can stand between two slashes of a URL: RBAC kinds, CertificateSigningRequests."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return path_segment_prefix(value)


def path_segment_prefix(value: str) -> list[str]:
    """A generateName of a kind whose names are path segments."""
    return [f"may not contain '{c}'" for c in "/%" if c in value]


def mask_trailing_dash(prefix: str) -> str:
    """A generateName in the form in which upstream checks it as a name: a trailing dash and the
    character before it become one `a`."""
    return prefix[:-2] + "a" if len(prefix) > 1 and prefix.endswith("-") else prefix


def qualified_name(value: str) -> list[str]:
    """Optional subdomain and `/`, then a name of at most 63: keys of labels, finalizers, resource names."""
    if _is_qualified(value) and len(value) <= LABEL_MAX:
        return []
    prefix, slash, name = value.partition("/")
    if "/" in name:
        return [
            f"a valid label key {_QUALIFIED_ERROR}"
            " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    problems = _prefix_problems(prefix) if slash else []
    if not slash:
        name = prefix
    if not name:
        problems.append("name part must be non-empty")
    elif _longer(name, LABEL_MAX):
        problems.append("name part " + max_length_error(LABEL_MAX, "bytes"))
    if not _is_qualified(name):
        problems.append("name part " + _QUALIFIED_ERROR)
    return problems


def _prefix_problems(prefix: str) -> list[str]:
    if not prefix:
        return ["prefix part must be non-empty"]
    problems = (
        ["prefix part " + max_length_error(SUBDOMAIN_MAX, "bytes")] if _longer(prefix, SUBDOMAIN_MAX) else []
    )
    if not _is_subdomain(prefix):
        problems.append("prefix part " + _SUBDOMAIN_ERROR)
    return problems


def prefixed_label_key(value: str) -> list[str]:
    """A qualified name that must have its domain."""
    problems = qualified_name(value)
    if not problems and "/" not in value:
        problems.append("must include a prefix (e.g. 'example.com/key')")
    return problems


def label_value(value: str) -> list[str]:
    """A label's value: empty, or at most 63 bytes."""
    problems = [max_length_error(LABEL_MAX, "bytes")] if _longer(value, LABEL_MAX) else []
    if value and not _is_qualified(value):
        problems.append(_LABEL_VALUE_ERROR)
    return problems


def config_map_key(value: str) -> list[str]:
    """A key of a ConfigMap or Secret: it becomes a file's name."""
    problems = _check(value, SUBDOMAIN_MAX, _is_config_key(value), _CONFIG_KEY_ERROR)
    return problems + _parent_directory(value) if value.startswith(".") else problems


def _parent_directory(value: str) -> list[str]:
    if value in (".", ".."):
        return [f"must not be '{value}'"]
    return ["must not start with '..'"] if value.startswith("..") else []


def c_identifier(value: str) -> list[str]:
    if _is_c_identifier(value):
        return []
    message = (
        "a valid C identifier must start with alphabetic character or '_',"
        " followed by a string of alphanumeric characters or '_'"
    )
    return [regex_error(message, _C_IDENTIFIER, "my_name", "MY_NAME", "MyName")]


def env_var_name(value: str) -> list[str]:
    """The rule since KEP-4369: printable ASCII without `=`."""
    if not value:
        return ["environment variable name must be non-empty"]
    if _is_relaxed_env_var(value):
        return []
    return [
        "a valid environment variable name must consist only of printable ASCII characters other than '='"
    ]


def strict_env_var_name(value: str) -> list[str]:
    """The rule before KEP-4369."""
    problems = [] if _is_env_var(value) else [_ENV_VAR_ERROR]
    return problems + _parent_directory(value)


def port_number(value: int) -> list[str]:
    return in_range(value, 1, 65535)


def in_range(value: int, low: int, high: int) -> list[str]:
    return [] if low <= value <= high else [range_error(low, high)]


def user_id(value: int) -> list[str]:
    return in_range(value, 0, 2**31 - 1)


def group_id(value: int) -> list[str]:
    return in_range(value, 0, 2**31 - 1)


def non_negative(value: int) -> list[str]:
    return [] if value >= 0 else [NOT_NEGATIVE]


def port_name(value: str) -> list[str]:
    """An IANA service name (RFC 6335), lower case."""
    problems = [max_length_error(15)] if _longer(value, 15) else []
    if not _is_port_charset(value):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not _has_letter(value):
        problems.append("must contain at least one letter (a-z)")
    if "--" in value:
        problems.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        problems.append("must not begin or end with a hyphen")
    return problems


def percent(value: str) -> list[str]:
    if _is_percent(value):
        return []
    message = "a valid percent string must be a numeric string followed by an ending '%'"
    return [regex_error(message, _PERCENT, "1%", "93%")]


def http_header_name(value: str) -> list[str]:
    if _is_header(value):
        return []
    message = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return [regex_error(message, _HEADER, "X-Header-Name")]


def condition_reason(value: str) -> list[str]:
    """The reason of a metav1.Condition; its length is a matter of its own."""
    return [] if _is_condition_reason(value) else [_CONDITION_REASON_ERROR]


def decimal_integer(value: str) -> list[str]:
    """An integer as a person writes it: no leading zeros, no plus."""
    if not value:
        return ["must be non-empty"]
    return [] if _is_decimal(value) else ["must be a valid decimal integer in canonical form"]


def fully_qualified_name_errors(path: Path, value: str) -> ErrorList:
    """A subdomain of at least three parts (names of webhooks)."""
    return _domain_errors(path, value, 3, "three")


def fully_qualified_name(value: str) -> list[str]:
    return _messages(fully_qualified_name_errors(Path(), value))


def fully_qualified_domain_name_errors(path: Path, value: str) -> ErrorList:
    """A subdomain of at least two parts, each a label; a final dot is allowed."""
    trimmed = value[:-1] if value.endswith(".") else value
    errors = _domain_errors(path, value, 2, "two", trimmed)
    if not errors:
        bad = next((label for label in trimmed.split(".") if dns1123_label(label)), None)
        if bad is not None:
            errors.append(field.invalid(path, bad, ",".join(dns1123_label(bad))))
    return errors


def fully_qualified_domain_name(value: str) -> list[str]:
    return _messages(fully_qualified_domain_name_errors(Path(), value))


def _domain_errors(path: Path, value: str, least: int, word: str, trimmed: str | None = None) -> ErrorList:
    if not value:
        return [field.required(path)]
    name = value if trimmed is None else trimmed
    problems = dns1123_subdomain(name)
    if problems:
        return [field.invalid(path, name, ",".join(problems))]
    if name.count(".") + 1 < least:
        return [
            field.invalid(path, name, f"should be a domain with at least {word} segments separated by dots")
        ]
    return []


def domain_prefixed_path_errors(path: Path, value: str) -> ErrorList:
    """`acme.io/foo`: a subdomain, a slash, an HTTP path (RFC 3986). Errors show the bad half only."""
    if not value:
        return [field.required(path)]
    host, _, rest = value.partition("/")
    if not host or not rest:
        return [field.invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    errors = [field.invalid(path, host, problem) for problem in dns1123_subdomain(host)]
    if not _is_http_path(rest):
        errors.append(field.invalid(path, rest, regex_error("Invalid path", _HTTP_PATH)))
    return errors


def domain_prefixed_path(value: str) -> list[str]:
    return _messages(domain_prefixed_path_errors(Path(), value))


def domain_prefixed_key(value: str) -> list[str]:
    """`acme.io/Foo`: a qualified name that must have its domain (the caller asks for a value first)."""
    problems = qualified_name(value)
    if not problems and "/" not in value:
        problems.append('must be a domain-prefixed key (such as "acme.io/foo")')
    return problems


def _messages(errors: ErrorList) -> list[str]:
    """Only the text after `Invalid value: ...: `; a missing value keeps its whole body."""
    return [error.body.split('": ', 1)[-1] for error in errors]
