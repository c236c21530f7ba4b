-- Filters: enough rows, whatever passes; which filters a label may repeat; and what is
-- learned from them.
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
ALTER SYSTEM SET ruvector.batched_search = on;
ALTER SYSTEM SET ruvector.label_budget = 0;
SET ruvector.batched_search = on;
SELECT pg_reload_conf();
CREATE FUNCTION noise(seed int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(hashint8extended(seed, d) / 9.3e18)::vector FROM generate_series(1, dims) d $$;
CREATE TABLE items (id int PRIMARY KEY, embedding vector(8) NOT NULL, note text);
INSERT INTO items SELECT g, noise(g, 8), 'note ' || g % 7 FROM generate_series(1, 3000) g;
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops) WITH (m = 4, ef_construction = 12);
ANALYZE items;
SET enable_seqscan = off;
SELECT ruvector_enable_learning('items', min_samples := 50, target_recall := 0.9, trajectory_window := 3000);
SELECT wait_until($$(SELECT recorded IS NOT NULL FROM ruvector.index_counters('items_embedding'::regclass))$$);

-- a filter: pgvector alone gives too few rows, we go on until there are enough, the nearest first
CREATE FUNCTION filtered(seed int, filter text) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE result int[];
BEGIN
  EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM items WHERE %s ORDER BY embedding <-> %L LIMIT 10) s', filter, noise(seed, 8)) INTO result;
  RETURN result;
END $$;
CREATE TEMP TABLE few AS SELECT s, filtered(s, 'id % 20 = 3') AS ids FROM generate_series(-50, -1) s;
SET ruvector.adaptive_search = off;
SELECT avg(cardinality(filtered(s, 'id % 20 = 3'))) < 5 AS pgvector_alone, count(*) FILTER (WHERE ids @> f) >= 49 AS its_rows_are_among_ours
FROM (SELECT s, ids, coalesce(filtered(s, 'id % 20 = 3'), '{}') AS f FROM few) x;
RESET ruvector.adaptive_search;
SELECT bool_and(cardinality(ids) = 10) AS enough,
       bool_and((SELECT bool_and(d >= before) FROM (SELECT d, lag(d) OVER (ORDER BY o) AS before FROM
         (SELECT embedding <-> noise(s, 8) AS d, o FROM unnest(ids) WITH ORDINALITY u(i, o) JOIN items ON id = i) y) z WHERE before IS NOT NULL)) AS in_order,
       avg((SELECT count(*) FROM unnest(ids) WHERE unnest IN (SELECT id FROM items WHERE id % 20 = 3 ORDER BY (embedding <-> noise(s, 8)) + 0 LIMIT 10))) > 8 AS mostly_the_nearest
FROM few;
SELECT regexp_replace(l, '(ef_search|Rate|Buffers|Filter): [\d.]+', '\1: ...') FROM explained('SELECT id FROM items WHERE id % 20 = 3 ORDER BY embedding <-> noise(-1, 8) LIMIT 10', 'ANALYZE, COSTS off, TIMING off, SUMMARY off') l
WHERE l !~ 'Order By';
-- never enough: everything that the index has
SELECT filtered(-1, 'id + 0 < 8') = (SELECT array_agg(id ORDER BY embedding <-> noise(-1, 8)) FROM items WHERE id < 8) AS all_there_are;
SELECT l FROM explained('SELECT id FROM items WHERE id + 0 < 8 ORDER BY embedding <-> noise(-1, 8) LIMIT 10', 'ANALYZE, COSTS off, TIMING off, SUMMARY off') l WHERE l ~ 'Ended';
SET hnsw.max_scan_tuples = 100;
SELECT coalesce(cardinality(filtered(-1, 'id + 0 < 8')), 0) < 7 AS within_the_limit;
RESET hnsw.max_scan_tuples;
-- a filter that is not the same each time is asked as pgvector alone would ask it
SELECT l FROM explained('SELECT id FROM items WHERE random() < 0.5 ORDER BY embedding <-> noise(-1, 8) LIMIT 10') l WHERE l ~ 'Decision';
SELECT l FROM explained('SELECT id FROM items WHERE id % 20 = 3 ORDER BY embedding <-> noise(-1, 8)') l WHERE l ~ 'Decision';
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM items WHERE id % 20 = 3 ORDER BY embedding <-> noise(-2, 8) LIMIT 10;
MOVE 3 IN c;
FETCH c \gset fourth_
SELECT :fourth_id = (filtered(-2, 'id % 20 = 3'))[4] AS the_fourth;
ROLLBACK;
SELECT bool_and(l.ids = filtered(s, 'id % 20 = 3')) AS lateral_same
FROM generate_series(-20, -1) s, LATERAL (SELECT array_agg(id) AS ids FROM
  (SELECT id FROM items WHERE id % 20 = 3 ORDER BY embedding <-> noise(s, 8) LIMIT 10) q) l;
SELECT wait_until($$(SELECT count(*) > 0 FROM ruvector.trajectories WHERE filtered AND rows_returned = 10 AND rows_removed > 40 AND parameter > 40)$$);

-- what a label may repeat is kept, with the values of its parameters; a stranger's function, what may
-- change, and what is not of the table are not
CREATE FUNCTION inlined(int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 % 20 = 3';
CREATE FUNCTION mine(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 % 20 = 3; END';
CREATE FUNCTION asked(filter text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  EXECUTE format('SELECT count(*) FROM (SELECT id FROM items WHERE %s ORDER BY embedding <-> noise(-1, 8) LIMIT 3) s', filter); END $$;
SELECT asked('id % 20 = 3');
SELECT asked('note = ''it''''s'' OR note LIKE ''note 1%'' AND id = ANY (''{1,2}'') AND note IS NOT NULL');
SELECT asked('inlined(id)');
SELECT asked('mine(id)');
SELECT asked('length(note) < extract(day FROM now())');
SELECT asked('id + 0 IN (SELECT 1)');
SELECT asked('note ~ current_user::text');
SELECT asked('embedding <-> noise(-1, 8) < 0.5');
SELECT asked('tableoid > 0 AND note <> ''x''');
CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int);     -- its owner could give it another function
SELECT asked('id === 7');
SELECT asked('id + 0 = ANY (ARRAY(SELECT generate_series(1, 600)))');           -- not computed for the record
SELECT asked(format('id + 0 = ANY (%L)', (SELECT array_agg(i) FROM generate_series(1, 600) i)));    -- too long
SELECT asked('note COLLATE "C" <> ''x''');
SELECT asked('note <> ''x'' COLLATE "C"');
SET datestyle = 'ISO';
SELECT asked('note <> ''x'' AND date ''2024-04-03'' > date ''2024-01-01'' + id / 1000');
SET datestyle = 'SQL, DMY';
SELECT asked('date ''2024-04-03'' > date ''2024-01-01'' + id / 1000');
RESET datestyle;
SET standard_conforming_strings = off;
SELECT asked('note <> ''x''');
RESET standard_conforming_strings;
DO $$                           -- the second time a parameter that nobody has to compute, and nobody can
DECLARE r record;
BEGIN
  SELECT 'x'::text AS note INTO r;
  FOR i IN 1..2 LOOP
    PERFORM id FROM items WHERE id > 0 OR note = r.note ORDER BY embedding <-> noise(-1, 8) LIMIT 3;
    r := NULL;
  END LOOP;
END $$;
PREPARE p(int, text) AS SELECT count(*) FROM (SELECT id FROM items WHERE id + 0 > $1 AND note <> $2 ORDER BY embedding <-> noise(-1, 8) LIMIT 3) s;
SET plan_cache_mode = force_generic_plan;
EXECUTE p(7, 'x');
RESET plan_cache_mode;
SELECT count(*) FROM (VALUES (3), (4)) v(x), LATERAL (SELECT id FROM items WHERE id % 7 = v.x ORDER BY embedding <-> noise(-1, 8) LIMIT 3) s;
SELECT wait_until($$(SELECT count(*) = 22 FROM ruvector.trajectories WHERE k = 3)$$);
SELECT filter, label_state, label_note FROM ruvector.trajectories WHERE k = 3 ORDER BY started_at;

-- labels measure with the filter; what they certify is taken for filtered searches alone
SELECT ruvector_clear_learning('items');
DO $$ BEGIN FOR s IN -1300..-1001 LOOP PERFORM filtered(s, 'id % 20 = 3'); END LOOP; END $$;
ALTER SYSTEM RESET ruvector.label_budget;
SELECT pg_reload_conf();
SELECT wait_until($$(SELECT state = 'certified' AND judged_labels >= 250 FROM ruvector.policies WHERE k_class = -16)$$);
SELECT k_class, value BETWEEN 10 AND 905 AS has_value FROM ruvector.policies;
SELECT k_class, sum(labels) >= 250 AS enough, min(pass_rate_from) <= 0.05 AND max(pass_rate_to) >= 0.05 AS in_twentieths,
       sum(labels * recall_at_setting) / sum(labels) < 0.5 AS alone_returns_too_few, sum(labels * recall) / sum(labels) >= 0.9 AS reached,
       sum(labels * buffers) > sum(labels * buffers_at_setting) AS at_a_price
FROM ruvector.filtered_recall GROUP BY 1;
SELECT bool_and((SELECT bool_and(a <= b) FROM unnest(blocks, blocks[2:]) u(a, b) WHERE b IS NOT NULL)) AND
       avg(blocks[1]) < 0.8 * avg(blocks[cardinality(blocks)]) AS dearer_and_dearer,
       avg(recall[1]) < avg(recall[cardinality(recall)]) AS better_and_better, bool_and(stages IS NULL) AS no_rule
FROM ruvector.labels;
SELECT wait_until($$(SELECT count(*) = 1 FROM explained('SELECT id FROM items WHERE id % 20 = 3 ORDER BY embedding <-> noise(-1, 8) LIMIT 10') l WHERE l ~ 'learned')$$);
SELECT regexp_replace(l, '\d*\.?\d+', 'N', 'g') FROM explained('SELECT id FROM items WHERE note = ''x'' ORDER BY embedding <-> noise(-1, 8) LIMIT 10') l WHERE l ~ 'Decision|Certified|Expected';
-- new queries find what the labels say
SELECT abs(avg((SELECT count(*) FROM unnest(filtered(s, 'id % 20 = 3')) WHERE unnest IN
    (SELECT id FROM items WHERE id % 20 = 3 ORDER BY (embedding <-> noise(s, 8)) + 0 LIMIT 10)) / 10.0)
    - (SELECT sum(labels * recall) / sum(labels) FROM ruvector.filtered_recall)) < 0.05 AS found_on_new_queries
FROM generate_series(-200, -1) s;
-- a limit of time ends them no sooner than pgvector alone would
ALTER SYSTEM SET ruvector.label_budget = 0;
SELECT pg_reload_conf();
UPDATE ruvector.policies SET value = 10, rungs = '{10, 500, 0.99, 0.97, 0.99, 0.97, 20, 20, 30, 40, NaN}';
SELECT ruvector.wake_worker();
SELECT wait_until($$(SELECT count(*) = 1 FROM explained('SELECT id FROM items WHERE id % 20 = 3 ORDER BY embedding <-> noise(-1, 8) LIMIT 10') l WHERE l ~ 'Expected Buffers: 20 ')$$);
SET ruvector.max_latency = '1us';
SELECT l FROM explained('SELECT id FROM items WHERE id % 20 = 3 ORDER BY embedding <-> noise(-1, 8) LIMIT 10', 'ANALYZE, COSTS off, TIMING off, SUMMARY off') l WHERE l ~ 'ef_search|Ended|Certified';
RESET ruvector.max_latency;
ALTER SYSTEM RESET ruvector.label_budget;
SELECT l FROM explained('SELECT id FROM items ORDER BY embedding <-> noise(-1, 8) LIMIT 10') l WHERE l ~ 'Decision';
SELECT state, labels FROM ruvector_learning_stats('items');
ALTER SYSTEM RESET ruvector.batched_search;
SELECT pg_reload_conf();
DROP TABLE items;
DROP OPERATOR === (int, int);
DROP FUNCTION noise, filtered, inlined, mine, asked;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
