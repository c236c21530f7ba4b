# Patterns that find no room in ruvector.bank_memory are read from the tables; the nearest one is the same.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Utils;
use Ruvector;
use Test::More;

my $node = new_server('main', "ruvector.bank_memory = 1MB\nruvector.pattern_consolidation_interval = 1s\n");
$node->safe_psql('postgres', q{
CREATE EXTENSION ruvector;
SELECT ruvector_create_bank('large', 384, '{"effort": {"type": "integer", "min": 1, "max": 9}}');
SELECT count(ruvector_record_outcome('large', (SELECT array_agg(sin(d)) FROM generate_series(1, 384) d)::real[],
  jsonb_build_object('effort', 1 + g % 9), recall := (1 + g % 9) / 9.0, cost := 1)) FROM generate_series(1, 30) g;
});
wait_for($node, 'postgres', 'SELECT count(*) > 0 FROM ruvector.shared_images()');
pass('a small bank has room');
# a thousand of its patterns, each elsewhere: 1.6 MB
$node->safe_psql('postgres', q{
WITH one AS (SELECT * FROM ruvector.patterns WHERE level = 0 ORDER BY pattern_id LIMIT 1)
INSERT INTO ruvector.patterns (bank_id, pattern_id, level, centroid, parameters, support, confidence, evidence, created_at, updated_at)
SELECT bank_id, 1000 + g, 0, c.centroid, parameters, support, confidence, evidence, created_at, updated_at
FROM one, generate_series(1, 1000) g, LATERAL (
  SELECT array_agg((v / sqrt(n))::real ORDER BY d) AS centroid FROM (
    SELECT d, v, sum(v * v) OVER () AS n FROM (
      SELECT d, hashint8extended(g, d) / 9.3e18 AS v FROM generate_series(1, 384) d) h) u) c;
UPDATE ruvector.banks SET next_pattern = 3000, image = NULL, image_checksum = NULL;
});
wait_for($node, 'postgres', 'SELECT length(image) > 1024 * 1024 FROM ruvector.banks');
wait_for($node, 'postgres', 'SELECT count(*) = 0 FROM ruvector.shared_images()');
pass('a large one has none');
my $ask = q{SELECT parameters, pattern_ids[1] FROM generate_series(1, 10) g, ruvector_get_optimized_params('large',
  (SELECT array_agg(hashint8extended(g, d) / 9.3e18 ORDER BY d) FROM generate_series(1, 384) d)::real[])};
my $answers = $node->safe_psql('postgres', $ask);
like($answers, qr/^\{"effort": \d\}\|1001\n.*\{"effort": \d\}\|1010$/s, 'it answers all the same');
$node->append_conf('postgresql.conf', "ruvector.bank_memory = 64MB\n");
$node->reload;
wait_for($node, 'postgres', 'SELECT count(*) = 1 FROM ruvector.shared_images()');
my @shared = split(/\n/, $node->safe_psql('postgres', $ask));
my @unshared = split(/\n/, $answers);
is(join("\n", @shared), $answers, 'with room again, it is shared, and finds the same');
tried('suggestions of a bank beyond ruvector.bank_memory', scalar @unshared, 'other answers' => scalar(grep { $shared[$_] ne $unshared[$_] } 0 .. $#unshared));
unlike(slurp_file($node->logfile), qr/ERROR|WARNING/, 'nothing in the log');
$node->stop;
done_testing();
