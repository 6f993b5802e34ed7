"""TLS to the broker: who is trusted, and who we are."""

from __future__ import annotations

import ssl
from typing import Any, Self

from gateway.errors import GatewayError
from gateway.model.delivery import BrokerConfig


class TlsContext(ssl.SSLContext):
    """Verifies the broker and its name; remembers the socket, which paho loses when that fails."""

    _socket: ssl.SSLSocket | None = None

    @classmethod
    def of(cls, config: BrokerConfig) -> Self:
        """From the files of `mqtt.tls`; raises `GatewayError` for one that cannot be used."""
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        try:
            if config.tls_ca is None:
                context.load_default_certs()
            else:
                context.load_verify_locations(config.tls_ca)
            if config.tls_cert is not None:
                context.load_cert_chain(config.tls_cert, config.tls_key)
        except (OSError, ssl.SSLError) as error:
            why = error.strerror or str(error)
            raise GatewayError(f"a file of mqtt.tls cannot be used ({why})") from error
        return context

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """As always, and remember it."""
        self._socket = super().wrap_socket(*arguments, **options)
        return self._socket

    def drop(self) -> None:
        """Close the socket of a handshake that failed."""
        if self._socket is not None:
            self._socket.close()
