# A replica whose server has no ruvector.so: it replays, searches as pgvector does, reads what is known, and says clearly
# what it cannot; where the library is asked for and missing, the server does not start, and says so.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use File::Path;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Ruvector;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
configure($primary, "max_connections = 40\nlog_statement = none\n");
$primary->start;
learn_items($primary);
search($primary, 1, 150);
wait_for($primary, 'postgres', "SELECT state LIKE 'applying%' FROM ruvector_learning_stats('items')");
$primary->backup('backup');

# The server finds its library folder from where its binary lies: a copy without ours is one where it was never installed.
my $bindir;
{
	my $copy = PostgreSQL::Test::Utils::tempdir();
	for my $what ('bindir', 'sharedir', 'pkglibdir')
	{
		my ($folder) = run_command([ 'pg_config', "--$what" ]);
		mkpath("$copy$folder");
		system_or_bail('cp', '-r', "$folder/.", "$copy$folder");
		unlink glob("$copy$folder/ruvector* $copy$folder/extension/ruvector*");
		$bindir = "$copy$folder" if $what eq 'bindir';
	}
}
local $ENV{PATH} = "$bindir:$ENV{PATH}";
my $replica = PostgreSQL::Test::Cluster->new('replica');
$replica->init_from_backup($primary, 'backup', has_streaming => 1);
$replica->append_conf('postgresql.conf', "hot_standby_feedback = on\n");
isnt($replica->start(fail_ok => 1), 1, 'with the library preloaded, and missing, the replica does not start');
like(slurp_file($replica->logfile), qr/could not access file "ruvector"/, '... and its log says why');
$replica->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$replica->start;

my $one = sub { return $replica->safe_psql('postgres', "SET enable_seqscan = off; $_[0]") };
is($one->("SELECT count(*) FROM ruvector.policies WHERE state = 'certified'"), 1, 'what is known can be read from the tables');
my $search = "SELECT id FROM items ORDER BY embedding <-> '%s' LIMIT 10";
my ($asked, $other, $calls, $unclear) = (0, 0, 0, 0);

# while the primary learns, tunes, rebuilds and drops, all is replayed
my $load = load_items($primary, 8, 600 * factor());
for my $round (1 .. factor())
{
	for my $statement ("SELECT count(*) FROM ruvector_auto_tune('items', sample_queries := 20)", 'REINDEX INDEX items_embedding', 'VACUUM items',
		'CREATE TABLE other AS SELECT * FROM items', 'CREATE INDEX other_embedding ON other USING hnsw (embedding vector_l2_ops)',
		"SELECT ruvector_enable_learning('other')", 'DROP TABLE other', "SELECT ruvector_clear_learning('items')",
		"DROP EXTENSION ruvector; CREATE EXTENSION ruvector; SELECT ruvector_enable_learning('items', min_samples := 50, target_recall := 0.85)")
	{
		$primary->safe_psql('postgres', $statement);
		$primary->wait_for_catchup($replica);
		for my $query (split(/\n/, $one->('SELECT noise(-i) FROM generate_series(1, 5) i')))
		{
			my @rows = split(/\n/, $one->(sprintf($search, $query)));
			$asked++;
			$other++ unless @rows == 10;
		}
	}
}
is($other, 0, 'searches there find their rows whatever is replayed');
like($one->('EXPLAIN ' . sprintf($search, $one->('SELECT noise(-1)'))), qr/^Limit.*\n.*Index Scan using items_embedding/, '... by the index, as pgvector alone');
unlike($one->('EXPLAIN ' . sprintf($search, $one->('SELECT noise(-1)'))), qr/RuVector/, '... without ruvector');
# every function of ours needs the library, or is SQL that does
for my $call ("SELECT * FROM ruvector_learning_stats('items')", "SELECT ruvector_enable_learning('items')", "SELECT * FROM ruvector_auto_tune('items')",
	"SELECT * FROM ruvector_bank_stats('items')", 'SELECT * FROM ruvector.index_stats', "SELECT ruvector_last_query_id()")
{
	my ($code, $out, $err) = $replica->psql('postgres', $call);
	like($err, qr/could not access file "[^"]*ruvector"|could not load library/, "clear: $call");
	$calls++;
	$unclear++ unless $err =~ /ruvector"/;
}
is($one->('SELECT 1'), 1, 'the session and the server are well');

# what the primary has is what arrives
$load->signal('TERM');
$load->finish;
my ($mishaps, @mishaps) = mishaps($primary);
is($mishaps, '', 'no wrong row on the primary');
$primary->safe_psql('postgres', 'ALTER SYSTEM SET ruvector.label_budget = 0; SELECT pg_reload_conf()');
sleep 3;						# intervals
$primary->wait_for_catchup($replica);
my @same = ('SELECT count(*), sum(hashtext(i::text)) FROM items i', 'SELECT count(*), max(label_number) FROM ruvector.labels',
	'SELECT count(*) FROM ruvector.trajectories');
my $lost = grep { $replica->safe_psql('postgres', $_) ne $primary->safe_psql('postgres', $_) } @same;
is($lost, 0, 'it has what the primary has');
tried('searches on a replica without the library, while the primary learns', $asked, 'searches with rows missing' => $other,
	'tables that differ' => $lost, @mishaps);
tried('calls there of what needs the library', $calls, 'unclear errors' => $unclear);

# promoted, it is a server without the extension's library: rows are written, nothing learns, and nothing of it stays if dropped
$primary->stop('immediate');
$replica->promote;
$one->('INSERT INTO items VALUES (6000, noise(6000)); UPDATE items SET embedding = noise(-id) WHERE id < 10; VACUUM items');
is($one->(sprintf($search, $one->('SELECT noise(6000)')) =~ s/LIMIT 10/LIMIT 1/r), 6000, 'after promotion it takes rows and finds them');
my ($code, $out, $err) = $replica->psql('postgres', 'DROP TABLE items');
is($code, 0, '... a table that learned can be dropped') or diag($err);
is($one->('SELECT count(*) FROM ruvector.trajectories'), 0, '... and is forgotten');
($code, $out, $err) = $replica->psql('postgres', 'DROP EXTENSION ruvector');
is($code, 0, '... and so does DROP EXTENSION') or diag($err);
my @errors = grep { /ERROR|PANIC|FATAL|WARNING/ && !/could not access file|WAL stream|connect to the primary/ } split(/\n/, slurp_file($replica->logfile));
is(join("\n", @errors), '', 'nothing else in its log');
$replica->stop;
done_testing();
