# What a label of a filtered query raises could quote the filter or other rows: it reaches no log.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Ruvector;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('main', "ruvector.batched_search = on\nlog_statement = none\n");
learn_items($node);
# true of the rows near the query, and an error for one that the search does not look at
my $far = $node->safe_psql('postgres', 'SELECT id FROM items ORDER BY (embedding <-> noise(-1)) + 0 DESC LIMIT 1');
my $statement = "SELECT count(*) FROM (SELECT id FROM items WHERE 1000 / (id - $far) < 1001 AND id <> -424242"
  . ' ORDER BY embedding <-> noise(-1) LIMIT 10) s';
is($node->safe_psql('postgres', "SET enable_seqscan = off; $statement"), 10, 'the search itself succeeds');
wait_for($node, 'postgres', "SELECT count(*) = 1 FROM ruvector.trajectories WHERE label_state = 'failed'");
is($node->safe_psql('postgres', "SELECT label_note FROM ruvector.trajectories WHERE label_state = 'failed'"),
	"the measurement raised an error, see the server's log", 'its label says so');
my $log = slurp_file($node->logfile);
like($log, qr/could not measure a filtered query: SQLSTATE 22012/, 'the log has the code');
unlike($log, qr/424242/, 'and nothing of the filter');
$node->stop;
done_testing();
