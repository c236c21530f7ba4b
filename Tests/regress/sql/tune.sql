-- ruvector_auto_tune: labels when they are asked for, a verdict for what is asked.
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
ALTER SYSTEM SET ruvector.label_budget = 0;     -- nothing is measured unless somebody asks
SELECT pg_reload_conf();
CREATE FUNCTION noise(seed int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(hashint8extended(seed, d) / 9.3e18)::vector FROM generate_series(1, dims) d $$;
CREATE TABLE items (id int PRIMARY KEY, embedding vector(24) NOT NULL);
INSERT INTO items SELECT g, noise(g, 24) FROM generate_series(1, 3000) g;
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops) WITH (m = 5, ef_construction = 16);
ANALYZE items;
CREATE FUNCTION search(first int, last int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN first..last LOOP
    EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY embedding <-> %L LIMIT 10) s', noise(-i, 24));
  END LOOP;
END $$;
CREATE FUNCTION complaint(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; hint text; state text;
BEGIN
  EXECUTE statement;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT, state = RETURNED_SQLSTATE;
  RETURN format('%s: %s. %s', state, message, hint);
END $$;

-- what is not asked rightly
\pset format unaligned
\pset tuples_only on
SELECT complaint($$SELECT ruvector_auto_tune('items')$$);
SELECT complaint($$SELECT ruvector_auto_tune('pg_class')$$);
SELECT complaint($$SELECT ruvector_auto_tune(NULL)$$);
SELECT complaint($$SELECT ruvector_auto_tune(4000000000::oid::regclass)$$);
-- the worker cannot see it yet
SELECT complaint($$DO 'BEGIN PERFORM ruvector_enable_learning(''items''); PERFORM ruvector_auto_tune(''items_embedding''); END'$$);
SELECT ruvector_enable_learning('items', min_samples := 50, target_recall := 0.85);
SELECT complaint($$SELECT ruvector_auto_tune('items', 'best')$$);
SELECT complaint($$SELECT ruvector_auto_tune('items', NULL)$$);
SELECT complaint($$SELECT ruvector_auto_tune('items', sample_queries := 0)$$);
SELECT complaint($$SELECT ruvector_auto_tune('items', sample_queries := NULL)$$);
SELECT complaint($$SELECT ruvector_auto_tune('items', k := 0)$$);
SELECT complaint($$SELECT ruvector_auto_tune('items', k := 1001)$$);
SELECT complaint($$SELECT ruvector_auto_tune('items', 'latency', max_latency := '1ms')$$);
SELECT complaint($$SELECT ruvector_auto_tune('items', 'recall', max_latency := '-1ms')$$);
SELECT complaint($$SELECT ruvector_auto_tune('items', dry_run := NULL)$$);
SELECT complaint($$SELECT ruvector_auto_tune('items_pkey')$$);
-- neither would ever go on
SELECT complaint($$DO 'BEGIN LOCK TABLE items; PERFORM ruvector_auto_tune(''items''); END'$$);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT complaint($$SELECT ruvector_auto_tune('items')$$);
ROLLBACK;
CREATE ROLE rv_stranger;
GRANT SELECT ON items TO rv_stranger;
SET ROLE rv_stranger;
SELECT complaint($$SELECT ruvector_auto_tune('items')$$);
SELECT count(*) FROM ruvector.progress;
RESET ROLE;
REVOKE SELECT ON items FROM rv_stranger;
DROP ROLE rv_stranger;
\pset format aligned
\pset tuples_only off

-- nobody has searched yet: rows of the table are searched for, and are not counted themselves
CREATE TEMP TABLE dry AS SELECT * FROM ruvector_auto_tune('items', sample_queries := 120, dry_run := true);
SELECT count(*) FILTER (WHERE chosen) AS chosen, count(*) > 10 AS candidates, count(DISTINCT candidate) = count(*) AS once,
       min(queries) AS queries, max(own_rows) AS own_rows FROM dry;
SELECT candidate, reason ~ 'today''s setting' AS today, cost_ratio FROM dry WHERE cost_ratio = 1;
SELECT reason FROM dry WHERE chosen;
SELECT bool_and(own_row AND stages IS NULL AND exact_ids IS NULL AND exact_distances[1] > 0 AND cardinality(exact_distances) = 10) AS others_only,
       avg(recall[cardinality(recall)]) > 0.9 AS found, count(*), count(DISTINCT exact_distances) AS different FROM ruvector.labels;
SELECT state, value, own_rows FROM ruvector.policies;       -- it was dry
SELECT count(*) FROM ruvector.policy_history;
SELECT labels, trajectories FROM ruvector_learning_stats('items');
-- the labels are kept: nothing more is measured now
CREATE TEMP TABLE wet AS SELECT * FROM ruvector_auto_tune('items_embedding', sample_queries := 120);
SELECT count(*) FROM ruvector.labels;
SELECT bool_and(w.chosen = d.chosen AND w.recall = d.recall AND w.recall_bound IS NOT DISTINCT FROM d.recall_bound) AS as_it_said, count(*) > 10 AS whole
FROM wet w JOIN dry d USING (candidate);
SELECT state, format('ef_search %s', value) = (SELECT candidate FROM wet WHERE chosen) AS as_chosen, own_rows FROM ruvector.policies;
SELECT event, target, reason FROM ruvector.policy_history ORDER BY event_number;
SELECT wait_until($$(SELECT count(*) = 1 FROM explained('SELECT id FROM items ORDER BY embedding <-> noise(-1, 24) LIMIT 10') l WHERE l ~ 'learned')$$);
SELECT labels, trajectories, state LIKE 'applying%' AS applied FROM ruvector_learning_stats('items');
-- of each candidate the numbers belong together
SELECT bool_and(recall_bound <= recall AND buffers <= buffers_p95) AS ordered,
       bool_and(latency_p50 <= latency_p95 AND latency_p95 <= latency_p99) AS percentiles,
       count(*) FILTER (WHERE recall_bound >= 0.85) > 2 AS some_reach
FROM wet;
SELECT bool_and(recall_bound < 0.85) AS rightly FROM wet WHERE reason LIKE 'not certified%';
SELECT min(buffers) = (SELECT buffers FROM wet WHERE chosen) AS cheapest FROM wet WHERE recall_bound >= 0.85;

-- queries count before rows, and once there are enough of them alone
SELECT search(1, 200);
SELECT wait_until('(SELECT count(*) = 200 FROM ruvector.trajectories WHERE source <> ''own row'')');
CREATE TEMP TABLE recalled AS SELECT * FROM ruvector_auto_tune('items', 'accuracy', sample_queries := 300);
SELECT min(queries) AS queries, max(own_rows) AS own_rows FROM recalled;
SELECT own_rows, state FROM ruvector.policies;
SELECT count(*), bool_or(own_row) AS own_rows FROM ruvector.evidence;
-- the budget is what the declared target needs, or today's 95th percentile
SELECT count(*) AS chosen, bool_and(r.buffers_p95 <= greatest(t.buffers_p95, d.buffers_p95)) AS within,
       bool_and(r.recall_bound >= l.target_recall) AS certified, bool_and(l.target_recall >= 0.85) AS declared
FROM recalled r, recalled t, ruvector.learned_tables l,
  LATERAL (SELECT min(buffers_p95) AS buffers_p95 FROM recalled WHERE recall_bound >= 0.85) d
WHERE r.chosen AND t.cost_ratio = 1;
-- more time, more recall
SELECT target_recall AS target_before FROM ruvector.learned_tables \gset
SELECT count(*) FILTER (WHERE chosen) AS chosen, bool_or(chosen AND latency_p95 <= 10000000) AS within FROM ruvector_auto_tune('items', 'recall', sample_queries := 300, max_latency := '10s');
SELECT target_recall > :target_before AS more FROM ruvector.learned_tables;
-- none at all, and nothing is changed
SELECT target_recall AS target_before FROM ruvector.learned_tables \gset
SELECT count(*) FILTER (WHERE chosen) AS chosen, count(*) > 10 AS candidates FROM ruvector_auto_tune('items', 'recall', sample_queries := 300, max_latency := '1us');
SELECT target_recall = :target_before AS kept FROM ruvector.learned_tables;
-- what pgvector alone finds, at less cost, or nothing
SELECT bool_and(NOT chosen OR cost_ratio < 1 AND recall_bound >= (SELECT recall_at_setting - 0.0001 FROM ruvector_learning_stats('items'))) AS never_worse
FROM ruvector_auto_tune('items', 'speed', sample_queries := 300);

-- the greatest k that can be measured
SELECT max(own_rows) AS own_rows, max(recall) > 0.9 AS found FROM ruvector_auto_tune('items', sample_queries := 20, k := 1000, dry_run := true);
SELECT DISTINCT cardinality(exact_distances) AS known, parameters[cardinality(parameters)] AS largest FROM ruvector.labels WHERE k = 1000;

-- of several indexes one is to be named; a table that is switched off is not tuned
CREATE INDEX lists_embedding ON items USING ivfflat (embedding vector_l2_ops) WITH (lists = 20);
SELECT complaint($$SELECT ruvector_auto_tune('items')$$);
SELECT count(*) FILTER (WHERE chosen) AS chosen, min(candidate) AS least, min(queries) AS queries, min(own_rows) AS own_rows
FROM ruvector_auto_tune('lists_embedding', sample_queries := 60);
SELECT ruvector_disable_learning('items');
SELECT complaint($$SELECT ruvector_auto_tune('items_embedding')$$);

-- an empty table, and one with fewer rows than are wanted
CREATE TABLE few (embedding vector(24));
CREATE INDEX few_embedding ON few USING hnsw (embedding vector_cosine_ops);
SELECT ruvector_enable_learning('few', min_samples := 5);
SELECT complaint($$SELECT ruvector_auto_tune('few')$$);
INSERT INTO few SELECT noise(g, 24) FROM generate_series(1, 8) g;
INSERT INTO few SELECT noise(1, 24) FROM generate_series(1, 3);
INSERT INTO few VALUES (array_fill(0, '{24}')::vector), (NULL);
SELECT min(own_rows) AS own_rows, max(recall) AS recall FROM ruvector_auto_tune('few', k := 3);
SELECT min(own_rows) AS own_rows FROM ruvector_auto_tune('few', k := 3);    -- each only once

-- rows that cannot be read hold nobody up
CREATE TABLE trap (shut bool);
CREATE FUNCTION fussy(v vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF EXISTS (SELECT FROM public.trap) THEN RAISE 'not now'; END IF;
  RETURN v;
END $$;
CREATE TABLE odd (embedding vector(24));
INSERT INTO odd SELECT noise(g, 24) FROM generate_series(1, 50) g;
CREATE INDEX odd_embedding ON odd USING hnsw ((fussy(embedding)::vector(24)) vector_l2_ops);
SELECT ruvector_enable_learning('odd', min_samples := 5);
INSERT INTO trap VALUES (true);
SELECT complaint($$SELECT ruvector_auto_tune('odd')$$);
SELECT count(*) FROM ruvector.progress;

ALTER SYSTEM RESET ruvector.label_budget;
SELECT pg_reload_conf();
DROP TABLE items, few, odd, trap;
DROP FUNCTION noise, search, complaint, fussy;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
