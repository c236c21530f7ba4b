
-- Banks: memories of what works for which queries.  One for each index and class of
-- k that learns; others belong to no table and are filled by applications.
--
-- What the public may call comes through the door (CShim/door.c), which adds who
-- calls and which table he means; the namesakes here do the work and check first.

SET LOCAL search_path = pg_catalog, pg_temp;

---------------------------------------------------------------------- tables

CREATE TABLE ruvector.banks (
    bank_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text UNIQUE CHECK (length(name) BETWEEN 1 AND 200),
    owner_id oid,
    owner_name name,
    relid oid REFERENCES ruvector.learned_tables ON DELETE CASCADE,
    indexid oid,
    k_class int,
    dims int NOT NULL CHECK (dims BETWEEN 1 AND 16000),
    parameters jsonb NOT NULL,
    distilled_to bigint NOT NULL DEFAULT 0,
    left_over bigint[] NOT NULL DEFAULT '{}',
    next_pattern bigint NOT NULL DEFAULT 1,
    image bytea,
    image_checksum bigint,
    router bytea,
    router_trained_on bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (indexid, k_class),
    -- an index that is rebuilt loses its policy, and begins anew
    FOREIGN KEY (indexid, k_class) REFERENCES ruvector.policies ON DELETE CASCADE,
    CHECK ((name IS NULL) = (relid IS NOT NULL AND indexid IS NOT NULL AND k_class IS NOT NULL)),
    CHECK ((name IS NULL) = (owner_id IS NULL))
);
COMMENT ON TABLE ruvector.banks IS 'memories of what works for which queries: of an index and a class of k, or of an application''s own';
COMMENT ON COLUMN ruvector.banks.name IS 'of a bank that belongs to no table';
COMMENT ON COLUMN ruvector.banks.owner_name IS 'by this a restored bank finds its owner';
COMMENT ON COLUMN ruvector.banks.parameters IS 'what can be chosen: for each parameter type, range and scale, or its choices';
COMMENT ON COLUMN ruvector.banks.distilled_to IS 'labels and outcomes up to this number are in the patterns';
COMMENT ON COLUMN ruvector.banks.image IS 'the lowest patterns as backends share them; NULL: they have changed since, or there are none';
COMMENT ON COLUMN ruvector.banks.router IS 'decides for features, trained on the bank''s outcomes; NULL: too few of them';
COMMENT ON COLUMN ruvector.banks.router_trained_on IS 'number of the newest outcome it has seen';
COMMENT ON COLUMN ruvector.banks.left_over IS 'but for these: too few are like them so far';

CREATE TABLE ruvector.outcomes (
    outcome_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    outcome_number bigint GENERATED ALWAYS AS IDENTITY,
    bank_id int NOT NULL REFERENCES ruvector.banks ON DELETE CASCADE,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    role_id oid NOT NULL,
    embedding real[] NOT NULL,
    parameters float8[] NOT NULL,
    precision_measured float8 CHECK (precision_measured BETWEEN 0 AND 1),
    recall float8 CHECK (recall BETWEEN 0 AND 1),
    latency_us float8 CHECK (latency_us >= 0),
    cost float8 CHECK (cost >= 0)
);
CREATE INDEX outcomes_order ON ruvector.outcomes (bank_id, outcome_number);
COMMENT ON TABLE ruvector.outcomes IS 'what applications tried and what came of it: private data, no privileges to anybody';
COMMENT ON COLUMN ruvector.outcomes.parameters IS 'in the order of their names; a choice by its position from 0';

CREATE TABLE ruvector.patterns (
    bank_id int NOT NULL REFERENCES ruvector.banks ON DELETE CASCADE,
    pattern_id bigint NOT NULL,
    level int NOT NULL CHECK (level BETWEEN 0 AND 3),
    parent bigint,
    centroid real[] NOT NULL,
    parameters float8[] NOT NULL,
    support int NOT NULL CHECK (support > 0),
    confidence float8 NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    usage bigint NOT NULL DEFAULT 0,
    evidence float8[] NOT NULL,
    imported bool NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (bank_id, pattern_id)
);
COMMENT ON TABLE ruvector.patterns IS 'the ReasoningBank: queries like one another, and what works for them';
COMMENT ON COLUMN ruvector.patterns.level IS '0: from trajectories; 1 to 3: stands for patterns of the level below';
COMMENT ON COLUMN ruvector.patterns.support IS 'trajectories it stands for';
COMMENT ON COLUMN ruvector.patterns.evidence IS 'for each configuration: trials of known quality, its mean, sum of squared deviations; means of precision, recall, latency and cost (NaN: not measured); trials in all, and those that measured these four; the parameters';
COMMENT ON COLUMN ruvector.patterns.imported IS 'came from elsewhere: a prior until it is certified here';

REVOKE ALL ON ruvector.banks, ruvector.outcomes, ruvector.patterns FROM PUBLIC;

------------------------------------------------------------- what can be chosen

CREATE FUNCTION ruvector.complain(code text, message text, hint text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- what a caller gave is quoted, but not megabytes of it
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = left(message, 500), HINT = left(hint, 1000);
END $$;
COMMENT ON FUNCTION ruvector.complain IS 'an error from within a query';

-- Four numbers a parameter, ordered by name: type (0 integer, 1 float, 2 choice),
-- scale (0 linear, 1 logarithmic), least and greatest value.
CREATE FUNCTION ruvector.parameter_space(parameters jsonb) RETURNS float8[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    space float8[] := '{}';
    parameter text;
    given jsonb;
    low float8;
    high float8;
    wanted constant text := 'Write for instance {"ef": {"type": "integer", "min": 1, "max": 1000, "scale": "log"}, '
        '"temperature": {"type": "float", "min": 0, "max": 2}, "model_tier": {"type": "choice", "values": ["small", "large"]}}.';
BEGIN
    IF parameters IS NULL OR jsonb_typeof(parameters) <> 'object' THEN
        PERFORM ruvector.complain('22023', 'parameters must be a JSON object', wanted);
    END IF;
    IF (SELECT count(*) FROM jsonb_object_keys(parameters)) NOT BETWEEN 1 AND 16 THEN
        PERFORM ruvector.complain('22023', 'a bank has 1 to 16 parameters', wanted);
    END IF;
    FOR parameter, given IN SELECT key, value FROM jsonb_each(parameters) ORDER BY key COLLATE "C" LOOP
        IF jsonb_typeof(given) <> 'object' THEN
            PERFORM ruvector.complain('22023', format('parameter "%s" must be described by a JSON object', parameter), wanted);
        END IF;
        IF EXISTS (SELECT FROM jsonb_object_keys(given) k WHERE k NOT IN ('type', 'min', 'max', 'scale', 'values')) THEN
            PERFORM ruvector.complain('22023', format('parameter "%s" has a key that means nothing here', parameter), wanted);
        END IF;
        IF given->>'type' = 'choice' THEN
            IF jsonb_typeof(given->'values') IS DISTINCT FROM 'array' OR jsonb_array_length(given->'values') NOT BETWEEN 1 AND 256
                OR EXISTS (SELECT FROM jsonb_array_elements(given->'values') v WHERE jsonb_typeof(v) <> 'string')
                OR (SELECT count(DISTINCT v) FROM jsonb_array_elements(given->'values') v) <> jsonb_array_length(given->'values')
                OR given ?| ARRAY['min', 'max', 'scale'] THEN
                PERFORM ruvector.complain('22023', format('choice "%s" needs "values": 1 to 256 different strings, and nothing else', parameter), wanted);
            END IF;
            space := space || ARRAY[2, 0, 0, jsonb_array_length(given->'values') - 1]::float8[];
            CONTINUE;
        END IF;
        IF given->>'type' IS NULL OR given->>'type' NOT IN ('integer', 'float') THEN
            PERFORM ruvector.complain('22023', format('parameter "%s" must have type "integer", "float" or "choice"', parameter), wanted);
        END IF;
        IF jsonb_typeof(given->'min') IS DISTINCT FROM 'number' OR jsonb_typeof(given->'max') IS DISTINCT FROM 'number' OR given ? 'values'
            -- least magnitude: what float8 can hold
            OR abs((given->'min')::numeric) > 1e15 OR (given->'min')::numeric <> 0 AND abs((given->'min')::numeric) < 1e-300
            OR abs((given->'max')::numeric) > 1e15 OR (given->'max')::numeric <> 0 AND abs((given->'max')::numeric) < 1e-300 THEN
            PERFORM ruvector.complain('22023', format('parameter "%s" needs numbers "min" and "max" between -1e15 and 1e15', parameter), wanted);
        END IF;
        low := (given->'min')::float8;
        high := (given->'max')::float8;
        IF low > high OR (given->>'type' = 'integer' AND (low <> floor(low) OR high <> floor(high))) THEN
            PERFORM ruvector.complain('22023', format('"min" of parameter "%s" must not be above "max", and both whole numbers if it is an integer', parameter), wanted);
        END IF;
        IF coalesce(given->>'scale', 'linear') NOT IN ('linear', 'log') OR (given->>'scale' = 'log' AND low <= 0) THEN
            PERFORM ruvector.complain('22023', format('scale of parameter "%s" must be "linear", or "log" with "min" above 0', parameter), wanted);
        END IF;
        space := space || ARRAY[CASE given->>'type' WHEN 'integer' THEN 0 ELSE 1 END,
            CASE given->>'scale' WHEN 'log' THEN 1 ELSE 0 END, low, high]::float8[];
    END LOOP;
    RETURN space;
END $$;
COMMENT ON FUNCTION ruvector.parameter_space IS 'the parameters of a bank as numbers; refuses what cannot be';

CREATE FUNCTION ruvector.parameter_values(parameters jsonb, given jsonb) RETURNS float8[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    result float8[] := '{}';
    parameter text;
    described jsonb;
    value jsonb;
    place int;
BEGIN
    IF given IS NULL OR jsonb_typeof(given) <> 'object'
        OR (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(given) k) IS DISTINCT FROM
           (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(parameters) k) THEN
        PERFORM ruvector.complain('22023', 'parameters must be a JSON object with a value for each parameter of the bank',
            format('The bank has: %s.', (SELECT string_agg(k, ', ' ORDER BY k COLLATE "C") FROM jsonb_object_keys(parameters) k)));
    END IF;
    FOR parameter, described IN SELECT p.key, p.value FROM jsonb_each(parameters) p ORDER BY p.key COLLATE "C" LOOP
        value := given->parameter;
        IF described->>'type' = 'choice' THEN
            SELECT n INTO place FROM jsonb_array_elements(described->'values') WITH ORDINALITY v(choice, n) WHERE choice = value;
            IF NOT FOUND THEN
                PERFORM ruvector.complain('22023', format('"%s" is not one of the choices', parameter),
                    format('Give one of %s.', described->'values'));
            END IF;
            result := result || (place - 1)::float8;
        ELSE
            IF jsonb_typeof(value) <> 'number' OR value::numeric NOT BETWEEN (described->'min')::numeric AND (described->'max')::numeric
                OR value::numeric <> 0 AND abs(value::numeric) < 1e-300
                OR (described->>'type' = 'integer' AND value::numeric <> floor(value::numeric)) THEN
                PERFORM ruvector.complain('22023', format('"%s" is out of its range', parameter),
                    format('Give %s from %s to %s.', CASE described->>'type' WHEN 'integer' THEN 'a whole number' ELSE 'a number' END,
                        described->'min', described->'max'));
            END IF;
            result := result || value::float8;
        END IF;
    END LOOP;
    RETURN result;
END $$;
COMMENT ON FUNCTION ruvector.parameter_values IS 'values of a bank''s parameters as numbers; refuses what is out of range';

CREATE FUNCTION ruvector.parameter_names(parameters jsonb, given float8[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_object_agg(p.key, CASE WHEN p.value->>'type' = 'choice' THEN p.value->'values'->given[p.n]::int ELSE to_jsonb(given[p.n]) END)
    FROM (SELECT key, value, row_number() OVER (ORDER BY key COLLATE "C") AS n FROM jsonb_each(parameters)) p
    WHERE given IS NOT NULL
$$;
COMMENT ON FUNCTION ruvector.parameter_names IS 'the reverse of parameter_values';

-------------------------------------------------------------- which, and who may

CREATE FUNCTION ruvector.banks_of(caller oid, relation oid, source text, changing bool) RETURNS SETOF ruvector.banks
LANGUAGE plpgsql STABLE AS $$
DECLARE
    bank ruvector.banks;
BEGIN
    IF source IS NULL THEN
        PERFORM ruvector.complain('22004', 'the name of a bank or table must not be null', 'Name a bank, or a table that learns.');
    END IF;
    -- somebody else's bank hides no table
    SELECT * INTO bank FROM ruvector.banks b WHERE b.name = source
    AND (pg_has_role(caller, b.owner_id, 'USAGE') OR NOT EXISTS (SELECT FROM ruvector.learned_tables l WHERE l.relid = relation));
    IF FOUND THEN
        IF relation IS NOT NULL AND EXISTS (SELECT FROM ruvector.learned_tables l WHERE l.relid = relation) THEN
            PERFORM ruvector.complain('42725', format('"%s" is a bank, and a table that learns', source),
                'Name the table with its schema.');
        END IF;
        IF NOT pg_has_role(caller, bank.owner_id, 'USAGE') THEN
            PERFORM ruvector.complain('42501', format('permission denied for bank "%s"', source), 'This needs membership in the role that owns the bank.');
        END IF;
        RETURN NEXT bank;
        RETURN;
    END IF;
    IF relation IS NULL THEN
        PERFORM ruvector.complain('42704', format('there is no bank or table "%s"', left(source, 200)),
            'Create a bank with ruvector_create_bank, or name a table that learns.');
    END IF;
    PERFORM ruvector.check_table(caller, relation, changing);
    RETURN QUERY SELECT * FROM ruvector.banks b WHERE b.relid = relation ORDER BY b.indexid, b.k_class;
END $$;
COMMENT ON FUNCTION ruvector.banks_of IS 'the bank of this name, or the banks of this table, if the caller may';

CREATE FUNCTION ruvector.check_table(caller oid, relation oid, changing bool) RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE
    owner_id oid;
    table_name text := relation::regclass::text;
BEGIN
    IF relation IS NULL THEN
        PERFORM ruvector.complain('22004', 'argument "table_name" must not be null', 'Name a table that learns.');
    END IF;
    SELECT c.relowner INTO owner_id FROM pg_class c WHERE c.oid = relation;
    IF NOT FOUND THEN
        PERFORM ruvector.complain('42P01', format('relation with OID %s does not exist', relation), 'Name a table that learns.');
    ELSIF changing AND NOT pg_has_role(caller, owner_id, 'USAGE') THEN
        PERFORM ruvector.complain('42501', format('must be owner of table %s', table_name), 'What the table has learned is its owner''s to change.');
    ELSIF NOT has_table_privilege(caller, relation, 'SELECT') AND NOT pg_has_role(caller, owner_id, 'USAGE') THEN
        PERFORM ruvector.complain('42501', format('permission denied for table %s', table_name), 'This needs SELECT on the table.');
    ELSIF NOT EXISTS (SELECT FROM ruvector.learned_tables l WHERE l.relid = relation) THEN
        PERFORM ruvector.complain('55000', format('learning is not enabled for table "%s"', table_name),
            format('SELECT ruvector_enable_learning(%L);', table_name));
    END IF;
END $$;
COMMENT ON FUNCTION ruvector.check_table IS 'refuses a caller who may not, and a table that does not learn';

CREATE FUNCTION ruvector.bank_of(caller oid, name text) RETURNS ruvector.banks LANGUAGE plpgsql STABLE AS $$
DECLARE
    bank ruvector.banks;
BEGIN
    SELECT * INTO bank FROM ruvector.banks_of(caller, NULL, name, true);
    RETURN bank;
END $$;
COMMENT ON FUNCTION ruvector.bank_of IS 'the bank of this name, if the caller may';

CREATE FUNCTION ruvector.check_embedding(embedding real[], dims int) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF embedding IS NULL THEN
        PERFORM ruvector.complain('22004', 'an embedding must not be null', 'Pass a real[].');
    END IF;
    IF cardinality(embedding) <> dims THEN     -- first: what follows looks at every element
        PERFORM ruvector.complain('22000', format('expected %s dimensions, not %s', dims, cardinality(embedding)),
            'Pass a real[] of the bank''s dimension.');
    END IF;
    IF array_ndims(embedding) > 1 OR EXISTS (SELECT FROM unnest(embedding) x WHERE x IS NULL) THEN
        PERFORM ruvector.complain('2202E', 'an embedding must be a one-dimensional array without nulls', 'Pass a plain real[].');
    END IF;
    IF EXISTS (SELECT FROM unnest(embedding) x WHERE x IN ('NaN', 'Infinity', '-Infinity')) THEN
        PERFORM ruvector.complain('22003', 'an embedding has a value that is not finite', 'NaN and infinity have no distance to anything: leave such queries out.');
    END IF;
END $$;
COMMENT ON FUNCTION ruvector.check_embedding IS 'refuses what is no vector of this dimension';

--------------------------------------------------------- banks that are no table

CREATE FUNCTION ruvector.create_bank(caller oid, relation oid, name text, dims int, parameters jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF name IS NULL OR length(name) NOT BETWEEN 1 AND 200 THEN
        PERFORM ruvector.complain('22023', 'a bank needs a name of 1 to 200 characters', 'SELECT ruvector_create_bank(''prompts'', 384, ''{...}'');');
    END IF;
    IF dims IS NULL OR dims NOT BETWEEN 1 AND 16000 THEN
        PERFORM ruvector.complain('22023', 'dims must be from 1 to 16000', 'Give the dimension of the embeddings.');
    END IF;
    PERFORM ruvector.parameter_space(parameters);
    INSERT INTO ruvector.banks (name, owner_id, dims, parameters) VALUES ($3, caller, $4, $5) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        PERFORM ruvector.complain('42710', format('bank "%s" already exists', name), 'Choose another name, or remove it with ruvector_drop_bank.');
    END IF;
END $$;
COMMENT ON FUNCTION ruvector.create_bank IS 'behind ruvector_create_bank';

CREATE FUNCTION ruvector.drop_bank(caller oid, relation oid, name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM ruvector.banks b WHERE b.bank_id = (ruvector.bank_of(caller, $3)).bank_id;
END $$;
COMMENT ON FUNCTION ruvector.drop_bank IS 'behind ruvector_drop_bank';

CREATE FUNCTION ruvector.record_outcome(caller oid, relation oid, bank text, embedding real[], parameters jsonb,
    precision_measured float8, recall float8, latency_us float8, cost float8) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    into_bank ruvector.banks := ruvector.bank_of(caller, bank);
    id uuid;
BEGIN
    PERFORM ruvector.check_embedding(embedding, into_bank.dims);
    IF coalesce(precision_measured, recall, latency_us, cost) IS NULL THEN
        PERFORM ruvector.complain('22023', 'an outcome needs something that was measured', 'Give precision_measured, recall, latency_us or cost.');
    END IF;
    IF precision_measured NOT BETWEEN 0 AND 1 OR recall NOT BETWEEN 0 AND 1 THEN
        PERFORM ruvector.complain('22023', 'precision and recall lie between 0 and 1', 'Leave out what was not measured.');
    END IF;
    IF latency_us NOT BETWEEN 0 AND 1e15 OR cost NOT BETWEEN 0 AND 1e15 THEN
        PERFORM ruvector.complain('22023', 'latency_us and cost lie between 0 and 1e15', 'Leave out what was not measured.');
    END IF;
    PERFORM FROM ruvector.banks b WHERE b.bank_id = into_bank.bank_id FOR KEY SHARE;
    IF NOT FOUND THEN
        PERFORM ruvector.complain('42704', format('bank "%s" has just been dropped', bank), 'Create it again with ruvector_create_bank.');
    END IF;
    INSERT INTO ruvector.outcomes (bank_id, role_id, embedding, parameters, precision_measured, recall, latency_us, cost)
    VALUES (into_bank.bank_id, caller, $4, ruvector.parameter_values(into_bank.parameters, $5), $6, $7, $8, $9)
    RETURNING outcome_id INTO id;
    RETURN id;
END $$;
COMMENT ON FUNCTION ruvector.record_outcome IS 'behind ruvector_record_outcome';

------------------------------------------------------------------- what is C

CREATE FUNCTION ruvector.distil(bank_id int, num_clusters int, anew bool) RETURNS int
AS 'MODULE_PATHNAME', 'ruvector_distil' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION ruvector.distil IS 'what the bank has seen since it was last distilled, or anew all it has, becomes patterns; how many trajectories that were';

CREATE FUNCTION ruvector.consolidate(bank_id int) RETURNS int
AS 'MODULE_PATHNAME', 'ruvector_consolidate' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION ruvector.consolidate IS 'merges patterns that are nearly the same and builds the levels above anew; how many were merged';

CREATE FUNCTION ruvector.shared_images(OUT bank_id int, OUT indexid oid, OUT k_class int, OUT bytes bigint) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ruvector_shared_images' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION ruvector.shared_images IS 'what backends share of this database: patterns of banks, and regions of stop rules';

CREATE FUNCTION ruvector.suggest(bank_id int, embedding real[],
    OUT parameters float8[], OUT confidence float8, OUT pattern_ids bigint[], OUT similarities float8[]) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ruvector_suggest' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION ruvector.suggest IS 'between the nearest patterns; no row if there are none';

CREATE FUNCTION ruvector.train_router(bank_id int) RETURNS bool
AS 'MODULE_PATHNAME', 'ruvector_train_router' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION ruvector.train_router IS 'trains the router of a bank anew; false: too few outcomes';

CREATE FUNCTION ruvector.decide(bank_id int, features real[],
    OUT parameters float8[], OUT confidence float8, OUT pattern_id bigint, OUT weight float8) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ruvector_decide' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION ruvector.decide IS 'what the router of a bank decides; no row if there is none';

---------------------------------------------------------------- what was learned

CREATE FUNCTION ruvector.space_of(bank ruvector.banks) RETURNS float8[] LANGUAGE sql STABLE AS $$
    SELECT ruvector.parameter_space(bank.parameters)
$$;
COMMENT ON FUNCTION ruvector.space_of IS 'the parameters of a bank as numbers';

CREATE FUNCTION ruvector.goal_of(bank ruvector.banks) RETURNS float8 LANGUAGE sql STABLE AS $$
    SELECT coalesce(l.target_recall, current_setting('ruvector.target_recall', true)::float8)
    FROM ruvector.learned_tables l WHERE l.relid = bank.relid
$$;
COMMENT ON FUNCTION ruvector.goal_of IS 'the recall that is asked for; NULL of a bank that belongs to no table';

-- Of the outcomes of a bank the last 10,000 count, and no more numbers than 1,000 of 4,000 dimensions hold: what is
-- done with them is done in memory.
CREATE FUNCTION ruvector.forgotten_to(bank ruvector.banks) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT o.outcome_number FROM ruvector.outcomes o WHERE o.bank_id = bank.bank_id
        ORDER BY o.outcome_number DESC OFFSET greatest(100, least(10000, 4000000 / bank.dims)) LIMIT 1), 0)
$$;
COMMENT ON FUNCTION ruvector.forgotten_to IS 'outcomes of a bank up to this number do not count any more';

-- What was tried, oldest first.  For each trial: precision, recall, latency, cost
-- (NaN: not measured), then its parameters.
CREATE FUNCTION ruvector.experience(bank ruvector.banks, after bigint, and_these bigint[])
RETURNS TABLE (number bigint, at timestamptz, embedding real[], trials float8[]) LANGUAGE sql STABLE AS $$
    SELECT o.outcome_number, o.recorded_at, o.embedding,
           ARRAY[coalesce(o.precision_measured, 'NaN'), coalesce(o.recall, 'NaN'),
                 coalesce(o.latency_us, 'NaN'), coalesce(o.cost, 'NaN')]::float8[] || o.parameters
    FROM ruvector.outcomes o WHERE o.bank_id = bank.bank_id AND (o.outcome_number > after OR o.outcome_number = ANY (and_these))
      AND o.outcome_number > ruvector.forgotten_to(bank)
    UNION ALL
    SELECT b.label_number, b.labelled_at, t.query_vector, v.trials
    FROM ruvector.evidence b
    JOIN ruvector.trajectories t USING (query_id)
    CROSS JOIN LATERAL (
        SELECT array_agg(x.v ORDER BY u.i, x.j)
        FROM unnest(b.parameters, b.recall, b.blocks) WITH ORDINALITY u(parameter, recall, blocks, i)
        CROSS JOIN LATERAL unnest(ARRAY['NaN', u.recall, 'NaN', u.blocks, u.parameter]::float8[]) WITH ORDINALITY x(v, j)
        WHERE u.recall <> 'NaN') v(trials)
    WHERE (b.indexid, b.k_class) = (bank.indexid, bank.k_class) AND (b.label_number > after OR b.label_number = ANY (and_these))
      AND cardinality(t.query_vector) = bank.dims AND v.trials IS NOT NULL
    ORDER BY 1
$$;
COMMENT ON FUNCTION ruvector.experience IS 'outcomes or labels of a bank after this number, and others';

-- A bank for each index and class of k that has labels.
CREATE FUNCTION ruvector.refresh_banks(relation oid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ruvector.banks (relid, indexid, k_class, dims, parameters)
    SELECT p.relid, p.indexid, p.k_class, n.dims,
           -- pgvector's own limits
           CASE x.kind WHEN 'hnsw' THEN '{"ef_search": {"type": "integer", "min": 1, "max": 1000, "scale": "log"}}'
                       ELSE '{"probes": {"type": "integer", "min": 1, "max": 32768, "scale": "log"}}' END::jsonb
    FROM ruvector.policies p
    JOIN ruvector.learned_indexes x USING (indexid)
    CROSS JOIN LATERAL (SELECT cardinality(t.query_vector) AS dims FROM ruvector.evidence b JOIN ruvector.trajectories t USING (query_id)
        WHERE (b.indexid, b.k_class) = (p.indexid, p.k_class)
        ORDER BY b.label_number DESC LIMIT 1) n
    WHERE p.relid = relation AND p.k_class > 0 AND n.dims > 0
      -- nor wait for who is about to delete one
      AND NOT EXISTS (SELECT FROM ruvector.banks b WHERE (b.indexid, b.k_class) = (p.indexid, p.k_class))
    ON CONFLICT DO NOTHING;
END $$;
COMMENT ON FUNCTION ruvector.refresh_banks IS 'the banks of a table follow its policies';

CREATE FUNCTION ruvector.described_patterns(bank ruvector.banks)
RETURNS TABLE (index_name name, k int, pattern_id bigint, level int, children bigint[], support int, confidence float8,
    parameters jsonb, "precision" float8, recall float8, latency_us float8, cost float8, usage bigint, imported bool)
LANGUAGE sql STABLE AS $$
    SELECT (SELECT c.relname FROM pg_class c WHERE c.oid = bank.indexid), bank.k_class, p.pattern_id, p.level,
           (SELECT array_agg(c.pattern_id ORDER BY c.pattern_id) FROM ruvector.patterns c
            WHERE c.bank_id = p.bank_id AND c.parent = p.pattern_id),
           p.support, p.confidence, ruvector.parameter_names(bank.parameters, p.parameters),
           nullif(e.row[4], 'NaN'), nullif(e.row[5], 'NaN'), nullif(e.row[6], 'NaN'), nullif(e.row[7], 'NaN'), p.usage, p.imported
    FROM ruvector.patterns p
    -- of the configuration that works best
    LEFT JOIN LATERAL (
        SELECT p.evidence[i + 1:i + 12] AS row
        FROM (SELECT cardinality(p.parameters) AS width) n, generate_series(0, cardinality(p.evidence) - 1, 12 + n.width) i
        WHERE p.evidence[i + 13:i + 12 + n.width] = p.parameters) e ON true
    WHERE p.bank_id = bank.bank_id
$$;
COMMENT ON FUNCTION ruvector.described_patterns IS 'the patterns of a bank without their centroids, which are made of private vectors';

CREATE FUNCTION ruvector.check_remembered(relation oid) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF EXISTS (SELECT FROM ruvector.learned_tables l WHERE l.relid = relation AND l.anonymize) THEN
        PERFORM ruvector.complain('55000', format('queries of table %s are forgotten once they are labelled', relation::regclass),
            'Patterns are made of them: ruvector_enable_learning without anonymize would keep them from then on.');
    END IF;
END $$;
COMMENT ON FUNCTION ruvector.check_remembered IS 'refuses a table whose queries are forgotten';

CREATE FUNCTION ruvector.extract_patterns(caller oid, relation oid, source text, num_clusters int)
RETURNS TABLE (index_name name, k int, pattern_id bigint, level int, children bigint[], support int, confidence float8,
    parameters jsonb, "precision" float8, recall float8, latency_us float8, cost float8, usage bigint, imported bool)
LANGUAGE plpgsql AS $$
DECLARE
    bank ruvector.banks;
BEGIN
    IF num_clusters NOT BETWEEN 1 AND 10000 THEN
        PERFORM ruvector.complain('22023', format('invalid value for option "num_clusters": %s', num_clusters),
            'Give a number from 1 to 10000, or leave it out: then the data choose.');
    END IF;
    PERFORM FROM ruvector.banks_of(caller, relation, source, true);
    IF relation IS NOT NULL THEN
        PERFORM ruvector.check_remembered(relation);
        PERFORM ruvector.refresh_banks(relation);
    END IF;
    FOR bank IN SELECT * FROM ruvector.banks_of(caller, relation, source, true) LOOP
        PERFORM ruvector.distil(bank.bank_id, num_clusters, true);
        RETURN QUERY SELECT * FROM ruvector.described_patterns(bank) d ORDER BY d.level, d.support DESC, d.pattern_id;
    END LOOP;
END $$;
COMMENT ON FUNCTION ruvector.extract_patterns IS 'behind ruvector_extract_patterns';

CREATE FUNCTION ruvector.consolidate_patterns(caller oid, relation oid, source text) RETURNS int LANGUAGE sql AS $$
    SELECT coalesce(sum(ruvector.consolidate(b.bank_id)), 0)::int FROM ruvector.banks_of(caller, relation, source, true) b
$$;
COMMENT ON FUNCTION ruvector.consolidate_patterns IS 'behind ruvector_consolidate_patterns';

CREATE FUNCTION ruvector.prune_patterns(caller oid, relation oid, source text, min_usage bigint, min_confidence float8, max_age interval)
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    bank ruvector.banks;
    pruned int := 0;
    removed int;
BEGIN
    IF min_usage < 0 OR NOT min_confidence BETWEEN 0 AND 1 THEN
        PERFORM ruvector.complain('22023', 'min_usage must be 0 or more, and min_confidence from 0 to 1', 'Leave out what is not to count.');
    ELSIF NOT max_age BETWEEN '0' AND '1000 years' THEN
        PERFORM ruvector.complain('22023', format('invalid value for option "max_age": %s', max_age), 'Give an interval from 0 to 1000 years, or leave it out.');
    END IF;
    FOR bank IN SELECT * FROM ruvector.banks_of(caller, relation, source, true) LOOP
        UPDATE ruvector.banks b SET image = NULL, image_checksum = NULL WHERE b.bank_id = bank.bank_id;
        DELETE FROM ruvector.patterns p WHERE p.bank_id = bank.bank_id AND p.level = 0
            AND (p.usage < min_usage OR p.confidence < min_confidence OR p.updated_at < now() - max_age);
        GET DIAGNOSTICS removed = ROW_COUNT;
        IF removed > 0 THEN
            DELETE FROM ruvector.patterns p WHERE p.bank_id = bank.bank_id AND p.level > 0;
            PERFORM ruvector.consolidate(bank.bank_id);
        END IF;
        pruned := pruned + removed;
    END LOOP;
    RETURN pruned;
END $$;
COMMENT ON FUNCTION ruvector.prune_patterns IS 'behind ruvector_prune_patterns';

-- From similarities to queries of his choice anybody could reckon a centroid, which is made of private vectors: they, and
-- what is weighted by them, are told exactly only to the owner.
CREATE FUNCTION ruvector.owns_bank(caller oid, bank ruvector.banks) RETURNS bool LANGUAGE sql STABLE AS $$
    SELECT pg_has_role(caller, coalesce(bank.owner_id, (SELECT c.relowner FROM pg_class c WHERE c.oid = bank.relid)), 'USAGE')
$$;
COMMENT ON FUNCTION ruvector.owns_bank IS 'whether the caller owns a bank, or its table';

CREATE FUNCTION ruvector.told(caller oid, bank ruvector.banks, number float8) RETURNS float8 LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN ruvector.owns_bank(caller, bank) THEN number ELSE round(number::numeric, 1)::float8 END
$$;
COMMENT ON FUNCTION ruvector.told IS 'a number that similarities are in, as exactly as the caller may know it';

CREATE FUNCTION ruvector.get_optimized_params(caller oid, relation oid, source text, embedding real[])
RETURNS TABLE (index_name name, k int, parameters jsonb, confidence float8, pattern_ids bigint[], similarities float8[])
LANGUAGE plpgsql AS $$
DECLARE
    bank ruvector.banks;
BEGIN
    FOR bank IN SELECT * FROM ruvector.banks_of(caller, relation, source, false) LOOP
        PERFORM ruvector.check_embedding(embedding, bank.dims);
        RETURN QUERY SELECT (SELECT c.relname FROM pg_class c WHERE c.oid = bank.indexid), bank.k_class,
            ruvector.parameter_names(bank.parameters, s.parameters), ruvector.told(caller, bank, s.confidence), s.pattern_ids,
            CASE WHEN ruvector.owns_bank(caller, bank) THEN s.similarities END
            FROM ruvector.suggest(bank.bank_id, $4) s;
    END LOOP;
END $$;
COMMENT ON FUNCTION ruvector.get_optimized_params IS 'behind ruvector_get_optimized_params';

CREATE FUNCTION ruvector.route(caller oid, relation oid, bank text, features real[])
RETURNS TABLE (parameters jsonb, confidence float8, reason text, pattern_id bigint) LANGUAGE plpgsql AS $$
DECLARE
    of_bank ruvector.banks := ruvector.bank_of(caller, bank);
BEGIN
    PERFORM ruvector.check_embedding(features, of_bank.dims);
    RETURN QUERY SELECT ruvector.parameter_names(of_bank.parameters, d.parameters), d.confidence,
        CASE WHEN d.pattern_id IS NULL THEN 'router' ELSE format('router, drawn by %s towards pattern %s', round(d.weight::numeric, 2), d.pattern_id) END,
        d.pattern_id FROM ruvector.decide(of_bank.bank_id, features) d;
    IF NOT FOUND THEN
        RETURN QUERY SELECT ruvector.parameter_names(of_bank.parameters, s.parameters), s.confidence,
            'patterns alone: too few outcomes for a router', s.pattern_ids[1] FROM ruvector.suggest(of_bank.bank_id, features) s;
    END IF;
END $$;
COMMENT ON FUNCTION ruvector.route IS 'behind ruvector_route';

CREATE FUNCTION ruvector.get_search_params(caller oid, relation oid, table_name regclass, query real[], k int)
RETURNS TABLE (index_name name, k_class int, parameter text, value int, source text, confidence float8, expected_recall float8,
    pattern_ids bigint[], similarities float8[]) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ruvector.check_table(caller, relation, false);
    IF query IS NOT NULL AND NOT EXISTS (SELECT FROM ruvector.learned_indexes x JOIN pg_attribute a ON a.attrelid = x.indexid AND a.attnum = 1
                   WHERE x.relid = relation AND a.atttypmod IN (cardinality(query), -1)) THEN
        PERFORM ruvector.complain('22000', format('no learned index of table "%s" has %s dimensions', table_name, cardinality(query)),
            'Pass a query vector of the same dimension as the indexed column.');
    END IF;
    PERFORM ruvector.check_embedding(query, cardinality(query));
    RETURN QUERY
    SELECT c.relname, m.k_class, CASE x.kind WHEN 'hnsw' THEN 'ef_search' ELSE 'probes' END,
           coalesce(s.parameters[1]::int, m.value, m.setting),
           CASE WHEN s.parameters IS NOT NULL THEN 'patterns' WHEN m.value IS NOT NULL THEN 'policy' ELSE 'setting' END,
           ruvector.told(caller, b, s.confidence),
           CASE WHEN s.parameters IS NOT NULL THEN
               -- of the nearest patterns at the value, or the next that was measured
               (SELECT ruvector.told(caller, b, sum(n.similarity * e.recall) / nullif(sum(n.similarity), 0))
                FROM unnest(s.pattern_ids, s.similarities) n(pattern_id, similarity)
                JOIN ruvector.patterns p ON p.bank_id = b.bank_id AND p.pattern_id = n.pattern_id
                CROSS JOIN LATERAL (SELECT p.evidence[i + 5] AS recall FROM generate_series(0, cardinality(p.evidence) - 13, 13) i
                    WHERE p.evidence[i + 13] >= s.parameters[1] ORDER BY p.evidence[i + 13] LIMIT 1) e)
           ELSE (SELECT g.recall::float8 FROM ruvector.policy_rungs g
                 WHERE (g.indexid, g.k_class, g.family, g.value) = (m.indexid, m.k_class, 'value', coalesce(m.value, m.setting))) END,
           s.pattern_ids, CASE WHEN ruvector.owns_bank(caller, b) THEN s.similarities END
    FROM ruvector.learned_indexes x
    JOIN pg_class c ON c.oid = x.indexid
    JOIN pg_attribute a ON a.attrelid = x.indexid AND a.attnum = 1 AND a.atttypmod IN (cardinality(query), -1)
    -- the class of k, or the one with most labels
    CROSS JOIN LATERAL (SELECT p.* FROM ruvector.policies p WHERE p.indexid = x.indexid AND p.k_class > 0 AND p.k_class >= coalesce($5, 1)
        ORDER BY CASE WHEN $5 IS NULL THEN -p.judged_labels ELSE p.k_class END NULLS LAST, p.k_class LIMIT 1) m
    LEFT JOIN ruvector.banks b ON (b.indexid, b.k_class) = (m.indexid, m.k_class)
    LEFT JOIN LATERAL ruvector.suggest(b.bank_id, query) s ON true
    WHERE x.relid = relation ORDER BY 1;
END $$;
COMMENT ON FUNCTION ruvector.get_search_params IS 'behind ruvector_get_search_params';

-- What the worker does to a bank now and then: what is new becomes patterns, and the
-- router follows when there is a tenth more to learn from.
CREATE FUNCTION ruvector.tend_bank(bank_id int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    bank ruvector.banks;
    distilled int;
BEGIN
    SELECT * INTO bank FROM ruvector.banks b WHERE b.bank_id = $1;
    DELETE FROM ruvector.outcomes o WHERE o.bank_id = $1 AND o.outcome_number <= ruvector.forgotten_to(bank);
    distilled := ruvector.distil($1, NULL, false);
    SELECT * INTO bank FROM ruvector.banks b WHERE b.bank_id = $1;
    IF bank.image IS NULL THEN      -- feedback, for instance, has changed patterns
        PERFORM ruvector.consolidate($1);
    END IF;
    IF bank.name IS NOT NULL THEN
        IF (SELECT count(*) FROM ruvector.outcomes o WHERE o.bank_id = $1 AND o.outcome_number > coalesce(bank.router_trained_on, 0)) >=
           greatest((SELECT count(*) FROM ruvector.outcomes o WHERE o.bank_id = $1) / 10, 1) THEN
            PERFORM ruvector.train_router($1);
        END IF;
    END IF;
    RETURN distilled;
END $$;
COMMENT ON FUNCTION ruvector.tend_bank IS 'forgets what counts no more, distils what is new, trains the router; how many trajectories were new';

CREATE FUNCTION ruvector.describe(bank_id int, OUT patterns int[], OUT support bigint, OUT confidence float8, OUT improvement float8)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'ruvector_describe' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION ruvector.describe IS 'a bank in a few numbers';

CREATE FUNCTION ruvector.bank_stats(caller oid, relation oid, source text)
RETURNS TABLE (index_name name, k int, patterns int[], support bigint, hit_rate float8, confidence float8, improvement float8,
    usage bigint, imported bigint, router bool) LANGUAGE sql STABLE AS $$
    SELECT (SELECT c.relname FROM pg_class c WHERE c.oid = b.indexid), b.k_class, s.patterns, s.support,
           s.support::float8 / nullif(s.support + cardinality(b.left_over), 0), s.confidence, s.improvement,
           u.usage::bigint, u.imported, b.router IS NOT NULL
    FROM ruvector.banks_of(caller, relation, source, false) b
    CROSS JOIN LATERAL ruvector.describe(b.bank_id) s
    CROSS JOIN LATERAL (SELECT coalesce(sum(p.usage), 0) AS usage, count(*) FILTER (WHERE p.imported) AS imported
        FROM ruvector.patterns p WHERE p.bank_id = b.bank_id AND p.level = 0) u
    ORDER BY 1, 2
$$;
COMMENT ON FUNCTION ruvector.bank_stats IS 'behind ruvector_bank_stats';

