"""Quantities: canonical texts, arithmetic, refusals."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.api import quantity
from sekisho.api.quantity import Quantity, canonicalize


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0", "0"),
        ("0Gi", "0"),
        ("-0", "0"),
        (".", "0"),
        ("1000m", "1"),
        ("0.5", "500m"),
        (".5Gi", "512Mi"),
        ("1.5Gi", "1536Mi"),
        ("1024Ki", "1Mi"),
        ("1000", "1k"),
        ("100000", "100k"),
        ("1234567", "1234567"),
        ("1e3", "1e3"),
        ("1E3", "1E3"),
        ("1e2", "100"),
        ("1000e3", "1e6"),
        ("0.1m", "100u"),
        ("1.1234567891", "1123456790n"),
        ("0.0000000001", "1n"),
        ("-0.0000000001", "-1n"),
        ("1.1Gi", "1181116006400m"),
        ("0.1Ki", "102400m"),
        ("1023", "1023"),
        ("8Ei", "9223372036854775807"),
        ("1Pi", "1Pi"),
        ("123456789012345678901", "123456789012345678901"),
    ],
)
def test_canonical(text, canonical):
    assert canonicalize(text) == canonical


@pytest.mark.parametrize("text", ["1.500", "+1", "01", "1.234567", "12Mi", "1500m", "100e3"])
def test_what_the_quick_path_takes_for_canonical_is_kept(text):
    assert canonicalize(text) == text


def test_beyond_the_largest_suffix_upstream_loses_it():
    assert canonicalize("1000000E") == "1"


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("", quantity.FORMAT_ERROR),
        ("lots", quantity.FORMAT_ERROR),
        ("1 Gi", quantity.FORMAT_ERROR),
        ("1e3x", quantity.FORMAT_ERROR),
        (True, quantity.FORMAT_ERROR),
        ({}, quantity.FORMAT_ERROR),
        (None, quantity.FORMAT_ERROR),
        ("1Kii", quantity.SUFFIX_ERROR),
        ("1e", quantity.SUFFIX_ERROR),
        ("5-3", quantity.SUFFIX_ERROR),
        ("1e99999999", quantity.SUFFIX_ERROR),
        (".e-10", quantity.NUMERIC_ERROR),
        ("9" * 5000, quantity.NUMERIC_ERROR),
    ],
)
def test_refusals(value, complaint):
    with pytest.raises(ValueError, match="quantit") as caught:
        canonicalize(value)
    assert str(caught.value) == complaint


def test_json_values():
    assert canonicalize(1) == "1"
    assert canonicalize(0.5) == "500m"
    assert canonicalize(" 1 ") == "1"


SUFFIXES = ["", "n", "u", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti", "e3", "E-3", "e0"]
"""No P and E: with seven digits they leave the range of suffixes."""
NUMBERS = st.from_regex(r"[+-]?[0-9]{1,7}(\.[0-9]{0,5})?", fullmatch=True)
TEXTS = st.builds(lambda n, s: n + s, NUMBERS, st.sampled_from(SUFFIXES))


def value_of(text: str) -> Fraction:
    """An independent reading."""
    for suffix, power in (("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40)):
        if text.endswith(suffix):
            return Fraction(text[:-2].rstrip(".")) * 2**power
    scales = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
    if text[-1] in scales:
        return Fraction(text[:-1].rstrip(".")) * Fraction(10) ** scales[text[-1]]
    number, _, exponent = text.replace("E", "e").partition("e")
    return Fraction(number.rstrip(".")) * Fraction(10) ** int(exponent or 0)


@given(TEXTS)
def test_canonicalising_keeps_the_value_to_the_nano(text):
    exact = value_of(text)
    nanos = abs(exact) * 10**9
    rounded = Fraction(-(-nanos.numerator // nanos.denominator), 10**9)
    assert value_of(canonicalize(text)) == (rounded if exact >= 0 else -rounded)


@given(TEXTS)
def test_a_canonical_text_is_its_own(text):
    once = canonicalize(text)
    assert canonicalize(once) == once


@given(TEXTS, TEXTS)
def test_order_and_equality(a, b):
    x, y = Quantity.parse(a), Quantity.parse(b)
    left, right = value_of(str(x)), value_of(str(y))
    assert (x < y, x <= y, x == y, x >= y, x > y) == (
        left < right,
        left <= right,
        left == right,
        left >= right,
        left > right,
    )
    if x == y:
        assert hash(x) == hash(y)


@given(TEXTS, TEXTS)
def test_sums(a, b):
    x, y = Quantity.parse(a), Quantity.parse(b)
    total = x + y
    assert total - y == x
    assert total + x.negate() == y
    assert total.format == (x.format if x.mantissa else y.format)


def test_formats_of_sums():
    assert str(Quantity.parse("1Gi") + Quantity.parse("1Gi")) == "2Gi"
    assert str(Quantity.parse("0") + Quantity.parse("1Gi")) == "1Gi"
    assert str(Quantity.parse("1Gi") + Quantity.parse("500m")) == "1073741824500m"
    assert str(Quantity.parse("100m") + Quantity.parse("900m")) == "1"
    assert str(Quantity.parse("250m").multiply(4)) == "1"


def test_rounding_to_integers():
    assert Quantity.parse("1500m").value() == 2
    assert Quantity.parse("-1500m").value() == -2
    assert Quantity.parse("1500m").milli_value() == 1500
    assert Quantity.parse("1Ki").value() == 1024
    assert str(Quantity.parse("0.0001").round_up(-3)) == "1m"
    assert Quantity.parse("2").round_up(-3) is Quantity.parse("2")


def test_numbers_of_very_different_size_compare():
    assert Quantity.parse("1e3000") > Quantity.parse("1")
    assert Quantity.parse("-1e3000") < Quantity.parse("1n")
    assert Quantity.parse("-1") < Quantity.parse("0")
