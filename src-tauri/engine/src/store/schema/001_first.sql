-- The queue. The rules that must never break stand here, so that no code can break them.

CREATE TABLE upload (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account      TEXT    NOT NULL,
    service      TEXT    NOT NULL,
    -- The local file as the operating system knows it; the address of an import.
    path         BLOB    NOT NULL,
    import       INTEGER NOT NULL CHECK (import IN (0, 1)),
    size         INTEGER NOT NULL CHECK (size >= 0),
    mtime_ns     INTEGER NOT NULL,
    ctime_ns     INTEGER NOT NULL,
    file_id      BLOB    NOT NULL CHECK (length(file_id) = 16),
    name         TEXT    NOT NULL,
    relative     TEXT    NOT NULL,
    options      TEXT    NOT NULL CHECK (json_valid(options)),
    mode         TEXT    NOT NULL,
    rank         INTEGER NOT NULL,
    added_at     INTEGER NOT NULL,

    phase        TEXT    NOT NULL CHECK (phase IN ('queued', 'uploading', 'completing', 'completed', 'failed', 'canceled')),
    -- Where a failed upload goes on when it is retried.
    resume_phase TEXT             CHECK (resume_phase IN ('queued', 'uploading', 'completing')),
    paused       INTEGER NOT NULL CHECK (paused IN (0, 1)),
    hold_until   INTEGER,
    fault        TEXT             CHECK (fault IS NULL OR json_valid(fault)),
    attempts     INTEGER NOT NULL CHECK (attempts >= 0),
    restarts     INTEGER NOT NULL CHECK (restarts >= 0),
    -- What the service gave; never an address that is signed.
    session      TEXT             CHECK (session IS NULL OR json_valid(session)),
    outcome      TEXT             CHECK (outcome IS NULL OR json_valid(outcome)),
    crc32c       INTEGER,
    hashes       TEXT    NOT NULL CHECK (json_valid(hashes)),
    verified     TEXT             CHECK (verified IN ('checksum', 'size', 'none')),
    note         TEXT,
    wire_bytes   INTEGER NOT NULL CHECK (wire_bytes >= 0),
    finished_at  INTEGER,

    CHECK ((finished_at IS NOT NULL) = (phase IN ('completed', 'failed', 'canceled'))),
    CHECK ((resume_phase IS NOT NULL) = (phase = 'failed')),
    CHECK (phase NOT IN ('uploading', 'completing') OR session IS NOT NULL),
    CHECK (phase != 'queued' OR session IS NULL),
    CHECK ((verified IS NOT NULL) = (phase = 'completed')),
    CHECK (phase != 'failed' OR fault IS NOT NULL)
) STRICT;

CREATE INDEX upload_live ON upload (rank) WHERE phase IN ('queued', 'uploading', 'completing');

-- A row exists if and only if the service acknowledged the part.
CREATE TABLE part (
    upload_id    BLOB    NOT NULL REFERENCES upload (id) ON DELETE CASCADE,
    number       INTEGER NOT NULL CHECK (number > 0),
    token        TEXT    NOT NULL,
    crc32c       INTEGER NOT NULL,
    checkpointed INTEGER NOT NULL CHECK (checkpointed IN (0, 1)),
    PRIMARY KEY (upload_id, number)
) STRICT, WITHOUT ROWID;

-- What was tried and went wrong, oldest first.
CREATE TABLE attempt (
    upload_id    BLOB    NOT NULL REFERENCES upload (id) ON DELETE CASCADE,
    at           INTEGER NOT NULL,
    step         TEXT    NOT NULL,
    fault        TEXT    NOT NULL CHECK (json_valid(fault))
) STRICT;

CREATE INDEX attempt_of ON attempt (upload_id);

-- Sessions on services that nobody needs any more, to be dropped there.
CREATE TABLE abort (
    id           INTEGER PRIMARY KEY,
    job          TEXT    NOT NULL CHECK (json_valid(job)),
    tries        INTEGER NOT NULL CHECK (tries >= 0),
    next_at      INTEGER NOT NULL
) STRICT;
