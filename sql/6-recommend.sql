
-- Recommendations: what its owner could do for searches on a table, each with its evidence.

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE TYPE ruvector.recommendation AS (
    scope text, parameter text, current text, recommended text, evidence text,
    expected_recall float8, expected_recall_error float8, expected_cost float8, statement text
);
COMMENT ON TYPE ruvector.recommendation IS 'a row of ruvector_recommend_params';

CREATE VIEW ruvector.index_builds AS
SELECT x.relid, x.indexid, x.kind, x.mode, c.oid::regclass::text AS index_name,
       pg_get_indexdef(c.oid, 1, true) AS key, format('%I.%I', n.nspname, oc.opcname) AS opclass,
       pg_get_expr(i.indpred, i.indrelid) AS predicate, c.reltuples, pg_relation_size(c.oid) AS bytes,
       coalesce(o.m, 16) AS m, coalesce(o.ef_construction, 64) AS ef_construction, coalesce(o.lists, 100) AS lists,
       t.typname AS type, nullif(a.atttypmod, -1) AS dims,
       CASE t.typname WHEN 'vector' THEN 8 + 4 * nullif(a.atttypmod, -1) WHEN 'halfvec' THEN 8 + 2 * nullif(a.atttypmod, -1)
                      WHEN 'bit' THEN 8 + (nullif(a.atttypmod, -1) + 7) / 8 END AS value_bytes
FROM ruvector.learned_indexes x
JOIN pg_class c ON c.oid = x.indexid
JOIN pg_index i ON i.indexrelid = c.oid
JOIN pg_opclass oc ON oc.oid = i.indclass[0]
JOIN pg_namespace n ON n.oid = oc.opcnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1
JOIN pg_type t ON t.oid = a.atttypid
CROSS JOIN LATERAL (
    SELECT max(option_value::int) FILTER (WHERE option_name = 'm') AS m,
           max(option_value::int) FILTER (WHERE option_name = 'ef_construction') AS ef_construction,
           max(option_value::int) FILTER (WHERE option_name = 'lists') AS lists
    FROM pg_options_to_table(c.reloptions)) o;
COMMENT ON VIEW ruvector.index_builds IS 'how the vector indexes of tables that learn were built';
COMMENT ON COLUMN ruvector.index_builds.value_bytes IS 'of an indexed value; NULL: not the same for all';

-- What a search touches in an exact search among the rows that pass a filter: the least of what the filter could use.
CREATE VIEW ruvector.table_buffers AS
SELECT c.oid AS relid, greatest(c.reltuples, 0)::float8 AS rows, greatest(c.relpages, 1)::float8 AS pages,
       -- a value kept apart is found through the index of its table, root and leaf
       coalesce((SELECT CASE WHEN o.reltuples > 0 AND c.reltuples > 0 THEN 2 + o.reltuples / c.reltuples END
                 FROM pg_class o WHERE o.oid = c.reltoastrelid), 0)::float8 AS apart
FROM pg_class c;
COMMENT ON VIEW ruvector.table_buffers IS 'rows and pages of tables, and the buffers that a value kept apart costs besides its row';

REVOKE ALL ON ruvector.index_builds, ruvector.table_buffers FROM PUBLIC;

CREATE FUNCTION ruvector.search_scope(index_name text, k_class int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('index %s, LIMIT %s%s', index_name,
        CASE abs(k_class) WHEN 1 THEN '1' WHEN 2 THEN '2' ELSE format('%s to %s', abs(k_class) / 2 + 1, abs(k_class)) END,
        CASE WHEN k_class < 0 THEN ', filtered' ELSE '' END)
$$;
COMMENT ON FUNCTION ruvector.search_scope IS 'an index and a class of k in words';

CREATE FUNCTION ruvector.known(number float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN number <> 'NaN' THEN number END
$$;
COMMENT ON FUNCTION ruvector.known IS 'NULL for NaN';

----------------------------------------------------------- search parameters

CREATE FUNCTION ruvector.recommend_search(relation oid) RETURNS SETOF ruvector.recommendation LANGUAGE sql STABLE AS $$
    WITH class AS (
        SELECT x.index_name, x.kind, p.k_class, p.state, n.labels, n.candidates, p.value, p.lambda,
               coalesce(p.setting, n.setting) AS setting,
               CASE x.kind WHEN 'hnsw' THEN 'ef_search' ELSE 'probes' END AS parameter,
               coalesce(p.target, l.target_recall, current_setting('ruvector.target_recall', true)::float8) AS target,
               l.*, p.indexid AS id, ruvector.search_scope(x.index_name, p.k_class) AS scope
        FROM ruvector.index_builds x
        JOIN ruvector.learned_tables l USING (relid)
        JOIN ruvector.policies p USING (indexid)
        JOIN ruvector.learning_classes n ON (n.indexid, n.k_class) = (p.indexid, p.k_class)
        WHERE x.relid = relation)
    SELECT c.scope, 'labels', c.labels::text, c.min_samples::text,
           format('%s of %s labels: %s are missing before anything can be certified; %s.', c.labels, c.min_samples, c.min_samples - c.labels,
                  CASE WHEN c.candidates > 0 THEN format('%s searches wait to be labelled', c.candidates)
                       ELSE 'more searches are needed' END),
           NULL::float8, NULL::float8, NULL::float8, NULL
    FROM class c WHERE c.state IN ('collecting', 'stepped back') AND c.labels < c.min_samples
    UNION ALL
    SELECT c.scope, 'labels', c.labels::text, 'more',
           format('Nothing is certified for recall %s at %s labels%s.', c.target, c.labels,
                  coalesce((SELECT format(': %s = %s has recall %s, but its certified bound is %s', c.parameter, g.value, round(g.recall::numeric, 4),
                                          coalesce(round(ruvector.known(g.recall_bound)::numeric, 4)::text, 'not known'))
                            FROM ruvector.policy_rungs g WHERE (g.indexid, g.k_class, g.family) = (c.id, c.k_class, 'value') AND g.recall >= c.target
                            ORDER BY g.value LIMIT 1), '')),
           NULL, NULL, NULL, NULL
    FROM class c WHERE c.state = 'undecided'
    UNION ALL
    SELECT c.scope, 'index', c.index_name, 'another one',
           format('No %s reaches recall %s; %s = %s, the greatest measured, has %s.', c.parameter, c.target, c.parameter, g.value, round(g.recall::numeric, 4)),
           NULL, NULL, NULL, NULL
    FROM class c, LATERAL (SELECT * FROM ruvector.policy_rungs g WHERE (g.indexid, g.k_class, g.family) = (c.id, c.k_class, 'value')
                           ORDER BY g.value DESC LIMIT 1) g
    WHERE c.state = 'unreachable'
    UNION ALL
    SELECT c.scope, c.parameter, c.setting::text, coalesce(c.value::text, 'a stop rule'),
           format('Certified for recall %s on %s labels: recall %s, at least %s; %s buffers a search%s. The table only observes.', c.target, g.labels,
                  round(g.recall::numeric, 4), round(g.recall_bound::numeric, 4), round(g.buffers::numeric),
                  coalesce((SELECT format(', %s at %s, of recall %s', round(s.buffers::numeric), c.setting, round(s.recall::numeric, 4))
                            FROM ruvector.policy_rungs s WHERE (s.indexid, s.k_class, s.family, s.value) = (c.id, c.k_class, 'value', c.setting::real)), '')),
           g.recall, g.recall - ruvector.known(g.recall_bound), g.buffers,
           format('SELECT ruvector_enable_learning(%L, %s, %s, %s, ''apply'', %s);', c.relid::regclass, c.trajectory_window, c.learning_rate,
                  c.min_samples, coalesce(c.target_recall::text, 'NULL'))
    FROM class c
    JOIN ruvector.policy_rungs g ON (g.indexid, g.k_class, g.family, g.value) =
        (c.id, c.k_class, CASE WHEN c.lambda IS NULL THEN 'value' ELSE 'stop rule' END, coalesce(c.lambda, c.value::real))
    WHERE c.state = 'certified' AND c.mode = 'observe' AND c.value IS DISTINCT FROM c.setting
    UNION ALL
    SELECT format('index %s', x.index_name), 'searches', '0', 'more', 'No search of this index is recorded: nothing is known of its recall.',
           NULL, NULL, NULL, NULL
    FROM ruvector.index_builds x WHERE x.relid = relation AND x.mode <> 'off'
        AND NOT EXISTS (SELECT FROM ruvector.policies p WHERE p.indexid = x.indexid)
        AND NOT EXISTS (SELECT FROM ruvector.trajectories t WHERE t.indexid = x.indexid)
    UNION ALL
    SELECT 'table', 'mode', 'off', 'observe', 'The table learns no more: searches are not recorded, and nothing is measured.', NULL, NULL, NULL,
           format('SELECT ruvector_enable_learning(%L, %s, %s, %s, ''observe'', %s);', l.relid::regclass, l.trajectory_window, l.learning_rate,
                  l.min_samples, coalesce(l.target_recall::text, 'NULL'))
    FROM ruvector.learned_tables l WHERE l.relid = relation AND l.mode = 'off'
$$;
COMMENT ON FUNCTION ruvector.recommend_search IS 'what policies say of search parameters, or what they lack';

------------------------------------------------------------ selective filters

-- A filter that recurs, as often as makes evidence of the table's labels: rows that pass searched exactly, or an index
-- of their own.  What is expected of that index is what searches without a filter measured on the whole table: on
-- fewer rows it finds more and touches less.
CREATE FUNCTION ruvector.recommend_filters(relation oid) RETURNS SETOF ruvector.recommendation LANGUAGE sql STABLE AS $$
    WITH asked AS (
        SELECT t.indexid, t.k_class, t.filter, count(*) AS searches, avg(t.blocks)::float8 AS buffers,
               -- no row passed: fewer than one among those looked at
               greatest(sum(t.rows_returned), 1)::float8 / sum(t.rows_returned + t.rows_removed) AS share,
               (regexp_match(t.filter, '^\(\(?("[^"]+"|[a-z_][a-z0-9_$]*)(\)::text)? = [^=<>~]+\)$'))[1] AS constrained
        FROM ruvector.trajectories t
        WHERE t.relid = relation AND t.filtered AND t.filter IS NOT NULL AND t.blocks IS NOT NULL AND t.rows_returned + t.rows_removed > 0
        GROUP BY t.indexid, t.k_class, t.filter),
    grouped AS (        -- one filter, or all of a column's that recur only together
        SELECT a.indexid, a.k_class, CASE WHEN a.searches >= l.min_samples THEN a.filter END AS filter, a.constrained,
               sum(a.searches) AS searches, count(*) AS filters, l.min_samples,
               sum(a.buffers * a.searches) / sum(a.searches) AS buffers, sum(a.share * a.searches) / sum(a.searches) AS share
        FROM asked a CROSS JOIN ruvector.learned_tables l
        WHERE l.relid = relation AND (a.searches >= l.min_samples OR a.constrained IS NOT NULL)
        GROUP BY a.indexid, a.k_class, CASE WHEN a.searches >= l.min_samples THEN a.filter END, a.constrained, l.min_samples
        HAVING sum(a.searches) >= l.min_samples),
    costed AS (
        SELECT g.*, x.index_name, x.key, x.opclass, x.kind, x.predicate, x.m, x.ef_construction,
               ruvector.search_scope(x.index_name, g.k_class) AS scope,
               b.rows * g.share AS passing, i.indexrelid AS serves,
               -- through an index of the column: root, leaves of some 300 entries, rows, values kept apart
               CASE WHEN g.constrained IS NOT NULL THEN 2 + b.rows * g.share * (1.0 / 300 + 1 + b.apart) END AS by_index,
               -- a distance counts as a buffer, as in an index, where each row has one to itself
               b.pages + b.rows * g.share * (1 + b.apart) AS by_pages,
               u.buffers AS unfiltered, u.recall, u.error
        FROM grouped g
        JOIN ruvector.index_builds x USING (indexid)
        JOIN ruvector.table_buffers b ON b.relid = relation
        LEFT JOIN LATERAL (
            SELECT i.indexrelid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
            WHERE i.indrelid = relation AND i.indisvalid AND i.indpred IS NULL AND m.amname IN ('btree', 'hash')
              AND pg_get_indexdef(i.indexrelid, 1, true) = g.constrained LIMIT 1) i ON true
        LEFT JOIN LATERAL (
            SELECT r.buffers::float8, r.recall::float8, r.recall - ruvector.known(r.recall_bound) AS error
            FROM ruvector.policies p JOIN ruvector.policy_rungs r ON (r.indexid, r.k_class, r.family) = (p.indexid, p.k_class, 'value')
                AND r.value = coalesce(p.value, p.setting)
            WHERE (p.indexid, p.k_class) = (g.indexid, -g.k_class)) u ON true
        WHERE b.rows > 0),
    judged AS (
        SELECT *, least(by_index, by_pages) AS exact,
               format('%s searches with %s touched %s buffers each; %s %% of the rows pass, about %s.', searches,
                      CASE WHEN filter IS NULL THEN format('%s different filters on %s', filters, constrained) ELSE format('the filter %s', filter) END,
                      round(buffers::numeric), round((100 * share)::numeric, 3), round(passing::numeric)) AS facts
        FROM costed)
    SELECT scope, 'search', format('index %s', index_name), 'exact', facts || format(' Exact search among them costs about %s%s.', round(exact::numeric),
               CASE WHEN exact < by_pages THEN format(CASE WHEN serves IS NULL THEN ' with an index on %s' ELSE ' by the index on %s' END, constrained) ELSE '' END),
           1, 0, exact,
           CASE WHEN exact < by_pages AND serves IS NULL THEN format('CREATE INDEX CONCURRENTLY ON %s (%s);', relation::regclass, constrained)
                ELSE format('-- SELECT … FROM (SELECT * FROM %s WHERE %s OFFSET 0) s ORDER BY … LIMIT …', relation::regclass,
                            coalesce(filter, format('%s = …', constrained))) END
    FROM judged WHERE exact <= 0.9 * buffers AND exact <= coalesce(unfiltered, exact)
    UNION ALL
    SELECT scope, 'index', format('index %s', index_name),
           CASE WHEN filter IS NULL THEN format('partition by %s', constrained) ELSE 'partial index' END,
           facts || format(' Searches without a filter touch %s, with recall %s: an index of these rows alone needs no more.',
                           round(unfiltered::numeric), round(recall::numeric, 4)),
           recall, error, unfiltered,
           CASE WHEN filter IS NULL
                THEN format('-- CREATE TABLE … (LIKE %s) PARTITION BY LIST (%s); an index %s on each partition', relation::regclass, constrained, kind)
                ELSE format('CREATE INDEX CONCURRENTLY ON %s USING %s (%s %s)%s WHERE %s;', relation::regclass, kind,
                            CASE WHEN key ~ '^[a-z_][a-z0-9_$]*$|^"[^"]+"$' THEN key ELSE format('(%s)', key) END, opclass,
                            CASE kind WHEN 'hnsw' THEN format(' WITH (m = %s, ef_construction = %s)', m, ef_construction) ELSE
                                format(' WITH (lists = %s)', greatest(1, round(sqrt(passing)))) END,
                            concat_ws(' AND ', '(' || predicate || ')', filter)) END
    FROM judged WHERE unfiltered <= 0.9 * buffers AND unfiltered < exact
$$;
COMMENT ON FUNCTION ruvector.recommend_filters IS 'filters that recur and cost much: rows that pass searched exactly, or in an index of their own';

------------------------------------------------------------- maintenance_work_mem

-- What pgvector's graph takes while it is built: the value, 32 bytes for each of m and 264 beside.  Read off its
-- notice that the graph no longer fits: within 1.5 % at m = 4, 16 and 32, values of 136 to 1544 bytes.
CREATE FUNCTION ruvector.graph_bytes(row_count float8, value_bytes int, m int) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT row_count * (value_bytes + 32 * m + 264)
$$;
COMMENT ON FUNCTION ruvector.graph_bytes IS 'memory of pgvector''s hnsw graph while it is built';

CREATE FUNCTION ruvector.recommend_memory(relation oid) RETURNS SETOF ruvector.recommendation LANGUAGE sql STABLE AS $$
    SELECT format('index %s', index_name), 'maintenance_work_mem', current_setting('maintenance_work_mem'), format('%sMB', wanted),
           format('The graph of %s rows takes about %s MB while it is built; beyond the first %s rows pgvector builds on disk, which takes far longer. '
                  'For the next REINDEX or CREATE INDEX; the machine must have it.', reltuples::bigint, wanted, floor(reltuples * limit_bytes / bytes)),
           NULL::float8, NULL::float8, NULL::float8, format('SET maintenance_work_mem = ''%sMB'';', wanted)
    FROM (SELECT x.index_name, x.reltuples, b.bytes, ceil(b.bytes / 1048576) AS wanted,
                 pg_size_bytes(current_setting('maintenance_work_mem'))::float8 AS limit_bytes
          FROM ruvector.index_builds x
          CROSS JOIN LATERAL ruvector.graph_bytes(x.reltuples, x.value_bytes::int, x.m) AS b(bytes)
          WHERE x.relid = relation AND x.kind = 'hnsw' AND x.reltuples > 0) s
    WHERE bytes > limit_bytes
$$;
COMMENT ON FUNCTION ruvector.recommend_memory IS 'where an index would not fit into maintenance_work_mem when it is built again';

-------------------------------------------------------------------- all together

CREATE FUNCTION ruvector.recommend_params(caller oid, relation oid, table_name regclass, what_if bool, max_time interval,
    sample_share float8, max_memory text) RETURNS SETOF ruvector.recommendation LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ruvector.check_table(caller, relation, true);
    RETURN QUERY SELECT * FROM ruvector.recommend_search(relation)
        UNION ALL SELECT * FROM ruvector.recommend_filters(relation)
        UNION ALL SELECT * FROM ruvector.recommend_memory(relation);
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'table', NULL::text, NULL::text, NULL::text,
            'Nothing to recommend: nothing that is known would make searches on this table better.', NULL::float8, NULL::float8, NULL::float8, NULL::text;
    END IF;
END $$;
COMMENT ON FUNCTION ruvector.recommend_params IS 'behind ruvector_recommend_params';
