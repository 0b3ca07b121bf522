-- Watched folders: which uploads come from them, and what is known of their files.

-- The folder whose subtree the file must be opened in; links never lead out of it.
ALTER TABLE upload ADD COLUMN root BLOB;
-- The watched folder it comes from.
ALTER TABLE upload ADD COLUMN folder INTEGER;
-- Whether whoever writes the file is not done yet; nothing is sent until then.
ALTER TABLE upload ADD COLUMN unfinished INTEGER NOT NULL DEFAULT 0 CHECK (unfinished IN (0, 1));

-- The last version of each file that needs nothing more, and why: it is written with the service's confirmation.
CREATE TABLE ledger (
    folder       INTEGER NOT NULL,
    -- Below the folder.
    path         BLOB    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('sent', 'before', 'canceled', 'failed')),
    size         INTEGER NOT NULL CHECK (size >= 0),
    mtime_ns     INTEGER NOT NULL,
    ctime_ns     INTEGER NOT NULL,
    file_id      BLOB    NOT NULL CHECK (length(file_id) = 16),
    -- Of the bytes that were sent.
    crc32c       INTEGER,
    at           INTEGER NOT NULL,
    -- The upload that sent it.
    upload       BLOB,
    -- Whether the file is still to be moved or put in the trash.
    pending      INTEGER NOT NULL CHECK (pending IN (0, 1)),
    PRIMARY KEY (folder, path)
) STRICT, WITHOUT ROWID;

CREATE INDEX ledger_file ON ledger (folder, file_id);
CREATE INDEX ledger_pending ON ledger (folder) WHERE pending = 1;

-- What is known of each folder itself.
CREATE TABLE folder (
    id           INTEGER PRIMARY KEY,
    -- The folder that was there last: another one that is empty is a drive that is not connected.
    root_id      BLOB    CHECK (length(root_id) = 16),
    -- While what is there already is only written down: since when.
    only_new     INTEGER,
    scanned_at   INTEGER,
    -- How many of its files arrived, and when the last one.
    sent         INTEGER NOT NULL CHECK (sent >= 0),
    sent_at      INTEGER
) STRICT;
