-- The custom scan: decisions, and exotic statements.  Tables are smaller than
-- ef_search, so every search is exact and its rows are known.
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
\set SHOW_CONTEXT never
CREATE TABLE items (id int PRIMARY KEY, cat int NOT NULL, embedding vector(2) NOT NULL);
INSERT INTO items SELECT g, g % 3, format('[%s,0]', g + g * g / 1000.0)::vector FROM generate_series(1, 30) g; -- no two neighbours equally far
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops);
CREATE TABLE lists (id int PRIMARY KEY, embedding vector(2) NOT NULL);
INSERT INTO lists SELECT g, format('[%s,%s]', g / 10 * 100, g % 10 + (g % 10) ^ 2 / 1000)::vector FROM generate_series(0, 39) g;
CREATE INDEX lists_embedding ON lists USING ivfflat (embedding vector_l2_ops) WITH (lists = 4);
CREATE TABLE plain AS SELECT * FROM items;
CREATE INDEX plain_embedding ON plain USING hnsw (embedding vector_l2_ops);
ANALYZE items, lists, plain;
SET enable_seqscan = off;

-- a plan made before learning is made anew after it
PREPARE before AS SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 3;
EXPLAIN (COSTS off) EXECUTE before;
SELECT ruvector_enable_learning('items', mode := 'observe', min_samples := 1000);
SELECT ruvector_enable_learning('lists', min_samples := 1000);
SELECT wait_until($$(SELECT count(*) = 2 FROM pg_index, ruvector.index_counters(indexrelid) WHERE recorded IS NOT NULL)$$);
EXPLAIN (COSTS off) EXECUTE before;
EXECUTE before;

-- what decides
EXPLAIN (COSTS off) SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 3;
EXPLAIN (COSTS off) SELECT id FROM lists ORDER BY embedding <-> '[7.2,0]' LIMIT 3;
EXPLAIN (COSTS off) SELECT id FROM plain ORDER BY embedding <-> '[7.2,0]' LIMIT 3;
SET hnsw.ef_search = 77;
EXPLAIN (COSTS off) SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 3;
SET ruvector.ef_search = 11;
EXPLAIN (COSTS off) SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 3;
RESET hnsw.ef_search;
EXPLAIN (COSTS off) SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 3;
SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 3;
SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 30) s; -- as SET hnsw.ef_search = 11 would
SHOW hnsw.ef_search;
RESET ruvector.ef_search;
SET ruvector.probes = 4;
EXPLAIN (COSTS off) SELECT id FROM lists ORDER BY embedding <-> '[7.2,0]' LIMIT 3;
SELECT array_agg(id) FROM (SELECT id FROM lists ORDER BY embedding <-> '[0,4.1]' LIMIT 14) s;
SELECT x.id, y.ids FROM (VALUES (2), (13), (25)) x(id),
  LATERAL (SELECT array_agg(id) ids FROM (SELECT l.id FROM lists l ORDER BY l.embedding <-> (SELECT embedding FROM lists WHERE lists.id = x.id) LIMIT 2) s) y;
SHOW ivfflat.probes;
RESET ruvector.probes;
EXPLAIN (COSTS off) SELECT id FROM items WHERE cat = 1 ORDER BY embedding <-> '[7.2,0]' LIMIT 3;
EXPLAIN (COSTS off) SELECT id FROM items ORDER BY embedding <-> '[7.2,0]';
SET ruvector.learning_enabled = off;
EXPLAIN (COSTS off) SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 3;
RESET ruvector.learning_enabled;
EXPLAIN (COSTS off, FORMAT JSON) SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 3;
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off, BUFFERS off) SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 3 \g /dev/null

-- the same rows as pgvector alone, whatever the statement
SELECT id FROM items WHERE cat = 1 ORDER BY embedding <-> '[7.2,0]' LIMIT 3;
SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' OFFSET 2 LIMIT 2;
SELECT id FROM items ORDER BY embedding <-> '[7,0]' FETCH FIRST 2 ROWS WITH TIES;
SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT (SELECT 2);
SELECT id FROM items ORDER BY embedding <-> NULL::vector LIMIT 2;
SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <-> '[7.2,0]') s;
PREPARE generic(vector, int, int) AS SELECT id FROM items ORDER BY embedding <-> $1 LIMIT $2 OFFSET $3;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS off) EXECUTE generic('[20.1,0]', 3, 1);
EXECUTE generic('[20.1,0]', 3, 1);
EXECUTE generic('[2.1,0]', NULL, 27);
RESET plan_cache_mode;
SELECT q.id, x.ids FROM items q, LATERAL (SELECT array_agg(id) ids FROM (SELECT id FROM items ORDER BY embedding <-> q.embedding LIMIT 2) s) x WHERE q.id IN (1, 15, 30) ORDER BY 1;
SELECT a.id, b.id FROM (SELECT id FROM items ORDER BY embedding <-> '[3.2,0]' LIMIT 2) a, (SELECT id FROM items ORDER BY embedding <-> '[9.2,0]' LIMIT 2) b ORDER BY 1, 2;
SELECT (x.*)::text, tableoid::regclass, xmin IS NOT NULL FROM items x ORDER BY embedding <-> '[7.2,0]' LIMIT 1;
WITH a AS MATERIALIZED (SELECT embedding FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 1)
SELECT id FROM items, a ORDER BY items.embedding <-> a.embedding LIMIT 2;
CREATE TABLE copied AS SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 2;
TABLE copied;
DROP TABLE copied;

-- cursors
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 5;
FETCH 2 c;
FETCH BACKWARD 1 c;
FETCH 3 c;
CLOSE c;
DECLARE c CURSOR FOR SELECT * FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 5;
FETCH 2 c \g /dev/null
DELETE FROM items WHERE CURRENT OF c RETURNING id;
MOVE 1 c;
UPDATE items SET cat = 9 WHERE CURRENT OF c RETURNING id;
ROLLBACK;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 3;
FETCH 1 held;
COMMIT;
FETCH 2 held;
CLOSE held;

-- rows are locked and changed
BEGIN;
SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 2 FOR UPDATE;
UPDATE items SET cat = cat + 10 WHERE id IN (SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 2) RETURNING id, cat;
DELETE FROM items USING (SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 1) s WHERE s.id = items.id RETURNING items.id;
ROLLBACK;

-- user code inside the scan, errors inside user code
CREATE FUNCTION nearest(v vector, n int) RETURNS int[] LANGUAGE plpgsql AS $$
BEGIN RETURN (SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY embedding <-> v LIMIT n) s); END $$;
CREATE FUNCTION is_even(i int, v vector) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RETURN (nearest(v, 1))[1] % 2 = 0; END $$;
CREATE FUNCTION sets_option(i int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('hnsw.ef_search', '123', false); RETURN true; END $$;
CREATE FUNCTION fails(i int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN IF i = 5 THEN RAISE 'boom'; END IF; RETURN true; END $$;
SELECT nearest('[7.2,0]', 3);
SELECT id FROM items WHERE is_even(id, embedding) ORDER BY embedding <-> '[7.2,0]' LIMIT 3;
SET ruvector.ef_search = 25;
SELECT id FROM items WHERE sets_option(id) ORDER BY embedding <-> '[7.2,0]' LIMIT 2;
SHOW hnsw.ef_search;
RESET hnsw.ef_search;
SELECT id FROM items WHERE fails(id) ORDER BY embedding <-> '[7.2,0]' LIMIT 8;
SHOW hnsw.ef_search;
DO $$ BEGIN
  FOR i IN 1..3 LOOP
    BEGIN PERFORM id FROM items WHERE fails(id) ORDER BY embedding <-> '[7.2,0]' LIMIT 8;
    EXCEPTION WHEN raise_exception THEN NULL; END;
  END LOOP;
END $$;
SHOW hnsw.ef_search;
BEGIN;
SAVEPOINT a;
SET LOCAL hnsw.ef_search = 99;
SELECT id FROM items WHERE fails(id) ORDER BY embedding <-> '[7.2,0]' LIMIT 8;
ROLLBACK TO a;
SHOW hnsw.ef_search;
COMMIT;
RESET ruvector.ef_search;

-- partitions
CREATE TABLE parts (id int, embedding vector(2)) PARTITION BY HASH (id);
CREATE TABLE parts0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT id, embedding FROM items;
CREATE INDEX ON parts USING hnsw (embedding vector_l2_ops);
SELECT ruvector_enable_learning(relid, mode := 'observe') FROM pg_partition_tree('parts') WHERE isleaf;
SELECT wait_until($$(SELECT count(*) = 4 FROM pg_index, ruvector.index_counters(indexrelid) WHERE recorded IS NOT NULL)$$);
EXPLAIN (COSTS off) SELECT id FROM parts ORDER BY embedding <-> '[7.2,0]' LIMIT 3;
SELECT id FROM parts ORDER BY embedding <-> '[7.2,0]' LIMIT 3;

-- a cancelled search leaves nothing behind
SET statement_timeout = '50ms';
SELECT count(*) FROM generate_series(1, 10000000) g, LATERAL (SELECT id FROM items ORDER BY embedding <-> format('[%s,0]', g % 30)::vector LIMIT 2) s;
RESET statement_timeout;
SHOW hnsw.ef_search;

-- what was recorded
SELECT ruvector_last_query_id() IS NOT NULL AS recorded;
SELECT id FROM items WHERE cat = 1 ORDER BY embedding <-> '[7.2,0]' LIMIT 3;
SELECT ruvector_last_query_id() AS filtered \gset
SET hnsw.ef_search = 60;
SELECT id FROM items ORDER BY embedding <-> '[12.2,0]' OFFSET 1 LIMIT 2;
RESET hnsw.ef_search;
SELECT ruvector_last_query_id() AS shifted \gset
SELECT wait_until(format($$(SELECT count(*) = 2 FROM ruvector.trajectories WHERE query_id IN (%L, %L))$$, :'filtered', :'shifted'));
SELECT relid::regclass, indexid::regclass, query_vector, k, k_class, rows_returned, row_ids, distances, filtered,
       rows_removed, parameter, setting, source, filter, latency_us > 0 AS timed, blocks > 0 AS counted
FROM ruvector.trajectories WHERE query_id IN (:'filtered', :'shifted') ORDER BY filtered;

SELECT ruvector_disable_learning('items');
DROP TABLE items, lists, plain, parts CASCADE;
SELECT count(*) AS left_behind FROM ruvector.trajectories;
SELECT count(*) AS left_behind FROM ruvector.learned_tables;
DROP FUNCTION nearest, is_even, sets_option, fails;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
