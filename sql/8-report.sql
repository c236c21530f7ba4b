
-- The report: what a table has learned, on one page for a browser.
--
-- Built with SQL/XML, which escapes whatever comes from the catalogue; HTML reads the
-- elements as XML does.  ASCII only: the script installs under every server encoding.

SET LOCAL search_path = pg_catalog, pg_temp;

------------------------------------------------------------------- what is drawn

CREATE FUNCTION ruvector.oracle_curve(indexid oid, k_class int) RETURNS TABLE (recall float8, buffers float8) LANGUAGE sql STABLE AS $$
    WITH found AS MATERIALIZED (    -- of the values at which a query has some recall, the cheapest
        SELECT b.query_id, b.k, v.r AS recall, min(v.c) AS buffers
        FROM ruvector.evidence b CROSS JOIN LATERAL unnest(b.recall, b.blocks) v(r, c)
        WHERE (b.indexid, b.k_class) = ($1, $2) AND v.r <> 'NaN' AND v.c <> 'NaN'
        GROUP BY b.query_id, b.k, v.r)
    SELECT avg(best.recall), avg(best.buffers)
    -- a neighbour more is worth a tenth of a buffer to a million of them
    FROM generate_series(-1, 6, 0.25) worth
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (f.query_id) f.recall, f.buffers FROM found f
        ORDER BY f.query_id, f.buffers - f.recall * f.k * power(10, worth::float8)) best
    GROUP BY worth
$$;
COMMENT ON FUNCTION ruvector.oracle_curve IS
    'mean recall and buffers when each query has its best value: for each worth of a neighbour, the one at which buffers less the worth of what is found are least';

CREATE FUNCTION ruvector.share_interval(mean float8, count float8, OUT low float8, OUT high float8) LANGUAGE sql IMMUTABLE AS $$
    SELECT least(mean, greatest(0, middle - half)), greatest(mean, least(1, middle + half))   -- rounding aside
    FROM (SELECT (mean + z * z / 2 / count) / (1 + z * z / count) AS middle,
                 z * sqrt(greatest(mean * (1 - mean), 0) / count + z * z / 4 / count / count) / (1 + z * z / count) AS half
          FROM (SELECT 1.96::float8 AS z) z) s
$$;
COMMENT ON FUNCTION ruvector.share_interval IS '95 % score interval of a share (Wilson 1927)';

CREATE FUNCTION ruvector.recall_over_time(indexid oid, k_class int)
RETURNS TABLE (begins timestamptz, ends timestamptz, searches bigint, recall float8, low float8, high float8, alone float8)
LANGUAGE sql STABLE AS $$
    WITH measured AS MATERIALIZED (
        SELECT t.started_at AS at, r.recall, b.setting_recall AS alone
        FROM ruvector.trajectories t JOIN ruvector.labels b USING (query_id)
        CROSS JOIN LATERAL ruvector.recall_of(t, b) r(recall)
        -- a client searched elsewhere, and rows of the table were asked by nobody
        WHERE t.indexid = $1 AND t.k_class = $2 AND t.source NOT IN ('client', 'own row') AND r.recall IS NOT NULL),
    -- A search tells more than a zero or one does, as recall varies less: how many of these it is worth (Kish's
    -- effective number), by all searches, so that a stretch without a miss has an interval too.
    whole AS (SELECT greatest(1, avg(m.recall) * (1 - avg(m.recall)) / nullif(var_samp(m.recall), 0)) AS worth,
                     least(16, greatest(1, count(*) / 25))::int AS stretches FROM measured m)
    SELECT min(m.at), max(m.at), count(*), avg(m.recall), (ruvector.share_interval(avg(m.recall), count(*) * w.worth)).*, avg(m.alone)
    FROM (SELECT m.*, ntile(w.stretches) OVER (ORDER BY m.at) AS stretch FROM measured m, whole w) m, whole w
    GROUP BY m.stretch, w.worth ORDER BY 1
$$;
COMMENT ON FUNCTION ruvector.recall_over_time IS
    'recall that measured searches had, in up to 16 stretches of equally many, at least 25 where there are as many; alone: of pgvector''s setting on the same queries';

--------------------------------------------------------------- words and tables

CREATE FUNCTION ruvector.shown(number float8, digits int DEFAULT 0) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN number IS NULL OR number = 'NaN' THEN 'not measured yet' ELSE round(number::numeric, digits)::text END
$$;
COMMENT ON FUNCTION ruvector.shown IS 'a number as the report prints it: what is unknown is not zero';

CREATE FUNCTION ruvector.shown(at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char(at, 'YYYY-MM-DD HH24:MI:SS')
$$;
COMMENT ON FUNCTION ruvector.shown(timestamptz) IS 'a time as the report prints it, in the session''s time zone';

CREATE FUNCTION ruvector.page_table(title text, heads text[], cells text[]) RETURNS xml LANGUAGE sql IMMUTABLE AS $$
    -- of its own width: on a phone it scrolls, not the page
    SELECT xmlelement(name div, xmlattributes('scroll' AS class, 'region' AS role, title AS "aria-label", 0 AS tabindex),
        xmlelement(name table, xmlelement(name caption, title),
            xmlelement(name thead, xmlelement(name tr,
                (SELECT xmlagg(xmlelement(name th, xmlattributes('col' AS scope), h) ORDER BY n) FROM unnest(heads) WITH ORDINALITY u(h, n)))),
            xmlelement(name tbody, (SELECT xmlagg(line ORDER BY i) FROM (
                SELECT i, xmlelement(name tr, xmlagg(xmlelement(name td, xmlattributes(
                    CASE WHEN cells[i][j] ~ '^-?[0-9.]+$' THEN 'number'
                         WHEN cells[i][j] = 'not measured yet' THEN 'unknown'
                         WHEN length(cells[i][j]) > 30 THEN 'words' END AS class),
                    coalesce(cells[i][j], '-')) ORDER BY j)) AS line
                FROM generate_subscripts(cells, 1) i, generate_subscripts(cells, 2) j GROUP BY i) s))))
$$;
COMMENT ON FUNCTION ruvector.page_table IS 'cells row by row; NULL: does not apply';

CREATE FUNCTION ruvector.page_figure(name text, title text, description text, height numeric, picture xml, caption text, numbers xml)
RETURNS xml LANGUAGE sql IMMUTABLE AS $$
    SELECT xmlelement(name figure,
        xmlelement(name h3, title),
        xmlelement(name svg, xmlattributes('img' AS role, format('0 0 440 %s', height) AS "viewBox",
                format('%s-title %s-description', name, name) AS "aria-labelledby"),
            xmlelement(name title, xmlattributes(name || '-title' AS id), title),
            xmlelement(name "desc", xmlattributes(name || '-description' AS id), description),
            picture),
        xmlelement(name figcaption, caption),
        xmlelement(name details, xmlelement(name summary, 'The numbers'), numbers))
$$;
COMMENT ON FUNCTION ruvector.page_figure IS 'a figure with its names for who does not see it, and its numbers in a table; 440 units wide';

------------------------------------------------------------------------ figures
-- The plot lies in x from 46 to 384 and y from 20 to 250; the target is named to the right of it.

CREATE FUNCTION ruvector.recall_y(recall float8, low float8, high float8) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    -- by the logarithm of what is missed; a thousandth more keeps recall 1 on the page
    SELECT round((250 - 230 * ln((1.001 - low) / (1.001 - recall)) / ln((1.001 - low) / (1.001 - high)))::numeric, 1)
$$;
COMMENT ON FUNCTION ruvector.recall_y IS 'where recall lies on an axis that is stretched towards 1';

CREATE FUNCTION ruvector.recall_axis(worst float8, best float8, target float8, OUT low float8, OUT high float8, OUT picture xml)
LANGUAGE sql IMMUTABLE AS $$
    WITH tick AS (SELECT unnest(ARRAY[0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1])::float8 AS at),
    span AS (SELECT max(at) FILTER (WHERE at <= least(worst, target, 0.9)) AS low,
                    coalesce(min(at) FILTER (WHERE at > greatest(best, target)), 1) AS high FROM tick)
    SELECT low, high, xmlconcat(
        (SELECT xmlagg(xmlconcat(
            xmlelement(name line, xmlattributes('grid' AS class, 46 AS x1, 384 AS x2, y AS y1, y AS y2)),
            xmlelement(name text, xmlattributes('tick end' AS class, 42 AS x, y + 4 AS y), at::text)) ORDER BY at)
         FROM tick, ruvector.recall_y(at, low, high) y WHERE at BETWEEN low AND high),
        xmlelement(name text, xmlattributes('axis' AS class, 4 AS x, 9 AS y), 'recall'),
        CASE WHEN target IS NOT NULL THEN xmlconcat(
            xmlelement(name line, xmlattributes('target' AS class, 46 AS x1, 384 AS x2, y AS y1, y AS y2)),
            xmlelement(name text, xmlattributes('targeted' AS class, 389 AS x, y - 1 AS y), 'target'),
            xmlelement(name text, xmlattributes('targeted' AS class, 389 AS x, y + 12 AS y), target::text)) END)
    FROM span, ruvector.recall_y(target, low, high) y
$$;
COMMENT ON FUNCTION ruvector.recall_axis IS 'the axis of recall for all from the least to the greatest and the declared target';

CREATE FUNCTION ruvector.marked(class text, shape text, x numeric, y numeric, words text DEFAULT NULL, down int DEFAULT 16)
RETURNS xml LANGUAGE sql IMMUTABLE AS $$
    SELECT xmlconcat(
        CASE shape
            WHEN 'circle' THEN xmlelement(name circle, xmlattributes(class AS class, x AS cx, y AS cy, 3 AS r))
            ELSE xmlelement(name path, xmlattributes(class AS class, format('M%s %s%s', x, y, CASE shape
                WHEN 'square' THEN 'm-5-5h10v10h-10z' WHEN 'diamond' THEN 'm0-7.5l7.5 7.5l-7.5 7.5l-7.5-7.5z'
                WHEN 'triangle' THEN 'm0-5l5 8.5h-10z' WHEN 'cross' THEN 'm-4-4l8 8m0-8l-8 8' END) AS d)) END,
        -- 7.6: a letter's width on a phone, so that words end within the picture
        CASE WHEN words IS NOT NULL THEN
            xmlelement(name text, xmlattributes(class AS class, least(x + 9, 438 - 7.6 * length(words)) AS x,
                CASE WHEN y + down > 254 THEN y - 9 ELSE y + down END AS y), words) END)
$$;
COMMENT ON FUNCTION ruvector.marked IS 'a point, by shape and colour, with words beside it';

CREATE FUNCTION ruvector.cost_x(buffers float8, lowest float8, highest float8) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT round((54 + coalesce(318 * ln(buffers / lowest) / nullif(ln(highest / lowest), 0), 159))::numeric, 1)
$$;
COMMENT ON FUNCTION ruvector.cost_x IS 'where a number of buffers lies between the least and the greatest, by its logarithm';

CREATE FUNCTION ruvector.cost_figure(name text, stats ruvector.index_stats) RETURNS xml LANGUAGE sql STABLE AS $$
    WITH known AS (
        SELECT g.family, CASE g.family WHEN 'value' THEN format('%s %s', stats.parameter, g.value) ELSE 'stop rule' END AS words,
               CASE g.family WHEN 'value' THEN g.value = p.value ELSE g.value = p.lambda END IS TRUE AS chosen,
               g.value, g.recall::float8, nullif(g.recall_bound, 'NaN')::float8 AS bound, g.buffers::float8,
               g.buffers_p50, g.buffers_p95, g.buffers_p99, g.microseconds, g.labels
        FROM ruvector.policies p JOIN ruvector.policy_rungs g USING (indexid, k_class)
        WHERE (p.indexid, p.k_class) = (stats.indexid, stats.k_class) AND g.recall <> 'NaN' AND g.buffers <> 'NaN' AND g.buffers > 0
        UNION ALL
        -- before the first verdict
        SELECT 'value', format('%s %s', stats.parameter, v.value), false, v.value, avg(v.recall), NULL, avg(v.buffers), NULL, NULL, NULL, NULL, count(*)
        FROM ruvector.evidence b CROSS JOIN LATERAL unnest(b.parameters, b.recall, b.blocks) v(value, recall, buffers)
        WHERE (b.indexid, b.k_class) = (stats.indexid, stats.k_class) AND v.recall <> 'NaN' AND v.buffers > 0 AND v.buffers <> 'NaN'
            AND NOT EXISTS (SELECT FROM ruvector.policy_rungs g WHERE (g.indexid, g.k_class) = (stats.indexid, stats.k_class))
        GROUP BY v.value
        UNION ALL
        (SELECT 'today', format('today: %s %s', stats.parameter, b.setting), false, b.setting,
                avg(b.setting_recall), NULL, avg(b.setting_blocks), stats.setting_p50, stats.setting_p95, stats.setting_p99, NULL, count(*)
         FROM ruvector.evidence b
         WHERE (b.indexid, b.k_class) = (stats.indexid, stats.k_class) AND b.setting = coalesce(stats.setting, b.setting)
         GROUP BY b.setting HAVING avg(b.setting_blocks) > 0 ORDER BY count(*) DESC LIMIT 1)
        UNION ALL
        SELECT 'oracle', NULL, false, NULL, o.recall, NULL, o.buffers, NULL, NULL, NULL, NULL, NULL
        FROM ruvector.oracle_curve(stats.indexid, stats.k_class) o),
    axes AS (
        SELECT a.low, a.high, a.picture, k.lowest, k.highest
        FROM (SELECT least(min(recall), min(bound)) AS worst, max(recall) AS best, min(buffers) AS lowest, max(buffers) AS highest FROM known) k,
             ruvector.recall_axis(k.worst, k.best, stats.target_recall) a),
    point AS MATERIALIZED (
        SELECT k.*, ruvector.cost_x(k.buffers, a.lowest, a.highest) AS x, ruvector.recall_y(k.recall, a.low, a.high) AS y,
               ruvector.recall_y(k.bound, a.low, a.high) AS bound_y
        FROM known k, axes a),
    -- what the oracle touches at the recall of the policy, between two of its points
    oracle AS (
        SELECT o.buffers + (o.next_buffers - o.buffers) * (c.recall - o.recall) / (o.next_recall - o.recall) AS buffers, c.buffers AS policy
        FROM (SELECT recall, buffers, lead(recall) OVER w AS next_recall, lead(buffers) OVER w AS next_buffers
              FROM known WHERE family = 'oracle' WINDOW w AS (ORDER BY recall, buffers)) o
        JOIN known c ON c.chosen AND c.recall >= o.recall AND c.recall < o.next_recall)
    SELECT ruvector.page_figure(name, 'Recall against cost',
        concat_ws(' ',
            (SELECT format('Today''s setting, %s %s, has recall %s for %s buffers a search.', stats.parameter, value,
                ruvector.shown(recall, 4), ruvector.shown(buffers)) FROM known WHERE family = 'today'),
            (SELECT format('The policy, %s, has recall %s for %s buffers, and the oracle would touch %s for as much.', words,
                ruvector.shown(recall, 4), ruvector.shown(buffers), coalesce(ruvector.shown((SELECT buffers FROM oracle)), 'about as many'))
             FROM known WHERE chosen),
            format('The declared target is %s.', stats.target_recall)), 292,
        xmlconcat(a.picture,
            (SELECT xmlagg(xmlconcat(
                xmlelement(name line, xmlattributes('grid' AS class, x AS x1, x AS x2, 250 AS y1, 255 AS y2)),
                xmlelement(name text, xmlattributes('tick middle' AS class, x AS x, 267 AS y), at::int::text)))
             FROM generate_series(0, 8) e, unnest(ARRAY[1, 2, 5]) m, LATERAL (SELECT m * power(10, e) AS at) t,
                  ruvector.cost_x(at, a.lowest, a.highest) x WHERE x BETWEEN 46 AND 384),
            xmlelement(name text, xmlattributes('axis end' AS class, 384 AS x, 286 AS y), 'buffers a search touches (mean)'),
            (SELECT xmlelement(name polyline, xmlattributes('oracle' AS class, string_agg(x || ',' || y, ' ' ORDER BY x, y DESC) AS points))
             FROM point WHERE family = 'oracle' HAVING count(*) > 0),
            (SELECT xmlelement(name text, xmlattributes('oracle end' AS class, greatest(x - 7, 96) AS x, y + 4 AS y), 'oracle')
             FROM point WHERE family = 'oracle' ORDER BY abs(y - 60), x LIMIT 1),
            (SELECT xmlelement(name polyline, xmlattributes('rule' AS class, string_agg(x || ',' || y, ' ' ORDER BY x) AS points))
             FROM point WHERE family = 'stop rule' HAVING count(*) > 0),
            (SELECT xmlelement(name text, xmlattributes('rule end' AS class, greatest(x - 7, 120) AS x, y + 1 AS y), 'stop rule')
             FROM point WHERE family = 'stop rule' ORDER BY abs(y - 60), x LIMIT 1),
            (SELECT xmlagg(xmlelement(name path, xmlattributes('bound' AS class, format('M%s %sV%sm-3 0h6', x, y, bound_y) AS d)))
             FROM point WHERE bound IS NOT NULL AND (family = 'value' OR chosen)),
            (SELECT xmlelement(name polyline, xmlattributes('value' AS class, string_agg(x || ',' || y, ' ' ORDER BY value) AS points))
             FROM point WHERE family = 'value' HAVING count(*) > 0),
            (SELECT xmlagg(ruvector.marked('value', 'circle', x, y)) FROM point WHERE family = 'value'),
            (SELECT xmlelement(name text, xmlattributes('value' AS class, least(x + 8, 344) AS x, y + 36 AS y), 'fixed values')
             FROM point WHERE family = 'value' ORDER BY abs(y - 70), x LIMIT 1),
            (SELECT ruvector.marked('today', 'square', x, y, words) FROM point WHERE family = 'today'),
            (SELECT ruvector.marked('policy', 'diamond', x, y, 'policy: ' || words, 18) FROM point WHERE chosen)),
        concat_ws(' ',
            'Circles: fixed values, each with its lower bound where that is certified; dashes: the stop rule. Up and to the left is better.',
            (SELECT format('At the policy''s recall the oracle would touch %s buffers, %s of what the policy does.',
                ruvector.shown(buffers), ruvector.shown(buffers / policy, 2)) FROM oracle),
            'The oracle knows the answers and gives every query the fixed value that is best for it: at a price of recall, the one at which '
            'buffers less price times recall are least; each point of its line is another price. Nobody can search like that; it shows what is left to gain.'),
        xmlconcat(
            ruvector.page_table('Fixed values, stop rule and today''s setting',
                ARRAY['what', 'labels', 'recall', 'certified at least', 'buffers, mean', 'median', '95th', '99th', 'microseconds'],
                (SELECT array_agg(ARRAY[CASE WHEN chosen THEN 'policy: ' ELSE '' END || words, labels::text, ruvector.shown(recall, 4), ruvector.shown(bound, 4),
                    ruvector.shown(buffers), ruvector.shown(buffers_p50), ruvector.shown(buffers_p95), ruvector.shown(buffers_p99),
                    ruvector.shown(microseconds)] ORDER BY family = 'today' DESC, family DESC, buffers) FROM known WHERE family <> 'oracle')),
            ruvector.page_table('Oracle', ARRAY['recall', 'buffers, mean'],
                (SELECT array_agg(DISTINCT ARRAY[ruvector.shown(recall, 4), ruvector.shown(buffers)]) FROM known WHERE family = 'oracle'))))
    FROM axes a
$$;
COMMENT ON FUNCTION ruvector.cost_figure IS 'recall against cost: fixed values, stop rule, today''s setting, the policy, the oracle';

CREATE FUNCTION ruvector.time_figure(name text, stats ruvector.index_stats) RETURNS xml LANGUAGE sql STABLE AS $$
    WITH stretch AS MATERIALIZED (SELECT * FROM ruvector.recall_over_time(stats.indexid, stats.k_class)),
    axes AS (
        SELECT a.low, a.high, a.picture, s.count, s.from_time, s.seconds,
               (SELECT min(step) FROM unnest(ARRAY[1, 5, 15, 60, 300, 900, 3600, 10800, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000, 31536000]) step
                WHERE step >= s.seconds / 4) AS step
        FROM (SELECT sum(searches) AS count, min(least(low, alone)) AS worst, max(greatest(high, alone)) AS best,
                     -- at least a second, with the searches in its middle
                     (min(begins) - greatest(interval '0', interval '1 second' - (max(ends) - min(begins))) / 2)::timestamp AS from_time,
                     greatest(1, extract(epoch FROM max(ends) - min(begins)))::float8 AS seconds FROM stretch) s,
             ruvector.recall_axis(s.worst, s.best, stats.target_recall) a),
    placed AS (
        SELECT s.*, round((50 + 328 * extract(epoch FROM s.begins::timestamp - a.from_time) / a.seconds)::numeric, 1) AS x1,
               round((50 + 328 * extract(epoch FROM s.ends::timestamp - a.from_time) / a.seconds)::numeric, 1) AS x2,
               ruvector.recall_y(s.recall, a.low, a.high) AS y, ruvector.recall_y(s.low, a.low, a.high) AS low_y,
               ruvector.recall_y(s.high, a.low, a.high) AS high_y, ruvector.recall_y(s.alone, a.low, a.high) AS alone_y
        FROM stretch s, axes a),
    newest AS (SELECT * FROM placed ORDER BY begins DESC LIMIT 1)
    SELECT ruvector.page_figure(name, 'Recall over time',
        (SELECT format('From %s to %s, %s measured searches. In the latest stretch recall was %s, between %s and %s with 95 %% confidence, '
            'and would have been %s at today''s setting. The declared target is %s.',
            ruvector.shown((SELECT min(begins) FROM stretch)), ruvector.shown(n.ends), a.count, ruvector.shown(n.recall, 4), ruvector.shown(n.low, 4),
            ruvector.shown(n.high, 4), ruvector.shown(n.alone, 4), stats.target_recall) FROM newest n), 314,
        xmlconcat(a.picture,
            (SELECT xmlagg(xmlconcat(
                xmlelement(name line, xmlattributes('grid' AS class, x AS x1, x AS x2, 250 AS y1, 255 AS y2)),
                xmlelement(name text, xmlattributes('tick middle' AS class, x AS x, 267 AS y),
                    to_char(at, CASE WHEN a.step < 60 THEN 'HH24:MI:SS' WHEN a.step < 10800 THEN 'HH24:MI'
                                     WHEN a.step < 86400 THEN 'MM-DD HH24:MI' ELSE 'YYYY-MM-DD' END))))
             FROM generate_series(0, 6) i,
                  LATERAL (SELECT timestamp 'epoch' + (ceil(extract(epoch FROM a.from_time) / a.step) + i) * a.step * interval '1 second' AS at) t,
                  LATERAL (SELECT round((50 + 328 * extract(epoch FROM t.at - a.from_time) / a.seconds)::numeric, 1) AS x) p
             WHERE x <= 378),
            xmlelement(name text, xmlattributes('axis end' AS class, 384 AS x, 286 AS y), 'when the search ran, ' || current_setting('TimeZone')),
            xmlelement(name line, xmlattributes('policy' AS class, 46 AS x1, 68 AS x2, 302 AS y1, 302 AS y2)),
            xmlelement(name text, xmlattributes('policy' AS class, 73 AS x, 306 AS y), 'as searched'),
            xmlelement(name line, xmlattributes('today' AS class, 172 AS x1, 194 AS x2, 302 AS y1, 302 AS y2)),
            xmlelement(name text, xmlattributes('today' AS class, 199 AS x, 306 AS y),
                concat_ws(', ', 'today''s setting', stats.parameter || ' ' || stats.setting)),
            (SELECT xmlagg(xmlconcat(
                xmlelement(name line, xmlattributes('event' AS class, x AS x1, x AS x2, 14 AS y1, 250 AS y2)),
                ruvector.marked('event', CASE h.event WHEN 'stepped back' THEN 'cross' ELSE 'triangle' END, x, 14)))
             FROM ruvector.policy_history h,
                  LATERAL (SELECT round((50 + 328 * extract(epoch FROM h.happened_at::timestamp - a.from_time) / a.seconds)::numeric, 1) AS x) p
             WHERE (h.indexid, h.k_class) = (stats.indexid, stats.k_class) AND h.event IN ('put in force', 'certified', 'stepped back') AND x BETWEEN 50 AND 378),
            (SELECT xmlagg(xmlconcat(
                xmlelement(name rect, xmlattributes('band' AS class, x1 AS x, high_y AS y, greatest(x2 - x1, 2) AS width, low_y - high_y AS height)),
                CASE WHEN alone IS NOT NULL THEN
                    xmlelement(name line, xmlattributes('today' AS class, x1 AS x1, greatest(x2, x1 + 2) AS x2, alone_y AS y1, alone_y AS y2)) END,
                xmlelement(name line, xmlattributes('policy' AS class, x1 AS x1, greatest(x2, x1 + 2) AS x2, y AS y1, y AS y2))) ORDER BY begins)
             FROM placed)),
        concat_ws(' ',
            CASE WHEN a.count < 100 THEN format('Only %s searches are measured: too few for a trend.', a.count) END,
            'Solid: recall that searches really had, whatever was in force, with its 95 % interval as a band.',
            'Dashed: what today''s setting would have reached on the same queries.',
            'Triangles at the top: a policy was certified; a cross: it was taken back.'),
        ruvector.page_table('Recall by stretches of equally many measured searches',
            ARRAY['from', 'to', 'searches', 'recall', 'at least', 'at most', 'today''s setting'],
            (SELECT array_agg(ARRAY[ruvector.shown(begins), ruvector.shown(ends), searches::text, ruvector.shown(recall, 4), ruvector.shown(low, 4),
                ruvector.shown(high, 4), ruvector.shown(alone, 4)] ORDER BY begins) FROM stretch)))
    FROM axes a WHERE a.count > 0
$$;
COMMENT ON FUNCTION ruvector.time_figure IS 'recall that searches had, with its interval, beside today''s setting and the declared target; NULL: no search is measured';

CREATE FUNCTION ruvector.pattern_figure(name text, stats ruvector.index_stats) RETURNS xml LANGUAGE sql STABLE AS $$
    WITH pattern AS MATERIALIZED (
        SELECT d.*, (d.parameters->>stats.parameter)::numeric AS value, row_number() OVER (ORDER BY d.support DESC, d.pattern_id) AS place
        FROM ruvector.banks b CROSS JOIN LATERAL ruvector.described_patterns(b) d
        WHERE (b.indexid, b.k_class) = (stats.indexid, stats.k_class) AND d.level = 0),
    scale AS (SELECT greatest(max(value), stats.setting, stats.chosen) AS highest, max(support) AS most, count(*) AS patterns FROM pattern),
    line AS (
        SELECT p.*, 22 * row_number() OVER (ORDER BY p.value, p.pattern_id) + 20 AS y, round(48 + 310 * p.value / s.highest, 1) AS x,
               round((2.5 + 6 * sqrt(p.support::float8 / s.most))::numeric, 1) AS r
        FROM pattern p, scale s WHERE p.place <= 16),
    axes AS (SELECT count(*) AS shown, max(y) AS bottom, max(value) AS highest, min(value) AS lowest FROM line)
    SELECT ruvector.page_figure(name, 'Patterns',
        format('%s patterns of queries. What works best for them lies between %s %s and %s.', s.patterns, stats.parameter,
            round(a.lowest), round(a.highest)), a.bottom + 46,
        xmlconcat(
            xmlelement(name text, xmlattributes('axis' AS class, 4 AS x, 9 AS y), 'pattern'),
            xmlelement(name text, xmlattributes('axis end' AS class, 436 AS x, 9 AS y), 'searches'),
            (SELECT xmlagg(xmlconcat(
                xmlelement(name line, xmlattributes(kind AS class, x AS x1, x AS x2, 20 AS y1, a.bottom + 12 AS y2)),
                xmlelement(name text, xmlattributes(CASE kind WHEN 'today' THEN 'today end' ELSE kind END AS class,
                    CASE kind WHEN 'today' THEN greatest(x - 4, 84) ELSE x + 4 END AS x, a.bottom + 24 AS y), kind || ' ' || value)))
             FROM (VALUES ('today', stats.setting), ('policy', stats.chosen)) v(kind, value),
                  LATERAL (SELECT round(48 + 310 * value / s.highest, 1) AS x) x WHERE value IS NOT NULL),
            (SELECT xmlagg(xmlconcat(
                xmlelement(name line, xmlattributes('grid' AS class, 48 AS x1, l.x AS x2, l.y AS y1, l.y AS y2)),
                xmlelement(name circle, xmlattributes('pattern' AS class, l.x AS cx, l.y AS cy, l.r AS r)),
                xmlelement(name text, xmlattributes('pattern' AS class, l.x + l.r + 4 AS x, l.y + 4 AS y), round(l.value)::text),
                xmlelement(name text, xmlattributes('tick' AS class, 4 AS x, l.y + 4 AS y), '#' || l.pattern_id),
                xmlelement(name text, xmlattributes('tick end' AS class, 436 AS x, l.y + 4 AS y), l.support::text)) ORDER BY l.y) FROM line l),
            xmlelement(name text, xmlattributes('axis end' AS class, 436 AS x, a.bottom + 42 AS y), stats.parameter || ' that works best')),
        concat_ws(' ', 'Queries that lie together, and what works for them: the further to the right, the harder they are.',
            'The larger a circle, the more searches.',
            CASE WHEN s.patterns > a.shown THEN format('The %s with most searches of %s.', a.shown, s.patterns) END),
        ruvector.page_table('Patterns', ARRAY['pattern', 'searches', stats.parameter, 'recall', 'buffers', 'confidence', 'asked for', 'imported'],
            (SELECT array_agg(ARRAY['#' || pattern_id, support::text, round(value)::text, ruvector.shown(recall, 4), ruvector.shown(cost),
                ruvector.shown(confidence, 2), usage::text, CASE WHEN imported THEN 'yes' ELSE 'no' END] ORDER BY place) FROM pattern)))
    FROM axes a, scale s WHERE a.shown > 0
$$;
COMMENT ON FUNCTION ruvector.pattern_figure IS 'what works best for queries that lie together; NULL: nothing is distilled';

CREATE FUNCTION ruvector.spread_figure(name text, stats ruvector.index_stats) RETURNS xml LANGUAGE sql STABLE AS $$
    WITH line AS (
        SELECT v.*, 40 * place - 4 AS y, round((122 + 240 * today / scale)::numeric, 1) AS today_x,
               round((122 + 240 * policy / scale)::numeric, 1) AS policy_x
        FROM (SELECT v.*, max(greatest(today, policy)) OVER () AS scale
              FROM (VALUES (1, 'median', stats.setting_p50, stats.chosen_p50), (2, '95th percentile', stats.setting_p95, stats.chosen_p95),
                           (3, '99th percentile', stats.setting_p99, stats.chosen_p99)) v(place, words, today, policy)) v
        WHERE today > 0)
    SELECT ruvector.page_figure(name, 'Easy and hard searches',
        string_agg(format('%s: %s buffers today, %s by the policy.', words, ruvector.shown(today), ruvector.shown(policy)), ' ' ORDER BY place), 164,
        xmlconcat(
            xmlagg(xmlconcat(
                xmlelement(name text, xmlattributes('tick' AS class, 4 AS x, y + 4 AS y), words),
                xmlelement(name line, xmlattributes('grid' AS class, 122 AS x1, 362 AS x2, y AS y1, y AS y2)),
                xmlelement(name line, xmlattributes('moved' AS class, today_x AS x1, coalesce(policy_x, today_x) AS x2, y AS y1, y AS y2)),
                ruvector.marked('today', 'square', today_x, y),
                xmlelement(name text, xmlattributes('today middle' AS class, today_x AS x, y + 18 AS y), ruvector.shown(today)),
                CASE WHEN policy_x IS NOT NULL THEN xmlconcat(
                    ruvector.marked('policy', 'diamond', policy_x, y),
                    xmlelement(name text, xmlattributes('policy middle' AS class, policy_x AS x, y - 11 AS y), ruvector.shown(policy))) END) ORDER BY place),
            xmlelement(name text, xmlattributes('axis end' AS class, 384 AS x, 158 AS y), 'buffers a search touches')),
        'Squares below the line: today''s setting; diamonds above it: the policy. What a stop rule spares on easy searches it may spend on hard ones.',
        ruvector.page_table('Buffers a search touches', ARRAY['', 'today''s setting', 'policy'],
            array_agg(ARRAY[words, ruvector.shown(today), ruvector.shown(policy)] ORDER BY place)))
    FROM line HAVING count(*) > 0
$$;
COMMENT ON FUNCTION ruvector.spread_figure IS 'percentiles of what a search touches, today and under the policy; NULL: not judged yet';

-------------------------------------------------------------------------- page

CREATE FUNCTION ruvector.index_section(number bigint, stats ruvector.index_stats) RETURNS xml LANGUAGE sql STABLE AS $$
    SELECT xmlelement(name section, xmlattributes('index-' || number AS "aria-labelledby"),
        xmlelement(name h2, xmlattributes('index-' || number AS id), stats.index_name::text),
        xmlelement(name p, xmlattributes('state' AS class), xmlelement(name strong, stats.state),
            format(' - %s, searches kept: %s, measured: %s%s. ', stats.kind, stats.trajectories, stats.labels, ', mostly k = ' || stats.k),
            (SELECT 'Rows of the table were measured as well, as queries were too few.' FROM ruvector.policies p
             WHERE (p.indexid, p.k_class) = (stats.indexid, stats.k_class) AND p.own_rows)),
        xmlelement(name dl, (SELECT xmlagg(xmlelement(name div, xmlattributes(class AS class), xmlelement(name dt, what),
                xmlelement(name dd, xmlelement(name b, coalesce(known,
                        CASE WHEN stats.labels > 0 AND class <> 'watch' THEN 'not judged yet' ELSE 'not measured yet' END)),
                    CASE WHEN known IS NOT NULL THEN xmlelement(name span, details) END)) ORDER BY place)
            FROM (VALUES
                (1, 'today', 'Today''s setting', 'recall ' || round(stats.recall_at_setting::numeric, 3), stats.parameter || ' ' || stats.setting),
                (2, 'policy', 'The policy', 'recall ' || round(stats.recall::numeric, 3),
                    format('%s; at least %s certified, target %s', coalesce(stats.parameter || ' ' || stats.chosen, 'stop rule'),
                        round(stats.recall_bound::numeric, 3), stats.target_recall)),
                (3, 'cost', 'Cost against today', round(stats.cost_ratio::numeric, 2) || ' times',
                    format('the buffers; %s to %s with 95 %% confidence', round(stats.cost_ratio_low::numeric, 2), round(stats.cost_ratio_high::numeric, 2))),
                (4, 'watch', CASE WHEN stats.state LIKE 'observing%' THEN 'Since it is certified' ELSE 'Since it is in force' END,
                    'recall ' || round(stats.recall_since_applied::numeric, 3),
                    format('on %s measured searches', stats.labels_since_applied))) v(place, class, what, known, details))),
        CASE WHEN stats.labels > 0 THEN xmlelement(name div, xmlattributes('figures' AS class),
            ruvector.cost_figure('cost-' || number, stats), ruvector.time_figure('time-' || number, stats),
            ruvector.spread_figure('spread-' || number, stats), ruvector.pattern_figure('patterns-' || number, stats))
        ELSE xmlelement(name p, 'Recall, its cost and patterns: not measured yet.') END)
$$;
COMMENT ON FUNCTION ruvector.index_section IS 'what is known of one index';

CREATE FUNCTION ruvector.page_style() RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT '
:root { --ground: #fcfcfa; --card: #fff; --ink: #1b1e23; --soft: #5a616b; --rule: #dcdfe3; --value: #59626e;
  --policy: #0a5fc2; --today: #a84300; --oracle: #7b3aa8; --good: #1d6f42; }
@media (prefers-color-scheme: dark) { :root { --ground: #131519; --card: #1b1e24; --ink: #e8eaed; --soft: #a3abb6; --rule: #343a43;
  --value: #a9b3c0; --policy: #6db1ff; --today: #ff9d5c; --oracle: #cda3f5; --good: #6fd39b; } }
* { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 76rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
h1, h2, h3, p, dl, figure { margin: 0; }
h1 { font-size: 1.75rem; line-height: 1.2; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin-top: 2.5rem; padding-top: 1.25rem; border-top: 2px solid var(--ink); overflow-wrap: anywhere; }
h3 { font-size: 1.05rem; margin-bottom: .75rem; }
header p, .state, figcaption, summary, caption { color: var(--soft); }
.state { margin-top: .25rem; } .state strong { color: var(--ink); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 10.25rem), 1fr)); gap: .75rem; margin: 1.25rem 0; }
dl div { background: var(--card); border: 1px solid var(--rule); border-left: 4px solid var(--soft); border-radius: 6px; padding: .75rem 1rem; }
dl .today { border-left-color: var(--today); } dl .policy, dl .watch { border-left-color: var(--policy); }
dt { color: var(--soft); font-size: .875rem; } dd { margin: 0; }
dd b { display: block; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; } dd span { font-size: .875rem; color: var(--soft); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; align-items: start; }
figure { background: var(--card); border: 1px solid var(--rule); border-radius: 6px; padding: 1rem; min-width: 0; }
svg { display: block; width: 100%; height: auto; font: 11.5px system-ui, "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; }
figcaption { font-size: .875rem; margin-top: .75rem; }
details { margin-top: .5rem; font-size: .875rem; } summary { cursor: pointer; }
.scroll { overflow-x: auto; margin-top: .75rem; } .scroll:focus-visible { outline: 2px solid var(--policy); }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .25rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--rule); }
th, td { white-space: nowrap; } th { font-weight: 600; } .number { text-align: right; } .unknown { color: var(--soft); }
.words { white-space: normal; min-width: 18rem; }
ul { list-style: none; margin: 1rem 0; padding: 0; display: grid; gap: 1rem; }
li { background: var(--card); border: 1px solid var(--rule); border-left: 4px solid var(--good); border-radius: 6px; padding: .75rem 1rem; }
li p { overflow-wrap: anywhere; } code { display: block; margin-top: .5rem; overflow-wrap: anywhere; font-size: .875rem; }
text { fill: var(--soft); paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; }
text.end { text-anchor: end; } text.middle { text-anchor: middle; }
text.axis { fill: var(--ink); font-size: 11px; } text.targeted { fill: var(--good); font-weight: 600; }
line, polyline { fill: none; stroke-width: 1; } .grid { stroke: var(--rule); }
.target { stroke: var(--good); stroke-width: 1.5; stroke-dasharray: 7 3; } line.event { stroke: var(--soft); stroke-dasharray: 1 3; }
path.event { fill: var(--soft); stroke: var(--soft); }
polyline.value { stroke: var(--value); stroke-width: 1.5; } circle.value { fill: var(--card); stroke: var(--value); stroke-width: 1.5; }
.bound { stroke: var(--value); fill: none; } polyline.rule { stroke: var(--policy); stroke-width: 2; stroke-dasharray: 7 4; }
text.rule { fill: var(--policy); font-weight: 600; } text.value { fill: var(--value); font-weight: 600; }
polyline.oracle { stroke: var(--oracle); stroke-width: 2; stroke-dasharray: 1.5 4; stroke-linecap: round; } text.oracle { fill: var(--oracle); font-weight: 600; }
path.today { fill: var(--today); stroke: var(--card); } text.today { fill: var(--today); font-weight: 600; }
line.today { stroke: var(--today); stroke-width: 2; stroke-dasharray: 4 3; }
path.policy { fill: var(--policy); stroke: var(--card); } circle.pattern { fill: var(--value); stroke: var(--card); } text.pattern { fill: var(--ink); }
.moved { stroke: var(--soft); stroke-width: 2; } text.policy { fill: var(--policy); font-weight: 600; }
line.policy { stroke: var(--policy); stroke-width: 2.5; } .band { fill: var(--policy); opacity: .18; }
@media (max-width: 30rem) { svg { font-size: 13.5px; } .tick { font-size: 12.5px; } text.axis { font-size: 13px; } figure { padding: 1rem .5rem; }
  h3, figcaption, details { padding: 0 .25rem; }
  dl div { padding: .6rem .7rem; } dd b { font-size: 1.1rem; } }
@media print { body { max-width: none; } figure, dl div, li { break-inside: avoid; } }
'
$$;
COMMENT ON FUNCTION ruvector.page_style IS 'the look of the report, light and dark, without anything from elsewhere';

CREATE FUNCTION ruvector.history_section(relation oid) RETURNS xml LANGUAGE sql STABLE AS $$
    SELECT xmlelement(name section, xmlattributes('history' AS "aria-labelledby"), xmlelement(name h2, xmlattributes('history' AS id), 'Verdict history'),
        coalesce((SELECT ruvector.page_table(format('The last %s events, the newest first', count(*)),
            ARRAY['when', 'index', 'k up to', 'what', 'value', 'target', 'recall', 'bound', 'labels', 'why'],
            array_agg(ARRAY[ruvector.shown(h.happened_at), coalesce(c.relname::text, 'dropped index'),
                abs(h.k_class) || CASE WHEN h.k_class < 0 THEN ', filtered' ELSE '' END, h.event,
                CASE WHEN h.event IN ('put in force', 'certified') THEN coalesce(h.value_after::text, 'stop rule') END, h.target::text,
                round(h.recall::numeric, 4)::text, round(h.bound::numeric, 4)::text, h.labels::text, h.reason] ORDER BY h.event_number DESC))
            FROM (SELECT * FROM ruvector.policy_history WHERE relid = relation ORDER BY event_number DESC LIMIT 50) h
            LEFT JOIN pg_class c ON c.oid = h.indexid HAVING count(*) > 0),
            xmlelement(name p, 'No verdict yet.')))
$$;
COMMENT ON FUNCTION ruvector.history_section IS 'what was certified, put in force and taken back';

CREATE FUNCTION ruvector.recommendation_section(relation oid) RETURNS xml LANGUAGE sql STABLE AS $$
    WITH items AS (
        SELECT xmlagg(xmlelement(name li,
            xmlelement(name h3, concat_ws(': ', r.scope, r.parameter)),
            CASE WHEN r.recommended IS NOT NULL THEN
                xmlelement(name p, format('%s now, %s recommended', coalesce(r.current, 'unknown'), r.recommended)) END,
            CASE WHEN private.it THEN
                     xmlelement(name p, 'It concerns a filter with values that this page does not tell: see ruvector_recommend_params.')
                 ELSE xmlelement(name p, r.evidence) END,
            CASE WHEN r.expected_recall IS NOT NULL OR r.expected_cost IS NOT NULL THEN
                xmlelement(name p, 'Expected: ' || concat_ws(', ', 'recall ' || round(r.expected_recall::numeric, 4),
                    'give or take ' || round(r.expected_recall_error::numeric, 4), round(r.expected_cost::numeric) || ' buffers a search') || '.') END,
            CASE WHEN r.statement IS NOT NULL AND NOT private.it THEN xmlelement(name code, r.statement) END)) AS list
        FROM ruvector.recommend_params((SELECT c.relowner FROM pg_class c WHERE c.oid = $1), $1, $1::regclass, false, '60s', 0.05, NULL) r
        CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM ruvector.trajectories t
            WHERE t.relid = $1 AND position(t.filter IN concat_ws(' ', r.evidence, r.statement)) > 0) AS it) private)
    SELECT xmlelement(name section, xmlattributes('recommendations' AS "aria-labelledby"),
        xmlelement(name h2, xmlattributes('recommendations' AS id), 'Recommendations'), xmlelement(name ul, list)) FROM items
$$;
COMMENT ON FUNCTION ruvector.recommendation_section IS 'what ruvector_recommend_params recommends';

CREATE FUNCTION ruvector.report(caller oid, relation oid, table_name regclass) RETURNS text LANGUAGE plpgsql
SET jit = off   -- many expressions that few rows need
AS $$
DECLARE
    page xml;
    indexes xml;
BEGIN
    PERFORM ruvector.check_table(caller, relation, false);
    IF NOT pg_has_role(caller, (SELECT c.relowner FROM pg_class c WHERE c.oid = relation), 'USAGE') THEN
        PERFORM ruvector.complain('42501', format('must be owner of table %s', table_name),
            'The report tells what all users of the table do. Readers of the table have ruvector_learning_stats.');
    END IF;
    SELECT xmlagg(ruvector.index_section(s.number, s.stats) ORDER BY s.number) INTO indexes
    FROM (SELECT row_number() OVER (ORDER BY stats.index_name) AS number, stats FROM ruvector.index_stats stats WHERE stats.relid = relation) s;
    SELECT xmlelement(name html, xmlattributes('en' AS lang),
        xmlelement(name head,
            xmlelement(name meta, xmlattributes('utf-8' AS charset)),
            xmlelement(name meta, xmlattributes('viewport' AS name, 'width=device-width, initial-scale=1' AS content)),
            xmlelement(name title, format('ruvector: %s', report.table_name)),
            xmlelement(name style, ruvector.page_style())),
        xmlelement(name body,
            xmlelement(name header, xmlelement(name h1, report.table_name::text),
                xmlelement(name p, format('What ruvector %s has learned on this table until %s (%s), mode %s.', e.extversion, ruvector.shown(now()),
                    current_setting('TimeZone'), l.mode))),
            xmlelement(name main,
                coalesce(indexes, xmlelement(name p, 'The table has no vector index to learn on.')),
                ruvector.recommendation_section(relation),
                ruvector.history_section(relation)))) INTO page
    FROM ruvector.learned_tables l, pg_extension e WHERE l.relid = relation AND e.extname = 'ruvector';
    -- a name may hold characters that no XML document may
    RETURN '<!DOCTYPE html>' || E'\n' || regexp_replace(xmlserialize(content page AS text), E'[\\x01-\\x08\\x0b\\x0c\\x0e-\\x1f]', '?', 'g');
END $$;
COMMENT ON FUNCTION ruvector.report IS 'behind ruvector_report';
