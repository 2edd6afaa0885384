#!/usr/bin/perl
# What inspect tells of an image: sums, files, differences; as text, JSON and a drawing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use JSON::PP qw(decode_json);
use Test::More;

need_programs(qw(busybox tar));
my $TARBOOT = build_path('tarboot');
my @FAST    = qw(--kernel=none --no-shell --level=fast);
my $ODD     = "odd \"<&>\\ \n\xff\xc3\xa4";

sub make_root {
	my ($name, $change) = @_;
	return tiny_root($name, sub {
		my ($dir) = @_;
		run('mkdir', '-p', "$dir/usr/share/big/one", "$dir/usr/share/small");
		spew("$dir/usr/share/big/one/data", join '', map { chr rand 256 } 1 .. 300_000);
		spew("$dir/usr/share/small/zeros", "\0" x 500_000);
		spew("$dir/usr/share/small/a",     'x');
		spew("$dir/$ODD",                  'odd');
		run('truncate', '-s', '1M', "$dir/usr/share/small/hole");
		symlink 'sbin/init', "$dir/link" or die "symlink: $!";
		$change->($dir) if $change;
	});
}

sub pack_root {
	my ($root, @options) = @_;
	my $image = "$root.img";
	my $r = try($TARBOOT, 'pack', $root, '-o', $image, @FAST, @options);
	is($r->{exit}, 0, "pack $root") or diag($r->{err});
	return ($image, $r->{out});
}

sub inspect_json {
	my (@arguments) = @_;
	my $r = try($TARBOOT, 'inspect', '--json', @arguments);
	is($r->{exit}, 0, 'inspect --json') or diag($r->{err});
	my $data = eval { decode_json($r->{out}) };
	ok($data, 'it is JSON') or diag($@);
	return $data;
}

my $root = make_root('old');
my ($image, $said) = pack_root($root);
like($said, qr/^memory +\S+ \S+ to load the image, \S+ MiB to unpack the root\nmachine +needs about \S+ MiB of RAM to boot; the rest is free\n/m, 'pack tells the memory');

# ---- text ----

my $text = run($TARBOOT, 'inspect', $image);
my ($directories, $files) = $text =~ /^biggest directories[^\n]*\n(.*)^biggest files\n(.*)/ms;
like($directories, qr{^ .* /usr/share/big/one$}m, 'the one that takes the room, not those above it');
unlike($directories, qr{/usr/share/big$}m, 'which take nothing more');
like($files, qr{/bin/busybox\n +492 KiB .* /usr/share/small/zeros\n +296 KiB +\d+ KiB  /usr/share/big/one/data\n}, 'biggest files');
like($files, qr{ /odd "<&>\\134 \\012\\377}, 'no name breaks a line');
{
	my $hostile = newc_write(scratch('hostile.img'), newc_read($image), { name => "x\e]0;t\a\303\251", data => '', mode => 0100644 });
	like(run($TARBOOT, 'inspect', $hostile), qr{^  100644 +0 B  /x\\033\]0;t\\007\303\251$}m, 'nor steers a terminal');
}
unlike(run($TARBOOT, 'inspect', '--top=0', $image), qr/biggest/, '--top=0');
is(() = run($TARBOOT, 'inspect', '--top=1', $image) =~ m{^ +\S+ \S+ +\S+ \S+  /}mg, 2, '--top=1: one directory, one file');

# ---- JSON ----

my $json  = inspect_json($image);
my %files = map { $_->{path} => $_ } @{ $json->{files} };
is($json->{bytes}, -s $image, 'size of the image');
is($json->{manifest}{members}, scalar(@{ $json->{files} }), 'all members are there');
is($json->{manifest}{format}, 2, 'the format of the manifest');
is(scalar(@{ $json->{manifest}{blocks} }), $json->{payload}{blocks}, 'its Blocks are those of the payload');
like($json->{manifest}{$_}, qr/^[0-9a-f]{64}$/, $_) for qw(payload_digest boot_digest);
like($json->{manifest}{blocks}[0]{digest}, qr/^[0-9a-f]{64}$/, 'digest of a Block');
is($json->{manifest}{blocks}[0]{offset}, 12, 'its offset');
my $ram = 0;
$ram += $_->{ram_bytes} for @{ $json->{files} };
is($ram, $json->{manifest}{unpacked_bytes}, 'their pages are what the manifest says');
my $packed = 0;
$packed += $_->{image_bytes} for @{ $json->{files} };
cmp_ok(abs($packed - $json->{payload}{bytes}), '<', 0.02 * $json->{payload}{bytes} + 3000, 'their shares are the payload');
ok(exists $files{$ODD}, 'any name can be read back');
is($files{link}{target}, 'sbin/init', 'targets of links');
is_deeply([ @{ $files{'usr/share/small/zeros'} }{qw(type size ram_bytes mode)} ], [ 'file', 500_000, 503_808, '0644' ], 'a file');
cmp_ok($json->{memory}{machine_bytes}, '>', $json->{memory}{unpack_bytes}, 'memory');
is_deeply([ @{ $files{'usr/share/small/hole'} }{qw(size ram_bytes)} ], [ 1 << 20, 0 ], 'a hole takes no memory');
ok((grep { $_->{path} eq 'init' } @{ $json->{image_members} }), 'the boot part');

# ---- differences ----

my $new = make_root('new', sub {
	my ($dir) = @_;
	unlink "$dir/link", "$dir/usr/share/small/a" or die "unlink: $!";
	symlink 'elsewhere', "$dir/link" or die "symlink: $!";
	spew("$dir/added", 'new');
	spew("$dir/usr/share/small/zeros", 'short');
	chmod 0600, "$dir/$ODD" or die "chmod: $!";
});
run('cp', '-p', "$root/usr/share/big/one/data", "$new/usr/share/big/one/data");
run('touch', '-r', "$root/$ODD", "$new/$ODD");
run('touch', '-r', "$root/sbin/init", "$new/sbin/init");
my ($other) = pack_root($new);
my $diff = run($TARBOOT, 'inspect', '--diff', $image, $other);
like($diff, qr{^\+ +3 B  /added$}m, 'added');
like($diff, qr{^- +1 B  /usr/share/small/a$}m, 'removed');
like($diff, qr{^~ +5 B  /usr/share/small/zeros \(488 KiB -> 5 B\)$}m, 'another size');
like($diff, qr{^~ .* /link \(target\)$}m, 'another target');
like($diff, qr{\(mode 0644 -> 0600\)$}m, 'another mode');
unlike($diff, qr{/usr/share/big}, 'what is the same is not there');
like($diff, qr{^1 added, 1 removed, \d+ changed; -\d+ bytes in RAM, -?\+?\d+ in the image$}m, 'the sum');
my $differences = inspect_json('--diff', $image, $other);
my %by_path = map { ($_->{new} // $_->{old})->{path} => $_ } @{ $differences->{differences} };
ok($by_path{added} && !$by_path{added}{old}, 'as JSON: added');
is($by_path{'usr/share/small/zeros'}{old}{size}, 500_000, 'as JSON: changed');
is($differences->{removed}, 1, 'as JSON: the sum');
like(run($TARBOOT, 'inspect', '--diff', $image, $image), qr/\A0 added, 0 removed, 0 changed; \+0 bytes/, 'no difference to itself');

# ---- reports ----

my ($svg, $file) = (scratch('report.svg'), scratch('report.json'));
pack_root($root, "--report=$svg");
my $drawing = slurp($svg);
my (@open) = $drawing =~ m{<(\w+)(?:>| [^<>]*[^/<>]>)}g;
my (@close) = $drawing =~ m{</(\w+)>}g;
is(join(' ', sort @close), join(' ', sort @open), 'a drawing is well-formed');
like($drawing, qr{<title>/usr/share/small: [^<]* in RAM, [^<]* in the image, 4 members</title>}, 'and says what its areas are');
is(try($TARBOOT, 'inspect', $image, "--report=$file")->{exit}, 0, 'a report as JSON');
is_deeply(decode_json(slurp($file)), inspect_json($image), 'is what --json prints');
fails_well(try($TARBOOT, 'inspect', $image, '--report=x.pdf'), 2, qr/\.svg or \.json/, 'another kind of report');
fails_well(try($TARBOOT, 'inspect', $image, '--report=/no/such/x.svg'), 1, qr{/no/such}, 'a report that cannot be written');
fails_well(try($TARBOOT, 'inspect', '--diff', $image), 2, qr/inspect: expected OLD and NEW for --diff, got 1\n/, '--diff with one image');

# A damaged payload is found, since inspect reads it all.
my $bytes = slurp($image);
substr $bytes, length($bytes) - 5000, 1, chr(ord(substr $bytes, length($bytes) - 5000, 1) ^ 1);
fails_well(try($TARBOOT, 'inspect', spew(scratch('damaged'), $bytes)), 1, qr/damaged/, 'damage');
done_testing();
