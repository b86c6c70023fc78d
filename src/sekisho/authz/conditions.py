"""Match conditions of webhooks: CEL over the SubjectAccessReview's spec, as the variable `request`."""

from __future__ import annotations

from collections.abc import Callable

from sekisho.api.types import Object
from sekisho.authz.webhook import Condition
from sekisho.schema.cel import CELUnavailable, CompileError, Environment, Program, Shape


class CelCondition:
    """One compiled condition."""

    def __init__(self, program: Program) -> None:
        self.expression = program.text
        self._program = program

    def matches(self, request: Object) -> bool:
        """Raises ValueError (schema.cel.EvaluationError) when the evaluation fails."""
        return self._program.evaluate({"request": request}) is True


def compiler() -> Callable[[str], Condition]:
    """What compiles conditions. The runtime is loaded with the first one; ValueError for an expression that does
    not compile, is not boolean, or cannot be run here."""
    environments: list[Environment] = []

    def compile_condition(expression: str) -> Condition:
        try:
            if not environments:
                environments.append(Environment({"request": Shape.OBJECT}))
            program = environments[0].compile(expression)
        except CELUnavailable as error:
            raise CompileError(f"compilation failed: {error}")
        if program.result not in ("bool", "dyn"):
            raise CompileError(f"must evaluate to bool but got {program.result}")
        return CelCondition(program)

    return compile_condition
