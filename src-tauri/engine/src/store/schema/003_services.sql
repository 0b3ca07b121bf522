-- Why a session could not be dropped.
ALTER TABLE abort ADD COLUMN fault TEXT CHECK (fault IS NULL OR json_valid(fault));

-- What each account may still ask of its service: requests a second and pauses that the service asked for hold over restarts.
CREATE TABLE pace (
    account      TEXT    NOT NULL PRIMARY KEY,
    -- Requests that may go at once, and when that was so.
    tokens       REAL    NOT NULL CHECK (tokens >= 0),
    at           INTEGER NOT NULL,
    -- No request before this, and what the service said.
    silent_until INTEGER,
    fault        TEXT             CHECK (fault IS NULL OR json_valid(fault)),
    CHECK ((silent_until IS NULL) = (fault IS NULL))
) STRICT, WITHOUT ROWID;
