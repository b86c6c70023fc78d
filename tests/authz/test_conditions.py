"""Match conditions in CEL."""

from __future__ import annotations

import pytest

from sekisho.api.types import Attributes, UserInfo
from sekisho.authz.conditions import compiler
from sekisho.authz.webhook import condition_request

pytest.importorskip("cel_expr_python")
REQUEST = condition_request(
    Attributes(UserInfo("bob", groups=("dev",)), "get", namespace="n", resource="pods")
)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("request.user == 'bob'", True),
        ("has(request.resourceAttributes) && request.resourceAttributes.namespace == 'n'", True),
        ("has(request.nonResourceAttributes)", False),
        ("!('dev' in request.groups)", False),
        ("request.resourceAttributes.name == ''", True),
    ],
)
def test_conditions(expression, wanted):
    condition = compiler()(expression)
    assert condition.expression == expression
    assert condition.matches(REQUEST) is wanted


def test_conditions_that_fail():
    condition = compiler()("request.nonResourceAttributes.path == '/x'")
    with pytest.raises(ValueError, match="nonResourceAttributes"):
        condition.matches(REQUEST)


def test_conditions_that_do_not_compile():
    compile_condition = compiler()
    with pytest.raises(ValueError, match=r"^compilation failed: .*undeclared reference to 'foo'"):
        compile_condition("foo")
    with pytest.raises(ValueError, match=r"^must evaluate to bool but got int$"):
        compile_condition("1 + 1")
