-- hostile input, and who may do what: every function, view and table of the extension, found in the catalogue
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
\set SHOW_CONTEXT never
SET ruvector.batched_search = off;
SET jit = off;
\getenv abs_srcdir PG_ABS_SRCDIR
\set calls :abs_srcdir '/../tap/calls.sql'
\i :calls
CREATE ROLE rv_owner;
CREATE ROLE rv_reader;
CREATE ROLE rv_stranger;
CREATE ROLE rv_other;
GRANT CREATE, USAGE ON SCHEMA public TO rv_owner, rv_other;

SET ROLE rv_other;
CREATE TABLE private_items (id int PRIMARY KEY, embedding vector(2));
CREATE INDEX private_items_embedding ON private_items USING hnsw (embedding vector_l2_ops);
SELECT ruvector_enable_learning('private_items');
SELECT ruvector_create_bank('bank_of_other', 2, '{"ef": {"type": "integer", "min": 1, "max": 100}}');
SET ROLE rv_owner;
CREATE TABLE items (id int PRIMARY KEY, tenant text, embedding vector(2));
INSERT INTO items SELECT g, CASE WHEN g % 2 = 0 THEN 'rv_reader' ELSE 'rv_stranger' END, format('[%s,0]', g)::vector FROM generate_series(1, 40) g;
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops);
CREATE VIEW items_view AS SELECT * FROM items;
CREATE SEQUENCE items_sequence;
CREATE TYPE items_type AS (id int);
CREATE TABLE items_parts (id int, embedding vector(2)) PARTITION BY HASH (id);
GRANT SELECT ON items TO rv_reader;
SELECT ruvector_enable_learning('items');
SELECT ruvector_create_bank('bank_of_owner', 2, '{"ef": {"type": "integer", "min": 1, "max": 100}}');
SELECT ruvector_record_outcome('bank_of_owner', '{1,2}', '{"ef": 10}', recall := 0.9) IS NOT NULL AS recorded;
SET ROLE rv_reader;
SELECT ruvector_record_trajectory('items', '{1,2}', '{1}') AS query_id \gset
RESET ROLE;
INSERT INTO calls.searched VALUES (:'query_id');
-- until own rows are measured as well, which ruvector_auto_tune waits for
SELECT count(*) > 0 AS tuned FROM ruvector_auto_tune('items', sample_queries := 41);
-- patterns, as if they had been distilled
INSERT INTO ruvector.banks (relid, indexid, k_class, dims, next_pattern, parameters)
SELECT relid, indexid, k_class, 2, 2, '{"ef_search": {"type": "integer", "min": 1, "max": 1000, "scale": "log"}}' FROM ruvector.policies
WHERE indexid = 'items_embedding'::regclass AND k_class > 0 ON CONFLICT DO NOTHING;
INSERT INTO ruvector.patterns (bank_id, pattern_id, level, centroid, parameters, support, confidence, evidence, created_at, updated_at)
SELECT bank_id, 1, 0, '{1,0}', '{20}', 3, 0.5, '{3,1,0,NaN,1,NaN,10,3,0,3,0,3,20}', now(), now() FROM ruvector.banks WHERE name IS DISTINCT FROM 'bank_of_other'
ON CONFLICT DO NOTHING;
CREATE TABLE calls.before AS SELECT pg_backend_pid() AS backend, pg_postmaster_start_time() AS started, ruvector.worker_pid() AS worker,
  (SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer') AS checkpointer;

-- every argument of every function is of a type for which there are hostile values, and a sane one where it is needed
SELECT signature, argument, type FROM calls.functions f
WHERE position IS NOT NULL AND ((SELECT count(*) FROM calls.hostile h WHERE h.type = f.type) < 3 OR (needed AND sane IS NULL));

-- who may what
CREATE TABLE calls.matrix (round text, signature text, role name DEFAULT current_user, answer text);
GRANT INSERT, SELECT ON calls.matrix TO PUBLIC;
CREATE FUNCTION calls.fill(round text) RETURNS void LANGUAGE sql AS
$$ INSERT INTO calls.matrix (round, signature, answer) SELECT round, signature, (calls.answer(call)).state FROM calls.sane_calls $$;
CREATE FUNCTION calls.round(round text) RETURNS TABLE (signature text, superuser text, owner text, reader text, stranger text) LANGUAGE sql STABLE AS $$
  SELECT signature, max(answer) FILTER (WHERE role !~ '^rv_'), max(answer) FILTER (WHERE role = 'rv_owner'),
         max(answer) FILTER (WHERE role = 'rv_reader'), max(answer) FILTER (WHERE role = 'rv_stranger')
  FROM calls.matrix m WHERE m.round = $1 GROUP BY 1
$$;
SELECT calls.fill('plain');
SET ROLE rv_owner; SELECT calls.fill('plain');
SET ROLE rv_reader; SELECT calls.fill('plain');
SET ROLE rv_stranger; SELECT calls.fill('plain');
RESET ROLE;
SELECT * FROM calls.round('plain') ORDER BY signature COLLATE "C";

-- row security changes nothing of that
ALTER TABLE items ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenants ON items USING (tenant = current_user);
SELECT calls.fill('policy');
SET ROLE rv_owner; SELECT calls.fill('policy');
SET ROLE rv_reader; SELECT calls.fill('policy');
SET ROLE rv_stranger; SELECT calls.fill('policy');
RESET ROLE;
(SELECT * FROM calls.round('plain') EXCEPT SELECT * FROM calls.round('policy')) UNION ALL (SELECT * FROM calls.round('policy') EXCEPT SELECT * FROM calls.round('plain'));
-- what is counted and compared for somebody who sees a part of the table is counted and compared within it
SET ROLE rv_reader;
SELECT query_id AS partial_id FROM (SELECT ruvector_record_trajectory('items', '{1,0}', '{2}', k := 1, distances := '{1}') AS query_id) r \gset
RESET ROLE;
SELECT wait_until(format($$(SELECT label_state <> 'pending' FROM ruvector.trajectories WHERE query_id = %L)$$, :'partial_id'));
SELECT filtered, label_state, label_note FROM ruvector.trajectories WHERE query_id = :'partial_id';
SET ROLE rv_reader;
SELECT recall_signal FROM ruvector_get_verdict(:'partial_id');
SELECT exact_precision FROM ruvector_record_feedback(:'partial_id', ARRAY[1]);
RESET ROLE;
ALTER TABLE items DISABLE ROW LEVEL SECURITY;

-- what is behind them is for nobody else: what there is for the others of schema ruvector
SELECT DISTINCT c.relname, role, privilege
FROM pg_depend d JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid,
  unnest('{rv_owner,rv_reader,rv_stranger}'::name[]) role, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) privilege
WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ruvector') AND d.deptype = 'e'
  AND CASE c.relkind WHEN 'S' THEN has_sequence_privilege(role, c.oid, 'USAGE, SELECT, UPDATE') ELSE has_table_privilege(role, c.oid, privilege)
    OR (privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(role, c.oid, privilege)) END
ORDER BY 1, 2, 3;
SELECT p.oid::regprocedure, role
FROM pg_depend d JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid, unnest('{rv_owner,rv_reader,rv_stranger}'::name[]) role
WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ruvector') AND d.deptype = 'e'
  AND p.pronamespace = 'ruvector'::regnamespace AND has_function_privilege(role, p.oid, 'EXECUTE') ORDER BY 1::text, 2;
SELECT count(*) FILTER (WHERE has_schema_privilege(role, 'ruvector', 'CREATE')) AS may_create FROM unnest('{rv_owner,rv_reader,rv_stranger}'::name[]) role;
-- and tried
CREATE VIEW calls.behind AS
SELECT c.oid::regclass::text AS object, format('(TABLE %s)', c.oid::regclass) AS call
FROM pg_depend d JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ruvector') AND d.deptype = 'e'
  AND c.relkind IN ('r', 'v', 'm', 'S')
UNION ALL
SELECT p.oid::regprocedure::text, format('%s(%s)', p.oid::regproc, -- a constant NULL would be all that is left of a strict function
  (SELECT string_agg(format('(SELECT NULL::%s)', t::regtype), ', ') FROM unnest(p.proargtypes::oid[]) t))
FROM pg_proc p WHERE p.pronamespace = 'ruvector'::regnamespace AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype);
GRANT SELECT ON calls.behind TO PUBLIC;
CREATE TABLE calls.tried (role name DEFAULT current_user, row_security bool, object text, state text);
GRANT INSERT, SELECT ON calls.tried TO PUBLIC;
CREATE FUNCTION calls.try(row_security bool) RETURNS void LANGUAGE sql AS
$$ INSERT INTO calls.tried (row_security, object, state) SELECT row_security, object, state FROM calls.behind, calls.answer(call) $$;
SET ROLE rv_owner; SELECT calls.try(false);
SET ROLE rv_reader; SELECT calls.try(false);
SET ROLE rv_stranger; SELECT calls.try(false);
RESET ROLE;
ALTER TABLE items ENABLE ROW LEVEL SECURITY;
SET ROLE rv_owner; SELECT calls.try(true);
SET ROLE rv_reader; SELECT calls.try(true);
SET ROLE rv_stranger; SELECT calls.try(true);
RESET ROLE;
ALTER TABLE items DISABLE ROW LEVEL SECURITY;
SELECT count(*) > 6 * 50 AS many, count(DISTINCT (role, row_security)) FROM calls.tried;
SELECT object, state, string_agg(DISTINCT role, ', ' ORDER BY role) AS roles, count(*) FROM calls.tried WHERE state <> '42501' GROUP BY 1, 2 ORDER BY 1, 2;

-- hostile values
CREATE TABLE calls.offences (role name DEFAULT current_user, signature text, call text, offence text, state text, message text);
CREATE TABLE calls.counts (role name DEFAULT current_user, calls bigint, allowed bigint);
GRANT INSERT ON calls.offences, calls.counts TO PUBLIC;
CREATE FUNCTION calls.attack() RETURNS void LANGUAGE sql AS $$
  WITH answers AS MATERIALIZED (SELECT * FROM calls.hostile_calls, calls.answer(call)),
  counted AS (INSERT INTO calls.counts (calls, allowed) SELECT count(*), count(*) FILTER (WHERE state = 'allowed') FROM answers)
  INSERT INTO calls.offences (signature, call, offence, state, message)
  SELECT signature, left(call, 300), calls.offence(state, message, detail, hint), state, left(message, 300)
  FROM answers WHERE calls.offence(state, message, detail, hint) IS NOT NULL
$$;
SELECT calls.attack();
SET ROLE rv_owner; SELECT calls.attack();
SET ROLE rv_reader; SELECT calls.attack();
SET ROLE rv_stranger; SELECT calls.attack();
RESET ROLE;
SELECT role = current_user AS superuser, calls > 500 AS many, allowed > 0 AS some_allowed, allowed < calls / 2 AS most_refused FROM calls.counts ORDER BY role;
SELECT role, call, offence, state, message FROM calls.offences ORDER BY signature, call, role;

-- arguments of 200 MB: refused before anything looks at every element
CREATE FUNCTION calls.large(type regtype) RETURNS TABLE (signature text, argument text, state text, offence text) LANGUAGE plpgsql AS $$
DECLARE
  f record;
  statement text;
  numbers real[] := CASE type WHEN 'real[]'::regtype THEN array_fill(0.5::real, '{50000000}') END;
  doubles float8[] := CASE type WHEN 'float8[]'::regtype THEN array_fill(0.5::float8, '{25000000}') END;
  ids bigint[] := CASE type WHEN 'bigint[]'::regtype THEN array_fill(1::bigint, '{25000000}') END;
  words text[] := CASE type WHEN 'text[]'::regtype THEN array_fill('x'::text, '{25000000}') END;
  word text := CASE type WHEN 'text'::regtype THEN repeat('x', 200000000) END;
  document jsonb := CASE type WHEN 'jsonb'::regtype THEN to_jsonb(array_fill(repeat('x', 1000000), '{200}')) END;
  message text;
  hint text;
BEGIN
  FOR f IN SELECT c.* FROM calls.functions c WHERE c.type = $1 LOOP
    statement := calls.call(f.oid, jsonb_build_object(f.position, format('$%s', array_position(
      '{real[],float8[],bigint[],text[],text,jsonb}'::regtype[], type))));
    BEGIN
      EXECUTE format('SELECT count(*) FROM %s', statement) USING numbers, doubles, ids, words, word, document;
      RAISE EXCEPTION SQLSTATE 'RVOK0';
    EXCEPTION
      WHEN SQLSTATE 'RVOK0' THEN state := 'allowed'; offence := NULL;
      WHEN others THEN
        GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
        state := SQLSTATE;
        offence := calls.offence(state, message, NULL, hint);
    END;
    signature := f.signature;
    argument := f.argument;
    RETURN NEXT;
  END LOOP;
END $$;
SELECT l.signature, l.argument, l.state, l.offence
FROM unnest('{real[],float8[],bigint[],text[],text,jsonb}'::regtype[]) type, calls.large(type) l ORDER BY l.signature COLLATE "C", l.argument;

-- the server is as it was
SELECT pg_backend_pid() = backend AS session, pg_postmaster_start_time() = started AS server, ruvector.worker_pid() = worker AS worker,
  (SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer') = checkpointer AS no_crash FROM calls.before;

DROP SCHEMA calls CASCADE;
SELECT ruvector_drop_bank(name) FROM unnest('{bank_of_owner,bank_of_other}'::text[]) name;
REVOKE ALL ON SCHEMA public FROM rv_owner, rv_other;
DROP OWNED BY rv_owner, rv_reader, rv_stranger, rv_other;
DROP ROLE rv_owner, rv_reader, rv_stranger, rv_other;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
