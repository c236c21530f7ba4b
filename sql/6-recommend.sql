
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
           format('SELECT ruvector_enable_learning(%L, mode := ''apply'');', c.relid::regclass)
    FROM class c
    JOIN ruvector.policy_rungs g ON (g.indexid, g.k_class, g.family, g.value) =
        (c.id, c.k_class, CASE WHEN c.lambda IS NULL THEN 'value' ELSE 'stop rule' END, coalesce(c.lambda, c.value::real))
    WHERE c.state = 'certified' AND c.mode = 'observe' AND c.value IS DISTINCT FROM c.setting
    UNION ALL
    SELECT format('index %s', x.index_name), 'searches', '0', 'more', 'No search of this index is recorded: nothing is known of its recall.',
           NULL, NULL, NULL, NULL
    FROM ruvector.index_builds x WHERE x.relid = relation AND x.mode <> 'off'
        AND NOT EXISTS (SELECT FROM ruvector.policies p WHERE p.indexid = x.indexid)
        AND NOT EXISTS (SELECT FROM ruvector.trajectories t WHERE t.indexid = x.indexid AND t.source <> 'own row')
    UNION ALL
    SELECT 'table', 'mode', 'off', 'observe', 'The table learns no more: searches are not recorded, and nothing is measured.', NULL, NULL, NULL,
           format('SELECT ruvector_enable_learning(%L, mode := ''observe'');', l.relid::regclass)
    FROM ruvector.learned_tables l WHERE l.relid = relation AND l.mode = 'off'
$$;
COMMENT ON FUNCTION ruvector.recommend_search IS 'what policies say of search parameters, or what they lack';

------------------------------------------------------------ selective filters

-- A filter that recurs, as often as makes evidence of the table's labels: rows that pass searched exactly, or an index
-- of their own.  What is expected of that index is what searches without a filter measured on the whole table: on
-- fewer rows it finds more and touches less.
CREATE FUNCTION ruvector.recommend_filters(caller oid, relation oid) RETURNS SETOF ruvector.recommendation LANGUAGE sql STABLE AS $$
    WITH asked AS (
        SELECT t.indexid, t.k_class, t.filter, count(*) AS searches, avg(t.blocks)::float8 AS buffers,
               -- no row passed: fewer than one among those looked at
               greatest(sum(t.rows_returned), 1)::float8 / sum(t.rows_returned + t.rows_removed) AS share,
               -- what only others asked for is theirs
               count(*) >= l.min_samples AND bool_or(pg_has_role(caller, t.role_id, 'USAGE')) AS named,
               (regexp_match(t.filter, '^\(\(?("[^"]+"|[a-z_][a-z0-9_$]*)(\)::text)? = [^=<>~]+\)$'))[1] AS constrained
        FROM ruvector.trajectories t JOIN ruvector.learned_tables l USING (relid)
        WHERE t.relid = relation AND t.filtered AND t.filter IS NOT NULL AND t.blocks IS NOT NULL AND t.rows_returned + t.rows_removed > 0
        GROUP BY t.indexid, t.k_class, t.filter, l.min_samples),
    grouped AS (        -- one filter, or all of a column's that recur only together
        SELECT a.indexid, a.k_class, CASE WHEN a.named THEN a.filter END AS filter, a.constrained,
               sum(a.searches) AS searches, count(*) AS filters, l.min_samples,
               sum(a.buffers * a.searches) / sum(a.searches) AS buffers, sum(a.share * a.searches) / sum(a.searches) AS share
        FROM asked a CROSS JOIN ruvector.learned_tables l
        WHERE l.relid = relation AND (a.named OR a.constrained IS NOT NULL)
        GROUP BY a.indexid, a.k_class, CASE WHEN a.named THEN a.filter END, a.constrained, l.min_samples
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
                ELSE format('-- SELECT ... FROM (SELECT * FROM %s WHERE %s OFFSET 0) s ORDER BY ... LIMIT ...', relation::regclass,
                            coalesce(filter, format('%s = ...', constrained))) END
    FROM judged WHERE exact <= 0.9 * buffers AND exact <= coalesce(unfiltered, exact)
    UNION ALL
    SELECT scope, 'index', format('index %s', index_name),
           CASE WHEN filter IS NULL THEN format('partition by %s', constrained) ELSE 'partial index' END,
           facts || format(' Searches without a filter touch %s, with recall %s: an index of these rows alone needs no more.',
                           round(unfiltered::numeric), round(recall::numeric, 4)),
           recall, error, unfiltered,
           CASE WHEN filter IS NULL
                THEN format('-- CREATE TABLE ... (LIKE %s) PARTITION BY LIST (%s); an index %s on each partition', relation::regclass, constrained, kind)
                ELSE format('CREATE INDEX CONCURRENTLY ON %s USING %s (%s %s)%s WHERE %s;', relation::regclass, kind,
                            key, opclass,
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

------------------------------------------------------------------------ what-if

CREATE FUNCTION ruvector.is_of_pgvector(catalog oid, object oid) RETURNS bool LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                   WHERE d.classid = catalog AND d.objid = object AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'vector')
$$;
COMMENT ON FUNCTION ruvector.is_of_pgvector IS 'whether an object belongs to the extension vector';

CREATE FUNCTION ruvector.whatif_open(relation oid, type text, owner oid, steps int) RETURNS void
AS 'MODULE_PATHNAME', 'ruvector_whatif_open' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION ruvector.whatif_open IS 'empty temporary tables for a sample, which its owner may add to, and for queries';

CREATE FUNCTION ruvector.whatif_run(relation oid, statement text) RETURNS bigint
AS 'MODULE_PATHNAME', 'ruvector_whatif_run' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION ruvector.whatif_run IS 'runs a statement of ours as the owner of a table';

CREATE FUNCTION ruvector.whatif_search(indexid oid, statement text, type oid, k int, reranked bool, parameters int[],
    OUT value int, OUT recall float8, OUT buffers float8) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ruvector_whatif_search' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION ruvector.whatif_search IS 'recall and buffers of an index of a sample, means over the queries';

CREATE FUNCTION ruvector.whatif_seconds() RETURNS float8
AS 'MODULE_PATHNAME', 'ruvector_whatif_seconds' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION ruvector.whatif_seconds IS 'processor time of this session so far';

CREATE FUNCTION ruvector.whatif_outlooks(samples float8[], anchors float8[], queries int, row_count float8, anchor_error float8, "values" float8[],
    OUT configuration int, OUT value int, OUT recall float8, OUT recall_error float8, OUT buffers float8, OUT buffers_error float8)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'ruvector_whatif_outlooks' LANGUAGE C IMMUTABLE STRICT;
COMMENT ON FUNCTION ruvector.whatif_outlooks IS 'what configurations would be like on a whole table; a measurement: configuration, kind, rows, value, recall, buffers';

CREATE FUNCTION ruvector.whatif_build(builds float8[], configuration int, row_count float8, buffers float8) RETURNS float8[]
AS 'MODULE_PATHNAME', 'ruvector_whatif_build' LANGUAGE C IMMUTABLE STRICT;
COMMENT ON FUNCTION ruvector.whatif_build IS 'seconds to build a graph on a whole table, where a search with ef_construction touches so many buffers, and two standard errors; a build: configuration, rows, seconds, bytes, buffers';

-- Other ways to build an index, the likeliest gains first.  The first is as it is.  In what a sample's index is made of
-- and searched by, "value" stands for the key.
CREATE FUNCTION ruvector.whatif_configurations(indexid oid, row_count float8)
RETURNS TABLE (configuration int, "group" text, kind text, label text, m int, ef_construction int, lists int, key text, opclass text, searched text,
    reranked bool) LANGUAGE sql STABLE AS $$
    WITH x AS (
        SELECT b.*, oc.opcname, oc.opcnamespace, n.nspname, format('OPERATOR(%I.%s)', o_n.nspname, o.oprname) AS operator
        FROM ruvector.index_builds b
        JOIN pg_index i ON i.indexrelid = b.indexid
        JOIN pg_opclass oc ON oc.oid = i.indclass[0]
        JOIN pg_namespace n ON n.oid = oc.opcnamespace
        JOIN pg_amop ao ON ao.amopfamily = oc.opcfamily AND ao.amoplefttype = oc.opcintype AND ao.amoppurpose = 'o'
        JOIN pg_operator o ON o.oid = ao.amopopr
        JOIN pg_namespace o_n ON o_n.oid = o.oprnamespace
        WHERE b.indexid = whatif_configurations.indexid),
    ways AS (
        SELECT 0 AS n, 'current' AS "group", x.kind, x.m, x.ef_construction, x.lists, 'value' AS form FROM x
        UNION ALL SELECT v.* FROM x, LATERAL (VALUES
            (1, 'build', 'hnsw', 16, 64, NULL, 'value'), (2, 'type', 'hnsw', x.m, x.ef_construction, NULL, 'halfvec'),
            (3, 'build', 'hnsw', 16, 200, NULL, 'value'), (4, 'build', 'hnsw', 32, 200, NULL, 'value'),
            (5, 'lists', 'ivfflat', NULL, NULL, greatest(1, round(sqrt(greatest(row_count, 0)))::int), 'value'),
            (6, 'lists', 'ivfflat', NULL, NULL, greatest(1, round(row_count / 1000)::int), 'value'),
            (7, 'binary', 'hnsw', x.m, x.ef_construction, NULL, 'bit')) v
        WHERE (v.column3, v.column4, v.column5, v.column7) IS DISTINCT FROM (x.kind, x.m, x.ef_construction, 'value')
          AND (v.column3, v.column6) IS DISTINCT FROM (x.kind, x.lists)
          AND (v.column7 = 'value' OR x.type = 'vector' AND x.dims IS NOT NULL)
          -- what is pgvector's own, and there is
          AND EXISTS (SELECT FROM pg_opclass o JOIN pg_am a ON a.oid = o.opcmethod
                      WHERE ruvector.is_of_pgvector('pg_opclass'::regclass, o.oid)
                        AND o.opcnamespace = x.opcnamespace AND a.amname = v.column3 AND o.opcname =
                            CASE v.column7 WHEN 'value' THEN x.opcname WHEN 'halfvec' THEN replace(x.opcname, 'vector_', 'halfvec_') ELSE 'bit_hamming_ops' END))
    SELECT (row_number() OVER (ORDER BY w.n))::int - 1, w."group", w.kind,
           CASE w.kind WHEN 'hnsw' THEN format('hnsw, m = %s, ef_construction = %s', w.m, w.ef_construction) ELSE format('ivfflat, lists = %s', w.lists) END
           || CASE w.form WHEN 'halfvec' THEN ', halfvec' WHEN 'bit' THEN ', binary quantised' ELSE '' END,
           w.m, w.ef_construction, w.lists,
           CASE w.form WHEN 'value' THEN 'value' WHEN 'halfvec' THEN format('(value::%I.halfvec(%s))', x.nspname, x.dims)
                ELSE format('(%I.binary_quantize(value)::pg_catalog.bit(%s))', x.nspname, x.dims) END,
           CASE w.form WHEN 'value' THEN x.opclass WHEN 'halfvec' THEN format('%I.%I', x.nspname, replace(x.opcname, 'vector_', 'halfvec_'))
                ELSE format('%I.bit_hamming_ops', x.nspname) END,
           CASE w.form WHEN 'value' THEN format('value %s $1', x.operator)
                WHEN 'halfvec' THEN format('value::%I.halfvec(%s) %s $1::%1$I.halfvec(%2$s)', x.nspname, x.dims, x.operator)
                ELSE format('%I.binary_quantize(value)::pg_catalog.bit(%s) OPERATOR(%1$I.<~>) %1$I.binary_quantize($1)', x.nspname, x.dims) END,
           w.form = 'bit'
    FROM ways w, x ORDER BY 1
$$;
COMMENT ON FUNCTION ruvector.whatif_configurations IS 'other ways to build an index';

-- What it would be like is tried on samples, each half of the next: indexes of them are built one after the other, those
-- that come first in the list, as far as the time goes.  An error rolls all of it back, also the one that ends it.
CREATE FUNCTION ruvector.whatif(relation oid, indexid oid, max_time interval, sample_share float8, memory bigint,
    OUT samples float8[], OUT builds float8[], OUT sizes float8[], OUT queries int, OUT k int, OUT problem text) LANGUAGE plpgsql AS $$
DECLARE
    started constant timestamptz := clock_timestamp();
    x ruvector.index_builds;
    way record;
    type_name text;
    type_id oid;
    owner_id oid;
    operator text;
    row_count float8;
    size int;
    greatest_size int;
    asked int;
    seconds float8;
    before float8;
    measured float8[];
    begun timestamptz;
    took float8[] := '{}';     -- seconds of each configuration on the smallest sample
BEGIN
    samples := '{}';
    builds := '{}';
    sizes := '{}';
    SELECT * INTO x FROM ruvector.index_builds b WHERE b.indexid = whatif.indexid;
    SELECT relowner, reltuples INTO owner_id, row_count FROM pg_class WHERE oid = relation;
    SELECT a.atttypid, format_type(a.atttypid, a.atttypmod), searched INTO type_id, type_name, operator
    FROM pg_attribute a, ruvector.whatif_configurations(whatif.indexid, row_count)
    WHERE a.attrelid = whatif.indexid AND a.attnum = 1 AND configuration = 0;
    SELECT coalesce(mode() WITHIN GROUP (ORDER BY t.k), 10) INTO k FROM ruvector.trajectories t
    WHERE t.indexid = whatif.indexid AND t.k_class > 0 AND t.source <> 'own row' AND t.k BETWEEN 1 AND 100;
    -- a row takes about a millisecond to try in every way
    greatest_size := floor(least(row_count * sample_share, x.reltuples, 150 * extract(epoch FROM max_time),
        memory / greatest(1, ruvector.graph_bytes(1, coalesce(x.value_bytes, 0)::int, 32))));
    IF x.type NOT IN ('vector', 'halfvec') OR x.value_bytes IS NULL OR NOT ruvector.is_of_pgvector('pg_type'::regclass, type_id) THEN
        problem := format('values of type %s are not tried', type_name);
        RETURN;
    -- what is compared is ours by then, and so are the rights
    ELSIF NOT ruvector.is_of_pgvector('pg_opclass'::regclass, (SELECT i.indclass[0] FROM pg_index i WHERE i.indexrelid = whatif.indexid)) THEN
        problem := format('operator class %s is not of pgvector', x.opclass);
        RETURN;
    ELSIF row_count <= 0 OR x.reltuples <= 0 THEN
        problem := 'how many rows there are is not known before ANALYZE';
        RETURN;
    ELSIF greatest_size < 2000 THEN        -- a quarter of it: fewer rows are no neighbourhoods
        problem := format('%s rows, all that sample_share, max_time and max_memory allow, are too few to tell anything of %s', greatest_size, row_count::bigint);
        RETURN;
    END IF;
    BEGIN
        PERFORM ruvector.whatif_open(relation, type_name, owner_id, 3 * (SELECT count(*)::int FROM ruvector.whatif_configurations(indexid, row_count)));
        asked := ruvector.whatif_run(relation, format(
            'INSERT INTO pg_temp.ruvector_whatif_sample SELECT row_number() OVER (), key FROM (SELECT (%s) AS key FROM ONLY %s TABLESAMPLE BERNOULLI (%s)'
            ' WHERE (%s) ORDER BY random() LIMIT %s) s WHERE key IS NOT NULL',
            x.key, relation::regclass, least(100, 110 * (greatest_size + 200) / x.reltuples), coalesce(x.predicate, 'true'), greatest_size + 200));
        -- what is asked of the table, else rows that are not in the sample
        EXECUTE format('INSERT INTO pg_temp.ruvector_whatif_queries SELECT row_number() OVER (), query_vector::%s FROM
            (SELECT DISTINCT ON (query_vector) query_vector FROM ruvector.trajectories t
             WHERE t.indexid = $1 AND t.k_class > 0 AND t.source <> ''own row'' AND cardinality(query_vector) = $2 ORDER BY query_vector) q ORDER BY random() LIMIT 200', type_name)
            USING indexid, x.dims;
        GET DIAGNOSTICS queries = ROW_COUNT;
        IF queries < 50 THEN
            DELETE FROM pg_temp.ruvector_whatif_queries;
            queries := least(200, asked / 10);
            greatest_size := asked - queries;
            EXECUTE 'INSERT INTO pg_temp.ruvector_whatif_queries SELECT id, value FROM pg_temp.ruvector_whatif_sample WHERE id > $1' USING greatest_size;
        END IF;
        greatest_size := least(greatest_size, asked);
        ANALYZE pg_temp.ruvector_whatif_sample;
        PERFORM set_config('max_parallel_maintenance_workers', '0', true), set_config('max_parallel_workers_per_gather', '0', true), set_config('maintenance_work_mem', format('%skB', greatest(1024, memory / 1024)), true);
        <<all_of_it>>
        FOREACH size IN ARRAY ARRAY[greatest_size / 4, greatest_size / 2, greatest_size] LOOP
            EXECUTE format(
                'UPDATE pg_temp.ruvector_whatif_queries q SET nearest = (SELECT array_agg(d ORDER BY d) FROM (SELECT (%s) + 0::float8 AS d'
                ' FROM pg_temp.ruvector_whatif_sample s WHERE s.id <= %s ORDER BY 1 LIMIT %s) n WHERE d <> ''NaN'')',
                replace(operator, '$1', 'q.value'), size, k);
            sizes := sizes || size::float8;
            FOR way IN SELECT * FROM ruvector.whatif_configurations(indexid, row_count) LOOP
                -- on each greater sample it takes some 2.5 times as long
                EXIT WHEN cardinality(sizes) > 1 AND way.configuration >= cardinality(took);
                seconds := took[way.configuration + 1] * power(2.5, cardinality(sizes) - 1);
                IF clock_timestamp() + make_interval(secs => coalesce(seconds, 0)) > started + max_time THEN
                    EXIT all_of_it WHEN way.configuration = 0;
                    EXIT;
                END IF;
                begun := clock_timestamp();
                before := ruvector.whatif_seconds();
                EXECUTE format('CREATE INDEX ruvector_whatif_index ON pg_temp.ruvector_whatif_sample USING %s (%s %s) WITH (%s) WHERE id <= %s',
                    way.kind, way.key, way.opclass,
                    CASE way.kind WHEN 'hnsw' THEN format('m = %s, ef_construction = %s', way.m, way.ef_construction) ELSE format('lists = %s', way.lists) END, size);
                before := ruvector.whatif_seconds() - before;
                measured := (SELECT coalesce(array_agg(n ORDER BY s.value, o), '{}') FROM ruvector.whatif_search('pg_temp.ruvector_whatif_index'::regclass,
                    format('SELECT %s FROM pg_temp.ruvector_whatif_sample WHERE id <= %s ORDER BY %s LIMIT $2', operator, size,
                           way.searched), type_id, k, way.reranked,
                    CASE way.kind WHEN 'hnsw' THEN (SELECT array_agg(DISTINCT greatest(v, k)) FROM unnest('{10,20,40,80,160}'::int[] || way.ef_construction) v)
                        ELSE '{1,2,4,8,16,32}' END) s,
                    unnest(ARRAY[way.configuration, CASE WHEN way.reranked THEN 2 WHEN way.kind = 'hnsw' THEN 0 ELSE 1 END, size, s.value, s.recall, s.buffers]) WITH ORDINALITY u(n, o)
                    WHERE s.recall <> 'NaN');
                samples := samples || measured;
                builds := builds || ARRAY[way.configuration, size, before, pg_relation_size('pg_temp.ruvector_whatif_index'),
                    coalesce((SELECT measured[g + 5] FROM generate_series(1, cardinality(measured), 6) g WHERE measured[g + 3] = way.ef_construction), 'NaN')]::float8[];
                DROP INDEX pg_temp.ruvector_whatif_index;
                IF cardinality(sizes) = 1 THEN
                    took := took || extract(epoch FROM clock_timestamp() - begun)::float8;
                END IF;
            END LOOP;
        END LOOP;
        RAISE EXCEPTION 'all of this is rolled back' USING ERRCODE = 'RUVWI';
    EXCEPTION WHEN SQLSTATE 'RUVWI' THEN
        NULL;
    END;
    IF cardinality(sizes) < 2 OR cardinality(samples) = 0 THEN
        problem := 'max_time is over before samples of two sizes were tried';
    END IF;
END $$;
COMMENT ON FUNCTION ruvector.whatif IS 'measures an index and other ways to build it on samples of the table';

-- What is expected of each configuration at the target: the cheapest value of its search parameter that reaches it,
-- else the dearest that is known.
CREATE FUNCTION ruvector.whatif_judge(indexid oid, samples float8[], builds float8[], queries int, k int, target float8)
RETURNS TABLE (configuration int, reaches bool, value int, recall float8, recall_error float8, buffers float8, buffers_error float8,
    seconds float8, seconds_error float8, bytes float8, measured int) LANGUAGE sql STABLE AS $$
    WITH x AS (
        SELECT b.reltuples::float8 AS row_count, CASE b.kind WHEN 'hnsw' THEN 0 ELSE 1 END AS kind FROM ruvector.index_builds b
        WHERE b.indexid = whatif_judge.indexid),
    anchor AS (     -- what labels measured of the index as it is
        SELECT array_agg(n ORDER BY r.value, o) AS numbers, max(r.labels) AS labels,
               2 * sqrt(max(r.recall * (1 - r.recall) / r.labels)) AS error
        FROM ruvector.policies p JOIN x ON true
        JOIN ruvector.policy_rungs r ON (r.indexid, r.k_class, r.family) = (p.indexid, p.k_class, 'value') AND r.labels >= 20
        CROSS JOIN LATERAL unnest(ARRAY[0, x.kind, x.row_count, r.value, r.recall, r.buffers]) WITH ORDINALITY u(n, o)
        WHERE p.indexid = whatif_judge.indexid AND p.k_class = power(2, ceil(log(2, k)))::int AND r.recall BETWEEN 0 AND 1 AND r.buffers > 0 AND r.value >= k * (1 - x.kind)),
    said AS (
        SELECT o.configuration, o.value, o.recall, o.recall_error, o.buffers_error, c.kind, c.lists, c.ef_construction, a.labels,
               -- a page of a list holds many rows: what is cost in a graph, a row, is cost here
               CASE c.kind WHEN 'hnsw' THEN o.buffers ELSE greatest(o.buffers, c.lists + o.value * x.row_count / c.lists) END AS buffers
        FROM x, anchor a, ruvector.whatif_configurations(whatif_judge.indexid, (SELECT row_count FROM x)) c,
             ruvector.whatif_outlooks(samples, coalesce(a.numbers, '{}'), queries, x.row_count, coalesce(a.error, 0),
                 '{1,2,3,4,6,8,10,11,14,16,20,23,28,32,40,45,57,64,80,91,113,128,160,226,320}'::float8[] || coalesce(c.ef_construction, 1)::float8) o
        WHERE o.configuration = c.configuration AND CASE c.kind WHEN 'hnsw' THEN o.value >= greatest(10, k) ELSE o.value <= least(128, c.lists) END),
    best AS (
        SELECT DISTINCT ON (s.configuration) s.*, s.recall >= target AS reaches
        FROM said s ORDER BY s.configuration, s.recall >= target DESC, CASE WHEN s.recall >= target THEN s.value ELSE -s.value END),
    built AS (
        SELECT b.n[1]::int AS configuration, b.n[4] / b.n[2] AS row_bytes, row_number() OVER (PARTITION BY b.n[1] ORDER BY b.n[2] DESC) AS latest
        FROM generate_series(1, cardinality(builds), 5) g, LATERAL (SELECT builds[g:g + 4] AS n) b)
    SELECT b.configuration, b.reaches, b.value, b.recall, b.recall_error, b.buffers, b.buffers_error, t.seconds[1], t.seconds[2],
           u.row_bytes * x.row_count, b.labels
    FROM best b JOIN built u ON u.configuration = b.configuration AND u.latest = 1 CROSS JOIN x
    -- (pgvector looks for centroids among 10000 rows at least: lists on fewer take another course)
    LEFT JOIN LATERAL (SELECT ruvector.whatif_build(
        (SELECT array_agg(builds[g + i] ORDER BY g, i) FROM generate_series(1, cardinality(builds), 5) g, generate_series(0, 4) i
         WHERE (SELECT c.kind FROM ruvector.whatif_configurations(whatif_judge.indexid, x.row_count) c WHERE c.configuration = builds[g]::int) = 'hnsw'),
        b.configuration, x.row_count,
        (SELECT max(s.buffers) FROM said s WHERE s.configuration = b.configuration AND s.value = s.ef_construction)) AS seconds) t ON b.kind = 'hnsw'
$$;
COMMENT ON FUNCTION ruvector.whatif_judge IS 'what configurations would be like on the whole table, at the cheapest value that reaches the target';

CREATE FUNCTION ruvector.recommend_builds(relation oid, max_time interval, sample_share float8, memory bigint)
RETURNS SETOF ruvector.recommendation LANGUAGE plpgsql AS $$
DECLARE
    ends constant timestamptz := clock_timestamp() + max_time;
    x record;
    w record;
    here record;
    there record;
    scope text;
    goal float8;
    quoted text;
BEGIN
    FOR x IN SELECT b.*, l.target_recall, (SELECT count(*) FROM ruvector.trajectories t WHERE t.indexid = b.indexid AND t.source <> 'own row') AS searches
             FROM ruvector.index_builds b JOIN ruvector.learned_tables l USING (relid) WHERE b.relid = relation ORDER BY searches DESC, b.indexid LOOP
        scope := format('index %s', x.index_name);
        goal := coalesce(x.target_recall, current_setting('ruvector.target_recall', true)::float8, 0.95);
        SELECT * INTO w FROM ruvector.whatif(relation, x.indexid, greatest(ends - clock_timestamp(), interval '0'), sample_share, memory);
        IF w.problem IS NOT NULL THEN
            RETURN NEXT (scope, 'what-if', NULL, NULL, format('No other way to build it was tried: %s.', w.problem), NULL, NULL, NULL, NULL)::ruvector.recommendation;
            CONTINUE;
        END IF;
        SELECT * INTO here FROM ruvector.whatif_judge(x.indexid, w.samples, w.builds, w.queries, w.k, goal) j WHERE j.configuration = 0;
        CONTINUE WHEN here IS NULL;
        FOR there IN
            SELECT DISTINCT ON (c."group") c.label, c."group", c.kind, c.m, c.ef_construction, c.lists, c.key, c.opclass, c.searched, c.reranked, j.*
            FROM ruvector.whatif_configurations(x.indexid, x.reltuples) c
            JOIN ruvector.whatif_judge(x.indexid, w.samples, w.builds, w.queries, w.k, goal) j USING (configuration)
            WHERE j.configuration > 0 AND j.reaches >= here.reaches AND
                  -- cheaper, or it reaches what the index does not, or it is much smaller at the same price; beyond the error
                  (here.reaches AND j.buffers + j.buffers_error <= here.buffers AND j.buffers <= 0.9 * here.buffers
                   OR NOT here.reaches AND j.recall - j.recall_error > here.recall
                   OR here.reaches AND j.bytes <= 0.75 * here.bytes AND j.buffers <= 1.1 * here.buffers AND j.recall_error <= 0.05)
            ORDER BY c."group", CASE WHEN here.reaches THEN j.buffers ELSE -j.recall END
        LOOP
            quoted := regexp_replace(there.key, '\mvalue\M', x.key, 'g');
            RETURN NEXT (scope, CASE WHEN there.kind <> x.kind THEN 'index type' WHEN there.key <> 'value' THEN 'indexed type' ELSE 'build' END,
                (SELECT label FROM ruvector.whatif_configurations(x.indexid, x.reltuples) c WHERE c.configuration = 0), there.label,
                format('Tried on samples of %s rows with %s queries, LIMIT %s%s: expected are recall %s +- %s and %s +- %s buffers at %s = %s%s, '
                       'now %s recall %s and %s buffers at %s. The index takes %s MB, now %s%s.',
                    array_to_string(w.sizes, ', '), w.queries, w.k, CASE WHEN here.measured > 0 THEN ' and the labels of this index' ELSE '' END,
                    round(there.recall::numeric, 3), round(there.recall_error::numeric, 3), round(there.buffers::numeric), round(there.buffers_error::numeric),
                    CASE there.kind WHEN 'hnsw' THEN 'hnsw.ef_search' ELSE 'ivfflat.probes' END, there.value,
                    CASE WHEN there.reranked THEN format(', best %s of %s', w.k, there.value) ELSE '' END,
                    CASE WHEN here.reaches THEN 'it has' ELSE 'it reaches no more than' END,
                    round(here.recall::numeric, 3), round(here.buffers::numeric), here.value,
                    ceil(there.bytes / 1048576), ceil(here.bytes / 1048576),
                    CASE WHEN there.seconds IS NOT NULL THEN format('; building it takes about %s +- %s s of one processor',
                        ceil(there.seconds), ceil(there.seconds_error)) ELSE '' END),
                there.recall, there.recall_error, there.buffers,
                format('CREATE INDEX CONCURRENTLY ON %s USING %s (%s %s) WITH (%s)%s;%s', relation::regclass, there.kind, quoted, there.opclass,
                    CASE there.kind WHEN 'hnsw' THEN format('m = %s, ef_construction = %s', there.m, there.ef_construction) ELSE format('lists = %s', there.lists) END,
                    CASE WHEN x.predicate IS NOT NULL THEN format(' WHERE %s', x.predicate) ELSE '' END,
                    CASE WHEN there.reranked THEN format(' -- SELECT ... FROM (SELECT * FROM %s ORDER BY %s LIMIT %s) s ORDER BY %s LIMIT %s',
                             relation::regclass, regexp_replace(there.searched, '\mvalue\M', x.key, 'g'), there.value,
                             regexp_replace((SELECT searched FROM ruvector.whatif_configurations(x.indexid, x.reltuples) c WHERE c.configuration = 0), '\mvalue\M', x.key, 'g'), w.k)
                         WHEN there.key <> 'value' THEN format(' -- SELECT ... ORDER BY %s LIMIT ...', regexp_replace(there.searched, '\mvalue\M', x.key, 'g'))
                         ELSE format(' -- then DROP INDEX CONCURRENTLY %s;', x.index_name) END))::ruvector.recommendation;
        END LOOP;
    END LOOP;
END $$;
COMMENT ON FUNCTION ruvector.recommend_builds IS 'other ways to build an index that are expected to be better, beyond the error of that';

-------------------------------------------------------------------- all together

CREATE FUNCTION ruvector.recommend_params(caller oid, relation oid, table_name regclass, what_if bool, max_time interval,
    sample_share float8, max_memory text) RETURNS SETOF ruvector.recommendation LANGUAGE plpgsql AS $$
DECLARE
    rows_given bool;
BEGIN
    PERFORM ruvector.check_table(caller, relation, true);
    IF max_time IS NULL OR max_time < interval '0' OR max_time > interval '1 day' THEN
        PERFORM ruvector.complain('22023', format('invalid value for option "max_time": %s', coalesce(max_time::text, 'NULL')), 'Give an interval, from 0 to a day.');
    ELSIF max_memory !~* '^\s*\d{1,9}(\.\d{1,9})?\s*(bytes|B|kB|MB|GB|TB)?\s*$' THEN
        PERFORM ruvector.complain('22023', format('invalid value for option "max_memory": %s', left(max_memory, 40)), 'Give a size, for instance 512MB, or leave it out.');
    ELSIF sample_share IS NULL OR NOT (sample_share > 0 AND sample_share <= 0.5) THEN
        PERFORM ruvector.complain('22023', format('invalid value for option "sample_share": %s', coalesce(sample_share::text, 'NULL')), 'Give a share above 0, up to 0.5.');
    END IF;
    RETURN QUERY SELECT * FROM ruvector.recommend_search(relation)
        UNION ALL SELECT * FROM ruvector.recommend_filters(caller, relation)
        UNION ALL SELECT * FROM ruvector.recommend_memory(relation);
    rows_given := FOUND;
    IF what_if THEN
        RETURN QUERY SELECT * FROM ruvector.recommend_builds(relation, max_time, sample_share,
            pg_size_bytes(coalesce(max_memory, current_setting('maintenance_work_mem'))));
        rows_given := rows_given OR FOUND;
    END IF;
    IF NOT rows_given THEN
        RETURN NEXT ('table', NULL, NULL, NULL, 'Nothing to recommend: nothing that is known would make searches on this table better.',
            NULL, NULL, NULL, NULL)::ruvector.recommendation;
    END IF;
END $$;
COMMENT ON FUNCTION ruvector.recommend_params IS 'behind ruvector_recommend_params';
