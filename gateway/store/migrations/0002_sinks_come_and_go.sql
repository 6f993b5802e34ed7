-- Sinks are added, renamed and removed; what one refused may be tried again.

ALTER TABLE sink ADD COLUMN kinds TEXT NOT NULL DEFAULT '';      -- what it takes, words
ALTER TABLE sink ADD COLUMN removed_us INTEGER;                  -- when it left the settings
ALTER TABLE sink ADD COLUMN let_go INTEGER NOT NULL DEFAULT 0;   -- records given up for lack of room

ALTER TABLE dead_letter ADD COLUMN again INTEGER NOT NULL DEFAULT 0 CHECK (again IN (0, 1));
CREATE INDEX dead_letter_again ON dead_letter (sink, seq) WHERE again = 1;
