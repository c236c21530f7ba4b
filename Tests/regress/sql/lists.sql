-- Searches on ivfflat in batches, list by list, with and without a filter.  The stop
-- rules are written into ruvector.policies by hand, as in batches.sql.
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
INSERT INTO items SELECT g, noise(g, 8) FROM generate_series(1, 4000) g;
INSERT INTO items SELECT g, noise(7, 8) FROM generate_series(4001, 4040) g;     -- twins
CREATE INDEX items_embedding ON items USING ivfflat (embedding vector_l2_ops) WITH (lists = 40);
ANALYZE items;
SET enable_seqscan = off;
SELECT ruvector_enable_learning('items', min_samples := 1);
-- a rule that ends every search after one of its batches
CREATE FUNCTION put_in_force(stage int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE next_blocks real[] := array_fill(100::real, ARRAY[stage - 1]) || 'infinity'::real || array_fill(100::real, ARRAY[16 - stage]);
BEGIN
  DELETE FROM ruvector.policies WHERE indexid = 'items_embedding'::regclass;
  INSERT INTO ruvector.policies (indexid, k_class, relid, filenode, evidence_from, state, target, judged_labels,
    rungs, lambda, stop_fitted, stop_weights, stop_next_blocks, stop_least_worth, stop_rungs)
  VALUES ('items_embedding'::regclass, 16, 'items'::regclass, pg_relation_filenode('items_embedding'), 1, 'certified', 0.95, 100,
    '{5, 100, 0.99, 0.97, 0.98, 0.95, 5000, 4900, 5200, 5300, 5100}', 1e-9, 50, array_fill(0::real, '{64}'), next_blocks, array_fill(0::real, '{16}'),
    ARRAY[1e-9, 100, 0.98, 0.96, 0.94, 0.92, 400, 380, 700, 900, 440]);
  PERFORM ruvector.wake_worker();
  RETURN 'ok';
END $$;
-- distances of the rows found, in the order in which they came
CREATE FUNCTION found(seed int, tail text DEFAULT 'LIMIT 10') RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE result float8[];
BEGIN
  EXECUTE format('SELECT array_agg(d) FROM (SELECT embedding <-> %1$L AS d FROM items ORDER BY embedding <-> %1$L %2$s) s', noise(seed, 8), tail) INTO result;
  RETURN result;
END $$;
CREATE FUNCTION explained_search(options text DEFAULT 'COSTS off') RETURNS SETOF text LANGUAGE sql AS $$
  SELECT explained('SELECT id FROM items ORDER BY embedding <-> noise(-1, 8) LIMIT 10', options) $$;
CREATE FUNCTION lists_taken() RETURNS int LANGUAGE sql AS $$
  SELECT substring(l FROM 'probes: (\d+)')::int FROM explained_search('ANALYZE, COSTS off, TIMING off') l WHERE l ~ '^ *probes' $$;
-- Do the searches find, row for row, what pgvector alone finds with so many probes?
CREATE FUNCTION same_as(probes int) RETURNS TABLE (same bool, searches bigint) LANGUAGE plpgsql AS $$
BEGIN
  CREATE TEMP TABLE batched AS SELECT s, found(s) AS distances FROM generate_series(-100, -1) s;
  PERFORM set_config('ivfflat.probes', probes::text, false);
  RETURN QUERY SELECT bool_and(b.distances = found(b.s)), count(*) FROM batched b;
  RESET ivfflat.probes;
  DROP TABLE batched;
END $$;

-- after the first list, after eight of them, and all lists
SELECT put_in_force(1);
SELECT wait_until('lists_taken() = 1');
SELECT * FROM same_as(1);
SELECT put_in_force(6);
SELECT wait_until('lists_taken() = 8');
SELECT * FROM explained_search();
SELECT * FROM explained_search('ANALYZE, COSTS off, TIMING off, SUMMARY off');
SELECT * FROM same_as(8);
SELECT put_in_force(16);
SELECT wait_until('lists_taken() = 40');
SELECT * FROM same_as(40);
SELECT bool_and(found(s) = (SELECT array_agg(d) FROM (SELECT (embedding <-> noise(s, 8)) + 0 AS d FROM items ORDER BY d LIMIT 10) x)) AS exact
FROM generate_series(-50, -1) s;

-- a list that would end too late is not taken, but the first one is
SET ruvector.max_latency = '1us';
SELECT * FROM explained_search('ANALYZE, COSTS off, TIMING off, SUMMARY off');
RESET ruvector.max_latency;
-- the user has his own; his cap on the lists is for scans of his own
SET ivfflat.iterative_scan = relaxed_order;
SELECT l FROM explained_search() l WHERE l ~ 'Decision|probes';
RESET ivfflat.iterative_scan;
SET ivfflat.max_probes = 2;
SELECT lists_taken();
RESET ivfflat.max_probes;
SET ivfflat.probes = 3;
SELECT l FROM explained_search() l WHERE l ~ 'Decision';
RESET ivfflat.probes;
SHOW ivfflat.probes;
SHOW ivfflat.max_probes;
SHOW ivfflat.iterative_scan;

-- ties, twins, offsets; k unknown, k without evidence, no LIMIT
SELECT found(7) = array_fill(0::float8, '{10}') AS twins;
SELECT found(7, 'OFFSET 6 LIMIT 4') = array_fill(0::float8, '{4}') AS with_offset;
SELECT found(-3, 'LIMIT 9') = (found(-3))[:9] AS same_class;
SELECT l FROM explained('SELECT id FROM items ORDER BY embedding <-> noise(-1, 8) LIMIT 100') l WHERE l ~ 'Decision';
SELECT l FROM explained('SELECT id FROM items ORDER BY embedding <-> noise(-1, 8) LIMIT (SELECT 10)') l WHERE l ~ 'Decision';
SELECT l FROM explained('SELECT id FROM items ORDER BY embedding <-> noise(-1, 8)') l WHERE l ~ 'Decision';

-- cursors, LATERAL, prepared statements, updates, locks
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
SELECT bool_and(l.ds = found(s)) AS lateral_same, count(*)
FROM generate_series(-20, -1) s, LATERAL (SELECT array_agg(d) AS ds FROM
  (SELECT embedding <-> noise(s, 8) AS d FROM items ORDER BY embedding <-> noise(s, 8) LIMIT 10) q) l;
PREPARE p(vector, bigint) AS SELECT array_agg(d) FROM (SELECT embedding <-> $1 AS d FROM items ORDER BY embedding <-> $1 LIMIT $2) s;
SET plan_cache_mode = force_generic_plan;
CREATE TEMP TABLE generic AS SELECT found(-5) AS ds;
EXECUTE p(noise(-5, 8), 10) \gset generic_
SELECT ds = :'generic_array_agg'::float8[] AS generic_same FROM generic;
RESET plan_cache_mode;

-- rows that nobody may see do not count: the search goes on until there are ten, or no more lists
SELECT put_in_force(1);
SELECT wait_until('lists_taken() = 1');
BEGIN;
DELETE FROM items WHERE id % 100 > 2;
SELECT min(cardinality(found(s))) AS ten FROM generate_series(-20, -1) s;
SET LOCAL ruvector.adaptive_search = off;
SELECT avg(cardinality(found(s))) < 8 AS pgvector_alone FROM generate_series(-20, -1) s;
SET LOCAL ruvector.adaptive_search = on;
DELETE FROM items WHERE id > 7;
SELECT cardinality(found(-1)) AS all_there_are;
ROLLBACK;
SELECT wait_until($$(SELECT count(*) > 0 FROM ruvector.trajectories WHERE source = 'learned' AND parameter = 8)$$);

-- clear forgets searches that are on their way to the tables, too
DO $$ BEGIN
  PERFORM found(s) FROM generate_series(-20, -1) s;
  PERFORM ruvector_clear_learning('items');
END $$;
SELECT found(-1) IS NOT NULL AS searched;
SELECT wait_until('(SELECT count(*) > 0 FROM ruvector.trajectories)');
SELECT count(*) FROM ruvector.trajectories;

-- labels: after each batch what pgvector alone finds with so many probes; a rule may be certified
ALTER SYSTEM RESET ruvector.label_budget;
SELECT pg_reload_conf();
SELECT ruvector_clear_learning('items');
SELECT ruvector_enable_learning('items', min_samples := 60, trajectory_window := 2000, target_recall := 0.9);
DO $$ BEGIN FOR s IN -1300..-1001 LOOP PERFORM found(s); END LOOP; END $$;
SELECT wait_until($$(SELECT state = 'certified' AND stop_fitted >= 12 AND stop_rungs[2] >= 60 FROM ruvector.policies)$$);
SELECT cardinality(stop_weights) = 4 * cardinality(stop_next_blocks) AS rule_whole,
       (value IS NULL) <> (lambda IS NULL) AS one_in_force
FROM ruvector.policies;
SELECT bool_and(stages[6 * s - 5] = recall[array_position(parameters, least(stage_totals[s], 40))]) AS same_recall,
       bool_and(s = 1 OR stages[6 * s - 4] >= stages[6 * s - 10]) AS buffers_add_up,
       bool_and(stages[5] = stages[3]) AS first_list_begins_with_the_nearest,
       avg(stages[6 * s - 1] - stages[6 * s - 2]) FILTER (WHERE s = 10) > avg(stages[5] - stages[4]) AS others_lie_beyond,
       count(DISTINCT query_id) >= 60 AS many
FROM ruvector.labels, generate_series(1, cardinality(stage_totals)) s;

-- filters: enough rows, never fewer than pgvector alone, at each rank at least as near
SELECT ruvector_clear_learning('items');
ALTER SYSTEM SET ruvector.label_budget = 0;
SELECT pg_reload_conf();
CREATE FUNCTION filtered(seed int, filter text) RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE result float8[];
BEGIN
  EXECUTE format('SELECT array_agg(d) FROM (SELECT embedding <-> %1$L AS d FROM items WHERE %2$s ORDER BY embedding <-> %1$L LIMIT 10) s', noise(seed, 8), filter) INTO result;
  RETURN coalesce(result, '{}');
END $$;
SELECT wait_until($$(SELECT count(*) = 1 FROM explained_search() l WHERE l ~ 'nothing is certified for the target yet')$$);
CREATE TEMP TABLE few AS SELECT s, filtered(s, 'id % 20 = 3') AS ds FROM generate_series(-50, -1) s;
SET ruvector.adaptive_search = off;
SELECT avg(cardinality(alone)) < 9 AS pgvector_alone, bool_and(cardinality(ds) = 10) AS enough,
       bool_and((SELECT bool_and(o <= a) FROM unnest(ds, alone) u(o, a))) AS at_least_as_near,
       bool_and((SELECT bool_and(a <= b) FROM unnest(ds[:9], ds[2:]) u(a, b))) AS in_order
FROM (SELECT s, ds, filtered(s, 'id % 20 = 3') AS alone FROM few) x;
RESET ruvector.adaptive_search;
SELECT regexp_replace(l, '(probes|Rate|Buffers|Filter): [\d.]+', '\1: ...') FROM explained('SELECT id FROM items WHERE id % 20 = 3 ORDER BY embedding <-> noise(-1, 8) LIMIT 10', 'ANALYZE, COSTS off, TIMING off, SUMMARY off') l
WHERE l !~ 'Order By|Exact';
SELECT bool_and(l.ds = filtered(s, 'id % 20 = 3')) AS lateral_same, count(*)
FROM generate_series(-20, -1) s, LATERAL (SELECT array_agg(d) AS ds FROM
  (SELECT embedding <-> noise(s, 8) AS d FROM items WHERE id % 20 = 3 ORDER BY embedding <-> noise(s, 8) LIMIT 10) q) l;
-- never enough: everything that the index has, or his own cap allows, but not less than his probes
SELECT filtered(-1, 'id + 0 < 8') = (SELECT array_agg(d ORDER BY d) FROM (SELECT embedding <-> noise(-1, 8) AS d FROM items WHERE id < 8) x) AS all_there_are;
SELECT l FROM explained('SELECT id FROM items WHERE id + 0 < 8 ORDER BY embedding <-> noise(-1, 8) LIMIT 10', 'ANALYZE, COSTS off, TIMING off, SUMMARY off') l WHERE l ~ 'Ended|probes';
SET ruvector.max_latency = '1us';
SELECT l FROM explained('SELECT id FROM items WHERE id + 0 < 8 ORDER BY embedding <-> noise(-1, 8) LIMIT 10', 'ANALYZE, COSTS off, TIMING off, SUMMARY off') l WHERE l ~ 'Ended|probes';
RESET ruvector.max_latency;
SET ivfflat.max_probes = 5;
SELECT l FROM explained('SELECT id FROM items WHERE id + 0 < 8 ORDER BY embedding <-> noise(-1, 8) LIMIT 10', 'ANALYZE, COSTS off, TIMING off, SUMMARY off') l WHERE l ~ 'Ended|probes';
SELECT format('ALTER DATABASE %I SET ivfflat.probes = 9', current_database()) \gexec
\c -
SET client_min_messages = warning;
SET enable_seqscan = off;
SET ivfflat.max_probes = 5;
SELECT l FROM explained('SELECT id FROM items WHERE id + 0 < 8 ORDER BY embedding <-> noise(-1, 8) LIMIT 10', 'ANALYZE, COSTS off, TIMING off, SUMMARY off') l WHERE l ~ 'Ended|probes';
SELECT format('ALTER DATABASE %I RESET ivfflat.probes', current_database()) \gexec
\c -
SET client_min_messages = warning;
SET enable_seqscan = off;

-- labels measure with the filter; what they certify is taken for filtered searches alone
DO $$ BEGIN FOR s IN -1150..-1001 LOOP PERFORM filtered(s, 'id % 20 = 3'), filtered(s, 'id % 3 = 1'); END LOOP; END $$;
ALTER SYSTEM RESET ruvector.label_budget;
SELECT pg_reload_conf();
SELECT wait_until($$(SELECT state = 'certified' AND judged_labels >= 250 FROM ruvector.policies WHERE k_class = -16)$$);
SELECT k_class, value BETWEEN 1 AND 40 AS has_value FROM ruvector.policies;
SELECT bool_and((SELECT bool_and(a <= b) FROM unnest(blocks, blocks[2:]) u(a, b) WHERE b IS NOT NULL)) AND
       avg(blocks[1]) < 0.8 * avg(blocks[cardinality(blocks)]) AS dearer_and_dearer,
       bool_and((SELECT bool_and(a <= b) FROM unnest(recall, recall[2:]) u(a, b) WHERE b IS NOT NULL)) AND
       avg(recall[1]) < 0.9 AND bool_and(recall[cardinality(recall)] = 1) AS better_and_better,
       avg(setting_recall) < avg(recall[1]) AS alone_returns_too_few, bool_and(stages IS NULL) AS no_rule
FROM ruvector.labels;
SELECT wait_until($$(SELECT count(*) = 1 FROM explained('SELECT id FROM items WHERE id % 20 = 3 ORDER BY embedding <-> noise(-1, 8) LIMIT 10') l WHERE l ~ 'learned')$$);
-- new queries find what the labels say
SELECT abs(avg((SELECT count(*) FROM unnest(filtered(s, f)) d WHERE d <= exact) / 10.0)
    - (SELECT sum(labels * recall) / sum(labels) FROM ruvector.filtered_recall)) < 0.05 AS found_on_new_queries
FROM generate_series(-100, -1) s, (VALUES ('id % 20 = 3', 20, 3), ('id % 3 = 1', 3, 1)) v(f, m, r),
  LATERAL (SELECT max(d) AS exact FROM (SELECT (embedding <-> noise(s, 8)) + 0 AS d FROM items WHERE id % m = r ORDER BY d LIMIT 10) x) e;
ALTER SYSTEM RESET ruvector.batched_search;
SELECT pg_reload_conf();
DROP TABLE items;
DROP FUNCTION noise, put_in_force, found, explained_search, lists_taken, same_as, filtered;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
