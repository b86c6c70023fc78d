"""CEL, the Common Expression Language: compiling and evaluating expressions of configuration and policy.

Runs Google's C++ runtime through `cel-expr-python`, an optional extra that is imported when the first
expression is compiled. Checked: an expression that names what is not declared, or cannot have the wanted
type, fails when it is compiled. The standard library, strings, optionals, encoders and math are there;
callers add functions of their own.
"""

from __future__ import annotations

import enum
import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EXTRA = "sekisho[cel]"
_LIBRARIES = ("Strings", "Optional", "Encoders", "Math")
_RESERVED = (
    *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"),
    *("import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
)
_ESCAPES = {"__underscores__": "__", "__dot__": ".", "__dash__": "-", "__slash__": "/"}
_ESCAPES |= {f"__{word}__": word for word in _RESERVED}
_ESCAPED = re.compile("|".join(map(re.escape, _ESCAPES)))


class CELUnavailable(RuntimeError):
    """There are expressions, and nothing to run them with."""


class CompileError(ValueError):
    """The compiler's text, positions included."""


class EvaluationError(ValueError):
    """What went wrong while an expression ran."""


class Shape(enum.Enum):
    """Types a variable or a function can be declared with."""

    ANY = "DYN"
    BOOL = "BOOL"
    INT = "INT"
    STRING = "STRING"
    OBJECT = "object"
    STRINGS = "strings"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Function:
    """A function (or method, when `member`) implemented in Python; exceptions become evaluation errors."""

    name: str
    parameters: tuple[Shape, ...]
    result: Shape
    call: Callable[..., Any]
    member: bool = True


def _runtime() -> Any:
    try:
        return importlib.import_module("cel_expr_python.cel")
    except ImportError as error:
        raise CELUnavailable(f"CEL expressions need the extra {EXTRA}: pip install '{EXTRA}'") from error


def _type(cel: Any, shape: Shape) -> Any:
    if shape is Shape.OBJECT:
        return cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    if shape is Shape.STRINGS:
        return cel.Type.List(cel.Type.STRING)
    if shape is Shape.LIST:
        return cel.Type.List(cel.Type.DYN)
    return getattr(cel.Type, shape.value)


def _declaration(cel: Any, function: Function) -> Any:
    words = "_".join(shape.name.lower() for shape in function.parameters)
    overload = cel.Overload(
        f"{function.name}_{words}",
        _type(cel, function.result),
        [_type(cel, shape) for shape in function.parameters],
        is_member=function.member,
        impl=function.call,
    )
    return cel.FunctionDecl(function.name, [overload])


def unescape(name: str) -> str:
    """A property name as Kubernetes' CEL escapes it, read back: `__namespace__` is `namespace`."""
    return _ESCAPED.sub(lambda match: _ESCAPES[match[0]], name) if "__" in name else name


class Program:
    """A compiled expression."""

    def __init__(self, text: str, compiled: Any) -> None:
        self.text = text
        self.result: str = compiled.return_type().name().lower()
        """The type of the result as far as it is known before evaluation: `bool`, `int`, `dyn`."""
        self._compiled = compiled
        names = {name for name in re.findall(r"\b\w*__\w+__\w*\b", text) if unescape(name) != name}
        self._aliases = {unescape(name): name for name in names}

    def evaluate(self, data: Mapping[str, Any]) -> Any:
        """The result as a plain value. `data` are JSON values. EvaluationError when it has none."""
        if self._aliases:
            data = {key: self._with_aliases(value) for key, value in data.items()}
        value = self._compiled.eval(data=data)
        try:
            if value.type().name().lower().strip("*") == "error":
                raise EvaluationError(_cleaned(str(value.value())))
            return value.plain_value()
        except (TypeError, RuntimeError):
            raise EvaluationError("the result is no plain value") from None

    def _with_aliases(self, value: Any) -> Any:
        """Objects answer to the escaped names that the expression uses, at every depth."""
        if isinstance(value, dict):
            out = {k: self._with_aliases(v) for k, v in value.items()}
            out.update({alias: out[name] for name, alias in self._aliases.items() if name in out})
            return out
        if isinstance(value, list):
            return [self._with_aliases(v) for v in value]
        return value


class Environment:
    """The variables and functions that expressions may use."""

    def __init__(self, variables: Mapping[str, Shape], functions: Sequence[Function] = ()) -> None:
        """CELUnavailable when the runtime is not installed."""
        cel = self._cel = _runtime()
        modules = {
            name: importlib.import_module(f"cel_expr_python.ext.ext_{name.lower()}") for name in _LIBRARIES
        }
        self._env = cel.NewEnv(
            variables={name: _type(cel, shape) for name, shape in variables.items()},
            extensions=[getattr(module, f"Ext{name}")() for name, module in modules.items()],
            functions=[_declaration(cel, function) for function in functions],
        )

    def compile(self, text: str, wanted: Shape = Shape.ANY) -> Program:
        """CompileError with the compiler's text, or `must evaluate to <type>`."""
        try:
            compiled = self._env.compile(text)
        except (RuntimeError, ValueError, TypeError) as error:
            raise CompileError(f"compilation failed: {_cleaned(str(error))}") from None
        result = compiled.return_type()
        if wanted is not Shape.ANY and result not in (_type(self._cel, wanted), self._cel.Type.DYN):
            raise CompileError(f"must evaluate to {wanted.value.lower()}")
        return Program(text, compiled)


def _cleaned(text: str) -> str:
    """The runtime's message without the status code around it."""
    text = re.sub(r"^[A-Z_]+: (?=.)", "", text)
    return re.sub(r"\s*\[[A-Z_]+\]$", "", text)
