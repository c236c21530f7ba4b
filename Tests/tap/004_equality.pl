# In mode observe, every search returns row for row what pgvector alone returns:
# the same data, the same settings, 1,000 queries of each shape, first without the
# library, then with it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Ruvector;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', qq{
shared_buffers = 64MB
max_worker_processes = 16
ruvector.learning_interval = '1s'
ruvector.trajectory_buffer_size = 100000
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION vector;
CREATE FUNCTION noise(seed int) RETURNS vector LANGUAGE sql IMMUTABLE AS
  'SELECT array_agg(hashint8extended(seed % 37, d) / 9.3e18 + hashint8extended(seed, d + 100) / 3e19)::vector FROM generate_series(1, 16) d';
CREATE TABLE items (id int PRIMARY KEY, cat int NOT NULL, embedding vector(16) NOT NULL);
INSERT INTO items SELECT g, g % 10, noise(g) FROM generate_series(1, 5000) g;
CREATE INDEX items_l2 ON items USING hnsw (embedding vector_l2_ops) WITH (m = 6, ef_construction = 32);
CREATE INDEX items_half ON items USING hnsw ((embedding::halfvec(16)) halfvec_cosine_ops) WITH (m = 6, ef_construction = 32);
CREATE INDEX items_some ON items USING hnsw (embedding vector_ip_ops) WITH (m = 6, ef_construction = 32) WHERE cat < 5;
CREATE TABLE lists AS TABLE items;
CREATE INDEX lists_l2 ON lists USING ivfflat (embedding vector_l2_ops) WITH (lists = 30);
CREATE TABLE parts (id int, cat int, embedding vector(16)) PARTITION BY HASH (id);
CREATE TABLE parts0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts TABLE items;
CREATE INDEX ON parts USING hnsw (embedding vector_l2_ops) WITH (m = 6, ef_construction = 32);
CREATE TABLE q AS SELECT g AS id, noise(100000 + g) AS embedding FROM generate_series(1, 1000) g;
ANALYZE;

-- one function a shape: the identifiers in the order in which they come
CREATE FUNCTION s_constant(v vector) RETURNS int[] LANGUAGE plpgsql AS $$ DECLARE r int[]; BEGIN
  EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY embedding <-> %L LIMIT 10) s', v) INTO r; RETURN r; END $$;
CREATE FUNCTION s_generic(v vector) RETURNS int[] LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$ BEGIN
  RETURN (SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY embedding <-> v LIMIT 10) s); END $$;
CREATE FUNCTION s_variable_limit(v vector) RETURNS int[] LANGUAGE plpgsql AS $$ DECLARE n int := 1 + abs(hashtext(v::text)) % 60; BEGIN
  RETURN (SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY embedding <-> v LIMIT n OFFSET 2) s); END $$;
CREATE FUNCTION s_above_ef(v vector) RETURNS int[] LANGUAGE sql AS
  'SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY embedding <-> v LIMIT 100) s';
CREATE FUNCTION s_no_limit(v vector) RETURNS int[] LANGUAGE sql AS
  'SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY embedding <-> v) s';
CREATE FUNCTION s_filter(v vector) RETURNS int[] LANGUAGE sql AS
  'SELECT array_agg(id) FROM (SELECT id FROM items WHERE cat = 3 ORDER BY embedding <-> v LIMIT 10) s';
CREATE FUNCTION s_filter_relaxed(v vector) RETURNS int[] LANGUAGE sql SET hnsw.iterative_scan = relaxed_order AS
  'SELECT array_agg(id) FROM (SELECT id FROM items WHERE cat = 3 ORDER BY embedding <-> v LIMIT 10) s';
CREATE FUNCTION s_filter_strict(v vector) RETURNS int[] LANGUAGE sql SET hnsw.iterative_scan = strict_order AS
  'SELECT array_agg(id) FROM (SELECT id FROM items WHERE cat = 3 ORDER BY embedding <-> v LIMIT 10) s';
CREATE FUNCTION nested(v vector) RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN
  RETURN (SELECT id FROM lists ORDER BY embedding <-> v LIMIT 1); END $$;
CREATE FUNCTION s_user_code(v vector) RETURNS int[] LANGUAGE sql AS
  'SELECT array_agg(id + n) FROM (SELECT id, nested(embedding) n FROM items WHERE nested(embedding) % 2 = 0 ORDER BY embedding <-> v LIMIT 3) s';
CREATE FUNCTION s_lateral(v vector) RETURNS int[] LANGUAGE sql AS
  'SELECT array_agg(x.id ORDER BY g, o) FROM generate_series(1, 3) g, LATERAL (SELECT id, row_number() OVER () o FROM items ORDER BY embedding <-> (v + noise(g)) LIMIT 4) x';
CREATE FUNCTION s_two_scans(v vector) RETURNS int[] LANGUAGE sql AS
  'SELECT array_agg(id) FROM (SELECT * FROM (SELECT id FROM items ORDER BY embedding <-> v LIMIT 5) a UNION ALL SELECT * FROM (SELECT id FROM lists ORDER BY embedding <-> v LIMIT 5) b) s';
CREATE FUNCTION s_cursor(v vector) RETURNS int[] LANGUAGE plpgsql AS $$
  DECLARE c CURSOR FOR SELECT id FROM items ORDER BY embedding <-> v LIMIT 20; d CURSOR FOR SELECT id FROM lists ORDER BY embedding <-> v LIMIT 20; a int; b int; r int[];
  BEGIN OPEN c; OPEN d; FOR i IN 1..4 LOOP FETCH c INTO a; FETCH d INTO b; r := r || a || b; END LOOP; CLOSE d; FETCH c INTO a; CLOSE c; RETURN r || a; END $$;
CREATE FUNCTION s_partitions(v vector) RETURNS int[] LANGUAGE sql AS
  'SELECT array_agg(id) FROM (SELECT id FROM parts ORDER BY embedding <-> v LIMIT 10) s';
CREATE FUNCTION s_halfvec(v vector) RETURNS int[] LANGUAGE sql AS
  'SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY embedding::halfvec(16) <=> v::halfvec(16) LIMIT 10) s';
CREATE FUNCTION s_partial(v vector) RETURNS int[] LANGUAGE sql AS
  'SELECT array_agg(id) FROM (SELECT id FROM items WHERE cat < 5 ORDER BY embedding <#> v LIMIT 10) s';
CREATE FUNCTION s_ivfflat(v vector) RETURNS int[] LANGUAGE sql SET ivfflat.probes = 3 AS
  'SELECT array_agg(id) FROM (SELECT id FROM lists ORDER BY embedding <-> v LIMIT 10) s';
CREATE FUNCTION s_ivfflat_relaxed(v vector) RETURNS int[] LANGUAGE sql SET ivfflat.iterative_scan = relaxed_order AS
  'SELECT array_agg(id) FROM (SELECT id FROM lists WHERE cat = 3 ORDER BY embedding <-> v LIMIT 10) s';
CREATE FUNCTION s_for_update(v vector) RETURNS int[] LANGUAGE plpgsql AS $$ BEGIN
  RETURN (WITH s AS (SELECT id FROM items ORDER BY embedding <-> v LIMIT 5 FOR UPDATE) SELECT array_agg(id) FROM s); END $$;
CREATE FUNCTION s_current_of(v vector) RETURNS int[] LANGUAGE plpgsql AS $$
  DECLARE c CURSOR FOR SELECT id FROM lists ORDER BY embedding <-> v LIMIT 5; a int; b int;
  BEGIN OPEN c; FETCH c INTO a; FETCH c INTO b; UPDATE lists SET cat = cat WHERE CURRENT OF c RETURNING id INTO b; CLOSE c; RETURN ARRAY[a, b]; END $$;
CREATE FUNCTION boom(i int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN IF i % 3 = 0 THEN RAISE 'boom'; END IF; RETURN true; END $$;
CREATE FUNCTION s_aborted(v vector) RETURNS int[] LANGUAGE plpgsql AS $$ DECLARE r int[]; BEGIN
  BEGIN r := (SELECT array_agg(id) FROM (SELECT id FROM items WHERE boom(id) ORDER BY embedding <-> v LIMIT 5) s);
  EXCEPTION WHEN raise_exception THEN r := ARRAY[-1]; END;
  RETURN r || (SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY embedding <-> v LIMIT 5) s); END $$;
CREATE FUNCTION s_null(v vector) RETURNS int[] LANGUAGE sql AS
  'SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY embedding <-> nullif(v, v) LIMIT 3) s';
CREATE FUNCTION s_columns(v vector) RETURNS int[] LANGUAGE sql AS
  'SELECT array_agg(hashtext(s::text)) FROM (SELECT i.*, tableoid, ctid, embedding <-> v AS distance FROM items i ORDER BY embedding <-> v LIMIT 5) s';
});
my @shapes = split /\n/, $node->safe_psql('postgres', "SELECT proname FROM pg_proc WHERE proname LIKE 's\\_%' AND pronamespace = 'public'::regnamespace ORDER BY 1");
cmp_ok(scalar(@shapes), '>=', 20, 'shapes: ' . join(' ', @shapes));
my $settings = 'SET enable_seqscan = off; SET enable_sort = off; SET max_parallel_workers_per_gather = 0;';
# forced parallel: the scan runs in workers
my $parallel = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2; SET enable_sort = off;';
my $parallel_query = 'SELECT sum(x.id::bigint * q.id) FROM q, LATERAL (SELECT id FROM items ORDER BY embedding <-> q.embedding LIMIT 4) x WHERE q.id % 2 = 0';

sub run_all
{
	my %answer;
	for my $shape (@shapes)
	{
		my $volatile = $shape eq 's_for_update' || $shape eq 's_current_of' ? 'BEGIN;' : '';
		my $undo = $volatile ? 'ROLLBACK;' : '';
		$answer{$shape} = $node->safe_psql('postgres', "$settings $volatile SELECT id, $shape(embedding) FROM q ORDER BY id; $undo");
	}
	$answer{parallel} = $node->safe_psql('postgres', "$parallel $parallel_query");
	return \%answer;
}

my $alone = run_all();
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'ruvector'\n");
$node->restart;
$node->safe_psql('postgres', q{
CREATE EXTENSION ruvector;
SELECT ruvector_enable_learning(t, mode := 'observe', trajectory_window := 100000, min_samples := 50) FROM unnest('{items,lists,parts0,parts1}'::regclass[]) t});
wait_for($node, 'postgres', 'SELECT count(*) = 6 FROM pg_index, ruvector.index_counters(indexrelid) WHERE recorded IS NOT NULL');
my $recorded = 'SELECT coalesce(sum(recorded + dropped), 0) FROM pg_index, ruvector.index_counters(indexrelid)';
for my $round ('learning', 'having learned')
{
	my $before = $node->safe_psql('postgres', $recorded);
	my $observed = run_all();
	for my $shape (@shapes, 'parallel')
	{
		is($observed->{$shape}, $alone->{$shape}, "$shape, $round");
		is(scalar(split(/\n/, $alone->{$shape})), $shape eq 'parallel' ? 1 : 1000, "$shape: all queries answered");
	}
	# the comparison means something: our scan was there each time
	cmp_ok($node->safe_psql('postgres', $recorded) - $before, '>=', 1000 * @shapes, "every search was seen, $round");
}
for my $shape (@shapes)
{
	my $count = $node->safe_psql('postgres', "$settings SELECT $shape(embedding) FROM q WHERE id = 1; SELECT ruvector_last_query_id() IS NOT NULL")
	  if $shape !~ /update|current/;
	like($count // 't', qr/t$/, "$shape runs through our scan");
}
like($node->safe_psql('postgres', "$parallel EXPLAIN $parallel_query"), qr/Parallel.*RuVector/s, 'our scan runs in parallel workers');
$node->stop;
done_testing();
