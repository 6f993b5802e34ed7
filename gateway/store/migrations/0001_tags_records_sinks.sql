-- Tags as they are now, everything that was told upstream, and how far each sink has got.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Zone ids are written once; rows refer to them by number, which is this file's own.
CREATE TABLE zone (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE tag (
    epc BLOB PRIMARY KEY CHECK (length(epc) <= 62),
    zone INTEGER,
    presence INTEGER NOT NULL CHECK (presence BETWEEN 0 AND 4),
    since_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL,
    seq INTEGER NOT NULL CHECK (seq BETWEEN 0 AND 4294967295),
    confidence REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- The journal: outbox and history in one. A sink is a cursor into it; a record is deleted when every
-- sink has passed it and its time as history is over. AUTOINCREMENT: a number is never used again.
CREATE TABLE record (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('movement', 'passage', 'alert', 'message', 'reading')),
    id ANY NOT NULL,           -- a UUID as its 16 octets, any other id as text
    version INTEGER NOT NULL,  -- 0 as first told, 1 retracted; an alert counts its changes
    key TEXT NOT NULL,         -- order is kept per key
    created_us INTEGER NOT NULL,
    body BLOB NOT NULL,
    targets TEXT,              -- names of the sinks it is for, ' a b '; NULL: all that take its kind
    UNIQUE (id, version)
) STRICT;

CREATE TABLE movement (
    record INTEGER PRIMARY KEY,
    epc BLOB NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    from_zone INTEGER,
    to_zone INTEGER,
    door TEXT,
    direction TEXT,
    event_us INTEGER NOT NULL
) STRICT;
CREATE INDEX movement_of_tag ON movement (epc);

CREATE TABLE passage (
    record INTEGER PRIMARY KEY,
    door TEXT NOT NULL,
    direction TEXT,
    start_us INTEGER NOT NULL,
    end_us INTEGER NOT NULL
) STRICT;
CREATE INDEX passage_of_door ON passage (door);

CREATE TABLE sink (
    name TEXT PRIMARY KEY,
    delivered INTEGER NOT NULL,  -- seq of the last record that is settled for this sink
    retired INTEGER NOT NULL CHECK (retired IN (0, 1))  -- no longer configured: holds nothing back
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letter (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    sink TEXT NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    id ANY NOT NULL,
    key TEXT NOT NULL,
    reason TEXT NOT NULL,
    set_aside_us INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (sink, seq)
) STRICT;

-- What decisions have to remember over a restart, as their own JSON: instances of rules, alerts,
-- silences, shipments.
CREATE TABLE memory (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

-- The item master, by what a key names: epc, sscc, class or gtin.
CREATE TABLE item (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
