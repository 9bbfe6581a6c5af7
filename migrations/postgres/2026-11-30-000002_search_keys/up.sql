-- Twin of migrations/sqlite/<same name>.
-- By which version of the folding rules a customer's search keys were made; see src/db/search_keys.rs. A version of the program that does
-- not know the column leaves 1 where it adds a row. One that knows it writes its version as n and -n in turn, so that a change of the
-- keys without a change of this number shows that an earlier version has written them: the trigger notes 0.
ALTER TABLE customers ADD COLUMN keys_version BIGINT NOT NULL DEFAULT 1;
-- Serves "whose keys are of an earlier version": empty once the work is done.
CREATE INDEX customers_with_old_keys ON customers (id) WHERE keys_version > -2 AND keys_version < 2;
CREATE FUNCTION customers_note_old_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.keys_version := 0;
    RETURN NEW;
END $$;
-- Old versions are not hurt: what they write to customers is noted beside it, and nothing is refused.
CREATE TRIGGER customers_note_old_keys BEFORE UPDATE OF search ON customers FOR EACH ROW
WHEN (NEW.search <> OLD.search AND NEW.search <> '' AND NEW.keys_version = OLD.keys_version)
EXECUTE FUNCTION customers_note_old_keys();
