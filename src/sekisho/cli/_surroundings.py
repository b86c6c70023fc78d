"""What a cluster knows about credentials, gathered for `sekisho inspect`: from its folder, and from the cluster if
it runs, or else from the file that it left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

import click
import orjson

from sekisho.admission.interface import Lookup
from sekisho.api.types import Object
from sekisho.authn.chains import load_bundle
from sekisho.authn.inspection import Surroundings, UnknownHere
from sekisho.authn.tokenfile import TokenFile, TokenFileError
from sekisho.cli import _home
from sekisho.cli._api import AdminClient
from sekisho.cli._errors import CommandError
from sekisho.config import Config
from sekisho.credentials.keys import KeyRing, UnusableKey, VerificationKey, public_keys
from sekisho.schema.identity import GROUP, REVOCATIONS
from sekisho.schema.resources import builtin_resources
from sekisho.store.interface import Unusable
from sekisho.store.peek import Peek

DATABASE = "sekisho.db"
_REVOCATIONS = f"/apis/{GROUP}/v1/{REVOCATIONS.resource}"


class Nothing:
    """No cluster at all."""

    def __init__(self, why: str) -> None:
        self._why = why

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        raise UnknownHere(self._why)

    def list(self, resource: str, namespace: str) -> Sequence[Object]:
        raise UnknownHere(self._why)

    def revocations(self) -> Sequence[Object]:
        raise UnknownHere(self._why)


class Live(Nothing):
    """A cluster that runs, asked as its administrator."""

    def __init__(self, client: AdminClient) -> None:
        super().__init__("")
        self._client = client

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        within = f"namespaces/{namespace}/" if namespace else ""
        query = urlencode({"fieldSelector": f"metadata.name={name}"})
        items: list[Object] = self._client.get(f"/api/v1/{within}{resource}?{query}")["items"]
        return items[0] if items else None

    def revocations(self) -> Sequence[Object]:
        items: list[Object] = self._client.get(_REVOCATIONS)["items"]
        return items


class Left(Nothing):
    """A cluster that does not run, as its file has it."""

    def __init__(self, path: Path) -> None:
        super().__init__("")
        self._peek = Peek(path)
        core = (info for info in builtin_resources() if not info.group)
        self._folders = {info.resource: info.key_prefix for info in core}

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        within = f"{namespace}/" if namespace else ""
        try:
            value = self._peek.get(f"/registry/{self._folders[resource]}/{within}{name}")
        except Unusable as error:
            raise UnknownHere(str(error))
        return None if value is None else orjson.loads(value)

    def revocations(self) -> Sequence[Object]:
        try:
            values = self._peek.range(f"/registry/{REVOCATIONS.key_prefix}/")
        except Unusable as error:
            raise UnknownHere(str(error))
        return [orjson.loads(value) for value in values]


def unknown(why: str) -> Surroundings:
    nothing = Nothing(why)
    return Surroundings(time.time(), nothing, nothing.revocations)


def of_place(place: _home.Place, client: AdminClient | None) -> Surroundings:
    """`client` is None when the cluster does not run. Raises CommandError when its folder is damaged."""
    config = config_of(place)
    objects: Nothing
    if client is not None:
        objects = Live(client)
    elif (place.data / DATABASE).exists():
        objects = Left(place.data / DATABASE)
    else:
        objects = Nothing(f'cluster "{place.name}" does not run and has left no data')
    lookup: Lookup = objects
    try:
        return Surroundings(
            now=time.time(),
            lookup=lookup,
            revocations=objects.revocations,
            keys=KeyRing(_keys(place, config)),
            issuers=config.service_account_issuer,
            audiences=config.audiences,
            client_roots=tuple(load_bundle((config.client_ca_file or place.pki / "ca.crt").read_bytes())),
            token_file=TokenFile.load(config.token_auth_file) if config.token_auth_file else None,
            bootstrap_tokens=config.enable_bootstrap_token_auth,
        )
    except (UnusableKey, TokenFileError, ValueError) as error:
        raise CommandError(f'cluster "{place.name}": {error}')


def config_of(place: _home.Place) -> Config:
    """The Config that a cluster was last started with."""
    from sekisho.cli import serve

    flags = [str(flag) for flag in place.settings().get("flags", [])]
    try:
        context = serve.command.make_context("sekisho serve", flags)
    except click.ClickException as error:
        raise CommandError(f"{place.settings_file}: {error.message}")
    chosen = {k: v for k, v in context.params.items() if k not in ("state_file", "verbosity")}
    return serve.make_config({**chosen, "pki_dir": place.pki})


def _keys(place: _home.Place, config: Config) -> list[VerificationKey]:
    files = [place.pki / "sa.pub", *config.service_account_key_file]
    if config.service_account_signing_key_file is not None:
        files.insert(0, config.service_account_signing_key_file)
    return [key for file in files for key in public_keys(file.read_bytes())]
