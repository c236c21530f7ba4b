# No room for what is learned: searches run as ever, the log says so once, and learning goes on when there is room.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Ruvector;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => ['--wal-segsize=1']);
configure($node, "log_statement = none\nautovacuum = off\nruvector.label_budget = 0.01\n");
$node->start;
learn_items($node);
# queries of this table are large
$node->safe_psql('postgres', q{
CREATE TABLE large (id int PRIMARY KEY, embedding vector(400) NOT NULL);
INSERT INTO large SELECT g, (SELECT array_agg(hashint8extended(g, d) / 9.3e18)::vector FROM generate_series(1, 400) d) FROM generate_series(1, 50) g;
CREATE INDEX large_embedding ON large USING hnsw (embedding vector_l2_ops);
SELECT ruvector_enable_learning('large');
});
my $counters = "ruvector.index_counters('large_embedding'::regclass)";
wait_for($node, 'postgres', "SELECT recorded IS NOT NULL FROM $counters");

# A limit on the size of a file stands for the full disk.
sub restart
{
	my ($blocks) = @_;
	$node->stop;
	system_or_bail('sh', '-c', "ulimit -f $blocks; exec \"\$@\"", 'sh', 'pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile, 'start');
	$node->_update_pid(1);
	wait_for($node, 'postgres', "SELECT recorded IS NOT NULL FROM $counters");
	return;
}

sub search_large
{
	my ($times) = @_;
	return $node->safe_psql('postgres', "SET enable_seqscan = off; SELECT count(*) FROM generate_series(1, $times) g, LATERAL ("
		. 'SELECT id FROM large ORDER BY embedding <-> (SELECT array_agg(sin(g * d))::vector FROM generate_series(1, 400) d) LIMIT 3) s');
}

restart(4096);					# blocks of 512 or 1024 bytes: at least a WAL segment, at most 4 MB
my $full = qr/ERROR:  could not (?:extend|write) (?:to )?(?:file|block)[^\n]*/;
my ($rounds, $rows) = (0, 0);
while (slurp_file($node->logfile) !~ $full && $rounds < 60)
{
	$rows += search_large(900);
	$rounds++;
	$node->safe_psql('postgres', 'SELECT ruvector.wake_worker()');
	wait_for($node, 'postgres', "SELECT state = 'idle' FROM pg_stat_activity WHERE pid = ruvector.worker_pid()");
}
like(slurp_file($node->logfile), $full, 'the disk is full');
is($rows, 900 * 3 * $rounds, 'searches found what they should');
my $dropped = $node->safe_psql('postgres', "SELECT dropped FROM $counters");
my $found = 0;
for (1 .. 5)
{
	my $these = search_large(100);
	$found += $these;
	is($these, 300, 'they do when it is full');
	sleep 1;
}
my $times = () = slurp_file($node->logfile) =~ /$full/g;
is($times, 1, 'the log says so once');
my $lost = $node->safe_psql('postgres', "SELECT dropped FROM $counters") - $dropped;
cmp_ok($lost, '>', 0, '... though more was lost, which is counted');
like($node->safe_psql('postgres', "SELECT state FROM ruvector_learning_stats('items')"), qr/\w/, 'what is known can be read');

restart('unlimited');
my $newest = $node->safe_psql('postgres', 'SELECT max(started_at) FROM ruvector.trajectories');
search_large(100);
wait_for($node, 'postgres', "SELECT max(started_at) > '$newest' FROM ruvector.trajectories");
pass('with room again, learning goes on');
tried('searches on a full disk', 500, 'rows' => 1500 - $found, 'searches not stored, and counted' => $lost, 'lines in the log beyond one' => $times - 1);
$node->stop;
done_testing();
