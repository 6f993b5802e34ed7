"""How quickly the gateway makes up its mind: defaults suit a dock without tuning."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationTuning:
    """Site-wide times of the location engine; zones and readers may override some."""

    lateness_s: float = 0.2  # how long an epoch waits for reads that are on their way
    move_after_s: float = 4.0  # read only at a new place for this long: it has moved
    arrive_after_s: float = 2.0  # first read this long ago: it has arrived
    storage_missing_after_s: float = 600.0
    staging_missing_after_s: float = 120.0
    departed_after_s: float = 3600.0  # unseen in an outside zone: presence in the site has ended
    forget_after_s: float = 30 * 86_400.0  # gone and unread for so long: not known any more
    max_tags: int = 2_000_000  # known at once


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxTuning:
    """How much room what waits for the sinks may take, and how long history is kept."""

    max_bytes: int = 1_000_000_000  # of the store on the disk
    let_go_when_full: bool = False  # else new movements wait in memory
    max_age_s: float | None = None  # undelivered for longer: let go
    history_s: float = 90 * 86_400.0
    keep_removed_s: float = 7 * 86_400.0  # cursors of sinks that have left the settings


@dataclass(frozen=True, slots=True, kw_only=True)
class OverloadTuning:
    """What happens when more comes in than can be handled (all counted)."""

    coalesce_rows: int = 200_000  # more pending reads than this: merged per tag, antenna and epoch
    max_rows: int = 1_000_000  # more than this after merging: the newest arrivals are shed
    max_sensor_readings: int = 100_000
