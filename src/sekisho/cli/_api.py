"""How commands speak to a running cluster: over HTTPS, as the administrator whose key is in its folder."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

from sekisho.cli import _home
from sekisho.cli._errors import CommandError

HEADERS = {"User-Agent": "sekisho", "Accept": "application/json"}


class AdminClient:
    """JSON in, JSON out. A Status error becomes a CommandError with its message."""

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
        self._client = httpx.Client(
            base_url=url, verify=context, timeout=timeout, headers=HEADERS, trust_env=False
        )

    def __enter__(self) -> AdminClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str) -> Any:
        return self._send("GET", path, None)

    def post(self, path: str, body: Any) -> Any:
        return self._send("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        return self._send("PUT", path, body)

    def delete(self, path: str) -> Any:
        return self._send("DELETE", path, None)

    def _send(self, method: str, path: str, body: Any) -> Any:
        try:
            response = self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise CommandError(f"cannot reach the cluster: {error}")
        if response.is_error:
            try:
                message = response.json()["message"]
            except (ValueError, KeyError, TypeError):
                message = response.text.strip() or f"the server answered {response.status_code}"
            raise CommandError(message)
        return response.json()
