# One worker a database: extensions and databases come and go.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Ruvector;
use Test::More;

my $node = new_server('main');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ruvector launcher'"), 1, 'launcher');
wait_for($node, 'postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'ruvector worker'");
pass('no worker without the extension');

# what an interrupted DROP DATABASE leaves; the end of the test looks into the log
$node->safe_psql('postgres', 'CREATE DATABASE broken ALLOW_CONNECTIONS false');
$node->safe_psql('postgres', "UPDATE pg_database SET datallowconn = true, datconnlimit = -2 WHERE datname = 'broken'");

$node->safe_psql('postgres', 'CREATE DATABASE one');
$node->safe_psql('postgres', 'CREATE DATABASE two');
learn_items($node, db => $_) for ('one', 'two');
my $workers = "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_stat_activity WHERE backend_type = 'ruvector worker'";
is($node->safe_psql('postgres', $workers), 'one,two', 'CREATE EXTENSION is noticed in each database');

# both share the ring, each gets its own
search($node, 1, 40, 'one');
search($node, 1, 70, 'two');
wait_for($node, 'one', 'SELECT count(*) = 40 FROM ruvector.trajectories');
wait_for($node, 'two', 'SELECT count(*) = 70 FROM ruvector.trajectories');
pass('trajectories arrive in their own database');

$node->safe_psql('one', 'DROP EXTENSION ruvector');
wait_for($node, 'postgres', "SELECT ($workers) = 'two'");
unlike($node->safe_psql('one', "SET enable_seqscan = off; EXPLAIN SELECT id FROM items ORDER BY embedding <-> noise(1) LIMIT 10"),
	qr/RuVector/, 'nothing is wrapped after DROP EXTENSION');
$node->safe_psql('one', 'CREATE EXTENSION ruvector');
wait_for($node, 'postgres', "SELECT ($workers) = 'one,two'");
pass('CREATE EXTENSION again is noticed');
$node->safe_psql('one', "DROP EXTENSION ruvector;\nCREATE EXTENSION ruvector;\n" x 20);
wait_for($node, 'postgres', "SELECT ($workers) = 'one,two'");
pass('also by a worker that is about to leave');
my $one_learns = "SELECT recorded IS NOT NULL FROM ruvector.index_counters('items_embedding'::regclass)";
$node->safe_psql('one', "SELECT ruvector_enable_learning('items', min_samples := 50)");
wait_for($node, 'one', $one_learns);

# who may not run a statement does not stop the worker with it
$node->safe_psql('postgres', 'CREATE ROLE stranger LOGIN CREATEDB');
my $pid = $node->safe_psql('one', 'SELECT ruvector.worker_pid()');
for my $statement ('DROP DATABASE one', 'ALTER DATABASE one RENAME TO mine',
	'ALTER DATABASE one SET TABLESPACE pg_default', 'CREATE DATABASE mine TEMPLATE one')
{
	my ($rc, $out, $err) = $node->psql('postgres', $statement, extra_params => [ '-U', 'stranger' ]);
	like($err, qr/must be owner|permission denied/, "$statement is refused");
}
is($node->safe_psql('one', 'SELECT ruvector.worker_pid()'), $pid, 'and the worker is still the same');

# no worker comes before the end of the transaction, and one comes whatever the end is
my $in_one = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ruvector worker'"
  . " AND datid = (SELECT oid FROM pg_database WHERE datname = 'uno')";
for my $end ('ROLLBACK', 'DROP DATABASE two', 'SELECT pg_terminate_backend(pg_backend_pid())')
{
	my ($rc, $out, $err) = $node->psql('postgres', "BEGIN; ALTER DATABASE one RENAME TO uno; $in_one; $end");
	like($out, qr/^0$/m, "the worker has left before $end");
	wait_for($node, 'postgres', "SELECT ($workers) = 'one,two'");
}

# statements that need a database to themselves
$node->safe_psql('postgres', 'ALTER DATABASE two RENAME TO three');
wait_for($node, 'postgres', "SELECT ($workers) = 'one,three'");
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE three');
wait_for($node, 'postgres', "SELECT ($workers) = 'copy,one,three'");
pass('a database made from a template that learns gets its worker');
$node->safe_psql('postgres', 'ALTER DATABASE copy OWNER TO stranger');
is($node->psql('postgres', 'DROP DATABASE copy', extra_params => [ '-U', 'stranger' ]), 0, 'its owner can drop it');

# at the same time, in the middle of learning
wait_for($node, 'one', $one_learns);
search($node, 101, 300, $_) for ('one', 'three');
my @drops = map { IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-c', "DROP DATABASE $_" ]) } ('one', 'three');
ok($_->finish, 'DROP DATABASE is not blocked') for @drops;
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_database WHERE datname IN ('copy', 'one', 'three')"), 0, 'all gone');

# while a transaction holds the table, learning waits and goes on
learn_items($node);
search($node, 1, 60);
$node->safe_psql('postgres', 'BEGIN; LOCK TABLE items; SELECT pg_sleep(3); COMMIT');
wait_for($node, 'postgres', "SELECT labels = 60 FROM ruvector_learning_stats('items')");
pass('labels are taken after the lock is gone');
is($node->safe_psql('postgres', "SELECT count(*) FROM ruvector.trajectories WHERE label_state = 'failed'"), 0, 'none failed');

# tables that vanish while they are learned from
search($node, 101, 300);
$node->safe_psql('postgres', 'DROP TABLE items');
is($node->safe_psql('postgres', 'SELECT count(*) FROM ruvector.trajectories'), 0, 'nothing is left of a dropped table');
$node->safe_psql('postgres', 'DROP FUNCTION noise');
learn_items($node);
search($node, 1, 60);
wait_for($node, 'postgres', "SELECT labels >= 50 FROM ruvector_learning_stats('items')");
pass('its namesake learns from nothing');
ok(slurp_file($node->logfile) !~ /cannot connect to invalid database/, 'no worker for an invalid database');
$node->stop;

# a database for which there is no worker waits until there is one
$node = new_server('small', "max_worker_processes = 3\n");	# two launchers, one worker
$node->safe_psql('postgres', "CREATE DATABASE $_") for ('one', 'two');
$node->safe_psql('one', 'CREATE EXTENSION ruvector');
wait_for($node, 'postgres', "SELECT ($workers) = 'one'");
$node->safe_psql('two', 'CREATE EXTENSION ruvector');
wait_for($node, 'postgres', "SELECT pg_read_file('@{[ $node->logfile ]}') ~ 'no free slot for a background worker'");
$node->safe_psql('one', 'DROP EXTENSION ruvector');
wait_for($node, 'postgres', "SELECT ($workers) = 'two'");
pass('the next database gets the worker');
$node->stop;
done_testing();
