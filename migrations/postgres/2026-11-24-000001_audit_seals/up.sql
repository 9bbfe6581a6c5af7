-- Seals: a chain of digests over each audit log (see src/domain/audit_seal.rs), made after the records, in the background.
-- Twin of migrations/sqlite/<same name>. Nothing here is looked at or locked by whoever writes a record.

CREATE TABLE audit_seals (
    -- Each record is in one seal; every column is under the digest.
    record_id BIGINT PRIMARY KEY,
    -- The log: a merchant's id, or 0 for the installation's own.
    chain BIGINT NOT NULL,
    -- Gapless from 1 in the order of sealing.
    no BIGINT NOT NULL,
    digest TEXT COLLATE "C" NOT NULL CHECK (length(digest) = 64),
    at TIMESTAMPTZ NOT NULL,
    UNIQUE (chain, no)
);

CREATE FUNCTION audit_seals_are_gapless() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.no IS DISTINCT FROM coalesce((SELECT max(no) FROM audit_seals WHERE chain = NEW.chain), 0) + 1 THEN
        RAISE EXCEPTION 'audit_seals_are_gapless' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_seals_are_gapless BEFORE INSERT ON audit_seals FOR EACH ROW EXECUTE FUNCTION audit_seals_are_gapless();
CREATE TRIGGER audit_seals_never_change BEFORE UPDATE ON audit_seals FOR EACH ROW EXECUTE FUNCTION refuse('audit_seals_never_change');
CREATE TRIGGER audit_seals_are_kept BEFORE DELETE ON audit_seals FOR EACH ROW EXECUTE FUNCTION refuse('audit_seals_are_kept');
CREATE TRIGGER audit_seals_are_not_truncated BEFORE TRUNCATE ON audit_seals FOR EACH STATEMENT EXECUTE FUNCTION refuse('audit_seals_are_kept');

-- How far all records are sealed: one row. A record at or below the mark without a seal was written past the desk.
CREATE TABLE seal_marks (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    sealed_to BIGINT NOT NULL
);
INSERT INTO seal_marks (id, sealed_to) VALUES (1, 0);

CREATE TRIGGER seal_marks_only_grow BEFORE UPDATE ON seal_marks FOR EACH ROW WHEN (NEW.sealed_to < OLD.sealed_to)
    EXECUTE FUNCTION refuse('seal_marks_only_grow');
CREATE TRIGGER seal_marks_are_kept BEFORE DELETE ON seal_marks FOR EACH ROW EXECUTE FUNCTION refuse('seal_marks_are_kept');
CREATE TRIGGER seal_marks_are_not_truncated BEFORE TRUNCATE ON seal_marks FOR EACH STATEMENT EXECUTE FUNCTION refuse('seal_marks_are_kept');
