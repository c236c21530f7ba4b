-- verdicts on searches, feedback, patterns of a table: the whole path in SQL
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
\set SHOW_CONTEXT never
SET ruvector.batched_search = off;
CREATE ROLE rv_user;
CREATE TABLE items (id int PRIMARY KEY, embedding vector(3));
SELECT setseed(0.25);
-- two kinds of rows, far apart
INSERT INTO items SELECT g, CASE WHEN g % 2 = 0 THEN format('[%s,%s,0]', 1 + random() * 0.3, random() * 0.3)
                                 ELSE format('[0,%s,%s]', random() * 0.3, 1 + random() * 0.3) END::vector
FROM generate_series(1, 2000) g;
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_cosine_ops);    -- poorer graphs may find less than half of one kind
GRANT SELECT ON items TO rv_user;
SELECT ruvector_enable_learning('items', min_samples := 20, target_recall := 0.5);
SELECT wait_until($$(SELECT recorded IS NOT NULL FROM ruvector.index_counters('items_embedding'::regclass))$$);
SET enable_seqscan = off;
-- forty searches of both kinds
DO $$
DECLARE
    q text;
BEGIN
    FOR i IN 1..40 LOOP
        q := CASE WHEN i % 2 = 0 THEN format('[%s,%s,0]', 1 + random() * 0.3, random() * 0.3) ELSE format('[0,%s,%s]', random() * 0.3, 1 + random() * 0.3) END;
        EXECUTE format('SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <=> %L LIMIT 10) s', q);
    END LOOP;
END $$;
SELECT wait_until($$(SELECT count(*) >= 40 FROM ruvector.labels)$$);

-- a search, its verdict, and what its user says of it
SET ROLE rv_user;
SELECT array_agg(id ORDER BY n) AS ids FROM (SELECT id, row_number() OVER () AS n FROM (SELECT id FROM items ORDER BY embedding <=> '[1,0.1,0]' LIMIT 10) s) s \gset
SELECT ruvector_last_query_id() AS query \gset
RESET ROLE;
SELECT wait_until(format($$(SELECT count(*) = 1 FROM ruvector.labels WHERE query_id = %L)$$, :'query'));
SET ROLE rv_user;
SELECT success, confidence > 0 AS confident, recall_signal BETWEEN 0 AND 1 AS recall, latency_signal BETWEEN 0 AND 1 AS latency,
    diversity_signal BETWEEN 0 AND 1 AS diversity, feedback_signal FROM ruvector_get_verdict(:'query');
SELECT round("precision"::numeric, 2) AS "precision", recall, exact_precision IS NOT NULL AS against_exact, weighted_recall > 0 AS weighted, never_returned
FROM ruvector_record_feedback(:'query', (:'ids'::bigint[])[1:3] || 999999::bigint, (:'ids'::bigint[])[4:4], rating := 4);
SELECT feedback_signal FROM ruvector_get_verdict(:'query');
-- said anew, it replaces what was said
SELECT "precision", recall, never_returned FROM ruvector_record_feedback(:'query', ((:'ids'::bigint[])[1:2])::text[]);
SELECT "precision", recall FROM ruvector_record_feedback('items', '{1,0.1,0}', (:'ids'::bigint[])[1:2], (:'ids'::bigint[])[3:4], 5);
SELECT feedback_signal FROM ruvector_get_verdict(:'query');
-- what cannot be
SELECT * FROM ruvector_record_feedback(:'query', ARRAY[1], ARRAY[1]);
SELECT * FROM ruvector_record_feedback(:'query', ARRAY[1], rating := 6);
SELECT * FROM ruvector_record_feedback(:'query', NULL::bigint[]);
SELECT * FROM ruvector_record_feedback('00000000-0000-4000-8000-000000000000', ARRAY[1]);
SELECT * FROM ruvector_record_feedback('items', '{1,2,3}', ARRAY[1], ARRAY[2]);
SELECT * FROM ruvector_get_verdict(NULL);
RESET ROLE;
-- somebody else's search
SELECT query_id AS other FROM ruvector.trajectories WHERE role_id <> 'rv_user'::regrole LIMIT 1 \gset
SET ROLE rv_user;
-- (the identifier differs from run to run)
\set VERBOSITY sqlstate
SELECT * FROM ruvector_record_feedback(:'other', ARRAY[1]);
SELECT * FROM ruvector_get_verdict(:'other');
\set VERBOSITY default
SELECT ruvector_extract_patterns('items');
SELECT ruvector_consolidate_patterns('items');
RESET ROLE;

-- distilled: the two kinds, and one pattern above them
SELECT k, pattern_id, level, children, support > 10 AS supported, confidence BETWEEN 0 AND 1 AS confident,
    (parameters->>'ef_search')::int BETWEEN 1 AND 1000 AS ef_search, recall BETWEEN 0 AND 1 AS recall, cost > 0 AS cost
FROM ruvector_extract_patterns('items', num_clusters := 2) ORDER BY pattern_id;
SELECT k, pattern_id, configurations > 1 AS many, recall >= 0.5 AS good, reaches_target, evidence FROM ruvector_pattern_verdicts('items');
SELECT k, patterns, support > 30 AS support, hit_rate BETWEEN 0.9 AND 1 AS hit_rate, confidence BETWEEN 0 AND 1 AS confidence, improvement IS NOT NULL AS improved,
    imported, router FROM ruvector_bank_stats('items');
-- feedback moves the confidence of the pattern that the query is nearest to
SELECT pattern_ids[1] AS nearest FROM ruvector_get_search_params('items', '{1,0.1,0}') \gset
SELECT confidence AS before FROM ruvector.patterns WHERE pattern_id = :nearest \gset
SET ROLE rv_user;
SELECT count(*) FROM ruvector_record_feedback(:'query', (:'ids'::bigint[])[1:2], rating := 0);
RESET ROLE;
SELECT round((confidence - :before)::numeric, 6) AS change FROM ruvector.patterns WHERE pattern_id = :nearest;
SET ROLE rv_user;
SELECT count(*) FROM ruvector_record_feedback(:'query', (:'ids'::bigint[])[1:2]);
RESET ROLE;
SELECT round((confidence - :before)::numeric, 6) AS change FROM ruvector.patterns WHERE pattern_id = :nearest;

-- who may only read is told what would suit, not how near the patterns lie: from that he could reckon private vectors
SET ROLE rv_user;
SELECT source, similarities, confidence * 10 = round(confidence * 10) AS rounded FROM ruvector_get_search_params('items', '{1,0.1,0}');
SELECT similarities FROM ruvector_get_optimized_params('items', '{1,0.1,0}');
RESET ROLE;

-- asked for a query
SELECT index_name, k_class, parameter, value BETWEEN 10 AND 1000 AS value, source, confidence > 0 AS confident,
    expected_recall > 0.4 AS expected, cardinality(pattern_ids), round(similarities[1]::numeric, 1) AS nearest
FROM ruvector_get_search_params('items', '{1,0.1,0}');
SELECT k, parameters ? 'ef_search' AS ef_search FROM ruvector_get_optimized_params('items', '{0,0.1,1}');
SELECT * FROM ruvector_get_search_params('items', '{1,0}');
SELECT * FROM ruvector_get_search_params('items', '{1,0,NaN}');

-- the same from the image that backends share, and from the tables
ALTER SYSTEM SET ruvector.pattern_consolidation_interval = '1s';
SELECT pg_reload_conf();
SELECT wait_until($$(SELECT count(*) = 1 FROM ruvector.shared_images() i JOIN ruvector.banks b USING (bank_id) WHERE i.bytes = octet_length(b.image))$$);
ALTER SYSTEM RESET ruvector.pattern_consolidation_interval;
SELECT pg_reload_conf();
CREATE TEMP TABLE from_image AS SELECT q.v, s.* FROM (VALUES ('{1,0.1,0}'::real[]), ('{0,0.1,1}'), ('{1,1,1}')) q(v), ruvector_get_optimized_params('items', q.v) s;
UPDATE ruvector.banks SET image = NULL, image_checksum = NULL;
SELECT count(*), bool_and(s.parameters = f.parameters AND abs(s.confidence - f.confidence) < 1e-6 AND s.pattern_ids = f.pattern_ids) AS same
FROM from_image f, ruvector_get_optimized_params('items', f.v) s;

-- what the searches have in common
SELECT aspect, item, searches > 0 AS searches, share, labels >= 0 AS labels FROM ruvector_analyze_trajectories('items', 20)
WHERE aspect IN ('k class', 'filtered share') OR aspect LIKE 'drift%';
SELECT sum(searches), round(sum(share)::numeric, 6) AS share FROM ruvector_analyze_trajectories('items', 20) WHERE aspect = 'region';

-- what no label measures has no recall
SELECT ruvector_record_trajectory('items', '{1,0.1,0}', (SELECT array_agg(g) FROM generate_series(1, 1001) g)) AS unmeasured \gset
SELECT v.recall_signal, t.label_state FROM ruvector.verdicts v JOIN ruvector.trajectories t USING (query_id) WHERE query_id = :'unmeasured';

-- the worker does as much by itself
ALTER SYSTEM SET ruvector.pattern_consolidation_interval = '1s';
SELECT pg_reload_conf();
SELECT ruvector_clear_learning('items');
SELECT count(*) FROM ruvector.patterns;
DO $$
BEGIN
    FOR i IN 1..25 LOOP
        EXECUTE format('SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <=> %L LIMIT 10) s', format('[%s,%s,0]', 1 + random() * 0.3, random() * 0.3));
    END LOOP;
END $$;
SELECT wait_until($$(SELECT sum(support) >= 20 FROM ruvector.patterns WHERE level = 0)$$);
ALTER SYSTEM RESET ruvector.pattern_consolidation_interval;
SELECT pg_reload_conf();
-- patterns of an index that is rebuilt go with its labels
REINDEX INDEX items_embedding;
SELECT wait_until($$(SELECT count(*) = 0 FROM ruvector.patterns)$$);
DROP TABLE items;
SELECT count(*) FROM ruvector.banks;
REVOKE ALL ON SCHEMA public FROM rv_user;
DROP ROLE rv_user;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
