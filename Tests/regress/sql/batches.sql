-- Searches in batches.  The stop rules are written into ruvector.policies by hand:
-- one that never stops before its last batch, and one that stops after the first.
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
ALTER SYSTEM SET ruvector.label_budget = 0;     -- nothing is measured here
ALTER SYSTEM SET ruvector.batched_search = on;
SET ruvector.batched_search = on;
SELECT pg_reload_conf();
CREATE FUNCTION noise(seed int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(hashint8extended(seed, d) / 9.3e18)::vector FROM generate_series(1, dims) d $$;
CREATE TABLE items (id int PRIMARY KEY, embedding vector(8) NOT NULL, note text);
INSERT INTO items SELECT g, noise(g, 8) FROM generate_series(1, 3000) g;
INSERT INTO items SELECT g, noise(7, 8) FROM generate_series(3001, 3040) g;    -- more twins than fit in one element
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops) WITH (m = 4, ef_construction = 12);
ANALYZE items;
SET enable_seqscan = off;
SELECT ruvector_enable_learning('items', min_samples := 1);
CREATE FUNCTION put_in_force(lambda real) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM ruvector.policies WHERE indexid = 'items_embedding'::regclass;
  INSERT INTO ruvector.policies (indexid, k_class, relid, filenode, evidence_from, state, target, judged_labels,
    rungs, lambda, stop_fitted, stop_weights, stop_next_blocks, stop_least_worth, stop_rungs)
  VALUES ('items_embedding'::regclass, 16, 'items'::regclass, pg_relation_filenode('items_embedding'), 1, 'certified', 0.95, 100,
    '{40, 100, 0.99, 0.97, 0.98, 0.95, 5000, 4900, 5200, 5300, 5100}', lambda, 50, array_fill(0::real, '{56}'), array_fill(100::real, '{14}'), array_fill(0::real, '{14}'),
    ARRAY[lambda, 100, 0.98, 0.96, 0.94, 0.92, 400, 380, 700, 900, 440]);
  PERFORM ruvector.wake_worker();
  RETURN 'ok';
END $$;
CREATE FUNCTION decision() RETURNS text LANGUAGE sql AS $$
  SELECT substring(l FROM 'Decision: (.*)') FROM explained('SELECT id FROM items ORDER BY embedding <-> noise(-1, 8) LIMIT 10') l WHERE l ~ 'Decision' $$;
-- distances of the rows found, in the order in which they came
CREATE FUNCTION found(seed int, tail text DEFAULT 'LIMIT 10') RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE result float8[];
BEGIN
  EXECUTE format('SELECT array_agg(d) FROM (SELECT embedding <-> %1$L AS d FROM items ORDER BY embedding <-> %1$L %2$s) s', noise(seed, 8), tail) INTO result;
  RETURN result;
END $$;
CREATE FUNCTION nearest(seed int, tail text DEFAULT 'LIMIT 10') RETURNS float8[] LANGUAGE sql AS $$
  SELECT array_agg(d) FROM (SELECT d FROM (SELECT embedding <-> noise(seed, 8) AS d FROM items) s ORDER BY d LIMIT 10) s $$;

SELECT put_in_force(1e-9);
SELECT wait_until($$decision() LIKE 'learned: in batches%'$$);
SELECT explained('SELECT id FROM items ORDER BY embedding <-> ''[1,1,1,1,1,1,1,1]'' LIMIT 10');
SELECT explained('SELECT id FROM items ORDER BY embedding <-> ''[1,1,1,1,1,1,1,1]'' LIMIT 10', 'ANALYZE, COSTS off, TIMING off, SUMMARY off');

-- all batches: what one search at the sum finds, in order of distance
CREATE TEMP TABLE batched AS SELECT s, found(s) AS distances FROM generate_series(-100, -1) s;
SET hnsw.ef_search = 905;
SELECT count(*) FILTER (WHERE b.distances = found(b.s)) >= 99 AS same,
       avg((SELECT count(*) FROM unnest(b.distances, nearest(b.s)) u(a, n) WHERE a = n)) > 9.9 AS nearly_exact
FROM batched b;
RESET hnsw.ef_search;

-- who computes the query vector is asked as often as by pgvector alone: once, and by the executor for each row it returns
CREATE FUNCTION embed(seed int) RETURNS vector LANGUAGE plpgsql STABLE AS $$
BEGIN
  PERFORM set_config('test.asked', (current_setting('test.asked')::int + 1)::text, false);
  RETURN noise(seed, 8);
END $$;
CREATE FUNCTION asked(ordering text, s int) RETURNS TABLE (times text, in_batches bool, same bool) LANGUAGE plpgsql AS $$
DECLARE
  query text := format('SELECT array_agg(d) FROM (SELECT embedding <-> noise(%s, 8) AS d FROM items ORDER BY %s LIMIT 10) s', s, ordering);
  result float8[];
BEGIN
  SELECT bool_or(l ~ 'in batches') INTO in_batches FROM explained(format('SELECT id FROM items ORDER BY %s LIMIT 10', ordering)) l;
  PERFORM set_config('test.asked', '0', false);
  EXECUTE query INTO result;
  times := current_setting('test.asked');
  same := result = found(s);
  RETURN NEXT;
END $$;
SELECT * FROM asked('embedding <-> embed(-5)', -5);
SELECT * FROM asked('embed(-5) <-> embedding', -5);
SET ruvector.learning_enabled = off;
SELECT times FROM asked('embedding <-> embed(-5)', -5);
RESET ruvector.learning_enabled;
DROP FUNCTION embed, asked;

-- a benchmark searches by the rule as well
CREATE TABLE truth AS SELECT noise(-g, 8) AS query, ARRAY(SELECT id FROM items ORDER BY (embedding <-> noise(-g, 8)) + 0 LIMIT 10) AS neighbors FROM generate_series(1, 40) g;
SELECT setting, parameter, decision, queries, recall > 0.98 AS nearly_exact FROM ruvector_benchmark_recall('items', 'truth') WHERE setting = 'learned';
DROP TABLE truth;

-- what is asked of the tail: the value reaches it, the rule does not
SET ruvector.target_tail = 0.92;
SELECT explained('SELECT id FROM items ORDER BY embedding <-> noise(-1, 8) LIMIT 10');
SET ruvector.target_tail = 0.94;
SELECT decision();
SET ruvector.target_tail = 0.96;
SELECT decision();
RESET ruvector.target_tail;

-- a batch that would end too late is not taken, but the first one is
SET ruvector.max_latency = '1us';
SELECT explained('SELECT id FROM items ORDER BY embedding <-> noise(-1, 8) LIMIT 10', 'ANALYZE, COSTS off, TIMING off, SUMMARY off');
SET ruvector.max_latency = '1h';
SELECT bool_and(distances = found(s)) AS same FROM batched WHERE s > -20;
RESET ruvector.max_latency;

-- a rule whose distances are scaled where the query lies: backends find the patterns that tell the scale
SELECT ruvector_create_bank('regions', 8, '{"any": {"type": "integer", "min": 1, "max": 2}}');
SELECT count(ruvector_record_outcome('regions', noise(-g, 8)::real[], '{"any": 1}', recall := 1)) FROM generate_series(1, 30) g;
SELECT count(*) > 0 AS patterns FROM ruvector_extract_patterns('regions', 2);
UPDATE ruvector.policies SET stop_regions = image FROM ruvector.banks WHERE name = 'regions';
SELECT ruvector.wake_worker();
SELECT wait_until($$(SELECT count(*) = 1 FROM ruvector.shared_images() i JOIN ruvector.policies p USING (indexid, k_class) WHERE i.bytes = octet_length(stop_regions))$$);
SELECT decision();
SELECT bool_and(distances = found(s)) AS same FROM batched WHERE s > -20;
-- without them, or with others, it is not the rule that was certified
UPDATE ruvector.policies SET stop_regions = set_byte(stop_regions, 100, 255 - get_byte(stop_regions, 100));
SELECT ruvector.wake_worker();
SELECT wait_until($$decision() NOT LIKE 'learned: in batches%'$$);
SELECT ruvector_drop_bank('regions');
SELECT put_in_force(1e-9);
SELECT wait_until($$decision() LIKE 'learned: in batches%'$$);

-- ties, twins and offsets
SELECT found(7) = array_fill(0::float8, '{10}') AS twins;
SELECT found(7, 'OFFSET 6 LIMIT 4') = array_fill(0::float8, '{4}') AS with_offset;
SELECT found(-3, 'LIMIT 9') = (found(-3))[:9] AS same_class;
-- nothing is known of these: as pgvector
SELECT substring(l FROM 'Decision: (.*)') FROM explained('SELECT id FROM items ORDER BY embedding <-> noise(-1, 8) LIMIT 100') l WHERE l ~ 'Decision';
SET hnsw.iterative_scan = strict_order;
SELECT decision();
RESET hnsw.iterative_scan;

-- batches after which no search would end are taken in one go, unless it has to end in time
SELECT put_in_force(1e9);
UPDATE ruvector.policies SET stop_least_worth = array_fill(2e9::real, '{4}') || array_fill(0::real, '{10}');
SELECT ruvector.wake_worker();
CREATE FUNCTION taken() RETURNS int LANGUAGE sql AS $$
  SELECT substring(l FROM 'ef_search: (\d+)')::int
  FROM explained('SELECT id FROM items ORDER BY embedding <-> noise(-1, 8) LIMIT 10', 'ANALYZE, COSTS off, TIMING off') l WHERE l ~ '^ *ef_search' $$;
SELECT wait_until($$(SELECT taken() = 40 FROM (SELECT found(-1)) f)$$);
CREATE TEMP TABLE at_once AS SELECT s, found(s) AS distances FROM generate_series(-100, -1) s;
SET hnsw.ef_search = 40;
SELECT bool_and(a.distances = found(a.s)) AS same FROM at_once a;
RESET hnsw.ef_search;
SET ruvector.max_latency = '1h';
-- (in steps a search may now and then meet other rows)
SELECT count(*) FILTER (WHERE a.distances = found(a.s)) >= 98 AS same, taken() FROM at_once a;
RESET ruvector.max_latency;
UPDATE ruvector.policies SET stop_least_worth = stop_least_worth[2:];
SELECT ruvector.wake_worker();
SELECT wait_until($$decision() NOT LIKE 'learned: in batches%'$$);

-- the first batch alone: what pgvector finds with ef_search = 10
SELECT put_in_force(1e9);
SELECT wait_until($$(SELECT taken() = 10 FROM (SELECT found(-1)) f)$$);
CREATE TEMP TABLE probed AS SELECT s, found(s) AS distances FROM generate_series(-100, -1) s;
SET hnsw.ef_search = 10;
SELECT bool_and(p.distances = found(p.s)) AS same FROM probed p;
RESET hnsw.ef_search;
SELECT count(*) FROM probed p JOIN batched b USING (s) WHERE p.distances <> b.distances HAVING count(*) > 0 \gset missed_
SELECT :missed_count > 0 AS the_probe_misses_some;

-- rows that nobody may see do not count: the search goes on until there are ten
DELETE FROM items WHERE id IN (SELECT id FROM items ORDER BY (embedding <-> noise(-1, 8)) + 0 LIMIT 25);
SELECT array_length(found(-1), 1);
SET hnsw.ef_search = 10;
SELECT coalesce(array_length(found(-1), 1), 0) < 10 AS pgvector_alone;
RESET hnsw.ef_search;

-- cursors, LATERAL, prepared statements, updates
BEGIN;
DECLARE c CURSOR FOR SELECT id, embedding <-> noise(-2, 8) AS d FROM items ORDER BY embedding <-> noise(-2, 8) LIMIT 10;
MOVE 3 IN c;
FETCH c \gset fourth_
SELECT :fourth_d = (found(-2))[4] AS the_fourth;
MOVE 20 IN c;
FETCH c;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM items ORDER BY embedding <-> noise(-2, 8) LIMIT 10;
MOVE 2 IN c;
FETCH c \gset third_
UPDATE items SET note = 'third' WHERE CURRENT OF c;
SELECT id = :third_id AS the_third FROM items WHERE note = 'third';
ROLLBACK;
SELECT bool_and(l.ds = found(s)) AS lateral_same
FROM generate_series(-20, -1) s, LATERAL (SELECT array_agg(d) AS ds FROM
  (SELECT embedding <-> noise(s, 8) AS d FROM items ORDER BY embedding <-> noise(s, 8) LIMIT 10) q) l;
PREPARE p(vector, bigint) AS SELECT array_agg(d) FROM (SELECT embedding <-> $1 AS d FROM items ORDER BY embedding <-> $1 LIMIT $2) s;
SET plan_cache_mode = force_generic_plan;
CREATE TEMP TABLE generic (s int, ds float8[]);
INSERT INTO generic SELECT -5, found(-5);
EXECUTE p(noise(-5, 8), 10) \gset generic_
SELECT ds = :'generic_array_agg'::float8[] AS generic_same FROM generic;
RESET plan_cache_mode;

-- what was done is in the trajectories
SELECT wait_until($$(SELECT count(*) > 0 FROM ruvector.trajectories WHERE source = 'learned' AND parameter = 905)$$);
SELECT wait_until($$(SELECT count(*) > 0 FROM ruvector.trajectories WHERE source = 'learned' AND parameter = 10)$$);

-- off: the certified value, if any
SET ruvector.batched_search = off;
SELECT decision();
SET ruvector.batched_search = on;

-- and now in earnest: labels fit a rule and certify it
ALTER SYSTEM RESET ruvector.label_budget;
SELECT pg_reload_conf();
SELECT ruvector_clear_learning('items');
SELECT ruvector_enable_learning('items', min_samples := 60, trajectory_window := 2000, target_recall := 0.9);
DO $$ BEGIN FOR s IN -1600..-1001 LOOP PERFORM found(s); END LOOP; END $$;
SELECT wait_until($$(SELECT state = 'certified' AND stop_fitted >= 24 AND stop_rungs[2] >= 60 FROM ruvector.policies)$$);
SELECT cardinality(stop_weights) = 4 * cardinality(stop_next_blocks) AS rule_whole,
       (value IS NULL) <> (lambda IS NULL) AS one_in_force
FROM ruvector.policies;
SELECT family, bool_and(microseconds > 0 AND buffers_p50 <= buffers_p95 AND buffers_p95 <= buffers_p99) AS whole,
       max(recall_bound) >= 0.9 AS dearest_certified, bool_and(tail BETWEEN 0 AND 1 AND tail_bound BETWEEN 0 AND 1) AS tail_known,
       CASE family WHEN 'value' THEN 1 ELSE -1 END * corr(value, buffers) > 0 AS dearest_first
FROM ruvector.policy_rungs GROUP BY family ORDER BY family;
-- a bound holds at every time, so it may lie above the mean of today; but it never falls as searches become dearer
SELECT bool_and(tail_bound >= cheaper) AS ordered
FROM (SELECT tail_bound, lag(tail_bound) OVER (PARTITION BY family ORDER BY CASE family WHEN 'value' THEN value ELSE -value END) AS cheaper
      FROM ruvector.policy_rungs) r;
SELECT bool_and(stage_totals[1] = 10 AND stage_totals[cardinality(stage_totals)] = 905 AND cardinality(stages) = 6 * cardinality(stage_totals)) AS stages_whole,
       bool_and(stages[2] <= stages[8] AND stages[8] <= stages[14]) AS buffers_add_up, avg(stages[1]) < avg(stages[79]) AS recall_rises,
       bool_and((stages[6] = 'NaN') <> (timed_us IS NULL)) AS one_timed
FROM ruvector.labels;
SELECT state ~ '^applying (a stop rule|\d+)$' AS applying, recall_bound >= 0.9 AS certified FROM ruvector_learning_stats('items');
ALTER SYSTEM RESET ruvector.batched_search;
SELECT pg_reload_conf();
DROP TABLE items;
DROP FUNCTION noise, put_in_force, decision, taken, found, nearest;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
