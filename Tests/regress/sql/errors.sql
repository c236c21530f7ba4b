-- every mistake gets a message with an SQLSTATE and a hint
SET client_min_messages = warning;
CREATE EXTENSION ruvector;
CREATE FUNCTION complaint(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
  EXECUTE statement;
  RETURN 'no complaint';
EXCEPTION WHEN others THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(E'\n', SQLSTATE || ': ' || SQLERRM, 'DETAIL: ' || nullif(detail, ''), 'HINT: ' || nullif(hint, ''));
END $$;
\pset tuples_only on
\pset format unaligned
CREATE TABLE items (id int PRIMARY KEY, embedding real[]);
SELECT complaint($$SELECT ruvector_enable_learning('items')$$);        -- no pgvector
CREATE EXTENSION vector;
SELECT complaint($$SELECT ruvector_enable_learning('items')$$);        -- no vector column
ALTER TABLE items ALTER COLUMN embedding TYPE vector(2) USING embedding::vector(2);
SELECT complaint($$SELECT ruvector_enable_learning('items')$$);        -- no index
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops);

SELECT complaint($$SELECT ruvector_enable_learning('nowhere')$$);
SELECT complaint($$SELECT ruvector_enable_learning(NULL)$$);
SELECT complaint($$SELECT ruvector_enable_learning('items_embedding')$$);
CREATE VIEW items_view AS SELECT * FROM items;
SELECT complaint($$SELECT ruvector_enable_learning('items_view')$$);
CREATE SEQUENCE items_sequence;
SELECT complaint($$SELECT ruvector_enable_learning('items_sequence')$$);
CREATE TABLE parts (id int, embedding vector(2)) PARTITION BY HASH (id);
SELECT complaint($$SELECT ruvector_enable_learning('parts')$$);
CREATE TEMPORARY TABLE passing (id int, embedding vector(2));
CREATE INDEX ON passing USING hnsw (embedding vector_l2_ops);
SELECT complaint($$SELECT ruvector_enable_learning('passing')$$);

SELECT complaint($$SELECT ruvector_enable_learning('items', trajectory_window := 0)$$);
SELECT complaint($$SELECT ruvector_enable_learning('items', trajectory_window := -5)$$);
SELECT complaint($$SELECT ruvector_enable_learning('items', learning_rate := 0)$$);
SELECT complaint($$SELECT ruvector_enable_learning('items', learning_rate := -0.01)$$);
SELECT complaint($$SELECT ruvector_enable_learning('items', learning_rate := 1.5)$$);
SELECT complaint($$SELECT ruvector_enable_learning('items', learning_rate := 'NaN')$$);
SELECT complaint($$SELECT ruvector_enable_learning('items', min_samples := -1)$$);
SELECT complaint($$SELECT ruvector_enable_learning('items', mode := 'fast')$$);
SELECT complaint($$SELECT ruvector_enable_learning('items', target_recall := 1)$$);
SELECT complaint($$SELECT ruvector_enable_learning('items', target_recall := 0.009)$$);
SELECT complaint($$SELECT ruvector_enable_learning('items', target_recall := 'NaN')$$);
SELECT complaint($$SELECT ruvector_enable_learning('items', target_recall := -0.5)$$);
SELECT complaint($$SET ruvector.target_recall = 1.2$$);
SELECT complaint($$SET ruvector.ef_search = -1$$);
SELECT complaint($$SET ruvector.nonsense = 1$$);

-- not learned yet
SELECT complaint($$SELECT * FROM ruvector_learning_stats('items')$$);
SELECT complaint($$SELECT ruvector_disable_learning('items')$$);
SELECT complaint($$SELECT ruvector_clear_learning('items')$$);
SELECT complaint($$SELECT ruvector_record_trajectory('items', '{1,2}', '{1}')$$);

SELECT complaint($$SELECT ruvector_enable_learning('items')$$);
SELECT complaint($$SELECT ruvector_record_trajectory('items', '{1,2,3}', '{1}')$$);
SELECT complaint($$SELECT ruvector_record_trajectory('items', '{}', '{1}')$$);
SELECT complaint($$SELECT ruvector_record_trajectory('items', NULL, '{1}')$$);
SELECT complaint($$SELECT ruvector_record_trajectory('items', '{1,NULL}', '{1}')$$);
SELECT complaint($$SELECT ruvector_record_trajectory('items', '{1,NaN}', '{1}')$$);
SELECT complaint($$SELECT ruvector_record_trajectory('items', '{Infinity,1}', '{1}')$$);
SELECT complaint($$SELECT ruvector_record_trajectory('items', '{{1,2},{3,4}}', '{1}')$$);
SELECT complaint($$SELECT ruvector_record_trajectory('items', '{1,2}', '{1}', latency_us := -1)$$);
SELECT complaint($$SELECT ruvector_record_trajectory('items', '{1,2}', '{1}', ef_search := -1)$$);
SELECT complaint($$SELECT ruvector_record_trajectory('items', '{1,2}', '{1}', k := 0)$$);
SELECT complaint($$SELECT ruvector_record_trajectory('items', array_fill(1::real, '{16001}'), '{1}')$$);
SELECT complaint($$SELECT ruvector_record_trajectory('items', '{1,2}', array_fill(1::bigint, '{10001}'))$$);
SELECT complaint($$SELECT ruvector_record_trajectory('items', '{1,2}', '{1}', distances := '{0.5,0.6}')$$);

-- verdicts and patterns (of banks that are no table: banks.sql)
SELECT complaint($$SELECT ruvector_extract_patterns(NULL)$$);
SELECT complaint($$SELECT ruvector_extract_patterns('items', num_clusters := 0)$$);
SELECT complaint($$SELECT ruvector_extract_patterns('parts')$$);
SELECT complaint($$SELECT ruvector_pattern_verdicts(NULL)$$);
SELECT complaint($$SELECT ruvector_consolidate_patterns('parts')$$);
SELECT complaint($$SELECT ruvector_prune_patterns('items', min_usage := -1)$$);
SELECT complaint($$SELECT ruvector_get_search_params(NULL, '{1,2}')$$);
SELECT complaint($$SELECT ruvector_get_search_params('nowhere', '{1,2}')$$);
SELECT complaint($$SELECT ruvector_get_search_params('parts', '{1,2}')$$);
SELECT complaint($$SELECT ruvector_get_search_params('items', NULL)$$);
SELECT complaint($$SELECT ruvector_get_search_params('items', '{1,NULL}')$$);
SELECT complaint($$SELECT ruvector_get_search_params('items', '{{1,2}}')$$);
SELECT complaint($$SELECT ruvector_get_search_params('items', '{1,2,3}')$$);
SELECT complaint($$SELECT ruvector_analyze_trajectories(NULL)$$);
SELECT complaint($$SELECT ruvector_analyze_trajectories('items', NULL)$$);
SELECT complaint($$SELECT ruvector_analyze_trajectories('items', 0)$$);
SELECT complaint($$SELECT ruvector_get_verdict(NULL)$$);
SELECT complaint($$SELECT ruvector_get_verdict('00000000-0000-4000-8000-000000000000')$$);
SELECT complaint($$SELECT ruvector_record_feedback(NULL::uuid, ARRAY[1])$$);
SELECT complaint($$SELECT ruvector_record_feedback(NULL::regclass, '{1,2}', ARRAY[1], NULL)$$);
SELECT complaint($$SELECT ruvector_record_feedback('items', NULL::real[], ARRAY[1], NULL)$$);
SELECT complaint($$SELECT ruvector_export_patterns(NULL)$$);
SELECT complaint($$SELECT ruvector_import_patterns('items', NULL)$$);
SELECT complaint($$SELECT ruvector_import_patterns('items', '{"format": "ruvector patterns", "version": 1, "banks": [{"dims": 2, "patterns": []}]}')$$);
SELECT complaint($$SET ruvector.pattern_consolidation_interval = '1h'$$);

-- somebody else
CREATE ROLE rv_other;
GRANT USAGE ON SCHEMA public TO rv_other;
SET ROLE rv_other;
SELECT complaint($$SELECT ruvector_enable_learning('items')$$);
SELECT complaint($$SELECT ruvector_disable_learning('items')$$);
SELECT complaint($$SELECT ruvector_clear_learning('items')$$);
SELECT complaint($$SELECT * FROM ruvector_learning_stats('items')$$);
SELECT complaint($$SELECT ruvector_record_trajectory('items', '{1,2}', '{1}')$$);
SELECT complaint($$SET ruvector.sample_rate = 0.5$$);
RESET ROLE;
REVOKE USAGE ON SCHEMA public FROM rv_other;
DROP ROLE rv_other;

DROP VIEW items_view;
DROP SEQUENCE items_sequence;
DROP TABLE items, parts, passing;
DROP FUNCTION complaint;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
