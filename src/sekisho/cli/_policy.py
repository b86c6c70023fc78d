"""Where a question finds its roles and bindings: a running cluster, read over HTTPS, or files.

Files rarely hold the roles that every cluster has (view, edit, cluster-admin), so these are taken for granted,
unless the files hold a whole cluster already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click

from sekisho.api.rbac import GROUP, KINDS, SERVICE_ACCOUNT, VERSION, Subject
from sekisho.api.types import GroupVersionKind, Object, UserInfo
from sekisho.authz.bootstrap import default_policy
from sekisho.authz.index import RbacIndex
from sekisho.cli import _complete, _kube
from sekisho.cli._api import ApiClient
from sekisho.cli._errors import CommandError
from sekisho.cli._resource import Resources
from sekisho.explain import reading
from sekisho.explain.policy import parse_subject, subject_user
from sekisho.explain.reading import Key, ManifestError, Place, key_of
from sekisho.schema.builtin import builtin_types
from sekisho.schema.decode import DecodeError, decode

F = TypeVar("F", bound=Callable[..., Any])

RBAC = "/apis/rbac.authorization.k8s.io/v1"
_KINDS = {
    "clusterroles": "ClusterRole",
    "clusterrolebindings": "ClusterRoleBinding",
    "roles": "Role",
    "rolebindings": "RoleBinding",
}
_TYPES = {kind: GroupVersionKind(GROUP, VERSION, kind) for kind in KINDS} | {
    kind: GroupVersionKind("", "v1", kind) for kind in ("ServiceAccount", "Namespace")
}
_DEFAULT_LABEL = "kubernetes.io/bootstrapping"
_SOURCE = (
    click.option(
        "-f",
        "--filename",
        "files",
        multiple=True,
        type=click.Path(path_type=Path, allow_dash=True),
        metavar="DIR|FILE|-",
        help="Ask manifests instead of a cluster: YAML or JSON, also what kubectl get -o yaml prints. Repeatable.",
    ),
    click.option(
        "--defaults/--no-defaults",
        default=None,
        help="Whether the roles and bindings that every cluster has count besides those of -f.  "
        "[default: unless the files hold them]",
    ),
    click.option(
        "--name",
        metavar="NAME",
        help="Ask this cluster of Sekisho, as its administrator.",
        shell_complete=_complete.clusters,
    ),
    click.option(
        "--context",
        metavar="CONTEXT",
        help="Ask the cluster of this kubeconfig context.  [default: the current one]",
    ),
    click.option(
        "--kubeconfig", metavar="FILE", help="The kubeconfig.  [default: $KUBECONFIG or ~/.kube/config]"
    ),
)


def source_options(command: F) -> F:
    """The flags that say where to look."""
    for option in reversed(_SOURCE):
        command = option(command)
    return command


@dataclass(slots=True)
class Source:
    """Roles and bindings, and what is known around them. `accounts` None: nobody knows which exist. `places` says
    where an object is written; `namespace` is the one meant when nobody says another."""

    index: RbacIndex
    accounts: set[tuple[str, str]] | None = None
    namespaces: list[str] = field(default_factory=list)
    namespace: str = "default"
    places: dict[Key, Place] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    client: ApiClient | None = None

    def subject_places(self) -> Mapping[Key, Place]:
        """Where each subject is first bound."""
        out: dict[Key, Place] = {}
        for binding in sorted(self.index.bindings(), key=lambda b: (b.namespace, b.name)):
            place = self.places.get((binding.kind, binding.namespace, binding.name))
            if place is not None:
                for subject in binding.subjects:
                    out.setdefault((subject.kind, subject.namespace, subject.name), place)
        return out

    def account_subjects(self) -> Iterator[Subject]:
        return (Subject(SERVICE_ACCOUNT, name, namespace) for namespace, name in sorted(self.accounts or ()))


def load(flags: dict[str, Any]) -> Source:
    """What the flags of `source_options` ask for; takes them out of `flags`. Raises CommandError."""
    files, defaults = flags.pop("files"), flags.pop("defaults")
    name, context, kubeconfig = flags.pop("name"), flags.pop("context"), flags.pop("kubeconfig")
    if not files:
        if defaults is not None:
            raise CommandError("--defaults and --no-defaults are for -f: a cluster has its roles itself")
        return of_cluster(name, context, kubeconfig)
    if name or context or kubeconfig:
        raise CommandError("-f asks files and not a cluster: leave out --name, --context and --kubeconfig")
    return of_files(files, defaults)


def of_cluster(name: str | None, context: str | None, kubeconfig: str | None) -> Source:
    connection = _kube.connect(name, context, kubeconfig)
    client = connection.client
    click.get_current_context().call_on_close(client.close)
    objects = [obj for plural, kind in _KINDS.items() for obj in _list(client, f"{RBAC}/{plural}", kind)]
    source = Source(
        RbacIndex.of(objects),
        namespace=connection.namespace,
        resources=Resources(client),
        client=client,
    )
    accounts = _list_if_allowed(client, "/api/v1/serviceaccounts", "ServiceAccount")
    if accounts is not None:
        source.accounts = {_full_name(obj) for obj in accounts}
    namespaces = _list_if_allowed(client, "/api/v1/namespaces", "Namespace")
    source.namespaces = [obj["metadata"]["name"] for obj in namespaces or ()]
    return source


def of_files(files: Iterable[Path], defaults: bool | None = None, onto: Source | None = None) -> Source:
    """Manifests, with the default policy around them, or applied onto another source."""
    try:
        found = [(obj, place) for obj, place in reading.read(files) if obj["kind"] in _TYPES]
    except ManifestError as error:
        raise CommandError(str(error))
    namespace = onto.namespace if onto is not None else "default"
    written = [(_decoded(reading.in_namespace(obj, namespace), place), place) for obj, place in found]
    if defaults is None:
        defaults = onto is None and not any(_is_default(obj) for obj, _ in written)
    merged: dict[Key, Object] = {key_of(obj): obj for obj in default_policy()} if defaults else {}
    if onto is not None:
        merged |= {key_of(obj): obj for obj in _objects(onto.index)}
    merged |= {key_of(obj): obj for obj, _ in written}
    places = {key_of(obj): place for obj, place in written}
    source = Source(RbacIndex.of(reading.placed(merged.values())), namespace=namespace)
    source.places = places if onto is None else {**onto.places, **places}
    accounts = [obj for obj, _ in written if obj["kind"] == "ServiceAccount"]
    names = {obj["metadata"]["name"] for obj, _ in written if obj["kind"] == "Namespace"}
    source.namespaces = sorted(names | {namespace for _, namespace, _ in places if namespace})
    if accounts:
        given = {_full_name(obj) for obj in accounts}
        source.accounts = given | {(namespace, "default") for namespace in source.namespaces}
    return source


def _objects(index: RbacIndex) -> Iterator[Object]:
    for role in index.roles():
        yield {**role.obj, "kind": role.kind}
    for binding in index.bindings():
        yield {**binding.obj, "kind": binding.kind}


def _is_default(obj: Object) -> bool:
    return _DEFAULT_LABEL in (obj["metadata"].get("labels") or {})


def _full_name(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _decoded(obj: Object, place: Place) -> Object:
    """The object with every field of the type it must have. Raises CommandError."""
    try:
        decoded, _ = decode(builtin_types().for_kind(_TYPES[obj["kind"]]), obj)
    except DecodeError as error:
        raise CommandError(f"{place.file}, line {place.line}: {error}")
    return {**decoded, "kind": obj["kind"]}


def _list(client: ApiClient, path: str, kind: str) -> list[Object]:
    return [{"kind": kind, **item} for item in client.get(path).get("items") or ()]


def _list_if_allowed(client: ApiClient, path: str, kind: str) -> list[Object] | None:
    try:
        return _list(client, path, kind)
    except CommandError:
        return None


def user_of(text: str, groups: Iterable[str] = ()) -> tuple[Subject, UserInfo]:
    """A subject as people write it, and who that is, with further groups. Raises CommandError."""
    try:
        subject = parse_subject(text)
    except ValueError as error:
        raise CommandError(str(error))
    user = subject_user(subject)
    return subject, UserInfo(user.name, user.uid, tuple(dict.fromkeys((*user.groups, *groups))), user.extra)
