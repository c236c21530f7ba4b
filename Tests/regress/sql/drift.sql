-- What was certified is watched: when the world changes, it is taken back, and the history says why.
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
CREATE FUNCTION noise(seed int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(hashint8extended(seed, d) / 9.3e18)::vector FROM generate_series(1, dims) d $$;
CREATE FUNCTION times(v vector, factor real) RETURNS vector LANGUAGE sql IMMUTABLE AS $$ SELECT v * array_fill(factor, '{16}')::vector $$;
CREATE FUNCTION plus(v vector, shift real) RETURNS vector LANGUAGE sql IMMUTABLE AS $$ SELECT v + array_fill(shift, '{16}')::vector $$;
-- queries lie near rows of the table; far from all; in a cluster; in the middle of all; or they are made by another
-- model: axes permuted, norms sixfold
CREATE FUNCTION query(i int, kind text) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE kind WHEN 'near' THEN v WHEN 'far' THEN plus(v, 3) WHEN 'cluster' THEN plus(times(noise(-i, 16), 0.03), 0.5)
    WHEN 'centre' THEN times(noise(-i, 16), 0.05)
    WHEN 'other model' THEN (SELECT array_agg(x ORDER BY hashint4(n::int)) FROM unnest(times(v, 6)::real[]) WITH ORDINALITY u(x, n))::vector END
  FROM (SELECT times(noise(1 + i % 2000, 16), 0.7) + times(noise(-i, 16), 0.3)) q(v) $$;
CREATE FUNCTION search(first int, last int, kind text DEFAULT 'near') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN first..last LOOP
    EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY embedding <-> %L LIMIT 10) s', query(i, kind));
  END LOOP;
END $$;
CREATE FUNCTION source_now() RETURNS text LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
  EXECUTE format('EXPLAIN (FORMAT JSON) SELECT id FROM items ORDER BY embedding <-> %L LIMIT 10', noise(-1, 16)) INTO plan;
  RETURN regexp_replace(plan->0->'Plan'->'Plans'->0->>'Decision', '[:,].*', '');
END $$;
CREATE FUNCTION learned() RETURNS text LANGUAGE sql AS $$ SELECT wait_until($w$(SELECT source_now() = 'learned' FROM ruvector.policies WHERE state = 'certified')$w$) $$;
-- a table with such an index, searched and certified: how things were before what comes
CREATE TABLE before (value int, last_label bigint, last_event bigint);
CREATE PROCEDURE remember() LANGUAGE sql AS $$
  DELETE FROM before;
  INSERT INTO before SELECT value, (SELECT max(label_number) FROM ruvector.labels), (SELECT max(event_number) FROM ruvector.policy_history) FROM ruvector.policies;
$$;
CREATE PROCEDURE prepare(index text) LANGUAGE plpgsql AS $$
BEGIN
  DROP TABLE IF EXISTS items;
  CREATE TABLE items (id int PRIMARY KEY, embedding vector(16) NOT NULL) WITH (autovacuum_enabled = off);
  INSERT INTO items SELECT g, noise(g, 16) FROM generate_series(1, 2000) g;
  EXECUTE 'CREATE INDEX items_embedding ON items USING ' || index;
  ANALYZE items;
  PERFORM ruvector_enable_learning('items', min_samples := 90, trajectory_window := 5000, target_recall := 0.85);
  COMMIT;
  PERFORM wait_until($w$(SELECT recorded IS NOT NULL FROM ruvector.index_counters('items_embedding'::regclass))$w$);
  PERFORM search(1, 160);
  COMMIT;
  PERFORM wait_until('(SELECT count(*) = 160 FROM ruvector.labels)');
  COMMIT;
  PERFORM learned();
  COMMIT;
  CALL remember();
END $$;
CREATE FUNCTION labels_since() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM ruvector.labels, before WHERE label_number > last_label $$;
-- What has come of it: the recall at the value of then, and when and why it was taken back.
CREATE FUNCTION outcome() RETURNS TABLE (recall_falls_by text, event text, had_a_value bool, value_after int, target float8,
  recall_below bool, had_been_certified bool, after_labels text, reason text, state text, source text) LANGUAGE sql AS $$
  SELECT CASE WHEN r.fall >= 0.05 THEN '0.05 or more' ELSE 'less' END,
    h.event, CASE WHEN h.event IS NOT NULL THEN h.value_before IS NOT NULL END, h.value_after, h.target, h.recall < h.target, h.bound >= h.target,
    CASE WHEN h.event IS NULL THEN NULL WHEN p.evidence_from - f.last_label BETWEEN 2 AND 81 THEN '80 or fewer' ELSE (p.evidence_from - f.last_label - 1)::text END,
    regexp_replace(h.reason, '[\d.]+', 'N', 'g'), p.state, source_now()
  FROM before f, ruvector.policies p LEFT JOIN ruvector.policy_history h
    ON (h.indexid, h.k_class) = (p.indexid, p.k_class) AND h.event IN ('stepped back', 'withdrawn') AND h.event_number > (SELECT last_event FROM before),
    LATERAL (SELECT avg(at_value) FILTER (WHERE label_number <= f.last_label) - avg(at_value) FILTER (WHERE label_number > f.last_label) AS fall
      FROM ruvector.labels, LATERAL (SELECT recall[array_position(parameters, f.value)]) a(at_value)) r
$$;
-- The present certificate rests on labels since then alone.
CREATE FUNCTION is_of_new_labels() RETURNS bool LANGUAGE sql AS $$
  SELECT p.evidence_from > f.last_label AND p.judged_labels <= labels_since() AND g.labels <= labels_since() AND e.first > f.last_label
    AND h.labels <= labels_since() AND h.bound >= p.target
  FROM before f, ruvector.policies p, (SELECT max(labels) FROM ruvector.policy_rungs) g(labels), (SELECT min(label_number) FROM ruvector.evidence) e(first),
    (SELECT labels, bound FROM ruvector.policy_history WHERE event = 'put in force' ORDER BY event_number DESC LIMIT 1) h
$$;
\set hnsw 'hnsw (embedding vector_l2_ops) WITH (m = 4, ef_construction = 12)'
\set ivfflat 'ivfflat (embedding vector_l2_ops) WITH (lists = 40)'

-- queries far from all rows; then those of before again: a certificate of its own, on labels taken since
CALL prepare(:'hnsw');
SELECT search(10001, 10080, 'far');
SELECT wait_until('labels_since() = 80');
-- they looked closer just below what was certified
SELECT max(cardinality(parameters)) FILTER (WHERE label_number > last_label) - min(cardinality(parameters)) BETWEEN 1 AND 3 AS finer FROM ruvector.labels, before;
SELECT wait_until($$source_now() <> 'learned'$$);
SELECT * FROM outcome();
SELECT value, lambda, stop_weights FROM ruvector.policies;
SELECT search(20001, 20160);
SELECT learned();
SELECT is_of_new_labels();

-- queries of another embedding model
CALL prepare(:'hnsw');
SELECT search(10001, 10080, 'other model');
SELECT wait_until('labels_since() = 80');
SELECT wait_until($$source_now() <> 'learned'$$);
SELECT * FROM outcome();

-- 30 % of the rows are deleted.  Anywhere: vacuumed, the graph is as good as it was, and what is in force stays so
CALL prepare(:'hnsw');
WITH deleted AS (DELETE FROM items WHERE id % 10 < 3 RETURNING 1) SELECT count(*) FROM deleted;
VACUUM items;
SELECT search(10001, 10080);
SELECT wait_until('labels_since() = 80');
SELECT * FROM outcome();
-- where the queries go, and still in the index
CALL prepare(:'hnsw');
WITH deleted AS (DELETE FROM items WHERE id IN (SELECT id FROM items ORDER BY (embedding <-> array_fill(0, '{16}')::vector) + 0 LIMIT 600) RETURNING 1)
SELECT count(*) FROM deleted;
SELECT search(10001, 10080);
SELECT wait_until('labels_since() = 80');
SELECT wait_until($$source_now() <> 'learned'$$);
SELECT * FROM outcome();

-- a cluster is inserted, twice as large as the table, and asked for
CALL prepare(:'hnsw');
INSERT INTO items SELECT g, plus(times(noise(g, 16), 0.02), 0.5) FROM generate_series(5001, 9000) g;
SELECT search(10001, 10080, 'cluster');
SELECT wait_until('labels_since() = 80');
SELECT wait_until($$source_now() <> 'learned'$$);
SELECT * FROM outcome();

-- lists: of rows that are deleted they lose nothing; queries in the middle, about as near to all lists
CALL prepare(:'ivfflat');
WITH deleted AS (DELETE FROM items WHERE id % 10 < 3 RETURNING 1) SELECT count(*) FROM deleted;
SELECT search(10001, 10080);
SELECT wait_until('labels_since() = 80');
SELECT * FROM outcome();
CALL remember();
SELECT search(20001, 20080, 'centre');
SELECT wait_until('labels_since() = 80');
SELECT wait_until($$source_now() <> 'learned'$$);
SELECT * FROM outcome();
-- rebuilt with other parameters: another index, fewer lists, fewer probes
CALL prepare(:'ivfflat');
ALTER INDEX items_embedding SET (lists = 8);
REINDEX INDEX items_embedding;
SELECT ruvector.wake_worker();
SELECT wait_until('(SELECT count(*) = 1 FROM ruvector.policy_history, before WHERE event_number > last_event)');
SELECT event, value_before = value AS had_been_in_force, reason FROM ruvector.policy_history, before WHERE event_number > last_event;
SELECT wait_until($$source_now() <> 'learned'$$);
SELECT search(20001, 20160);
SELECT learned();
SELECT is_of_new_labels(), p.value < f.value AS fewer FROM ruvector.policies p, before f;

-- likewise a graph; by REINDEX CONCURRENTLY, which also keeps what is pinned; and one whose table was emptied
CALL prepare(:'hnsw');
ALTER INDEX items_embedding SET (m = 12, ef_construction = 40);
REINDEX INDEX items_embedding;
SELECT ruvector.wake_worker();
SELECT wait_until('(SELECT count(*) = 1 FROM ruvector.policy_history, before WHERE event_number > last_event)');
SELECT event, value_before = value AS had_been_in_force, reason FROM ruvector.policy_history, before WHERE event_number > last_event;
SELECT wait_until($$source_now() <> 'learned'$$);
SELECT search(20001, 20160);
SELECT learned();
SELECT is_of_new_labels(), p.value < f.value AS less FROM ruvector.policies p, before f;
CALL remember();
SELECT ruvector_pin('items_embedding', 77);
SELECT wait_until($$source_now() LIKE 'pinned%'$$);
REINDEX INDEX CONCURRENTLY items_embedding;
SELECT ruvector.wake_worker();
SELECT wait_until($$(SELECT count(*) = 0 FROM ruvector.policies p WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = p.indexid))$$);
SELECT event, value_before = value AS had_been_in_force, reason FROM ruvector.policy_history, before WHERE event = 'evidence dropped' ORDER BY event_number DESC LIMIT 1;
SELECT wait_until($$(SELECT indexid = 'items_embedding'::regclass AND pin = 77 FROM ruvector.index_options)$$);
SELECT wait_until($$source_now() LIKE 'pinned%'$$);
SELECT ruvector_pin('items_embedding', NULL);
SELECT wait_until($$source_now() NOT LIKE 'pinned%'$$);
SELECT search(40001, 40160);
SELECT learned();
SELECT is_of_new_labels();
CALL remember();
TRUNCATE items;
INSERT INTO items SELECT g, noise(g, 16) FROM generate_series(1, 2000) g;
SELECT ruvector.wake_worker();
SELECT wait_until($$(SELECT count(*) = 0 FROM ruvector.policies WHERE state = 'certified')$$);
SELECT event, value_before = value AS had_been_in_force, reason FROM ruvector.policy_history, before WHERE event = 'evidence dropped' ORDER BY event_number DESC LIMIT 1;
SELECT search(50001, 50160);
SELECT learned();
SELECT is_of_new_labels();

-- a stop rule in force, as if it had been certified: it ends after the first batch whatever was found
ALTER SYSTEM SET ruvector.batched_search = on;
SELECT pg_reload_conf();
CREATE PROCEDURE prepare_rule(index text) LANGUAGE plpgsql AS $$
BEGIN
  CALL prepare(index);
  PERFORM ruvector_enable_learning('items', min_samples := 1000, trajectory_window := 5000, target_recall := 0.85);
  UPDATE ruvector.policies SET value = NULL, lambda = 1e9, applied_from = (SELECT max(label_number) + 1 FROM ruvector.labels), watch = NULL, watched_to = NULL,
    stop_fitted = 50, stop_weights = array_fill(0::real, '{56}'), stop_next_blocks = array_fill(100::real, '{14}'), stop_least_worth = array_fill(0::real, '{14}'),
    stop_rungs = '{1e9, 100, 0.9, 0.87, 0.9, 0.8, 400, 380, 700, 900, 440}';
  COMMIT;
  CALL remember();
  UPDATE before SET value = 0;
END $$;
CREATE FUNCTION outcome_of_rule() RETURNS TABLE (event text, value_before int, value_after int, recall_below bool, bound text, after_labels text, reason text,
  state text, nothing_kept bool) LANGUAGE sql AS $$
  SELECT h.event, h.value_before, h.value_after, h.recall < h.target, round(h.bound::numeric, 2)::text,
    CASE WHEN p.evidence_from - f.last_label BETWEEN 2 AND 81 THEN '80 or fewer' ELSE (p.evidence_from - f.last_label - 1)::text END,
    regexp_replace(h.reason, 'to [\d.]+ on the last \d+', 'to N on the last N'), p.state,
    num_nonnulls(p.value, p.lambda, p.stop_fitted, p.stop_weights, p.stop_next_blocks, p.stop_least_worth, p.stop_rungs, p.judged_labels) = 0
  FROM before f, ruvector.policies p JOIN ruvector.policy_history h USING (indexid, k_class) WHERE h.event_number > f.last_event
$$;
CALL prepare_rule(:'hnsw');
SELECT search(10001, 10080, 'other model');
SELECT wait_until('labels_since() = 80');
SELECT * FROM outcome_of_rule();
CALL prepare_rule(:'ivfflat');
SELECT search(10001, 10080, 'centre');
SELECT wait_until('labels_since() = 80');
SELECT * FROM outcome_of_rule();
ALTER SYSTEM RESET ruvector.batched_search;
SELECT pg_reload_conf();

-- what the owner says: back at once, again, pinned; a user's own SET wins over it
CALL prepare(:'hnsw');
SELECT ruvector_revert('items_embedding');
SELECT wait_until($$source_now() <> 'learned'$$);
SELECT state, mode FROM ruvector_learning_stats('items'), ruvector.learned_indexes;
SELECT ruvector_revert('items_embedding', false);
SELECT wait_until($$source_now() = 'learned'$$);
SELECT ruvector_pin('items_embedding', 123);
SELECT wait_until($$source_now() LIKE 'pinned%'$$);
SELECT state FROM ruvector_learning_stats('items');
SELECT l FROM explained('SELECT id FROM items ORDER BY embedding <-> noise(-1, 16) LIMIT 10') l WHERE l ~ 'ef_search|Decision';
SET hnsw.ef_search = 50;
SELECT l FROM explained('SELECT id FROM items ORDER BY embedding <-> noise(-1, 16) LIMIT 10') l WHERE l ~ 'ef_search|Decision';
RESET hnsw.ef_search;
SET ruvector.adaptive_search = off;
SELECT l FROM explained('SELECT id FROM items ORDER BY embedding <-> noise(-1, 16) LIMIT 10') l WHERE l ~ 'ef_search|Decision';
RESET ruvector.adaptive_search;
SELECT ruvector_pin('items_embedding', 0);
SELECT ruvector_pin('items_embedding', 1001);
SELECT ruvector_pin('items_pkey', 50);
SELECT ruvector_pin('items', 50);
SELECT ruvector_pin(NULL, 50);
SELECT ruvector_revert('items_embedding', NULL);
CREATE ROLE rv_stranger;
GRANT SELECT ON items TO rv_stranger;
SET ROLE rv_stranger;
SELECT ruvector_pin('items_embedding', 50);
SELECT ruvector_revert('items_embedding');
RESET ROLE;
SELECT event, k_class, value_before, value_after, regexp_replace(reason, 'by .*', 'by ...') AS reason FROM ruvector.policy_history
WHERE event IN ('pinned', 'reverted', 'released') ORDER BY event_number;

DROP TABLE items, before;
DROP ROLE rv_stranger;
SELECT count(*) FROM ruvector.index_options;
DROP PROCEDURE prepare, prepare_rule, remember;
DROP FUNCTION noise, times, plus, query, search, source_now, learned, labels_since, outcome, outcome_of_rule, is_of_new_labels;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
