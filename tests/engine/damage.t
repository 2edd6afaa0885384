#!/usr/bin/perl
# Payloads that are not whole: flipped bytes in every region of the file, cuts, additions, tars without
# their end, other formats. Each is refused with exit 1 and a reason, by every build; none hangs, none
# is taken for good unless it really gives the same tree.
use strict;
use warnings;
use Compress::Zlib qw(crc32);
use FindBin;
use lib $FindBin::RealBin;
use Engine;
use Test::More;

need_programs(qw(tar xz zstd));
my @VARIANTS = variants();

# ---- a payload with several Blocks ----

my $tree = new_dir();
for my $i (1 .. 40) {
	spew("$tree/file-$i", join '', map { $_ * $i . ' ' . chr(32 + $_ * $i % 90) . "\n" } 1 .. 200);
}
my @TAR = (qw(tar --format=pax --sort=name --numeric-owner -C), $tree, '-cf');
run(@TAR, scratch('good.tar'), '.');
my $want = treelist($tree);
my $tar  = slurp(scratch('good.tar'));
run('sh', '-ec', "xz -1 -T2 --block-size=24000 <'$_.tar' >'$_.tar.xz'") for scratch('good');
my $good = slurp(scratch('good.tar.xz'));

# Where its parts lie: { offset, total, header } of each Block, as xz itself tells.
my @BLOCKS = map { { offset => $_->[4], total => $_->[6], header => $_->[11] } }
	map { [split /\t/] } grep { /^block\t/ } split /\n/,
	run(qw(xz --robot -lvv), scratch('good.tar.xz'));
my $INDEX = $BLOCKS[-1]{offset} + $BLOCKS[-1]{total};
note(scalar(@BLOCKS) . ' Blocks, ' . length($good) . ' bytes');
BAIL_OUT('cannot understand xz --robot -lvv') unless @BLOCKS > 3 && $INDEX < length($good) - 12;

# ---- trying one file ----

my $turn = 0;

# Runs unpack or verify on these bytes, with builds and numbers of threads taking turns.
sub attempt {
	my ($bytes, $command) = @_;
	my $file    = spew(scratch('attempt.tar.xz'), $bytes);
	my $variant = $VARIANTS[$turn % 5 == 0 ? int($turn / 5) % @VARIANTS : 0];
	my $dir     = new_dir();
	my $r       = try(
		{ limit => 60 }, $variant->[1], $command, $file, $command eq 'unpack' ? $dir : (),
		'--threads=' . (1 + $turn++ % 4));

	$r->{tree} = $command eq 'unpack' && $r->{exit} == 0 ? treelist($dir) : undef;
	run('rm', '-rf', $dir);
	return $r;
}

sub refused {
	my ($bytes, $why, $name) = @_;
	fails_well(attempt($bytes, $_), 1, $why, "$_: $name") for qw(unpack verify);
	return;
}

sub accepted {
	my ($bytes, $name) = @_;
	my $r = attempt($bytes, 'unpack');

	ok($r->{exit} == 0 && $r->{tree} eq $want, $name) or diag($r->{err});
	is_quiet(attempt($bytes, 'verify'), "verify: $name");
	return;
}

accepted($good, 'the file as it is');

# Standard input, as a file and as a pipe.
for my $how (['cat "$1" | "$0" verify -', 'a pipe'], ['"$0" verify - <"$1"', 'a file']) {
	my $sh = 'set -o pipefail; ' . $how->[0];
	is_quiet(try('bash', '-c', $sh, $VARIANTS[0][1], scratch('good.tar.xz')), "verify - from $how->[1]");
	is_quiet(try('bash', '-c', $sh, $VARIANTS[0][1], scratch('good.tar')), "a tar from $how->[1]");
}

# ---- flipped bytes ----

# A few places in each region.
my @PLACES;

sub place {
	my ($region, @offsets) = @_;
	push @PLACES, [$region, $_] for @offsets;
	return;
}

place('the stream header', 0 .. 11);
for my $i (0, 1, $#BLOCKS) {
	my ($at, $header, $total) = @{ $BLOCKS[$i] }{qw(offset header total)};
	my $n = $i + 1;

	place("the header of Block $n", map { $at + $_ } 0 .. $header - 1);
	place("the data of Block $n", map { $at + $header + int($_ * ($total - $header - 9) / 7) } 0 .. 6);
	place("check and padding of Block $n", map { $at + $total - $_ } 1 .. 11);
}
place('the Index', map { $INDEX + $_ } 0 .. 7);
place('the end of the Index', map { length($good) - 12 - $_ } 1 .. 9);
place('the stream footer', map { length($good) - $_ } 1 .. 12);

my $flips = 0;
for (@PLACES) {
	my ($region, $at) = @$_;
	my $bytes = $good;

	substr($bytes, $at, 1) ^= chr(1 << $at % 8);
	my $r = attempt($bytes, $flips++ % 3 ? 'unpack' : 'verify');
	next if $r->{exit} == 0 && $r->{tree} && $r->{tree} eq $want;
	fails_well($r, 1, qr/tarboot/, "a flipped bit in $region (byte $at)");
}

# The decoder may meet the damage before the parser has seen a member at all: then there is none to name.
{
	my $bytes = $good;
	my $at    = $BLOCKS[2]{offset} + int($BLOCKS[2]{total} / 2);

	substr($bytes, $at, 1) ^= "\x10";
	my $file = spew(scratch('attempt.tar.xz'), $bytes);
	my $r;
	for (1 .. 50) {
		$r = try($VARIANTS[0][1], 'verify', '-T1', $file);
		last if $r->{err} =~ /last member/;
	}
	like($r->{err},
		qr/Block 3 \(byte $BLOCKS[2]{offset}\) is damaged \(last member \S*file-\d+, at byte \d+ of the archive, in Block [123]\)/,
		'the message names Block, byte and member');
}

# ---- cuts ----

my %cuts = map { $_ => 1 } 0, 1, 5, 6, 11, 12, 13, 24, $INDEX, $INDEX - 1, $INDEX + 1,
	(map { length($good) - $_ } 1, 2, 3, 4, 11, 12, 13, 16, 20),
	(map { $_->{offset} + $_->{total} } @BLOCKS),
	(map { $_->{offset} + int($_->{total} / 2) } @BLOCKS[0, 1, -1]);
my $cut = 0;
for my $at (sort { $a <=> $b } keys %cuts) {
	my $r = attempt(substr($good, 0, $at), $cut++ % 2 ? 'unpack' : 'verify');
	fails_well($r, 1, qr/tarboot/, "cut to $at bytes");
}

# ---- additions ----

accepted($good . "\0" x 4,  '4 zero bytes behind it are padding');
accepted($good . "\0" x 64, '64 of them, too');
refused($good . "\0" x $_, qr/tarboot/, "$_ zero bytes behind it are not") for 1, 2, 3, 7;
refused("$good\n",             qr/tarboot/, 'a newline behind it');
refused("${good}garbage",      qr/tarboot/, 'garbage behind it');
refused($good . 'x' x 4096,    qr/tarboot/, 'much garbage behind it');
refused("\0\0\0\0$good",       qr/tarboot/, 'zeros before it');
refused($good . substr($good, 0, 500), qr/tarboot/, 'the start of another stream behind it');
refused($good . $good,         qr/tarboot/, 'the same file again behind it');

# Two Blocks exchanged: each is whole, the Index tells.
my @pieces = map { substr $good, $_->{offset}, $_->{total} } @BLOCKS;
@pieces[1, 2] = @pieces[2, 1];
refused(substr($good, 0, 12) . join('', @pieces) . substr($good, $INDEX),
	qr/tarboot/, 'two Blocks exchanged');

# ---- checks ----

for my $check (qw(none crc32 crc64 sha256)) {
	accepted(slurp(xz_of($tar, '-1', "--check=$check", '--block-size=30000')), "check $check");
}

# Stream header and footer that name another check, with CRCs that are right.
sub with_check {
	my ($bytes, $check) = @_;
	my $flags = "\0" . chr $check;

	substr($bytes, 6, 6) = $flags . pack 'V', crc32($flags);
	substr($bytes, -4, 2) = $flags;
	substr($bytes, -12, 4) = pack 'V', crc32(substr $bytes, -8, 6);
	return $bytes;
}
accepted(with_check($good, 4), 'the same check written again');
refused(with_check($good, $_), qr/check|damaged/, "check number $_") for 5, 6, 2, 15;
refused(with_check($good, 1),  qr/damaged/,       'CRC32 where CRC64 is');

# ---- the tar inside ----

# xz with small Blocks, so that the end of the tar lies in one of its own.
sub xz_small { return slurp(xz_of($_[0], qw(-1 -T1 --block-size=2048))) }

my $body = $tar =~ s/\0{1024,}\z//r;
$body .= "\0" x (-length($body) % 512);

accepted(xz_small($body . "\0" x 1024),  'a tar with the shortest end marker');
accepted(xz_small($body . "\0" x 100352), 'one with much padding');
refused(xz_small($body),              qr/end marker .*last member/s, 'a tar cut at a member border');

# Where Blocks do not say their sizes, it is not known in which one a byte of the archive lies.
for (['cat "$0" | zstd -q -c', qr/of the archive\)$/m, 'frames without sizes'], ['zstd -q -c "$0"', qr/of the archive, in Block 2\)$/m, 'frames with them']) {
	my ($command, $why, $name) = @$_;
	my $half = int(length($body) / 2);
	refused(join('', map { run('sh', '-c', $command, spew(scratch('half'), $_)) } substr($body, 0, $half), substr($body, $half)),
		$why, "a tar without its end, $name");
}
refused(xz_small($body . "\0" x 512), qr/end marker/, 'a tar with half its end marker');
refused(xz_small(substr $body, 0, length($body) - 512),  qr/tarboot/, 'a tar cut in the last data');
refused(xz_small(substr $body, 0, length($body) - 700),  qr/tarboot/, 'a tar cut in the middle of a block');
refused(xz_small($tar . $tar),        qr/follows/, 'a second tar behind the end marker');
refused(xz_small("$body" . "\0" x 1024 . 'x'), qr/follows/, 'a byte behind the end marker');
refused(xz_small($body . "\0" x 50000 . 'x'), qr/follows/, 'a byte far behind the end marker');
refused(xz_small($body . "\0" x 512 . 'x' x 1024), qr/tarboot/, 'junk in the end marker');

refused(xz_small(''),                 qr/tarboot/, 'nothing in the xz file');
refused(xz_small("hello, world\n"),   qr/tarboot/, 'a text in the xz file');
refused(xz_small('x' x 5000),         qr/tarboot/, 'a longer text in the xz file');
accepted($tar, 'a tar that is not compressed');
refused("hello, world\n",             qr/tarboot/, 'a text');
refused('',                           qr/tarboot/, 'an empty file');
refused("\0" x 10000,                 qr/tarboot/, 'zeros');

# A header whose checksum is wrong, and records that lose what they should have said.
my $first = tar_member(name => 'first', data => 'x' x 600);
my $last  = tar_member(name => 'last', data => 'y');

sub damaged {
	my ($bytes, $name) = @_;
	return refused(xz_small($first . $bytes . $last . tar_end()), qr/tarboot/, $name);
}
damaged(substr(tar_member(name => 'f'), 0, 100) . 'x' . substr(tar_member(name => 'f'), 101),
	'a header with a wrong checksum');
damaged(tar_member(name => 'PaxHeaders/x', type => 'x', data => "999 path=cut\n"),
	'a pax record longer than its header');
damaged(tar_member(name => 'PaxHeaders/x', type => 'x', data => "x path=cut\n"),
	'a pax record without length');
damaged(tar_member(name => 'PaxHeaders/x', type => 'x', data => "11 pathcut\n"),
	'a pax record without value');
damaged(tar_member(name => 'PaxHeaders/x', type => 'x', data => "3 \n"), 'a pax record of nothing');
damaged(tar_member(name => 'f', size => "\xff" x 11), 'a member of negative size');
damaged(tar_member(name => 'f', size => "\x80" . "\0" x 3 . "\x7f" . "\xff" x 7), 'a member of 2^63 bytes');
damaged(tar_member(name => 'f', size => '77777777777'), 'a member larger than the archive');
damaged(
	tar_pax('GNU.sparse.major', 1, 'GNU.sparse.minor', 0, 'GNU.sparse.name', 'f',
		'GNU.sparse.realsize', 100000)
		. tar_member(name => 'GNUSparseFile/f', data => "nonsense\n" . "\0" x 503),
	'a sparse map that is none');

# ---- images ----

my $image = scratch('image.img');
try(build_path('tarboot'), 'pack', $tree, '-o', $image, qw(--force --no-shell --kernel=none));
my $whole = slurp($image);
for my $at (0, 5, 109, 110, 1000, map { int(length($whole) * $_ / 9) } 1 .. 8) {
	my $r = attempt(substr($whole, 0, $at), 'verify');
	fails_well($r, 1, qr/tarboot/, "an image cut to $at bytes");
}
is_quiet(try(build_path('tarboot'), 'verify', $image), 'the whole image is verified');

done_testing();
