"""Go's `%v`."""

from __future__ import annotations

import pytest

from sekisho.api.goprint import go_print, go_type


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": [1, "x y"], "a": None}, "map[a:<nil> b:[1 x y]]"),
        ({}, "map[]"),
        ([], "[]"),
        ([True, False], "[true false]"),
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (-1.5, "-1.5"),
        (100000.0, "100000"),
        (1000000.0, "1e+06"),
        (123456789.0, "1.23456789e+08"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (float("inf"), "+Inf"),
    ],
)
def test_values(value, text):
    assert go_print(value) == text


def test_types():
    kinds = [go_type(v) for v in ({}, [], "", True, 1, 1.0, None)]
    assert kinds == [
        "map[string]interface {}",
        "[]interface {}",
        "string",
        "bool",
        "int64",
        "float64",
        "%!s(<nil>)",
    ]
