# One worker a database: extensions and databases come and go.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Ruvector;
use Test::More;

my $node = new_server('main');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ruvector launcher'"), 1, 'launcher');
wait_for($node, 'postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'ruvector worker'");
pass('no worker without the extension');

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

# statements that need a database to themselves
$node->safe_psql('postgres', 'ALTER DATABASE two RENAME TO three');
wait_for($node, 'postgres', "SELECT ($workers) = 'one,three'");
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE three');
wait_for($node, 'postgres', "SELECT ($workers) = 'copy,one,three'");
pass('a database made from a template that learns gets its worker');
for my $db ('copy', 'one', 'three')
{
	my ($rc, $out, $err) = $node->psql('postgres', "DROP DATABASE $db");
	is($rc, 0, "DROP DATABASE $db is not blocked");
}
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
$node->stop;
done_testing();
