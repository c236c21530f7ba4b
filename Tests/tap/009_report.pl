# The report in a browser: as wide as the screen, light and dark, nothing on the console.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Ruvector;
use Compress::Zlib qw(uncompress);
use File::Temp qw(tempdir);
use IPC::Run qw(run timeout);
use Test::More;

my ($browser) = grep { -x } map { ("$_/chromium", "$_/chromium-browser") } split(/:/, $ENV{PATH});
plan skip_all => 'no chromium on the PATH: tools/setup chromium installs it' unless $browser;
my $folder = tempdir(CLEANUP => 1);

my $node = new_server('main');
learn_items($node);
search($node, 1, 150);
wait_for($node, 'postgres', "SELECT state LIKE 'applying%' FROM ruvector_learning_stats('items')");
settle($node);
$node->safe_psql('postgres', "SELECT count(*) FROM ruvector_extract_patterns('items')");
my $page = $node->safe_psql('postgres', "SELECT ruvector_report('items')");
write_file('page.html', $page);

# Chromium makes no window narrower than 500: a frame is.  The script is this test's, and measures.
(my $quoted = $page) =~ s/&/&amp;/g;
$quoted =~ s/"/&quot;/g;
sub framed
{
	my ($width) = @_;
	write_file("framed$width.html", qq{<!DOCTYPE html><body style="margin:0"><iframe style="border:0;display:block"
width="$width" height="6000" srcdoc="$quoted"></iframe><p></p><script>
document.querySelector('iframe').onload = e => {
  const page = e.target.contentDocument, shown = element => element.getClientRects().length > 0;
  page.querySelectorAll('details').forEach(each => each.open = true);
  const svg = [...page.querySelectorAll('svg')];
  const cut = svg.flatMap(each => [...each.querySelectorAll('text')].filter(text => {
    const inner = text.getBoundingClientRect(), outer = each.getBoundingClientRect();
    return inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.bottom > outer.bottom + 1;
  }));
  document.querySelector('p').textContent = JSON.stringify({
    wide: page.documentElement.scrollWidth, figures: svg.filter(shown).length, cut: cut.map(text => text.textContent),
    small: svg.flatMap(each => [...each.querySelectorAll('text')]).filter(text => text.getBoundingClientRect().height < 10).length });
};</script></body>});
	return "framed$width.html";
}

for my $width (390, 1200)
{
	my ($dom) = chromium($width, framed($width), '--dump-dom');
	my ($measured) = $dom =~ /<p>(\{.*?\})<\/p>/;
	is($measured, qq({"wide":$width,"figures":4,"cut":[],"small":0}), "at $width: nothing is wider than the page, cut off or too small");
	for my $dark (0, 1)
	{
		my $what = "at $width, " . ($dark ? 'dark' : 'light');
		my (undef, $console) = chromium($width, framed($width), "--screenshot=$folder/shot.png", $dark ? '--blink-settings=preferredColorScheme=0' : ());
		unlike($console, qr/CONSOLE/, "$what: nothing on the console");
		my $shot = read_png("$folder/shot.png", 700);
		is($shot->{width}, $width, "$what: as wide as asked");
		my ($ground, $colours) = @$shot{qw(ground colours)};
		ok($dark ? $ground < 60 : $ground > 200, "$what: the ground is " . ($dark ? 'dark' : 'light')) or diag("brightness $ground");
		cmp_ok($colours, '>', 50, "$what: not blank");
	}
}
done_testing();

sub write_file
{
	my ($name, $text) = @_;
	open(my $file, '>', "$folder/$name") or die "$name: $!";
	print $file $text;
	close $file;
}

# Its output and what it said.
sub chromium
{
	my ($width, $name, @options) = @_;
	my ($out, $err);
	local $ENV{HOME} = $folder;
	run([$browser, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars', "--user-data-dir=$folder/profile",
			"--window-size=$width,1000", '--enable-logging=stderr', '--virtual-time-budget=5000', @options, "file://$folder/$name"],
		'>', \$out, '2>', \$err, timeout(300))
	  or die "chromium failed: $err";
	return ($out, $err);
}

# Width, brightness of the first point and number of colours in the first rows of a picture of 8 bits (PNG, second edition, 9).
sub read_png
{
	my ($name, $rows) = @_;
	open(my $file, '<:raw', $name) or die "$name: $!";
	my $png = do { local $/; <$file> };
	my ($width, $height, $depth, $type) = unpack('x16 N N C C', $png);
	my $data = '';
	for (my $at = 8; $at < length $png;)
	{
		my ($length, $kind) = unpack("x$at N a4", $png);
		$data .= substr($png, $at + 8, $length) if $kind eq 'IDAT';
		$at += 12 + $length;
	}
	my $bytes = { 2 => 3, 6 => 4 }->{$type};
	die 'a picture of another kind' unless $depth == 8 && $bytes;
	$data = uncompress($data);
	my $stride = $width * $bytes;
	my @above = (0) x $stride;
	my (%colours, $ground);
	for my $row (0 .. ($rows < $height ? $rows : $height) - 1)
	{
		my ($filter, @line) = unpack('C*', substr($data, $row * ($stride + 1), $stride + 1));
		for my $i (0 .. $stride - 1)
		{
			my ($left, $up, $corner) = $i < $bytes ? (0, $above[$i], 0) : ($line[ $i - $bytes ], $above[$i], $above[ $i - $bytes ]);
			my $guess = 0;
			if ($filter == 1) { $guess = $left }
			elsif ($filter == 2) { $guess = $up }
			elsif ($filter == 3) { $guess = ($left + $up) >> 1 }
			elsif ($filter == 4)
			{
				my ($l, $u, $c) = (abs($up - $corner), abs($left - $corner), abs($left + $up - 2 * $corner));
				$guess = $l <= $u && $l <= $c ? $left : $u <= $c ? $up : $corner;
			}
			$line[$i] = ($line[$i] + $guess) & 255;
		}
		$ground //= ($line[0] + $line[1] + $line[2]) / 3;
		$colours{ join(',', @line[ $_ * $bytes .. $_ * $bytes + 2 ]) } = 1 for 0 .. $width - 1;
		@above = @line;
	}
	return { width => $width, ground => $ground, colours => scalar keys %colours };
}
