"""The fixtures of whole daemons, for proofs that need one."""

from __future__ import annotations

from tests.system.conftest import begun, cleared_away, daemon_on, warehouse

__all__ = ["begun", "cleared_away", "daemon_on", "warehouse"]
