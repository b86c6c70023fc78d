"""How a webhook authorizer's reviews travel: JSON over HTTPS, to the address of a kubeconfig."""

from __future__ import annotations

from pathlib import Path

import orjson

from sekisho.api.types import Object
from sekisho.authz.webhook import WebhookFailure
from sekisho.credentials.outgoing import Answer, CallError, Target, target_of

_OK = range(200, 300)
_RETRIABLE = (429, 500, 504)


class HttpTransport:
    """Posts to the exact URL. Connections that break, 429, 500 and 504 are worth another try."""

    def __init__(self, target: Target) -> None:
        self._target = target

    @classmethod
    def of_kubeconfig(cls, path: Path, timeout: float) -> HttpTransport:
        """`timeout` in seconds for one call. Raises credentials.outgoing.OutgoingError."""
        return cls(target_of(path, timeout))

    async def send(self, review: Object) -> Object:
        try:
            answer = await self._target.post(orjson.dumps(review))
        except CallError as error:
            if error.timeout:
                text = f'Post "{self._target.url}": context deadline exceeded'
                raise WebhookFailure(text, timeout=True)
            raise WebhookFailure(str(error), retriable=error.lost)
        if answer.status not in _OK:
            raise _refused(answer)
        try:
            value = orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            raise WebhookFailure(f"couldn't get version/kind; json parse error: {error}")
        if not isinstance(value, dict):
            raise WebhookFailure("the webhook's answer is not an object")
        return value

    async def close(self) -> None:
        await self._target.close()


def _refused(answer: Answer) -> WebhookFailure:
    after = answer.headers.get("retry-after", "")
    seconds = float(after) if after.isdigit() else 0.0
    code = answer.status
    text = _message(answer) or f"the server responded with the status code {code} but did not return details"
    return WebhookFailure(text, retriable=code in _RETRIABLE or bool(seconds), retry_after=seconds)


def _message(answer: Answer) -> str:
    """The message of a Status in the body, empty when there is none."""
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return ""
    message = body.get("message") if isinstance(body, dict) else None
    return message if isinstance(message, str) else ""
