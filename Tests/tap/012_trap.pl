# A failed check in the Swift core ends the session it happens in, and nothing else.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Ruvector;
use PostgreSQL::Test::Utils;
use Test::More;

# No input is known that fails a check.  So a function of the C library that of all the server only the core calls,
# for the interval of a quantile, is one that does: its trap is like one of Swift, with Swift on the stack.
my $folder = PostgreSQL::Test::Utils::tempdir();
append_to_file("$folder/trap.c", "double lgamma_r(double x, int *sign) { __builtin_trap(); }\n");
if (system_log('gcc', '-shared', '-fPIC', '-o', "$folder/trap.so", "$folder/trap.c") != 0)
{
	plan skip_all => 'no gcc';
}
my $node = do { local $ENV{LD_PRELOAD} = "$folder/trap.so"; new_server('main') };
learn_items($node);
search($node, 1, 100);
wait_for($node, 'postgres', "SELECT labels >= 50 FROM ruvector_learning_stats('items')");

open(my $bystander, '|-', 'psql', '-XqAt', '-d', $node->connstr('postgres')) or die;
print $bystander "SELECT pg_sleep(600);\n";
$bystander->flush;
my $others = q{SELECT ruvector.worker_pid(), array_agg(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%'};
wait_for($node, 'postgres', "SELECT array_agg IS NOT NULL FROM ($others) s");
my $before = $node->safe_psql('postgres', $others);

my ($code, $out, $err) = $node->psql('postgres', "SELECT ruvector_benchmark_latency('items', k := 10)");
is($code, 2, 'the session is gone');
like($err, qr/^.*FATAL:  failed check in the learning core of ruvector$/m, 'with FATAL');
like($err, qr/^DETAIL:  Trap at offset 0x[0-9a-f]+ of the library\.$/m, 'that says where');
is($node->safe_psql('postgres', $others), $before, 'the worker and another session live');
search($node, 101, 150);
wait_for($node, 'postgres', "SELECT labels >= 120 FROM ruvector_learning_stats('items')");
pass('learning goes on');
unlike(slurp_file($node->logfile), qr/PANIC|was terminated by signal|terminating any other/, 'no crash');
$node->stop('immediate');
done_testing();
