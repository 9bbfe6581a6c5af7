-- Seals: a chain of digests over each audit log (see src/domain/audit_seal.rs), made after the records, in the background.
-- Twin of migrations/postgres/<same name>. Nothing here is looked at or locked by whoever writes a record.

CREATE TABLE audit_seals (
    -- Each record is in one seal; every column is under the digest.
    record_id INTEGER PRIMARY KEY NOT NULL,
    -- The log: a merchant's id, or 0 for the installation's own.
    chain BIGINT NOT NULL,
    -- Gapless from 1 in the order of sealing.
    no BIGINT NOT NULL,
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    at TEXT NOT NULL,
    UNIQUE (chain, no)
);

CREATE TRIGGER audit_seals_never_change BEFORE UPDATE ON audit_seals
BEGIN SELECT RAISE(ABORT, 'audit_seals_never_change'); END;
CREATE TRIGGER audit_seals_are_kept BEFORE DELETE ON audit_seals
BEGIN SELECT RAISE(ABORT, 'audit_seals_are_kept'); END;
-- INSERT OR REPLACE deletes without firing the trigger above unless recursive_triggers is on, and other connections do not set it.
CREATE TRIGGER audit_seals_are_not_replaced BEFORE INSERT ON audit_seals
WHEN EXISTS (SELECT 1 FROM audit_seals WHERE record_id = NEW.record_id)
BEGIN SELECT RAISE(ABORT, 'audit_seals_are_not_replaced'); END;
CREATE TRIGGER audit_seals_are_gapless BEFORE INSERT ON audit_seals
WHEN NEW.no IS NOT coalesce((SELECT max(no) FROM audit_seals WHERE chain = NEW.chain), 0) + 1
BEGIN SELECT RAISE(ABORT, 'audit_seals_are_gapless'); END;

-- How far all records are sealed: one row. A record at or below the mark without a seal was written past the desk.
CREATE TABLE seal_marks (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    sealed_to BIGINT NOT NULL
);
INSERT INTO seal_marks (id, sealed_to) VALUES (1, 0);

CREATE TRIGGER seal_marks_only_grow BEFORE UPDATE ON seal_marks WHEN NEW.sealed_to < OLD.sealed_to
BEGIN SELECT RAISE(ABORT, 'seal_marks_only_grow'); END;
CREATE TRIGGER seal_marks_are_kept BEFORE DELETE ON seal_marks
BEGIN SELECT RAISE(ABORT, 'seal_marks_are_kept'); END;
CREATE TRIGGER seal_marks_are_not_replaced BEFORE INSERT ON seal_marks WHEN EXISTS (SELECT 1 FROM seal_marks)
BEGIN SELECT RAISE(ABORT, 'seal_marks_are_not_replaced'); END;

-- As for the other tables: a large desk's statistics, made up.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('audit_seals', 'sqlite_autoindex_audit_seals_1', '1000000 50000 1');
ANALYZE sqlite_master;
