# Who owns a table can put code of his into it.  Learning on it must never run that code as anybody else, nor
# outside of a security-restricted context: here the owner tries all ways there are.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Ruvector;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('main', "ruvector.batched_search = on\n");
$node->safe_psql('postgres', q{
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
CREATE ROLE rv_attacker LOGIN;
GRANT CREATE ON DATABASE postgres TO rv_attacker;
});
my @as_attacker = (extra_params => ['-U', 'rv_attacker']);
$node->safe_psql('postgres', q{
CREATE SCHEMA attacker;
GRANT USAGE ON SCHEMA attacker TO PUBLIC;
CREATE TABLE attacker.seen (place text, who name DEFAULT current_user, pid int DEFAULT pg_backend_pid(), succeeded text, context text);
GRANT INSERT ON attacker.seen TO PUBLIC;
CREATE FUNCTION attacker.later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO attacker.seen (place) VALUES ('deferred trigger'); RETURN NULL; END $$;
CREATE TABLE attacker.deferred (id int);
GRANT INSERT ON attacker.deferred TO PUBLIC;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON attacker.deferred DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION attacker.later();
-- notes who runs it, and which ways out of his rights are open
CREATE FUNCTION attacker.note(place text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  attempt text;
  succeeded text := '';
  context text;
BEGIN
  GET DIAGNOSTICS context = PG_CONTEXT;
  FOREACH attempt IN ARRAY ARRAY['SET ROLE postgres', 'RESET ROLE', 'SET SESSION AUTHORIZATION postgres', 'RESET SESSION AUTHORIZATION',
    'CREATE TEMPORARY TABLE escape ()', 'DECLARE escape CURSOR WITH HOLD FOR SELECT 1', 'INSERT INTO attacker.deferred VALUES (1)', 'ALTER ROLE rv_attacker SUPERUSER',
    'SELECT count(*) FROM ruvector.trajectories', 'COPY attacker.seen TO PROGRAM ''true''']
  LOOP
    BEGIN
      EXECUTE attempt;
      succeeded := succeeded || attempt || '; ';
    EXCEPTION WHEN others THEN
    END;
  END LOOP;
  INSERT INTO attacker.seen (place, succeeded, context) VALUES (place, succeeded, context);
  RAISE LOG 'hostile code in % as %', place, current_user;
END $$;
CREATE FUNCTION attacker.spy(place text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM attacker.note(place); RETURN true; END $$;
CREATE FUNCTION attacker.bent(public.vector) RETURNS public.vector LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN IF $1::real[] = '{1,0}' THEN PERFORM attacker.spy('index expression'); END IF; RETURN $1; END $$;
CREATE FUNCTION attacker.trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM attacker.note('trigger'); RETURN NEW; END $$;
CREATE TABLE attacker.items (id int PRIMARY KEY, tenant text, noted bool DEFAULT attacker.spy('column default'), embedding public.vector(2));
INSERT INTO attacker.items SELECT g, 'a', true, format('[%s,0]', g)::public.vector FROM generate_series(1, 200) g;
ALTER TABLE attacker.items ADD CHECK (id <> 1 OR attacker.spy('check constraint')) NOT VALID;
CREATE TRIGGER noted BEFORE INSERT OR UPDATE OR DELETE ON attacker.items FOR EACH ROW EXECUTE FUNCTION attacker.trigger();
CREATE POLICY noted ON attacker.items USING (id <> 1 OR attacker.spy('policy'));
ALTER TABLE attacker.items ENABLE ROW LEVEL SECURITY;
CREATE INDEX items_embedding ON attacker.items USING hnsw ((attacker.bent(embedding)::public.vector(2)) public.vector_l2_ops)
  WHERE id <> 1 OR attacker.spy('index predicate');
CREATE INDEX items_plain ON attacker.items USING hnsw (embedding public.vector_cosine_ops);
CREATE STATISTICS attacker.noted ON (id <> 1 OR attacker.spy('statistics')), tenant FROM attacker.items;
CREATE MATERIALIZED VIEW attacker.kept AS SELECT id, attacker.bent(embedding)::public.vector(2) AS embedding FROM attacker.items WHERE id > 1 OR attacker.spy('materialized view');
CREATE INDEX kept_embedding ON attacker.kept USING ivfflat (embedding public.vector_l2_ops) WITH (lists = 2);

-- names that ruvector's own SQL uses
CREATE FUNCTION attacker.float8(float8, text) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM attacker.spy($2); RETURN $1; END $$;
CREATE FUNCTION attacker.plus(float8, float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT attacker.float8(0, 'operator +') $$;
CREATE OPERATOR attacker.+ (FUNCTION = attacker.plus, LEFTARG = float8, RIGHTARG = float8);
CREATE FUNCTION attacker.near(public.vector, public.vector) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT attacker.float8(0, 'operator <->') $$;
CREATE OPERATOR attacker.<-> (FUNCTION = attacker.near, LEFTARG = public.vector, RIGHTARG = public.vector);
CREATE FUNCTION attacker.same(text, text) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT attacker.spy('operator =') $$;
CREATE OPERATOR attacker.= (FUNCTION = attacker.same, LEFTARG = text, RIGHTARG = text);
CREATE FUNCTION attacker.same(oid, oid) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT attacker.spy('operator =') $$;
CREATE OPERATOR attacker.= (FUNCTION = attacker.same, LEFTARG = oid, RIGHTARG = oid);
CREATE FUNCTION attacker.pg_has_role(oid, oid, text) RETURNS bool LANGUAGE sql AS $$ SELECT attacker.spy('pg_has_role') $$;
CREATE FUNCTION attacker.has_table_privilege(oid, oid, text) RETURNS bool LANGUAGE sql AS $$ SELECT attacker.spy('has_table_privilege') $$;
CREATE FUNCTION attacker.cardinality(anyarray) RETURNS int LANGUAGE sql AS $$ SELECT 2 FROM attacker.spy('cardinality') $$;
CREATE FUNCTION attacker.format(text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'x' FROM attacker.spy('format') $$;
CREATE FUNCTION attacker.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT pg_catalog.now() FROM attacker.spy('now') $$;
CREATE FUNCTION attacker.jsonb_typeof(jsonb) RETURNS text LANGUAGE sql AS $$ SELECT 'object' FROM attacker.spy('jsonb_typeof') $$;
CREATE DOMAIN attacker.regtype AS pg_catalog.regtype CHECK (attacker.spy('domain'));
CREATE DOMAIN attacker.real AS pg_catalog.float4 CHECK (attacker.spy('domain'));
CREATE VIEW attacker.pg_class AS SELECT * FROM pg_catalog.pg_class WHERE attacker.spy('view pg_class');
CREATE VIEW attacker.pg_index AS SELECT * FROM pg_catalog.pg_index WHERE attacker.spy('view pg_index');
ALTER ROLE rv_attacker SET search_path = attacker, public, pg_catalog;
TRUNCATE attacker.seen;
}, @as_attacker);

# an operator class that a superuser has made of functions of his
$node->safe_psql('postgres', q{
CREATE TABLE attacker.classed (id int PRIMARY KEY, embedding public.vector(2));
INSERT INTO attacker.classed SELECT g, format('[%s,0]', g)::public.vector FROM generate_series(1, 200) g;
-- pgvector calls it with its locks held, which to catch an error would release
CREATE FUNCTION attacker.note_class() RETURNS void LANGUAGE sql AS $$ INSERT INTO attacker.seen (place, succeeded) VALUES ('operator class', '') $$;
CREATE FUNCTION attacker.apart(public.vector, public.vector) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF $1::real[] = '{1,0}' OR $2::real[] = '{1,0}' THEN PERFORM attacker.note_class(); END IF;
  RETURN public.l2_distance($1, $2);
END $$;
CREATE OPERATOR attacker.<~> (FUNCTION = attacker.apart, LEFTARG = public.vector, RIGHTARG = public.vector);
}, @as_attacker);
$node->safe_psql('postgres', q{CREATE OPERATOR CLASS attacker.mine FOR TYPE public.vector USING hnsw AS
  OPERATOR 1 attacker.<~> (public.vector, public.vector) FOR ORDER BY float_ops, FUNCTION 1 attacker.apart(public.vector, public.vector)});
$node->safe_psql('postgres', 'CREATE INDEX classed_embedding ON attacker.classed USING hnsw (embedding attacker.mine); TRUNCATE attacker.seen', @as_attacker);

# what he is refused by PostgreSQL itself, without which what follows would be something else
for my $refused ('CREATE OPERATOR CLASS mine FOR TYPE public.vector USING hnsw AS OPERATOR 1 attacker.<-> (public.vector, public.vector) FOR ORDER BY float_ops',
	'CREATE CAST (public.vector AS real[]) WITHOUT FUNCTION', 'CREATE CAST (public.sparsevec AS real[]) WITH INOUT',
	'CREATE EVENT TRIGGER mine ON sql_drop EXECUTE FUNCTION attacker.trigger()',
	"ALTER FUNCTION attacker.spy SUPPORT pg_catalog.array_unnest_support", "CREATE TABLE ruvector.mine ()")
{
	isnt($node->psql('postgres', $refused, stderr => \my $unused, @as_attacker), 0, "refused: $refused");
}

$node->safe_psql('postgres', "SELECT ruvector_enable_learning(t, min_samples := 50) FROM unnest('{attacker.items,attacker.kept,attacker.classed}'::regclass[]) t", @as_attacker);
isnt($node->psql('postgres', "SELECT ruvector_enable_learning('attacker.pg_index')", stderr => \my $unused, @as_attacker), 0, 'a view cannot learn');
wait_for($node, 'postgres', "SELECT count(*) = 4 FROM pg_index, ruvector.index_counters(indexrelid) WHERE recorded IS NOT NULL");
# searches of his own, with and without a filter of his; queries that a superuser records; rows as queries
my $search = 'SET search_path = pg_catalog, public, attacker; SET enable_seqscan = off; SET enable_sort = off;';
my @searches = map { ("SELECT id FROM attacker.items WHERE id <> 1 OR attacker.spy('index predicate') ORDER BY (attacker.bent(embedding)::public.vector(2)) OPERATOR(public.<->) '[$_,0]' LIMIT 5;",
	"SELECT id FROM attacker.items WHERE (id <> 1 OR attacker.spy('index predicate')) AND tenant <> 'classified-4242' ORDER BY (attacker.bent(embedding)::public.vector(2)) OPERATOR(public.<->) '[$_,0]' LIMIT 5;",
	"SELECT id FROM attacker.items WHERE attacker.spy('filter') ORDER BY embedding OPERATOR(public.<=>) '[$_,1]' LIMIT 5;",
	"SELECT id FROM attacker.items WHERE tenant <> 'classified-4242' ORDER BY embedding OPERATOR(public.<=>) '[$_,1]' LIMIT 5;",
	"SELECT id FROM attacker.classed ORDER BY embedding OPERATOR(attacker.<~>) '[$_,1]' LIMIT 5;",
	"SELECT id FROM attacker.kept ORDER BY embedding OPERATOR(public.<->) '[$_,1]' LIMIT 5;") } 1 .. 10;
$node->safe_psql('postgres', "$search @searches", @as_attacker);
wait_for($node, 'postgres', "SELECT count(*) >= 50 FROM ruvector.trajectories");
$node->safe_psql('postgres', "SELECT ruvector_record_trajectory(t, ARRAY[g, 1], '{1}', k := 5) FROM generate_series(1, 10) g, unnest('{attacker.items,attacker.kept,attacker.classed}'::regclass[]) t");

# everything that a superuser may do to such a table: by full names in a session of his, and under the attacker's path
my $calls = slurp_file("$FindBin::RealBin/calls.sql") . q{
UPDATE calls.sane SET value = '''attacker.items_embedding''' WHERE argument = 'index';
UPDATE calls.sane SET value = '''attacker.items''' WHERE value = '''items''';
UPDATE calls.functions SET sane = '''attacker.items_embedding''' WHERE argument = 'index';
UPDATE calls.functions SET sane = '''attacker.items''' WHERE sane = '''items''';
UPDATE calls.sane_calls SET call = calls.call(oid, '{}');
INSERT INTO calls.searched SELECT query_id FROM ruvector.trajectories LIMIT 1;
};
$node->safe_psql('postgres', $calls);
$node->safe_psql('postgres', 'SELECT call, state FROM calls.sane_calls, calls.answer(call)');
my @statements = map { "BEGIN; SELECT * FROM public.$_; ROLLBACK;" } split(/\n/, $node->safe_psql('postgres', 'SELECT call FROM calls.sane_calls'));
cmp_ok(scalar(@statements), '>', 20, 'functions');
my ($out, $err);
$node->psql('postgres', join("\n", 'SET search_path = attacker, public, pg_catalog;', @statements), stdout => \$out, stderr => \$err, on_error_stop => 0);
unlike($err, qr/server closed/, 'the server is well');
wait_for($node, 'postgres', "SELECT NOT EXISTS (SELECT FROM ruvector.trajectories WHERE label_state = 'pending')");
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM ruvector.trajectories t WHERE label_state = 'labelled' AND indexid = '$_'::regclass"), '>=', 10, "labels of $_")
  for ('attacker.items_embedding', 'attacker.kept_embedding', 'attacker.classed_embedding');
is($node->safe_psql('postgres', "SELECT count(*) FROM ruvector.trajectories WHERE filter ~ 'spy'"), 0, 'no filter with code of his is kept');

is($node->safe_psql('postgres', "SELECT DISTINCT coalesce(label_note, label_state) FROM ruvector.trajectories WHERE filter ~ 'classified'"),
	"filtered, and the table runs code of its owner's", 'a filter is not shown to code of his');
is($node->safe_psql('postgres', "SELECT count(*) FROM attacker.seen WHERE context ~ 'classified'"), 0, 'nor seen by it');

$node->safe_psql('postgres', 'SELECT ruvector_clear_learning(t) FROM unnest($${attacker.items,attacker.kept}$$::regclass[]) t');

# the test means something: his code did run, in the worker
my $worker = $node->safe_psql('postgres', 'SELECT ruvector.worker_pid()');
is($node->safe_psql('postgres', "SELECT string_agg(DISTINCT place, ', ' ORDER BY place) FROM attacker.seen WHERE pid = $worker"),
	'index expression, index predicate, operator class, statistics', 'what the worker runs of it');
is($node->safe_psql('postgres', "SELECT DISTINCT who FROM attacker.seen WHERE pid = $worker"), 'rv_attacker', 'as himself');
is($node->safe_psql('postgres', "SELECT DISTINCT succeeded FROM attacker.seen WHERE pid = $worker"), '', 'and without a way out');
tried('runs of hostile code, by ' . @statements . ' functions and the worker', $node->safe_psql('postgres', 'SELECT count(*) FROM attacker.seen'),
	'runs as anybody else' => $node->safe_psql('postgres', "SELECT count(*) FROM attacker.seen WHERE who <> 'rv_attacker'"));
# none of it as anybody else: whatever of the table's own, of what is run with it, and of what is found by its name
for my $place ('operator class', 'index expression', 'index predicate', 'statistics', 'column default', 'check constraint', 'trigger', 'deferred trigger',
	'policy', 'materialized view', 'filter', 'operator +', 'operator <->', 'operator =', 'pg_has_role', 'has_table_privilege', 'cardinality', 'format',
	'now', 'jsonb_typeof', 'domain', 'view pg_class', 'view pg_index')
{
	is($node->safe_psql('postgres', "SELECT count(*) FROM attacker.seen WHERE place = '$place' AND who <> 'rv_attacker'"), 0, "as nobody else: $place");
}
is($node->safe_psql('postgres', "SELECT DISTINCT place, who FROM attacker.seen WHERE who <> 'rv_attacker'"), '', 'nor anything else');
unlike(slurp_file($node->logfile), qr/hostile code in .* as (?!rv_attacker|%)/, 'nor where it was rolled back');
is($node->safe_psql('postgres', "SELECT rolsuper FROM pg_roles WHERE rolname = 'rv_attacker'"), 'f', 'he is who he was');
$node->stop;
done_testing();
