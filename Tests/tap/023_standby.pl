# A hot standby applies what its primary has learned and learns nothing itself, until it is promoted.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Ruvector;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
configure($primary, "max_connections = 20\nruvector.pattern_consolidation_interval = 1s\n");
$primary->start;
$primary->safe_psql('postgres', 'CREATE DATABASE late');
$primary->safe_psql('late', 'CREATE EXTENSION ruvector');
learn_items($primary);
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

my $counters = "ruvector.index_counters('items_embedding'::regclass)";
my $explain = 'EXPLAIN SELECT id FROM items ORDER BY embedding <-> (SELECT embedding FROM items WHERE id = 1) LIMIT 10';
my $chosen = "SELECT chosen FROM ruvector_learning_stats('items')";
wait_for($standby, 'postgres', "SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'ruvector worker'");
wait_for($standby, 'postgres', "SELECT recorded IS NOT NULL FROM $counters");
like($standby->safe_psql('postgres', $explain), qr/Decision: pgvector's setting/, 'nothing is certified yet')
  or diag($standby->safe_psql('postgres', $explain));

search($primary, 1, 300);
wait_for($primary, 'postgres', "SELECT state LIKE 'applying%' FROM ruvector_learning_stats('items')");
settle($primary);
$primary->wait_for_catchup($standby);
my $value = $primary->safe_psql('postgres', $chosen);
sleep 3;						# of its intervals
like($standby->safe_psql('postgres', $explain), qr/ef_search: $value\b.*Decision: learned/s, 'the standby applies what was learned');

# its own searches are not learned from, and it says so
search($standby, 1001, 1020);
my ($recorded, $dropped, $learned) = split(/\|/, $standby->safe_psql('postgres', "SELECT recorded, dropped, learned FROM $counters"));
is("$recorded|$dropped|$learned", '0|20|20', 'its searches are counted as dropped');
tried('searches on a hot standby', 20, 'without what was learned' => 20 - $learned, 'not learned from and counted as such' => $dropped,
	'not counted' => 20 - $recorded - $dropped);
my ($rc, $out, $err) = $standby->psql('postgres', "SELECT * FROM ruvector_auto_tune('items')");
like($err, qr/during recovery|read-only transaction/, 'nothing is tuned there');
is($standby->safe_psql('postgres', "SELECT count(*) FROM ruvector_get_search_params('items', (SELECT embedding FROM items LIMIT 1)::real[], 10)"),
	1, 'what would suit a query can be asked there');

# patterns are shared there as well
$primary->safe_psql('postgres', q{
SELECT ruvector_create_bank('kept', 3, '{"effort": {"type": "integer", "min": 1, "max": 9}}');
SELECT count(ruvector_record_outcome('kept', ARRAY[sin(g), cos(g), 1]::real[], jsonb_build_object('effort', 1 + g % 9),
  recall := (1 + g % 9) / 9.0, cost := 1 + g % 9)) FROM generate_series(1, 300) g});
my $shared = 'SELECT count(*) > 0 FROM ruvector.shared_images() JOIN ruvector.banks USING (bank_id) WHERE name IS NOT NULL';
wait_for($_, 'postgres', $shared) for ($primary, $standby);
my $suggested = "SELECT parameters FROM ruvector_get_optimized_params('kept', ARRAY[0, 1, 1]::real[])";
like($standby->safe_psql('postgres', $suggested), qr/effort/, 'a bank suggests there');

# what happens on the primary happens here: a dropped database is not held up by our worker
$primary->safe_psql('postgres', 'DROP DATABASE late');
$primary->wait_for_catchup($standby);
$primary->safe_psql('postgres', "SELECT ruvector_clear_learning('items')");
$primary->wait_for_catchup($standby);
sleep 3;
unlike($standby->safe_psql('postgres', $explain), qr/Decision: learned/, 'what is taken back is taken back here');
search($primary, 2001, 2300);
wait_for($primary, 'postgres', "SELECT state LIKE 'applying%' FROM ruvector_learning_stats('items')");
settle($primary);
$primary->wait_for_catchup($standby);
$value = $primary->safe_psql('postgres', $chosen);
my $labels = $primary->safe_psql('postgres', "SELECT labels FROM ruvector_learning_stats('items')");

# promotion, with the primary gone
$primary->stop('immediate');
$standby->promote;
is($standby->safe_psql('postgres', $chosen), $value, 'what was learned is there after promotion');
like($standby->safe_psql('postgres', $explain), qr/ef_search: $value\b.*Decision: learned/s, '... and in force');
search($standby, 3001, 3050);
tried('promotion of a standby', 1, labels => $labels - $standby->safe_psql('postgres', "SELECT labels FROM ruvector_learning_stats('items')"));
wait_for($standby, 'postgres', "SELECT labels >= $labels + 40 FROM ruvector_learning_stats('items')");
pass('learning goes on');
my $log = slurp_file($standby->logfile);
like($log, qr/FATAL:  terminating connection due to conflict with recovery/, 'the worker left the dropped database');
my @errors = grep { /ERROR|PANIC|WARNING/ && !/during recovery|read-only transaction/ } split(/\n/, $log);
is(join("\n", @errors), '', 'nothing in the log of the standby');

# a replica without the library: it comes up, reads, and searches as pgvector does
$standby->backup('again');
my $bare = PostgreSQL::Test::Cluster->new('bare');
$bare->init_from_backup($standby, 'again', has_streaming => 1);
$bare->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$bare->start;
$standby->wait_for_catchup($bare);
unlike($bare->safe_psql('postgres', $explain), qr/RuVector/, 'without the library the plan is pgvector\'s');
like($bare->safe_psql('postgres', $explain), qr/Index Scan using items_embedding/, '... and uses the index');
is($bare->safe_psql('postgres', $chosen), $standby->safe_psql('postgres', $chosen), '... and what is known can be read');
$bare->stop;
$standby->stop;
done_testing();
