"""Make src/sekisho/schema/data/go-fields.json: the fields of each API struct in Go, in order, and their tags.

    python scripts/make_go_fields.py DIR > src/sekisho/schema/data/go-fields.json

DIR holds checkouts of one release of kubernetes' `api`, `apimachinery`, `apiextensions-apiserver` and
`kube-aggregator`, under those names. What the OpenAPI definitions do not say, and decoding as Go does depends
on, is read from the struct declarations: the order of fields, names of types (error messages carry them),
pointers, `omitempty` and `omitzero`. The fields of embedded structs are written in place, as encoding/json
treats them. Only versions that are served without flags are taken: `v1`, `v2`, not alpha and beta.

Output: `{"named": {NAME: TYPE}, "structs": {NAME: [[json name, TYPE, flags], ...]}}`. A NAME is that of the
definition (`io.k8s.api.core.v1.PodSpec`). A TYPE is Go's, with `*`, `[]` and `map[KEY]` in front; types of
the same package are `.Name`, others NAMEs. Flags: `o` omitempty, `z` omitzero.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

MODULES = {
    "api": "k8s.io/api",
    "apimachinery": "k8s.io/apimachinery",
    "apiextensions-apiserver": "k8s.io/apiextensions-apiserver",
    "kube-aggregator": "k8s.io/kube-aggregator",
}
META = "k8s.io/apimachinery/pkg/apis/meta/v1"
ROOTS = re.compile(
    r"k8s\.io/(api/[a-z]+|apiextensions-apiserver/pkg/apis/apiextensions|kube-aggregator/pkg/apis/apiregistration"
    r"|apimachinery/pkg/apis/meta)/v[0-9]+"
)
OPAQUE = {
    f"{META}.Time",
    f"{META}.MicroTime",
    f"{META}.Duration",
    f"{META}.FieldsV1",
    "k8s.io/apimachinery/pkg/api/resource.Quantity",
    "k8s.io/apimachinery/pkg/util/intstr.IntOrString",
    "k8s.io/apimachinery/pkg/runtime.RawExtension",
    "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSON",
    "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrBool",
    "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrArray",
    "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrStringArray",
}
"""Types that read and write JSON themselves; the decoder knows each."""
BUILTIN = {"string", "bool", "int", "int32", "int64", "uint8", "byte", "float64", "uint32", "uint64", "any"}

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
STRING = re.compile(r'`[^`]*`|"(?:[^"\\\n]|\\.)*"')
IMPORT = re.compile(r'^\s*(?:import\s+)?(?:(\w+)\s+)?"([^"]+)"\s*$', re.M)
STRUCT = re.compile(r"^type (\w+) struct ?\{(?:\}|\n(.*?)^\})", re.M | re.S)
NAMED = re.compile(r"^type (\w+) (=? ?[\w.\[\]*]+)$", re.M)
FIELD = re.compile(r"^\s*(?:(\w+)\s+)?([\w.\[\]*]+)(?:\s+`([^`]*)`)?\s*$")
TAG = re.compile(r'json:"([^"]*)"')


class Package:
    """The declarations of one Go package. References are resolved to `import path.Name`."""

    def __init__(self, path: str, folder: Path) -> None:
        self.path = path
        self.structs: dict[str, list[tuple[str, str, str]]] = {}
        self.named: dict[str, str] = {}
        for file in sorted(folder.glob("*.go")):
            if not file.name.endswith(("_test.go", ".pb.go")) and not file.name.startswith("zz_"):
                self._read(file.read_text())

    def _read(self, text: str) -> None:
        text = without_comments(text)
        imports = {alias or path.rsplit("/", 1)[-1]: path for alias, path in IMPORT.findall(text)}
        for name, body in STRUCT.findall(text):
            self.structs[name] = [
                (field or "", self._resolve(type_, imports), tag or "")
                for field, type_, tag in (m.groups() for m in map(FIELD.match, body.split("\n")) if m)
            ]
        for name, type_ in NAMED.findall(text):
            self.named[name] = self._resolve(type_.lstrip("= "), imports)

    def _resolve(self, type_: str, imports: dict[str, str]) -> str:
        prefix, name = split_type(type_, lambda key: self._resolve(key, imports))
        if name in BUILTIN:
            return prefix + name
        if "." in name:
            package, name = name.split(".")
            return f"{prefix}{imports.get(package, package)}.{name}"
        return f"{prefix}{self.path}.{name}"


def without_comments(text: str) -> str:
    """Comments away, but not what looks like one inside a string or a tag."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if match.group(0)[0] != "/":
            kept.append(match.group(0))
            return match.group(0)
        return ""

    return re.sub(f"{STRING.pattern}|{COMMENT.pattern}", keep, text, flags=re.S)


def split_type(type_: str, show_key: Callable[[str], str]) -> tuple[str, str]:
    """Split `[]*v1.X` into what is in front and the name; `show_key` rewrites the key types of maps."""
    prefix = ""
    while True:
        if type_.startswith("*"):
            prefix, type_ = prefix + "*", type_[1:]
        elif type_.startswith("[]"):
            prefix, type_ = prefix + "[]", type_[2:]
        elif type_.startswith("map["):
            key, _, type_ = type_[4:].partition("]")
            prefix += f"map[{show_key(key)}]"
        else:
            return prefix, type_


class Packages:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._loaded: dict[str, Package] = {}

    def get(self, path: str) -> Package:
        if path not in self._loaded:
            for folder, module in MODULES.items():
                if path == module or path.startswith(module + "/"):
                    self._loaded[path] = Package(path, self._root / folder / path[len(module) + 1 :])
                    break
            else:
                raise SystemExit(f"no checkout holds {path}")
        return self._loaded[path]

    def roots(self) -> list[str]:
        found = []
        for folder, module in MODULES.items():
            for directory in sorted((self._root / folder).rglob("v*")):
                path = f"{module}/{directory.relative_to(self._root / folder)}"
                if directory.is_dir() and ROOTS.fullmatch(path):
                    found.append(path)
        return found


def openapi_name(reference: str) -> str:
    """`k8s.io/api/core/v1.Pod` -> `io.k8s.api.core.v1.Pod`, as definitions are named."""
    path, name = reference.rsplit(".", 1)
    host, _, rest = path.partition("/")
    return ".".join([*reversed(host.split(".")), *rest.split("/"), name])


class Extractor:
    def __init__(self, packages: Packages) -> None:
        self._packages = packages
        self.named: dict[str, str] = {}
        self.structs: dict[str, list[list[str]]] = {}

    def visit(self, reference: str) -> None:
        if reference in OPAQUE:
            return
        name = openapi_name(reference)
        if name in self.structs or name in self.named:
            return
        path, short = reference.rsplit(".", 1)
        package = self._packages.get(path)
        if short in package.structs:
            self.structs[name] = []
            self.structs[name] = [
                [json_name, self._show(type_, path), *([flags] if flags else [])]
                for json_name, type_, flags in self._fields(package, short)
            ]
        elif short in package.named:
            self.named[name] = ""
            self.named[name] = self._show(package.named[short], path)
        else:
            raise SystemExit(f"{reference} is not declared")

    def _fields(self, package: Package, short: str) -> list[tuple[str, str, str]]:
        out: list[tuple[str, str, str]] = []
        for go_name, type_, tag in package.structs[short]:
            match = TAG.search(tag)
            json_name, *options = match.group(1).split(",") if match else [""]
            if json_name == "-" and not options:
                continue
            if not go_name and not json_name:
                path, inner = type_.lstrip("*").rsplit(".", 1)
                out += self._fields(self._packages.get(path), inner)
            elif json_name or go_name[:1].isupper():
                flags = "o" * ("omitempty" in options) + "z" * ("omitzero" in options)
                out.append((json_name or go_name, type_, flags))
        return out

    def _show(self, type_: str, path: str) -> str:
        prefix, name = split_type(type_, lambda key: self._show(key, path))
        if name in BUILTIN:
            return prefix + name
        self.visit(name)
        own = name.rsplit(".", 1)[0] == path
        return prefix + (f".{name.rsplit('.', 1)[1]}" if own else openapi_name(name))


def main() -> None:
    packages = Packages(Path(sys.argv[1]))
    extractor = Extractor(packages)
    for path in packages.roots():
        for short, fields in packages.get(path).structs.items():
            if any("json:" in tag for _, _, tag in fields):
                extractor.visit(f"{path}.{short}")
    out = {"named": dict(sorted(extractor.named.items())), "structs": dict(sorted(extractor.structs.items()))}
    json.dump(out, sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


main()
