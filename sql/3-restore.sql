
-- What pg_dump saves: tables that learn with their options, what owners have said of
-- indexes, the history, and banks that belong to no table.  An OID of the dump means
-- nothing where it is restored, so what it stands for is dumped by name, and found again
-- by triggers while rows are loaded.  An index is built after that: its events and options
-- wait for it (ruvector.follow_names).  Policies, and the banks that go with them, are not
-- dumped: what was certified of an index does not hold for another one.
--
-- A row that comes with a name is being restored; all others get theirs here.  Parallel
-- jobs load tables in any order: a row that comes before what it refers to is set aside.

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE TABLE ruvector.restored (
    relation name NOT NULL,
    contents jsonb NOT NULL,
    restored_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE ruvector.restored IS 'rows of a dump that came before what they refer to; the worker puts them where they belong';
REVOKE ALL ON ruvector.restored FROM PUBLIC;

CREATE FUNCTION ruvector.wait_for_bank() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM ruvector.banks b WHERE b.bank_id = NEW.bank_id) THEN
        RETURN NEW;
    END IF;
    INSERT INTO ruvector.restored VALUES (TG_TABLE_NAME, to_jsonb(NEW));
    RETURN NULL;
END $$;
COMMENT ON FUNCTION ruvector.wait_for_bank IS 'sets a restored row aside whose bank is not there yet; whoever else inserts one has locked the bank';

CREATE FUNCTION ruvector.adopt_restored() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    child name;
    parent text;
BEGIN
    IF NOT EXISTS (SELECT FROM ruvector.restored) THEN
        RETURN;
    END IF;
    FOR child, parent IN VALUES
        ('policy_history', 'ruvector.learned_tables p WHERE p.relid = (r.contents->>''relid'')::oid'),
        ('index_options', 'ruvector.learned_tables p WHERE p.relid = (r.contents->>''relid'')::oid'),
        ('outcomes', 'ruvector.banks p WHERE p.bank_id = (r.contents->>''bank_id'')::int'),
        ('patterns', 'ruvector.banks p WHERE p.bank_id = (r.contents->>''bank_id'')::int')
    LOOP
        EXECUTE format('WITH found AS (DELETE FROM ruvector.restored r WHERE r.relation = %1$L AND EXISTS (SELECT FROM %2$s) RETURNING r.contents)
            INSERT INTO ruvector.%1$I OVERRIDING SYSTEM VALUE
            SELECT n.* FROM found f, jsonb_populate_record(NULL::ruvector.%1$I, f.contents) n', child, parent);
    END LOOP;
    -- longer than a restore takes
    DELETE FROM ruvector.restored r WHERE r.restored_at < now() - interval '7 days';
END $$;
COMMENT ON FUNCTION ruvector.adopt_restored IS 'puts the rows that were set aside where they belong, if it is there by now';

CREATE FUNCTION ruvector.bind_table() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.table_name IS NULL THEN
        NEW.table_name := NEW.relid::regclass::text;
        RETURN NEW;
    END IF;
    NEW.relid := to_regclass(NEW.table_name);
    RETURN CASE WHEN NEW.relid IS NOT NULL THEN NEW END;    -- else the table was left out of the dump
END $$;
COMMENT ON FUNCTION ruvector.bind_table IS 'names a table that learns; finds that of a restored row';

CREATE FUNCTION ruvector.bind_index() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.table_name IS NULL THEN
        NEW.table_name := NEW.relid::regclass::text;
        NEW.index_name := coalesce((SELECT c.relname FROM pg_class c WHERE c.oid = NEW.indexid),
            (SELECT h.index_name FROM ruvector.policy_history h WHERE h.indexid = NEW.indexid LIMIT 1));
        RETURN NEW;
    END IF;
    NEW.relid := to_regclass(NEW.table_name);
    NEW.indexid := 0;
    IF EXISTS (SELECT FROM ruvector.learned_tables l WHERE l.relid = NEW.relid) THEN
        RETURN NEW;
    ELSIF NEW.relid IS NOT NULL THEN
        INSERT INTO ruvector.restored VALUES (TG_TABLE_NAME, to_jsonb(NEW));
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION ruvector.bind_index IS 'names the index of an event or an option; finds the table of a restored one';

CREATE FUNCTION ruvector.bind_bank() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.owner_name IS NOT NULL THEN      -- else to whoever restores
        NEW.owner_id := coalesce(to_regrole(quote_ident(NEW.owner_name)), to_regrole(quote_ident(current_user)));
    END IF;
    NEW.owner_name := (SELECT r.rolname FROM pg_roles r WHERE r.oid = NEW.owner_id);
    RETURN NEW;
END $$;
COMMENT ON FUNCTION ruvector.bind_bank IS 'names the owner of a bank; finds that of a restored one';

CREATE TRIGGER bind BEFORE INSERT ON ruvector.learned_tables FOR EACH ROW EXECUTE FUNCTION ruvector.bind_table();
CREATE TRIGGER bind BEFORE INSERT ON ruvector.policy_history FOR EACH ROW EXECUTE FUNCTION ruvector.bind_index();
CREATE TRIGGER bind BEFORE INSERT ON ruvector.index_options FOR EACH ROW EXECUTE FUNCTION ruvector.bind_index();
CREATE TRIGGER bind BEFORE INSERT ON ruvector.banks FOR EACH ROW EXECUTE FUNCTION ruvector.bind_bank();
CREATE TRIGGER wait BEFORE INSERT ON ruvector.outcomes FOR EACH ROW EXECUTE FUNCTION ruvector.wait_for_bank();
CREATE TRIGGER wait BEFORE INSERT ON ruvector.patterns FOR EACH ROW EXECUTE FUNCTION ruvector.wait_for_bank();
-- also where a replication tool loads the rows
ALTER TABLE ruvector.learned_tables ENABLE ALWAYS TRIGGER bind;
ALTER TABLE ruvector.policy_history ENABLE ALWAYS TRIGGER bind;
ALTER TABLE ruvector.index_options ENABLE ALWAYS TRIGGER bind;
ALTER TABLE ruvector.banks ENABLE ALWAYS TRIGGER bind;
ALTER TABLE ruvector.outcomes ENABLE ALWAYS TRIGGER wait;
ALTER TABLE ruvector.patterns ENABLE ALWAYS TRIGGER wait;

CREATE FUNCTION ruvector.follow_names() RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT ruvector.adopt_restored();
    UPDATE ruvector.learned_tables l SET table_name = l.relid::regclass::text WHERE l.table_name <> l.relid::regclass::text;
    UPDATE ruvector.policy_history h SET table_name = l.table_name FROM ruvector.learned_tables l
    WHERE l.relid = h.relid AND h.table_name <> l.table_name;
    UPDATE ruvector.policy_history h SET index_name = c.relname FROM pg_class c WHERE c.oid = h.indexid AND c.relname <> h.index_name;
    UPDATE ruvector.index_options o SET table_name = l.table_name FROM ruvector.learned_tables l
    WHERE l.relid = o.relid AND o.table_name <> l.table_name;
    -- said anew before the restored one was led to its index
    DELETE FROM ruvector.index_options o USING ruvector.index_options n
    WHERE o.indexid = 0 AND n.indexid <> 0 AND (n.relid, n.index_name) = (o.relid, o.index_name);
    -- REINDEX CONCURRENTLY, and a pair of DROP and CREATE, leave the name and change the rest
    UPDATE ruvector.index_options o SET index_name = c.relname FROM pg_class c WHERE c.oid = o.indexid AND c.relname <> o.index_name;
    UPDATE ruvector.index_options o SET indexid = x.indexid FROM ruvector.learned_indexes x JOIN pg_class c ON c.oid = x.indexid
    WHERE x.relid = o.relid AND c.relname = o.index_name AND x.indexid <> o.indexid
      AND NOT EXISTS (SELECT FROM pg_class g WHERE g.oid = o.indexid)
      AND NOT EXISTS (SELECT FROM ruvector.index_options n WHERE n.indexid = x.indexid);
    UPDATE ruvector.banks b SET owner_name = r.rolname FROM pg_roles r WHERE r.oid = b.owner_id AND r.rolname <> b.owner_name;
    WITH bound AS (
        UPDATE ruvector.policy_history h SET indexid = i.indexrelid
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE h.indexid = 0 AND i.indrelid = h.relid AND c.relname = h.index_name
        RETURNING h.event_number, h.relid, h.indexid, h.k_class, h.value_after)
    INSERT INTO ruvector.policy_history (relid, indexid, k_class, event, value_before, reason)
    SELECT DISTINCT ON (indexid, k_class) relid, indexid, k_class, 'restored', value_after,
           'the table comes from a dump: what was certified was certified of another index'
    FROM bound WHERE k_class <> 0 ORDER BY indexid, k_class, event_number DESC;
$$;
COMMENT ON FUNCTION ruvector.follow_names IS 'the worker''s: keeps names as they are now, and leads restored rows to what they belong to';
REVOKE ALL ON FUNCTION ruvector.bind_table(), ruvector.bind_index(), ruvector.bind_bank(), ruvector.wait_for_bank(),
    ruvector.adopt_restored(), ruvector.follow_names() FROM PUBLIC;

SELECT pg_extension_config_dump('ruvector.learned_tables', 'WHERE relid IN (SELECT oid FROM pg_catalog.pg_class)');
SELECT pg_extension_config_dump('ruvector.policy_history', 'WHERE index_name IS NOT NULL');
SELECT pg_extension_config_dump('ruvector.index_options', 'WHERE relid IN (SELECT oid FROM pg_catalog.pg_class)');
SELECT pg_extension_config_dump('ruvector.policy_history_event_number_seq', '');
SELECT pg_extension_config_dump('ruvector.banks', 'WHERE name IS NOT NULL');
SELECT pg_extension_config_dump('ruvector.banks_bank_id_seq', '');
SELECT pg_extension_config_dump('ruvector.outcomes', '');
SELECT pg_extension_config_dump('ruvector.outcomes_outcome_number_seq', '');
SELECT pg_extension_config_dump('ruvector.patterns', 'WHERE bank_id IN (SELECT bank_id FROM ruvector.banks WHERE name IS NOT NULL)');
