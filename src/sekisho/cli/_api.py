"""How commands speak to a running cluster: over HTTPS, mostly as the administrator whose key is in its folder."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any, Self

import httpx

from sekisho.cli import _home
from sekisho.cli._errors import CommandError

HEADERS = {"User-Agent": "sekisho", "Accept": "application/json"}


class ApiClient:
    """JSON in, JSON out, over HTTPS. A Status error becomes a CommandError with its message."""

    def __init__(
        self,
        url: str,
        context: ssl.SSLContext,
        headers: Sequence[tuple[str, str]] = (),
        timeout: float = 30.0,
        proxy: str | None = None,
        server_name: str | None = None,
    ) -> None:
        """`server_name` is what the server's certificate is for, where that is not the URL's host."""
        self.url = url
        self._extensions = {"sni_hostname": server_name} if server_name else {}
        self._client = httpx.Client(
            base_url=url,
            verify=context,
            timeout=timeout,
            headers=[*HEADERS.items(), *headers],
            trust_env=False,
            proxy=proxy,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, accept: str | None = None) -> Any:
        return self._send("GET", path, None, accept)

    def post(self, path: str, body: Any) -> Any:
        return self._send("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        return self._send("PUT", path, body)

    def delete(self, path: str) -> Any:
        return self._send("DELETE", path, None)

    def _send(self, method: str, path: str, body: Any, accept: str | None = None) -> Any:
        headers = {"Accept": accept} if accept else None
        try:
            response = self._client.request(
                method, path, json=body, headers=headers, extensions=self._extensions
            )
        except httpx.HTTPError as error:
            raise CommandError(f"cannot reach the cluster: {error}")
        if response.is_error:
            try:
                message = response.json()["message"]
            except (ValueError, KeyError, TypeError):
                message = response.text.strip() or f"the server answered {response.status_code}"
            raise CommandError(message)
        return response.json()


class AdminClient(ApiClient):
    """The administrator of a cluster that runs here."""

    def __init__(self, place: _home.Place, timeout: float = 30.0) -> None:
        url = place.state().get("url")
        if not isinstance(url, str):
            raise CommandError(f'cannot tell where cluster "{place.name}" is: {place.state_file} is damaged')
        try:
            context = ssl.create_default_context(cafile=str(place.pki / "ca.crt"))
            context.load_cert_chain(place.pki / "admin.crt", place.pki / "admin.key")
        except OSError as error:  # ssl.SSLError is one
            raise CommandError(
                f"cannot use the keys in {place.pki}: {(error.strerror or str(error)).lower()}"
            )
        super().__init__(url, context, timeout=timeout)
