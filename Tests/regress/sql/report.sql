-- the report: a page that XML reads too, escaped, with names for its figures, for the owner alone
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
\set SHOW_CONTEXT never
CREATE FUNCTION document(page text) RETURNS xml LANGUAGE sql AS $$ SELECT xmlparse(document page) $$;
CREATE FUNCTION found(page text, path text) RETURNS int LANGUAGE sql AS $$ SELECT cardinality(xpath(path, document(page))) $$;
CREATE ROLE rv_owner;
CREATE ROLE rv_reader;
-- names that would break out of the page, if they could
CREATE TABLE "<script>alert(""1"")</script> & 'q'" (id bigint PRIMARY KEY, kind text, embedding vector(3));
ALTER TABLE "<script>alert(""1"")</script> & 'q'" OWNER TO rv_owner;
GRANT SELECT ON "<script>alert(""1"")</script> & 'q'" TO rv_reader;
CREATE VIEW items AS SELECT * FROM "<script>alert(""1"")</script> & 'q'";
SELECT setseed(0.25);
INSERT INTO items SELECT 777000000 + g, 'constant' || g % 2, format('[%s,%s,%s]', random(), random(), random())::vector FROM generate_series(1, 2000) g;
CREATE INDEX "]]></style><b onclick='x'>" ON "<script>alert(""1"")</script> & 'q'" USING hnsw (embedding vector_l2_ops) WITH (m = 4, ef_construction = 10);
SELECT '"<script>alert(""1"")</script> & ''q''"'::regclass AS relation, '"]]></style><b onclick=''x''>"'::regclass AS index \gset
ANALYZE;
SELECT ruvector_enable_learning(:'relation', min_samples := 40, target_recall := 0.8);
SELECT wait_until(format($$(SELECT recorded IS NOT NULL FROM ruvector.index_counters(%L::regclass))$$, :'index'));

-- nothing is learned: said, never 0
CREATE TEMP TABLE page AS SELECT ruvector_report(:'relation') AS empty, NULL::text AS learned;
SELECT document(empty) IS NOT NULL AS well_formed, found(empty, '//svg') AS figures FROM page;
SELECT unnest(xpath('//dt/text() | //dd//text() | //section/p//text()', document(empty))) AS told FROM page;

SET enable_seqscan = off;
DO $$
BEGIN
    FOR i IN 1..80 LOOP
        EXECUTE format('SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <-> %L LIMIT 10) s', format('[%s,%s,0.7654321]', random(), random()));
        EXECUTE format('SELECT count(*) FROM (SELECT id FROM items WHERE kind = ''constant1'' ORDER BY embedding <-> %L LIMIT 10) s', format('[%s,%s,0.7654321]', random(), random()));
    END LOOP;
END $$;
SELECT wait_until($$(SELECT count(*) = 160 AND bool_and(label_state <> 'pending') FROM ruvector.trajectories)$$);
SELECT wait_until($$(SELECT count(*) >= 1 FROM ruvector.policy_history WHERE k_class > 0)$$);
SELECT count(*) > 0 AS patterns FROM ruvector_extract_patterns(:'relation'::text);
UPDATE page SET learned = ruvector_report(:'relation');

-- its figures: named, described, with their numbers; what is drawn
SELECT document(learned) IS NOT NULL AS well_formed, starts_with(learned, '<!DOCTYPE html>') AS html, found(learned, '//svg') AS figures,
    found(learned, '//svg[@role="img"][@aria-labelledby = concat(title/@id, " ", desc/@id)][string-length(title) > 0][string-length(desc) > 0]') AS named,
    found(learned, '//figure[figcaption][details/div[@role="region"][@aria-label]/table[caption]//td]') AS told,
    (SELECT count(DISTINCT id::text) = count(*) FROM unnest(xpath('//@id', document(learned))) id) AS ids_differ
FROM page;
SELECT unnest(xpath('//figure/h3/text()', document(learned))) AS figure FROM page;
SELECT found(learned, '//circle[@class="value"]') > 5 AS "values", found(learned, '//polyline[@class="oracle"]') AS oracle,
    found(learned, '//line[@class="target"]') AS target, found(learned, '//rect[@class="band"]') > 0 AS band,
    found(learned, '//path[@class="today"]') > 0 AS today, found(learned, '//circle[@class="pattern"]') > 0 AS patterns,
    found(learned, '//section[@aria-labelledby="history"]//tbody/tr') > 0 AS history,
    found(learned, '//section[@aria-labelledby="recommendations"]') AS recommendations FROM page;
-- every number of a drawing is one
SELECT count(*) FROM page, unnest(xpath('//svg//@x | //svg//@y | //svg//@cx | //svg//@cy | //svg//@x1 | //svg//@x2 | //svg//@y1 | //svg//@y2', document(learned))) n
WHERE n::text !~ '^-?\d+(\.\d+)?$';

-- names are told as they are, and do nothing
SELECT (xpath('string(//h1)', document(learned)))[1] AS title, (xpath('string(//h2)', document(learned)))[1] AS index FROM page;
SELECT found(learned, '//script | //b[@onclick] | //link | //img | //iframe | //@src | //@href | //@*[starts-with(name(), "on")]') AS active,
    found(learned, '//style') AS styles, learned ~* 'https?:|url\(|@import|//' AS loads, learned ~ '[^\x01-\x7f]' AS not_ascii FROM page;
-- what stays private: vectors, filters, rows
SELECT learned ~ '7654321' AS vectors, learned ~ 'constant[01]' AS filters, learned ~ '777\d{6}' AS rows FROM page;
SELECT count(*) FILTER (WHERE query_vector::text ~ '7654321') > 0 AS vectors, count(*) FILTER (WHERE filter ~ 'constant1') > 0 AS filters,
    count(*) FILTER (WHERE row_ids::text ~ '777\d{6}') > 0 AS rows FROM ruvector.trajectories;

-- no fixed value finds as much as the oracle for fewer buffers
SELECT count(*) > 1 AS curve, bool_and(NOT EXISTS (
    SELECT FROM ruvector.evidence b CROSS JOIN LATERAL unnest(b.parameters, b.recall, b.blocks) v(value, recall, buffers)
    WHERE b.indexid = :'index'::regclass GROUP BY v.value HAVING avg(v.recall) >= o.recall AND avg(v.buffers) < o.buffers - 0.01)) AS cheapest
FROM ruvector.oracle_curve(:'index'::regclass, 16) o;
SELECT sum(searches) AS searches, count(*) AS stretches, bool_and(recall BETWEEN low AND high AND low >= 0 AND high <= 1 AND low < high) AS bracketed,
    bool_and(alone BETWEEN 0 AND 1) AS alone FROM ruvector.recall_over_time(:'index'::regclass, 16);
-- Wilson's example: 8 of 10 (0.490 to 0.943)
SELECT round(low::numeric, 3) AS low, round(high::numeric, 3) AS high FROM ruvector.share_interval(0.8, 10);

-- who may
SET ROLE rv_owner;
SELECT length(ruvector_report(:'relation')) > 1000 AS owner;
SET ROLE rv_reader;
SELECT ruvector_report(:'relation');
RESET ROLE;
REVOKE SELECT ON "<script>alert(""1"")</script> & 'q'" FROM rv_reader;
SET ROLE rv_reader;
SELECT ruvector_report(:'relation');
RESET ROLE;
SELECT ruvector_report(NULL);
SELECT ruvector_report('items');
SELECT ruvector_report('pg_class');

-- a name of characters that XML has not; all recall is 1; no target
CREATE TABLE odd (id int PRIMARY KEY, embedding vector(3));
INSERT INTO odd SELECT g, format('[%s,%s,%s]', random(), random(), random())::vector FROM generate_series(1, 50) g;
CREATE INDEX odd_embedding ON odd USING hnsw (embedding vector_l2_ops);
SELECT ruvector_enable_learning('odd', min_samples := 10);
SELECT wait_until($$(SELECT recorded IS NOT NULL FROM ruvector.index_counters('odd_embedding'::regclass))$$);
DO $$
BEGIN
    FOR i IN 1..12 LOOP
        EXECUTE format('SELECT count(*) FROM (SELECT id FROM odd ORDER BY embedding <-> %L LIMIT 3) s', format('[%s,%s,%s]', random(), random(), random()));
    END LOOP;
END $$;
SELECT wait_until($$(SELECT count(*) = 12 FROM ruvector.labels WHERE indexid = 'odd_embedding'::regclass)$$);
SELECT format('ALTER TABLE odd RENAME TO %I', E'odd\x01\x1f') \gexec
SELECT found(ruvector_report((SELECT relid FROM ruvector.learned_tables ORDER BY learns_from DESC LIMIT 1)::regclass), '//h1[text() = ''public."odd??"'']') AS odd;
SELECT found(ruvector_report((SELECT relid FROM ruvector.learned_tables ORDER BY learns_from DESC LIMIT 1)::regclass), '//figcaption[contains(., "Only 12 searches are measured")]') AS few;

DROP EXTENSION ruvector;
DROP EXTENSION vector CASCADE;
DROP TABLE "<script>alert(""1"")</script> & 'q'" CASCADE;
SELECT format('DROP TABLE %I', E'odd\x01\x1f') \gexec
DROP FUNCTION document, found;
DROP ROLE rv_owner, rv_reader;
