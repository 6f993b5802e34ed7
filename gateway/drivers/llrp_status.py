"""What is told of one reader: changes of state, each with a sentence, and never the same twice."""

from __future__ import annotations

from collections.abc import Container

from gateway.model.device import DeviceStatus, ReaderState

#: A remark of one kind (a full buffer, an exception of the reader) is told once in this time.
REMARK_US = 10_000_000
#: A report from an antenna that is told as disconnected means, this long after, that it is not.
DISTRUST_US = 5_000_000


class Announcer:
    """The state of one reader and its antennas as it was last told, and what is news since.

    `ports` are those worth telling of; a state is news when it, or its cause, is another one: not
    when the same attempt has failed once more.
    """

    def __init__(self, reader: str, ports: Container[int]) -> None:
        self.state = ReaderState.DOWN
        self.disconnected: dict[int, int] = {}  # port → since when
        self._reader, self._ports = reader, ports
        self._cause = self._reason = ""
        self._clock_ahead_us: int | None = None
        self._remarks: dict[str, int] = {}
        self._news: list[DeviceStatus] = []
        self._ports_news: dict[int, DeviceStatus] = {}

    @property
    def has_news(self) -> bool:
        """Whether `take` gives anything."""
        return bool(self._news or self._ports_news)

    def take(self) -> list[DeviceStatus]:
        """What has not been told yet, once."""
        news = [*self._news, *self._ports_news.values()]
        self._news.clear()
        self._ports_news.clear()
        return news

    def reader(self, state: ReaderState, cause: str, reason: str, now_us: int) -> None:
        """The reader is in this state; `cause` is the kind of reason, `reason` its sentence."""
        if (state, cause) == (self.state, self._cause):
            return
        self.state, self._cause, self._reason = state, cause, reason
        self._tell(now_us)

    def remark(self, kind: str, reason: str, now_us: int) -> bool:
        """Something to know of a reader that stays as it is; False when it was told just now."""
        if now_us < self._remarks.get(kind, 0):
            return False
        self._remarks[kind] = now_us + REMARK_US
        self._reason = reason
        self._tell(now_us)
        return True

    def clock(self, ahead_us: int, now_us: int) -> None:
        """The reader's clock is ahead of ours by this much."""
        self._clock_ahead_us = ahead_us
        self._tell(now_us)

    def antenna(self, port: int, *, connected: bool, now_us: int) -> None:
        """An antenna was found connected or disconnected."""
        if port not in self._ports or connected is (port not in self.disconnected):
            return
        if connected:
            del self.disconnected[port]
        else:
            self.disconnected[port] = now_us
        self._tell_antenna(port, now_us)

    def read_from(self, port: int, now_us: int) -> None:
        """Reads come from an antenna: whatever was said of it, it is there."""
        if now_us - self.disconnected.get(port, now_us) > DISTRUST_US:
            self.antenna(port, connected=True, now_us=now_us)

    def _tell(self, now_us: int) -> None:
        self._news.append(
            DeviceStatus(
                reader=self._reader,
                state=self.state,
                reason=self._reason,
                time_us=now_us,
                clock_offset_us=self._clock_ahead_us,
            )
        )
        if self.state is ReaderState.UP:  # which says, by itself, that all its antennas are
            for port in self.disconnected:
                self._tell_antenna(port, now_us)

    def _tell_antenna(self, port: int, now_us: int) -> None:
        up = port not in self.disconnected
        self._ports_news[port] = DeviceStatus(
            reader=self._reader,
            state=ReaderState.UP if up else ReaderState.DOWN,
            reason=f"antenna {port} is {'connected' if up else 'not connected to the reader'}",
            time_us=now_us,
            port=port,
        )
