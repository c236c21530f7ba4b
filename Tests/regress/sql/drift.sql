-- What was certified is watched: when the world changes, it is taken back, and the history says why.
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
CREATE FUNCTION noise(seed int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(hashint8extended(seed, d) / 9.3e18)::vector FROM generate_series(1, dims) d $$;
-- queries of one kind lie near rows of the table, of another far from all
CREATE TABLE items (id int PRIMARY KEY, embedding vector(16) NOT NULL);
INSERT INTO items SELECT g, noise(g, 16) FROM generate_series(1, 4000) g;
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops) WITH (m = 4, ef_construction = 12);
ANALYZE items;
CREATE FUNCTION search(first int, last int, shift real DEFAULT 0) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN first..last LOOP
    EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY embedding <-> %L LIMIT 10) s',
      noise(1 + i % 4000, 16) * array_fill(0.7::real, '{16}')::vector + noise(-i, 16) * array_fill(0.3::real, '{16}')::vector
        + array_fill(shift, '{16}')::vector);
  END LOOP;
END $$;
CREATE FUNCTION source_now() RETURNS text LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
  EXECUTE format('EXPLAIN (FORMAT JSON) SELECT id FROM items ORDER BY embedding <-> %L LIMIT 10', noise(-1, 16)) INTO plan;
  RETURN regexp_replace(plan->0->'Plan'->'Plans'->0->>'Decision', ':.*', '');
END $$;
CREATE FUNCTION learned() RETURNS text LANGUAGE sql AS $$ SELECT wait_until($w$(SELECT source_now() = 'learned' FROM ruvector.policies WHERE state = 'certified')$w$) $$;

SELECT ruvector_enable_learning('items', min_samples := 60, trajectory_window := 5000, target_recall := 0.85);
SELECT wait_until($$(SELECT recorded IS NOT NULL FROM ruvector.index_counters('items_embedding'::regclass))$$);
SELECT search(1, 400);
SELECT wait_until('(SELECT count(*) = 400 FROM ruvector.labels)');
SELECT learned();
SELECT watch_labels > 0 AS watched, watch_recall >= 0.8 AS well FROM ruvector.policies;

-- queries of another kind: noticed within 100 of them
SELECT search(10001, 10100, 3);
SELECT wait_until($$(SELECT count(*) = 1 FROM ruvector.policy_history WHERE event = 'stepped back')$$);
SELECT value_before IS NOT NULL AS had_a_value, value_after, target, recall < 0.85 AS too_low, labels BETWEEN 1 AND 100 AS soon, regexp_replace(reason, '[\d.]+', 'N', 'g') AS reason
FROM ruvector.policy_history WHERE event = 'stepped back';
SELECT wait_until($$source_now() <> 'learned'$$);
SELECT value, lambda, stop_weights FROM ruvector.policies;

-- the queries of before again: a certificate of its own, on labels taken since
SELECT search(20001, 20300);
SELECT learned();
SELECT min(b.label_number) >= min(p.evidence_from) AS since FROM ruvector.evidence b, ruvector.policies p;

-- most rows are deleted, many others come, a graph is left that leads nowhere
DELETE FROM items WHERE id % 10 < 3;
INSERT INTO items SELECT g, noise(g, 16) * array_fill(0.02::real, '{16}')::vector + array_fill(0.5::real, '{16}')::vector FROM generate_series(5001, 9000) g;
SELECT search(30001, 30200, 0.5);
SELECT wait_until($$(SELECT count(*) = 0 FROM ruvector.trajectories WHERE label_state = 'pending')$$);
-- whatever it thinks of that, what is in force now is certified on labels that agree with it, or nothing is
SELECT wait_until($$(SELECT bool_and(state <> 'certified' OR watch_labels IS NULL OR watch_recall >= 0.8) FROM ruvector.policies)$$);

-- a rebuilt index is another one, also by REINDEX CONCURRENTLY, and so is one of a table that was emptied
TRUNCATE items;
INSERT INTO items SELECT g, noise(g, 16) FROM generate_series(1, 4000) g;
SELECT ruvector_clear_learning('items');
SELECT search(1, 300);
SELECT learned();
SELECT ruvector_pin('items_embedding', 77);
SELECT wait_until($$source_now() LIKE 'pinned%'$$);
REINDEX INDEX CONCURRENTLY items_embedding;
SELECT ruvector.wake_worker();
SELECT wait_until($$(SELECT count(*) = 0 FROM ruvector.policies p WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = p.indexid))$$);
SELECT event, reason FROM ruvector.policy_history WHERE event = 'evidence dropped' ORDER BY event_number DESC LIMIT 1;
SELECT wait_until($$(SELECT indexid = 'items_embedding'::regclass AND pin = 77 FROM ruvector.index_options)$$);
SELECT wait_until($$source_now() LIKE 'pinned%'$$);
SELECT ruvector_pin('items_embedding', NULL);
SELECT wait_until($$source_now() NOT LIKE 'pinned%'$$);
SELECT search(40001, 40300);
SELECT learned();
TRUNCATE items;
INSERT INTO items SELECT g, noise(g, 16) FROM generate_series(1, 500) g;
SELECT ruvector.wake_worker();
SELECT wait_until($$(SELECT count(*) = 0 FROM ruvector.policies WHERE state = 'certified')$$);
SELECT event, reason FROM ruvector.policy_history WHERE event = 'evidence dropped' ORDER BY event_number DESC LIMIT 1;

-- what the owner says: back at once, again, pinned; a user's own SET wins over it
SELECT search(50001, 50300);
SELECT learned();
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
DELETE FROM ruvector.policy_history;
RESET ROLE;
SELECT event, k_class, value_before, value_after, regexp_replace(reason, 'by .*', 'by ...') AS reason FROM ruvector.policy_history
WHERE event IN ('pinned', 'reverted', 'released') ORDER BY event_number;

DROP TABLE items;
DROP ROLE rv_stranger;
SELECT count(*) FROM ruvector.index_options;
DROP FUNCTION noise, search, source_now, learned;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
