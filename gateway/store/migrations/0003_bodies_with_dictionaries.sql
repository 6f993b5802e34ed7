-- What bodies of records were compressed with; see store/bodies.py.

CREATE TABLE dictionary (
    number INTEGER PRIMARY KEY,  -- Adler-32 of the content, which is how a stream names it
    first_seq INTEGER NOT NULL,  -- of the first record that was compressed with it
    content BLOB NOT NULL
) STRICT;
