"""Signatures of Standard Webhooks: who sent a body, when, and that nobody has changed it.

    webhook-id: 5a9c2c65-…    webhook-timestamp: 1732203600    webhook-signature: v1,K5oZfzN95…

HMAC-SHA256 over `id.timestamp.body`. While a secret is replaced, each one signs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from gateway.errors import SinkError
from gateway.model.delivery import Secret

_PREFIX = "whsec_"
_FEWEST_BYTES, _MOST_BYTES = 24, 64
#: More than one is for a change from one secret to the next.
MOST_SECRETS = 4


class Signer:
    """Signs with every secret; raises `SinkError` for one that is none."""

    def __init__(self, secrets: Sequence[Secret]) -> None:
        if len(secrets) > MOST_SECRETS:
            raise SinkError(f"at most {MOST_SECRETS} secrets sign at the same time")
        self._keys = [_key_of(secret) for secret in secrets]

    def headers(self, message_id: str, now_s: int, body: bytes) -> dict[str, str]:
        """The three headers; without secrets there is no signature among them."""
        headers = {"webhook-id": message_id, "webhook-timestamp": str(now_s)}
        if self._keys:
            signed = f"{message_id}.{now_s}.".encode() + body
            headers["webhook-signature"] = " ".join(_signature(key, signed) for key in self._keys)
        return headers


def _signature(key: bytes, signed: bytes) -> str:
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _key_of(secret: Secret) -> bytes:
    text = secret.reveal().strip()
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(_PREFIX) or not _FEWEST_BYTES <= len(key) <= _MOST_BYTES:
        raise SinkError(
            f"a secret that signs is {_PREFIX} and the base64 of {_FEWEST_BYTES} to {_MOST_BYTES} "
            f"random bytes, such as: echo {_PREFIX}$(head -c 32 /dev/urandom | base64)"
        )
    return key
