# ruvector_auto_tune shows how far it is, ends at once when it is cancelled, and goes on from there when called again.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Ruvector;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('main', "ruvector.label_budget = 0\n");
learn_items($node);
# labels that take their time
$node->safe_psql('postgres', q{INSERT INTO items SELECT g, noise(g) FROM generate_series(3001, 40000) g; ANALYZE items});
$node->safe_psql('postgres', 'CREATE ROLE watcher; CREATE ROLE stranger; CREATE ROLE tuner; GRANT pg_read_all_stats TO watcher; ALTER TABLE items OWNER TO tuner');

sub labels { return $node->safe_psql('postgres', 'SELECT count(*) FROM ruvector.labels') }

for my $end ('pg_cancel_backend', 'pg_terminate_backend')
{
	my $before = labels();
	open(my $session, '|-', 'psql', '-XqAt', '-d', $node->connstr('postgres')) or die;
	print $session "SET ROLE tuner; SELECT count(*) FROM ruvector_auto_tune('items', sample_queries := 5000);\n";
	$session->flush;
	wait_for($node, 'postgres', 'SELECT done >= ' . ($before + 20) . ' FROM ruvector.progress');
	my $progress = $node->safe_psql('postgres', 'SELECT relation, phase, done > 0 AND done < total, total, since < now() FROM ruvector.progress');
	is($progress, 'items_embedding|measuring recall|t|5000|t', 'its progress is told');
	is($node->safe_psql('postgres', 'SET ROLE tuner; SELECT count(*) FROM ruvector.progress'), 1, '... to him who called');
	is($node->safe_psql('postgres', 'SET ROLE watcher; SELECT count(*) FROM ruvector.progress'), 1, '... to who may read all statistics');
	is($node->safe_psql('postgres', 'SET ROLE stranger; SELECT count(*) FROM ruvector.progress'), 0, '... and to nobody else');
	$node->safe_psql('postgres', "SELECT $end(pid) FROM ruvector.progress");
	wait_for($node, 'postgres', 'SELECT count(*) = 0 FROM ruvector.progress');
	close($session);
	my $kept = labels();
	cmp_ok($kept, '>=', $before + 20, "what was measured until $end is kept");
	# the label in hand may come yet; after that nobody waits for any
	$node->safe_psql('postgres', 'SELECT ruvector.wake_worker()');
	wait_for($node, 'postgres', "SELECT state = 'idle' FROM pg_stat_activity WHERE backend_type = 'ruvector worker'");
	cmp_ok(labels(), '<=', $kept + 1, 'and no more is measured');
}
my $before = labels();
is($node->safe_psql('postgres', 'SELECT max(own_rows) FROM ruvector_auto_tune(\'items\', sample_queries := ' . ($before + 10) . ')'),
	$before + 10, 'the next call goes on from there');
is(labels(), $before + 10, 'with no label more than it was asked for');
$node->stop;
done_testing();
