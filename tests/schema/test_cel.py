from __future__ import annotations

import importlib
from typing import Any

import pytest

from sekisho.schema import cel
from sekisho.schema.cel import CompileError, EvaluationError, Function, Shape

pytest.importorskip("cel_expr_python")
CLAIMS = cel.Environment({"claims": Shape.OBJECT})
DATA = {"claims": {"sub": "a@b", "exp": 10, "nbf": 5, "groups": ["p", "q"], "ok": True, "none": None}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("claims.exp - claims.nbf <= 86400", True),
        ("claims.sub.split('@')[0]", "a"),
        ("claims.groups.map(g, 'x:' + g)", ["x:p", "x:q"]),
        ("claims.?missing.orValue('z')", "z"),
        ("claims.none", None),
        ("has(claims.sub) && claims.ok", True),
        ("[]", []),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert CLAIMS.compile(text).evaluate(DATA) == value


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("1 +", "compilation failed: ERROR: <input>:1:4: Syntax error"),
        (
            "foo",
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'foo' (in container '')\n | foo\n | ^",
        ),
    ],
)
def test_compile_errors(text: str, error: str) -> None:
    with pytest.raises(CompileError) as caught:
        CLAIMS.compile(text)
    assert str(caught.value).startswith(error)
    assert "INVALID_ARGUMENT" not in str(caught.value)


def test_wanted_types() -> None:
    CLAIMS.compile("claims.ok", Shape.BOOL)
    with pytest.raises(CompileError, match="must evaluate to bool"):
        CLAIMS.compile("'a'", Shape.BOOL)


@pytest.mark.parametrize("text", ["claims.missing", "claims.sub + 1 > 2", "'a'.matches('[')", "claims.?sub"])
def test_evaluation_errors(text: str) -> None:
    program = CLAIMS.compile(text)
    with pytest.raises(EvaluationError):
        program.evaluate(DATA)


def test_escaped_names_at_every_depth() -> None:
    data = {"claims": {"namespace": "n", "a.b": {"in": 1}, "list": [{"x-y": 2}]}}
    for text, value in (
        ("claims.__namespace__", "n"),
        ("claims.a__dot__b.__in__", 1),
        ("claims.list[0].x__dash__y", 2),
    ):
        assert CLAIMS.compile(text).evaluate(data) == value
    assert CLAIMS.compile("claims.size()").evaluate(data) == 3


def test_functions() -> None:
    def shout(text: str) -> str:
        if not text:
            raise ValueError("nothing to shout")
        return text.upper()

    env = cel.Environment({}, [Function("shout", (Shape.STRING,), Shape.STRING, shout)])
    assert env.compile("'a'.shout()").evaluate({}) == "A"
    with pytest.raises(EvaluationError, match="nothing to shout"):
        env.compile("''.shout()").evaluate({})


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(cel.CELUnavailable, match=r"sekisho\[cel\]"):
        cel.Environment({})
