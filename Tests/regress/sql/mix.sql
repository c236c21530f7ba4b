-- A certificate speaks of the queries that it was measured on: when others are asked, it is renewed.
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
CREATE FUNCTION noise(seed int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(hashint8extended(seed, d) / 9.3e18)::vector FROM generate_series(1, dims) d $$;
-- rows in two places, alike in each: other queries, found as well
CREATE TABLE items (id int PRIMARY KEY, embedding vector(16) NOT NULL);
INSERT INTO items SELECT g, noise(g, 16) + array_fill((g % 2) * 6::real, '{16}')::vector FROM generate_series(1, 4000) g;
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops) WITH (m = 6, ef_construction = 16);
ANALYZE items;
CREATE FUNCTION search(first int, last int, place int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN first..last LOOP
    EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY embedding <-> %L LIMIT 10) s',
      noise(-i, 16) + array_fill(place * 6::real, '{16}')::vector);
  END LOOP;
END $$;
CREATE FUNCTION source_now() RETURNS text LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
  EXECUTE format('EXPLAIN (FORMAT JSON) SELECT id FROM items ORDER BY embedding <-> %L LIMIT 10', noise(-1, 16)) INTO plan;
  RETURN regexp_replace(plan->0->'Plan'->'Plans'->0->>'Decision', ':.*', '');
END $$;

-- what the smallest value passes in both places
SELECT ruvector_enable_learning('items', min_samples := 250, trajectory_window := 5000, target_recall := 0.5);
SELECT wait_until($$(SELECT recorded IS NOT NULL FROM ruvector.index_counters('items_embedding'::regclass))$$);
SELECT search(1, 600, 0);
SELECT wait_until($$(SELECT count(*) = 600 FROM ruvector.labels)$$);
SELECT wait_until($$(SELECT source_now() = 'learned' FROM ruvector.policies WHERE state = 'certified' AND judged_labels >= 560)$$);
SELECT count(*) FROM ruvector.policy_history WHERE event = 'queries changed';

-- the others: their labels alone count; too few for a verdict, so what is in force stays, and is watched
SELECT search(1001, 1200, 1);
SELECT wait_until($$(SELECT count(*) = 800 FROM ruvector.labels)$$);
SELECT wait_until($$(SELECT state = 'renewing' FROM ruvector.policies)$$);
SELECT labels BETWEEN 1 AND 200 AS counted, value_before = value_after AS kept, regexp_replace(reason, '[\d.]+ % |\d+ of|on .*, noticed', '...', 'g') AS reason
FROM ruvector.policy_history WHERE event = 'queries changed';
SELECT min(b.label_number) > 550 AS new_ones, count(*) <= 250 AS few FROM ruvector.evidence b;
SELECT source_now();
SELECT verdict, regexp_replace(state, '\d+', 'N') AS state FROM ruvector_stat_indexes WHERE relname = 'items';
SELECT watch_labels > 100 AS watched FROM ruvector.policies;

-- certified anew, on them
SELECT search(2001, 2400, 1);
SELECT wait_until($$(SELECT state = 'certified' AND source_now() = 'learned' FROM ruvector.policies)$$);
SELECT count(*) FROM ruvector.policy_history WHERE event = 'queries changed';
SELECT count(*) FROM ruvector.policy_history WHERE event IN ('withdrawn', 'stepped back');

-- who forgets what was asked has no such test
SELECT ruvector_enable_learning('items', min_samples := 250, trajectory_window := 5000, target_recall := 0.5, anonymize := true);
SELECT ruvector_clear_learning('items');
DELETE FROM ruvector.policy_history;
SELECT search(3001, 3300, 0), search(4001, 4300, 1);
SELECT wait_until($$(SELECT judged_labels >= 560 FROM ruvector.policies)$$);
SELECT count(*) FROM ruvector.policy_history WHERE event = 'queries changed';

DROP TABLE items;
DROP FUNCTION noise, search, source_now;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
