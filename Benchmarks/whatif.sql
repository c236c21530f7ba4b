-- Part of Benchmarks/whatif: what the what-if expects, against indexes really built.
SET client_min_messages = warning;
SET maintenance_work_mem = :'memory';
SET max_parallel_maintenance_workers = 0;
SELECT ruvector_enable_learning('items', mode := 'observe', trajectory_window := 100000);
SELECT count(ruvector_record_trajectory('items', embedding::real[], '{}', k := :k)) AS asked FROM lessons;
CREATE TEMP TABLE found (configuration int, label text, value int, recall float8, buffers float8);
CREATE TEMP TABLE built (configuration int, seconds float8, bytes bigint);
-- (as behind the door)
SET search_path = pg_catalog, pg_temp;
CREATE TEMP TABLE study AS SELECT * FROM ruvector.whatif('public.items'::regclass, 'public.items_embedding'::regclass, '1 day', :share, pg_size_bytes(:'memory'));
RESET search_path;
CREATE TEMP TABLE ruvector_whatif_queries AS
    SELECT h.id, h.embedding AS value, (SELECT array_agg(d ORDER BY d) FROM
        (SELECT (i.embedding :operator h.embedding) + 0::float8 AS d FROM items i ORDER BY 1 LIMIT :k) n) AS nearest FROM held_out h;
CREATE TEMP TABLE ways AS SELECT c.*, rows FROM (SELECT reltuples AS rows FROM pg_class WHERE oid = 'items'::regclass) r, ruvector.whatif_configurations('items_embedding'::regclass, rows) c;
SELECT sizes, queries, k FROM study;

CREATE FUNCTION pg_temp.build(way ways) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    before float8 := ruvector.whatif_seconds();
BEGIN
    EXECUTE format('CREATE INDEX real_index ON items USING %s (%s %s) WITH (%s)', way.kind, regexp_replace(way.key, '\mvalue\M', 'embedding'), way.opclass,
        CASE way.kind WHEN 'hnsw' THEN format('m = %s, ef_construction = %s', way.m, way.ef_construction) ELSE format('lists = %s', way.lists) END);
    INSERT INTO built SELECT way.configuration, ruvector.whatif_seconds() - before, pg_relation_size('real_index');
    INSERT INTO found SELECT way.configuration, way.label, s.* FROM ruvector.whatif_search('items'::regclass, 'real_index'::regclass,
        format('SELECT %s FROM public.items ORDER BY %s LIMIT $2', (SELECT regexp_replace(searched, '\mvalue\M', 'embedding') FROM ways WHERE configuration = 0),
               regexp_replace(way.searched, '\mvalue\M', 'embedding')),
        (SELECT atttypid FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'embedding'), (SELECT k FROM study), way.reranked,
        CASE way.kind WHEN 'hnsw' THEN '{10,20,40,80,160}'::int[] ELSE '{1,2,4,8,16,32}' END) s;
    DROP INDEX real_index;
END $$;
DROP INDEX items_embedding;
SELECT format('SELECT pg_temp.build(w) FROM ways w WHERE configuration = %s', configuration) FROM ways WHERE configuration < :configurations ORDER BY configuration \gexec

-- alone, and with what is measured of the first as labels would
CREATE TEMP TABLE told AS
    SELECT a.anchored, o.* FROM study s, (VALUES (false, '{}'::float8[]), (true,
        (SELECT array_agg(n ORDER BY value, p) FROM found f, unnest(ARRAY[0, 0, (SELECT max(rows) FROM ways), f.value, f.recall, f.buffers]) WITH ORDINALITY u(n, p)
         WHERE f.configuration = 0))) a(anchored, anchors),
    LATERAL ruvector.whatif_outlooks(s.samples, a.anchors, s.queries, (SELECT max(rows) FROM ways), CASE WHEN a.anchored THEN 0.01 ELSE 0 END, '{1,2,4,8,10,16,20,32,40,64,80,160,200}') o;
\pset footer off
SELECT f.label, f.value, round(f.recall::numeric, 3) AS recall, round(t.recall::numeric, 3) AS expected, round(t.recall_error::numeric, 3) AS stated,
       round(w.recall::numeric, 3) AS anchored, round(w.recall_error::numeric, 3) AS stated, round(f.buffers::numeric) AS buffers,
       round(t.buffers::numeric) AS expected, round(w.buffers::numeric) AS anchored
FROM found f LEFT JOIN told t ON (t.configuration, t.value, t.anchored) = (f.configuration, f.value, false)
LEFT JOIN told w ON (w.configuration, w.value, w.anchored) = (f.configuration, f.value, true) ORDER BY f.configuration, f.value;
SELECT CASE WHEN anchored THEN 'anchored' ELSE 'alone' END AS "recall of 0.8 and more", count(*) AS n, round(avg(t.recall - f.recall)::numeric, 4) AS bias,
       round(sqrt(avg((t.recall - f.recall)^2))::numeric, 4) AS rms, round(max(abs(t.recall - f.recall))::numeric, 3) AS largest,
       round(avg((abs(t.recall - f.recall) <= 0.02)::int), 2) AS within_002, round(avg((abs(t.recall - f.recall) <= t.recall_error)::int), 2) AS within_stated,
       round(sqrt(avg((t.buffers / f.buffers - 1)^2))::numeric, 3) AS buffers_rms,
       round(avg((abs(t.buffers - f.buffers) <= t.buffers_error)::int), 2) AS buffers_within_stated
FROM found f JOIN told t USING (configuration, value) WHERE f.recall >= 0.8 AND NOT (anchored AND configuration = 0) GROUP BY anchored ORDER BY 1;
SELECT w.label, round(b.seconds::numeric, 1) AS seconds, round(e[1]::numeric, 1) AS expected, round(e[2]::numeric, 1) AS stated,
       round((100 * (e[1] / b.seconds - 1))::numeric) AS percent, b.bytes / 1048576 AS megabytes
FROM built b JOIN ways w USING (configuration), study s,
LATERAL (SELECT CASE w.kind WHEN 'hnsw' THEN ruvector.whatif_build((SELECT array_agg(s.builds[g + i] ORDER BY g, i) FROM generate_series(1, cardinality(s.builds), 5) g, generate_series(0, 4) i
    WHERE (SELECT kind FROM ways v WHERE v.configuration = s.builds[g]::int) = 'hnsw'), w.configuration, w.rows,
    (SELECT t.buffers FROM told t WHERE (t.configuration, t.value, t.anchored) = (w.configuration, w.ef_construction, true))) END AS e) x ORDER BY 1;
