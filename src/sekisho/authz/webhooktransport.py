"""How a webhook authorizer's reviews travel: JSON over HTTPS, to the address of a kubeconfig."""

from __future__ import annotations

from pathlib import Path

import httpx

from sekisho.api.types import Object
from sekisho.authz.webhook import WebhookFailure
from sekisho.credentials.outgoing import Target, target_of

_OK = range(200, 300)


class HttpTransport:
    """Posts to the exact URL. Connection resets, timeouts, 429 and 500 are worth another try."""

    def __init__(self, target: Target) -> None:
        self._target = target

    @classmethod
    def of_kubeconfig(cls, path: Path, timeout: float) -> HttpTransport:
        """`timeout` in seconds for one call. Raises credentials.outgoing.OutgoingError."""
        return cls(target_of(path, timeout))

    async def send(self, review: Object) -> Object:
        url = self._target.url
        try:
            response = await self._target.client.post(url, json=review)
        except httpx.TimeoutException:
            raise WebhookFailure(f'Post "{url}": context deadline exceeded', retriable=True, timeout=True)
        except httpx.HTTPError as error:
            reset = isinstance(error, (httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError))
            raise WebhookFailure(f'Post "{url}": {str(error).lower()}', retriable=reset)
        if response.status_code not in _OK:
            raise _refused(response)
        try:
            answer = response.json()
        except ValueError as error:
            raise WebhookFailure(f"couldn't get version/kind; json parse error: {error}")
        if not isinstance(answer, dict):
            raise WebhookFailure("the webhook's answer is not an object")
        return answer

    async def close(self) -> None:
        await self._target.client.aclose()


def _refused(response: httpx.Response) -> WebhookFailure:
    after = response.headers.get("retry-after", "")
    seconds = float(after) if after.isdigit() else 0.0
    code = response.status_code
    text = (
        _message(response) or f"the server responded with the status code {code} but did not return details"
    )
    return WebhookFailure(text, retriable=code in (429, 500) or bool(seconds), retry_after=seconds)


def _message(response: httpx.Response) -> str:
    """The message of a Status in the body, empty when there is none."""
    try:
        body = response.json()
    except ValueError:
        return ""
    message = body.get("message") if isinstance(body, dict) else None
    return message if isinstance(message, str) else ""
