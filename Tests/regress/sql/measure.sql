-- pgvector alone against what is learned: recall, time and buffers on the same queries
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
\set SHOW_CONTEXT never
CREATE FUNCTION complaint(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
  EXECUTE statement;
  RETURN 'no complaint';
EXCEPTION WHEN others THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(E'\n', SQLSTATE || ': ' || SQLERRM, 'DETAIL: ' || nullif(detail, ''), 'HINT: ' || nullif(hint, ''));
END $$;
-- smaller than ef_search: every search is exact
CREATE TABLE items (id int PRIMARY KEY, cat int NOT NULL, embedding vector(2) NOT NULL);
INSERT INTO items SELECT g, g % 3, format('[%s,0]', g + g * g / 1000.0)::vector FROM generate_series(1, 30) g; -- no two neighbours equally far
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops);
ANALYZE items;

-- nothing is known yet
\pset tuples_only on
\pset format unaligned
SELECT complaint($$SELECT ruvector_benchmark_recall('items')$$);
SELECT complaint($$SELECT ruvector_benchmark_latency('items')$$);
\pset tuples_only off
\pset format aligned

SELECT ruvector_enable_learning('items', mode := 'observe', min_samples := 1000);
SELECT wait_until($$(SELECT recorded IS NOT NULL FROM ruvector.index_counters('items_embedding'::regclass))$$);
SELECT count(ruvector_record_trajectory('items', ARRAY[x + 0.2, 0], '{}', k := 3)) FROM generate_series(1, 20) x;

-- what is only observed is the same with and without us
SELECT index_name, setting, parameter, decision, queries, recall, recall_low BETWEEN 0.7 AND 1 AS low, recall_high AS high, buffers > 0 AS buffers
FROM ruvector_benchmark_recall('items', k := 3) WHERE setting IN ('fixed', 'learned');
SELECT setting, parameter, decision, queries, recall, round(recall_low::numeric, 2) AS low, round(recall_high::numeric, 2) AS high,
       buffers, buffers_low, buffers_high
FROM ruvector_benchmark_recall('items', k := 3) WHERE setting IN ('difference', 'ratio');
SELECT queries FROM ruvector_benchmark_recall('items_embedding', num_queries := 7, k := 30) WHERE setting = 'fixed';
-- more rows than there are: of those that there are
SELECT setting, recall FROM ruvector_benchmark_recall('items', k := 50) WHERE recall IS NOT NULL;

SELECT setting, percentile, parameter, queries, microseconds > 0 AS timed, buffers > 0 AS counted,
       microseconds_low <= microseconds AS low, microseconds <= microseconds_high AS high, buffers BETWEEN buffers_low AND buffers_high AS buffers
FROM ruvector_benchmark_latency('items', k := 3, percentiles := ARRAY[50, 99.9]);
-- the ratio is that of single queries
SELECT percentile, buffers, buffers_low, buffers_high FROM ruvector_benchmark_latency('items', k := 3) WHERE setting = 'ratio';

-- nothing of it was recorded, or counted
SELECT searches, searches_recorded FROM ruvector_stat_indexes WHERE relname = 'items';
SELECT source, count(*) FROM ruvector.trajectories GROUP BY source;

-- both are real searches, each with its own value, and the session's own
CREATE TABLE noise (id bigint PRIMARY KEY, embedding vector(16) NOT NULL);
INSERT INTO noise SELECT g, (SELECT array_agg(hashint8extended(g, d) / 9.3e18) FROM generate_series(1, 16) d)::vector FROM generate_series(1, 3000) g;
CREATE INDEX noise_embedding ON noise USING hnsw (embedding vector_l2_ops) WITH (m = 5, ef_construction = 16);
CREATE INDEX noise_lists ON noise USING ivfflat (embedding vector_cosine_ops) WITH (lists = 10);
ANALYZE noise;
CREATE TABLE questions AS SELECT -g AS id, (SELECT array_agg(hashint8extended(-g, d) / 9.3e18) FROM generate_series(1, 16) d)::vector AS query FROM generate_series(1, 60) g;
CREATE TABLE truth AS SELECT query, (SELECT array_agg(id) FROM (SELECT id FROM noise ORDER BY (embedding <-> query) + 0 LIMIT 12) s) AS neighbors FROM questions;
-- a ground truth needs no learning
SELECT setting, parameter, decision, queries FROM ruvector_benchmark_recall('noise_embedding', 'truth') WHERE decision IS NOT NULL;
SELECT ruvector_enable_learning('noise', min_samples := 1000);
SELECT wait_until($$(SELECT count(*) = 3 FROM pg_index, ruvector.index_counters(indexrelid) WHERE recorded IS NOT NULL)$$);
SET ruvector.ef_search = 10;
CREATE TEMP TABLE pinned AS SELECT * FROM ruvector_benchmark_recall('noise_embedding', 'truth', num_queries := 1000);
SELECT setting, parameter, decision, queries FROM pinned;
SELECT f.recall > l.recall_high AS worse, f.recall_low <= f.recall AND f.recall <= f.recall_high AS bracketed,
       f.buffers_low > l.buffers_high AS cheaper, abs(d.recall - (l.recall - f.recall)) < 1e-9 AS paired, d.recall_high < 0 AS proven,
       abs(r.buffers - l.buffers / f.buffers) < 1e-9 AS ratio, r.buffers_high < 1 AS ratio_proven, r.recall
FROM pinned f, pinned l, pinned d, pinned r WHERE (f.setting, l.setting, d.setting, r.setting) = ('fixed', 'learned', 'difference', 'ratio');
SET ruvector.adaptive_search = off;
SELECT setting, parameter, decision FROM ruvector_benchmark_recall('noise_embedding', 'truth') WHERE decision IS NOT NULL;
SET ruvector.learning_enabled = off;
SELECT setting, parameter, decision FROM ruvector_benchmark_recall('noise_embedding', 'truth') WHERE decision IS NOT NULL;
RESET ruvector.learning_enabled;
RESET ruvector.adaptive_search;
RESET ruvector.ef_search;
SET hnsw.ef_search = 400;
SELECT setting, parameter, decision FROM ruvector_benchmark_recall('noise_embedding', 'truth') WHERE decision IS NOT NULL;
SHOW hnsw.ef_search;
RESET hnsw.ef_search;

-- by identifiers and by distance it is the same; queries count for the index that has them
SELECT count(ruvector_record_trajectory('noise', query::real[], '{}', k := 10)) FROM questions;
SELECT abs(t.recall - r.recall) < 1e-9 AS same, t.queries, r.queries, r.index_name
FROM ruvector_benchmark_recall('noise_embedding', 'truth') t JOIN ruvector_benchmark_recall('noise') r USING (setting)
WHERE setting = 'fixed';
-- all lists of ivfflat are all rows
UPDATE ruvector.trajectories SET indexid = 'noise_lists'::regclass WHERE relid = 'noise'::regclass;
SET ruvector.probes = 10;
SELECT index_name, setting, parameter, decision, queries, recall = 1 AS exact FROM ruvector_benchmark_recall('noise') WHERE decision IS NOT NULL;
SELECT DISTINCT setting, parameter FROM ruvector_benchmark_latency('noise_lists', num_queries := 10) WHERE decision IS NOT NULL ORDER BY 1;
RESET ruvector.probes;

-- forms of a ground truth
CREATE VIEW truth_of_arrays AS SELECT embedding::real[] AS query, ARRAY[id::text] AS neighbors FROM items WHERE id < 9;
SELECT queries, recall FROM ruvector_benchmark_recall('items', 'truth_of_arrays', k := 1) WHERE setting = 'learned';
CREATE TABLE truth_of_numbers AS SELECT embedding::real[]::numeric[] AS query, ARRAY[id, 1000 + id]::smallint[] AS neighbors FROM items;
SELECT queries, recall, recall_low < 0.5 AS low, recall_high > 0.5 AS high
FROM ruvector_benchmark_recall('items', 'truth_of_numbers', k := 2) WHERE setting = 'learned';
CREATE TABLE things (name text PRIMARY KEY, embedding vector(2));
INSERT INTO things SELECT repeat('long name ', 20) || id, embedding FROM items;
CREATE INDEX things_embedding ON things USING hnsw ((embedding::halfvec(2)) halfvec_cosine_ops) WHERE embedding IS NOT NULL;
CREATE TABLE truth_of_things AS SELECT embedding::halfvec(2) AS query, ARRAY(SELECT repeat('long name ', 20) || id FROM items) AS neighbors FROM items;
SELECT queries, recall FROM ruvector_benchmark_recall('things', 'truth_of_things', k := 30) WHERE setting = 'fixed';

-- what cannot be
CREATE TABLE bare (name text, query real[], neighbors int[]);
CREATE TABLE empty_truth (query vector(2), neighbors int[]);
CREATE TABLE of_words (query text, neighbors int[]);
CREATE TABLE of_one (query vector(2), neighbors int);
CREATE TABLE of_dates (query vector(2), neighbors date[]);
CREATE TABLE nothing (q vector(2));
CREATE TABLE too_few (query vector(2), neighbors int[]);
CREATE INDEX too_few_index ON too_few (neighbors);
INSERT INTO too_few VALUES ('[1,2]', '{3,3,NULL,4}');
CREATE TABLE has_null (query vector(2), neighbors int[]);
INSERT INTO has_null VALUES (NULL, '{1,2,3}');
CREATE TABLE other_dims (query real[], neighbors int[]);
INSERT INTO other_dims VALUES ('{1,2,3}', '{1,2,3}');
CREATE TABLE infinite (query real[], neighbors int[]);
INSERT INTO infinite VALUES ('{1,Infinity}', '{1,2,3}');
CREATE TABLE square (query real[], neighbors int[]);
INSERT INTO square VALUES ('{{1,2},{3,4}}', '{1,2,3}');
CREATE TABLE keyless (embedding vector(2));
CREATE INDEX ON keyless USING hnsw (embedding vector_l2_ops);
CREATE TABLE forced (id int PRIMARY KEY, embedding vector(2));
CREATE INDEX ON forced USING hnsw (embedding vector_l2_ops);
ALTER TABLE forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE VIEW items_view AS SELECT * FROM items;
\pset tuples_only on
\pset format unaligned
SELECT complaint(format('SELECT ruvector_benchmark_recall(%s)', arguments))
FROM (VALUES ('NULL'), ('''items_view'''), ('''items_pkey'''), ('''bare'''), ('999999::oid'), ('''forced'''),
    ('''items'', num_queries := 0'), ('''items'', num_queries := 10001'), ('''items'', num_queries := NULL'),
    ('''items'', k := 0'), ('''items'', k := 1001'), ('''noise_lists'', k := 10001'), ('''items'', k := NULL'),
    ('''items'', ''empty_truth'''), ('''items'', ''of_words'''), ('''items'', ''of_one'''), ('''items'', ''of_dates'''), ('''items'', ''nothing'''),
    ('''items'', ''too_few'', k := 3'), ('''items'', ''too_few_index'''), ('''items'', 999999::oid'), ('''items'', ''has_null'', k := 3'),
    ('''items'', ''other_dims'', k := 3'), ('''items'', ''infinite'', k := 3'), ('''items'', ''square'', k := 3'),
    ('''keyless'', ''too_few'''), ('''noise'', ''truth''')) a(arguments);
SELECT complaint(format('SELECT ruvector_benchmark_latency(%s)', arguments))
FROM (VALUES ('NULL'), ('''things'''), ('''items'', num_queries := -1'), ('''items'', k := 5000'),
    ('''items'', percentiles := NULL'), ('''items'', percentiles := ''{}'''), ('''items'', percentiles := ''{50,NULL}'''),
    ('''items'', percentiles := ''{0}'''), ('''items'', percentiles := ''{50,100}'''), ('''items'', percentiles := ''{NaN}'''),
    ('''items'', percentiles := ''{{50},{60}}'''), ('''items'', percentiles := array_fill(50, ARRAY[21])')) a(arguments);

-- an error in the middle leaves nothing behind: the planner is free again, and may take the other index
SET statement_timeout = '100ms';
SELECT ruvector_benchmark_latency('noise_lists', num_queries := 60) FROM generate_series(1, 10000);
RESET statement_timeout;
SET enable_seqscan = off;
SELECT explained('SELECT id FROM noise ORDER BY embedding <-> (SELECT query FROM questions LIMIT 1) LIMIT 3');
RESET enable_seqscan;
SELECT count(*) FROM ruvector.progress;
\pset tuples_only off
\pset format aligned

-- rights: the owner's alone; a ground truth is read as the caller
CREATE ROLE rv_owner;
CREATE ROLE rv_reader;
GRANT CREATE ON SCHEMA public TO rv_owner;
GRANT SELECT ON items, truth_of_numbers TO rv_reader;
ALTER TABLE items OWNER TO rv_owner;
SET ROLE rv_reader;
SELECT ruvector_benchmark_recall('items');
SELECT ruvector_benchmark_latency('items_embedding');
SET ROLE rv_owner;
SELECT setting, recall FROM ruvector_benchmark_recall('items', k := 3) WHERE decision IS NOT NULL;
SELECT ruvector_benchmark_recall('items', 'truth_of_numbers', k := 1);
RESET ROLE;
GRANT SELECT ON truth_of_numbers TO rv_owner;
CREATE ROLE rv_member IN ROLE rv_owner;
SET ROLE rv_owner;
-- and its functions run as the caller, neither as superuser nor as the owner
CREATE FUNCTION tell() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'asked as %', current_user; RETURN 'told'; END $$;
CREATE VIEW spy AS SELECT ARRAY[1, 0]::real[] AS query, ARRAY[1] AS neighbors FROM tell();
CREATE FUNCTION public.unnest(text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked'; END $$;
SET ROLE rv_member;
SET search_path = public, pg_catalog;
SET client_min_messages = warning;
SELECT setting, queries, recall FROM ruvector_benchmark_recall('items', 'spy', k := 1) WHERE decision IS NOT NULL;
SELECT setting, recall FROM ruvector_benchmark_recall('items', 'truth_of_numbers', k := 1) WHERE decision IS NOT NULL;
RESET search_path;
RESET ROLE;

SELECT ruvector_disable_learning('items');
DROP OWNED BY rv_owner, rv_reader CASCADE;
DROP ROLE rv_member, rv_owner, rv_reader;
DROP TABLE noise, questions, truth, truth_of_numbers, things, truth_of_things, bare, empty_truth, of_words, of_one, of_dates, nothing,
    too_few, has_null, other_dims, infinite, square, keyless, forced CASCADE;
SELECT count(*) AS left_behind FROM ruvector.learned_tables;
DROP FUNCTION complaint;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
