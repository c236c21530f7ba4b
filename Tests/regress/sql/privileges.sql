-- query vectors are private: who may see and do what
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
\set SHOW_CONTEXT never
SET ruvector.batched_search = off;
CREATE ROLE rv_owner;
CREATE ROLE rv_reader;
CREATE ROLE rv_stranger;
GRANT CREATE, USAGE ON SCHEMA public TO rv_owner;
SET ROLE rv_owner;
CREATE TABLE items (id int PRIMARY KEY, tenant text, embedding vector(2));
INSERT INTO items SELECT g, CASE WHEN g % 2 = 0 THEN 'rv_reader' ELSE 'rv_stranger' END, format('[%s,0]', g)::vector FROM generate_series(1, 40) g;
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops);
GRANT SELECT ON items TO rv_reader;
SELECT ruvector_enable_learning('items');
RESET ROLE;
SELECT wait_until($$(SELECT recorded IS NOT NULL FROM ruvector.index_counters('items_embedding'::regclass))$$);

-- patterns, as if they had been distilled: of searches that nobody here made
INSERT INTO ruvector.policies (indexid, k_class, relid, filenode, evidence_from, state)
SELECT indexid, 16, relid, filenode, 1, 'collecting' FROM ruvector.learned_indexes;
INSERT INTO ruvector.banks (relid, indexid, k_class, dims, next_pattern, parameters)
VALUES ('items'::regclass, 'items_embedding'::regclass, 16, 2, 2, '{"ef_search": {"type": "integer", "min": 1, "max": 1000, "scale": "log"}}');
INSERT INTO ruvector.patterns (bank_id, pattern_id, level, centroid, parameters, support, confidence, evidence, imported, created_at, updated_at)
SELECT bank_id, 1, 0, '{1,0}', '{20}', 3, 0.5, '{3,1,0,NaN,1,NaN,10,3,0,3,0,3,20}', true, now(), now() FROM ruvector.banks;
CREATE VIEW asked AS SELECT * FROM unnest(ARRAY[
  $$SELECT count(*) > 0 FROM ruvector_extract_patterns('items')$$, $$SELECT count(*) FROM ruvector_pattern_verdicts('items')$$,
  $$SELECT ruvector_consolidate_patterns('items')$$, $$SELECT ruvector_prune_patterns('items', min_confidence := 0)$$,
  $$SELECT min(value) FROM ruvector_get_search_params('items', '{1,0}', 16)$$, $$SELECT min(parameters->>'ef_search') FROM ruvector_get_optimized_params('items', '{1,0}')$$,
  $$SELECT count(*) FROM ruvector_analyze_trajectories('items') WHERE aspect LIKE 'drift%'$$,
  $$SELECT count(*) FROM ruvector_record_feedback('items', '{1,0}', ARRAY[1], ARRAY[2])$$,
  $$SELECT ruvector_export_patterns('items') IS NULL$$, $$SELECT ruvector_import_patterns('items', '{}')$$,
  $$SELECT count(*) FROM ruvector.banks$$, $$SELECT centroid FROM ruvector.patterns$$, $$SELECT embedding FROM ruvector.outcomes$$,
  $$SELECT * FROM ruvector.feedback$$, $$SELECT * FROM ruvector.verdicts$$,
  $$SELECT * FROM ruvector.suggest(1, '{1,0}')$$, $$SELECT ruvector.distil(1, NULL, true)$$, $$SELECT ruvector.consolidate(1)$$,
  $$SELECT ruvector.get_optimized_params(10, NULL, 'items', '{1,0}')$$, $$SELECT ruvector.export_patterns(10, NULL, 'items')$$,
  $$INSERT INTO ruvector.policy_history (relid, indexid, k_class, event, reason) VALUES ('items'::regclass, 0, 16, 'pinned', 'x')$$,
  $$UPDATE ruvector.policy_history SET reason = 'x'$$, $$DELETE FROM ruvector.policy_history$$, $$TRUNCATE ruvector.policy_history$$]) AS asked(statement);
GRANT SELECT ON asked TO rv_owner, rv_reader, rv_stranger;
CREATE FUNCTION answer(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
  EXECUTE statement INTO result;
  RETURN result;
EXCEPTION WHEN others THEN
  RETURN SQLSTATE || ': ' || SQLERRM;
END $$;
\pset format unaligned
\pset tuples_only on
SET ROLE rv_owner;
SELECT statement || ' -> ' || answer(statement) FROM asked;
SET ROLE rv_reader;
SELECT statement || ' -> ' || answer(statement) FROM asked;
SET ROLE rv_stranger;
SELECT statement || ' -> ' || answer(statement) FROM asked;
RESET ROLE;
\pset format aligned
\pset tuples_only off

-- the owner does all but read other people's queries
SET ROLE rv_owner;
SELECT index_name, state FROM ruvector_learning_stats('items');
SELECT count(*) FROM ruvector.trajectories;
SELECT count(*) FROM ruvector.labels;
SELECT * FROM ruvector.index_counters('items_embedding'::regclass);
-- a reader sees statistics and may record
SET ROLE rv_reader;
SELECT index_name FROM ruvector_learning_stats('items');
SELECT ruvector_record_trajectory('items', '{1,2}', '{1}') IS NOT NULL AS recorded;
SELECT ruvector_enable_learning('items');
SELECT ruvector_clear_learning('items');
SELECT * FROM ruvector.policies;
-- a stranger gets nothing
SET ROLE rv_stranger;
SELECT * FROM ruvector_learning_stats('items');
SELECT ruvector_record_trajectory('items', '{1,2}', '{1}');
RESET ROLE;

-- row security: the scan returns what the policy lets through, and the trajectory is the role's
ALTER TABLE items ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenants ON items USING (tenant = current_user);
SET enable_seqscan = off;
SET ROLE rv_reader;
EXPLAIN (COSTS off) SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 2;
SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 2;
SELECT ruvector_last_query_id() AS query \gset
RESET ROLE;
SELECT wait_until(format($$(SELECT count(*) = 1 FROM ruvector.trajectories WHERE query_id = %L)$$, :'query'));
SELECT role_id::regrole, filtered, label_state, label_note FROM ruvector.trajectories WHERE query_id = :'query';
-- its verdict is for who searched: not for the owner of the table
SET ROLE rv_reader;
SELECT diversity_signal IS NOT NULL AS judged FROM ruvector_get_verdict(:'query');
SELECT count(*) FROM ruvector_record_feedback(:'query', ARRAY[7], ARRAY[8]);
\set VERBOSITY sqlstate
SET ROLE rv_owner;
SELECT * FROM ruvector_get_verdict(:'query');
SELECT * FROM ruvector_record_feedback(:'query', ARRAY[7], ARRAY[8]);
SELECT * FROM ruvector_record_feedback('items', '{7.2,0}', ARRAY[7], ARRAY[8]);
SET ROLE rv_stranger;
SELECT * FROM ruvector_get_verdict(:'query');
\set VERBOSITY default

-- functions work for an owner whose search_path is hostile
SET ROLE rv_owner;
SET ROLE rv_owner;
CREATE FUNCTION public.count(text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked'; END $$;
CREATE TABLE public.pg_class_fake (oid oid);
SET search_path = public, pg_catalog;
SELECT ruvector_enable_learning('items', min_samples := 50);
SELECT index_name FROM ruvector_learning_stats('items');
SELECT answer(statement) FROM asked LIMIT 7;
RESET search_path;
DROP FUNCTION public.count(text);
DROP TABLE pg_class_fake;

-- what the owner may do is added to the history, and nothing is taken from it or changed
SET ROLE rv_owner;
SELECT ruvector_pin('items_embedding', 50);
RESET ROLE;
CREATE TEMP TABLE told AS SELECT * FROM ruvector.policy_history;
SET ROLE rv_owner;
SELECT ruvector_pin('items_embedding', NULL);
SELECT ruvector_revert('items_embedding'), ruvector_revert('items_embedding', false);
SELECT ruvector_disable_learning('items');
SELECT ruvector_enable_learning('items', target_recall := 0.9, anonymize := true);
SELECT ruvector_enable_learning('items');
SELECT ruvector_clear_learning('items');
RESET ROLE;
SELECT count(*) AS told, (SELECT count(*) FROM (SELECT * FROM told EXCEPT SELECT * FROM ruvector.policy_history) lost) AS lost FROM told;
SELECT DISTINCT event, regexp_replace(reason, 'by .*', 'by ...') AS reason FROM ruvector.policy_history WHERE event_number > (SELECT max(event_number) FROM told) ORDER BY 1, 2;

SET ROLE rv_owner;
DROP TABLE items;
RESET ROLE;
SELECT count(*) AS left_behind FROM ruvector.learned_tables;
SELECT count(*) AS left_behind FROM ruvector.banks;
DROP VIEW asked;
DROP FUNCTION answer;

REVOKE ALL ON SCHEMA public FROM rv_owner;
DROP OWNED BY rv_owner, rv_reader, rv_stranger;
DROP ROLE rv_owner, rv_reader, rv_stranger;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
