#!/usr/bin/perl
# The memory of the engine stays below the formula of docs/performance.md, 12 MiB + decoders x dictionary +
# room for Blocks, whatever the payload: one huge member, very many members, directories and attributes, maps of
# holes, long names and headers, huge Blocks, tiny ones. What has no bound by itself is refused. The formula is
# computed here, from what xz says of the file, or zstd was told. `make test-all` takes the sizes of the issue: a member of
# 4 GiB over 300 Blocks, a million files, a million directories.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Engine;
use Test::More;

need_programs(qw(xz zstd));
my $TARBOOT = build_path('tarboot');
my $ALL     = $ENV{TARBOOT_TEST_ALL};
my $MIB     = 1 << 20;

my %UNIT = (B => 1, KiB => 1 << 10, MiB => 1 << 20, GiB => 1 << 30);
sub bytes { my ($number, $unit) = @_; return $number * $UNIT{$unit} }

sub least { my ($a, $b) = @_; return $a < $b ? $a : $b }

# What xz knows: number of Blocks, the largest one, the largest dictionary.
sub facts {
	my ($file) = @_;
	my ($blocks, $largest, $dictionary) = (0, 0, 0);

	for (grep { /^block\t/ } split /\n/, run(qw(xz --robot -lvv), $file)) {
		my @field = split /\t/;
		my ($n, $unit) = /dict=(\d+)([KMG]iB)?/ or die "no dictionary: $_";
		my $dict = bytes($n, $unit // 'B');
		$blocks++;
		$largest    = $field[7] if $field[7] > $largest;
		$dictionary = $dict     if $dict > $dictionary;
	}
	return ($blocks, $largest, $dictionary);
}

# Where attributes of any size can be kept, and nothing has to be written: a tmpfs.
my $place = '/dev/shm';
$place = scratch() unless run('stat', '-f', '-c', '%T', $place) =~ /^tmpfs/ && -w $place;
my $root = "$place/tarboot-memory-$$";
END { run('rm', '-rf', $root) if defined $root }

# What the budget leaves is planned for large headers, which hardly any archive has.
my $HEADERS = 26 * $MIB;

# Runs it and holds its peak against the formula.
sub check_run {
	my ($name, $file, $threads, $command, $facts) = @_;
	my ($blocks, $largest, $dictionary) = @$facts;
	my $decoders = least($threads, $blocks);
	my $ahead    = $decoders > 1 ? least($decoders + int($decoders / 3), $blocks) : 0;
	my $formula  = 12 * $MIB + $decoders * $dictionary + $ahead * $largest;

	# Blocks that are smaller than chunks; the decoders' tables.
	my $small = $ahead * 256 * 1024 + $MIB;
	my $r     = try(
		{ limit => 600 }, $TARBOOT, $command, $file,
		$command eq 'unpack' ? $root : (), "--threads=$threads");
	my ($peak, $pu, $planned, $lu) =
		$r->{out} =~ /^memory: ([\d.]+) (\w+) of at most ([\d.]+) (\w+)/m;

	# verify keeps the names, which unpack writes: of these about 100 bytes each.
	my ($members) = $r->{out} =~ /, (\d+) members?,/;
	$formula += 128 * $members + $MIB / 4 if $command eq 'verify';

	run('rm', '-rf', $root);
	ok($r->{exit} == 0 && defined $peak, "$command: $name, $threads threads") or diag($r->{err});
	return unless defined $peak;
	ok(bytes($peak, $pu) <= $formula && bytes($peak, $pu) <= bytes($planned, $lu),
		sprintf '%s %s of %.1f MiB', $peak, $pu, $formula / $MIB);
	ok(bytes($planned, $lu) <= $formula + $small + $HEADERS, "and $planned $lu were planned");
	return;
}

# Unpacks with each number of threads, and verifies, which takes no more, with the last one.
sub check {
	my ($name, $file, @threads) = @_;
	my @facts = facts($file =~ /\.img$/ ? payload_of($file) : $file);

	check_run($name, $file, $_, 'unpack', \@facts) for @threads;
	check_run($name, $file, $threads[-1], 'verify', \@facts);
	return;
}

# A tar as a list of pieces, written through xz.
my $n_files = 0;

sub tar_file {
	my ($options, @parts) = @_;
	my $path = scratch('memory-' . ++$n_files . '.tar.xz');

	open my $xz, '|-', "exec xz -c $options >'$path'" or die "xz: $!";
	for my $part (@parts) {
		if (ref $part) { $part->($xz) }
		else           { print {$xz} $part }
	}
	close $xz or die "xz: $?";
	return $path;
}

# ---- one huge member ----

# Not a hole, and not a single byte value, which a decoder could take in one step.
sub huge_member {
	my ($mib, $options) = @_;
	my $piece = join '', map { pack 'NA12', $_ * 2654435761 % 4294967296, 'tarboot' } 1 .. $MIB / 16;
	return tar_file(
		$options,
		tar_pax(size => $mib * $MIB),
		tar_member(name => 'huge', size => $mib < 8192 ? $mib * $MIB : 0),
		sub { my ($xz) = @_; print {$xz} $piece for 1 .. $mib },
		tar_end());
}

my $huge = huge_member($ALL ? 4096 : 64, '-0 -T2 --block-size=' . ($ALL ? 14 * $MIB : $MIB));
check('one huge member', $huge, 1, 2, 8);
unlink $huge;

# ---- very many members ----

my $n    = $ALL ? 1_000_000 : 20_000;
my $many = tar_file(
	'-0 -T2 --block-size=4MiB',
	sub {
		my ($xz) = @_;
		print {$xz} tar_member(name => sprintf('d%03d/file-%07d', $_ / 5000, $_)) for 1 .. $n;
	},
	tar_end());
check("$n empty files", $many, 1, 4);
unlink $many;

# ---- what members bring along ----

# A tar of n members, each made by the function from its number.
sub members {
	my ($count, $make) = @_;
	return tar_file(
		'-0 -T2 --block-size=4MiB',
		sub { my ($xz) = @_; print {$xz} $make->($_) for 1 .. $count },
		tar_end());
}

# root alone may set these, but every tmpfs keeps them.
my $space = $> == 0 ? 'trusted' : 'user';
my $value = join '', map { sprintf '%08x', $_ * 2654435761 % 4294967296 } 1 .. 7500;

sub with_attributes {
	my ($type) = @_;
	return sub {
		my ($i) = @_;
		return tar_pax("SCHILY.xattr.$space.large", $value)
			. tar_member(name => "$type$i", type => $type, mode => 0755);
	};
}

# A GNU map of holes, version 1.0: n pieces of one byte.
sub sparse_file {
	my ($pieces) = @_;
	my $map = join "\n", $pieces, (map { $_ * 512, 1 } 0 .. $pieces - 1), '';

	$map .= "\0" x (-length($map) % 512);
	return tar_file(
		'-0 -T1 --block-size=4MiB',
		tar_pax(
			'GNU.sparse.major' => 1, 'GNU.sparse.minor' => 0, 'GNU.sparse.name' => 'sparse',
			'GNU.sparse.realsize' => $pieces * 512),
		tar_member(name => 'GNUSparseFile.0/sparse', data => $map . 'x' x $pieces),
		tar_end());
}

sub comments { return map { ("comment$_", $value) } 1 .. 14 }

for (
	[ 'directories', $ALL ? 1_000_000 : 80_000, sub {
		return tar_member(name => sprintf('d%03d/directory-%07d/', $_[0] / 5000, $_[0]),
			type => 5, mode => 0755);
	} ],
	[ 'directories with 60 kB of attributes', 500, with_attributes(5) ],
	[ 'files with 60 kB of attributes', 500, with_attributes(0) ],
	[ 'long names', 5000, sub {
		return tar_pax(path => ('n' x 250 . '/') x 12 . 'x' x 200 . $_[0]) . tar_member(name => 'x');
	} ],
	[ 'headers of 1 MB', 30, sub {
		return tar_pax("SCHILY.xattr.$space.large", $value, comments()) . tar_member(name => "f$_[0]");
	} ]) {
	my ($name, $count, $make) = @$_;
	my $file = members($count, $make);

	check("$count $name", $file, 1, 4);
	unlink $file;
}

my $sparse = sparse_file(131_072);
check('a map of 131,072 pieces, the most that pack makes', $sparse, 1);
unlink $sparse;

# Of more, pack makes data of what lies behind the last one.
{
	my $file  = sparse_file(140_000);
	my $image = scratch('sparse.img');
	my $r     = try($TARBOOT, 'pack', $file, '-o', $image, qw(--force --no-shell --kernel=none --level=fast));

	is($r->{exit}, 0, 'a map of 140,000 pieces is packed') or diag($r->{err});
	check('its image', $image, 1);
	try($TARBOOT, 'unpack', $image, $root);
	is(-s "$root/sparse", 140_000 * 512, 'the file has its size');
	is(run('sh', '-c', 'tr -cd x <"$0" | wc -c', "$root/sparse"), "140000\n", 'and all its data');
	run('rm', '-rf', $root);
	unlink $file, $image;
}

# Nothing bounds these but a refusal, which comes before 64 MiB are asked for.
sub refused {
	my ($name, $file, $why) = @_;
	my $r = try('/bin/sh', '-c', 'ulimit -v 65536; exec "$@"', 'sh', $TARBOOT, 'verify', $file, '--threads=1');

	unlink $file;
	is($r->{exit}, 1, "$name: refused");
	is($r->{err}, "tarboot: $why\n", "$name: why, and what to do");
	return;
}

refused('a map of more than a million pieces', sparse_file($ALL ? 3_000_000 : 1_100_000),
	"sparse: its map of more than 1048576 holes takes too much memory\n  Archive it again without --sparse, or leave it out.");
refused(
	'an ACL of 60,000 entries',
	tar_file('-0', tar_pax('SCHILY.acl.access' => join ',', map { "user:u$_:rwx" } 1 .. 60_000),
		tar_member(name => 'f'), tar_end()),
	"f: its ACL is larger than Linux allows\n  Give it fewer entries, or leave it out.");

# ---- dictionaries and Blocks of other sizes ----

my $mixed = sub { my ($xz) = @_; print {$xz} tar_member(name => "f$_", data => "$_ " x 30000) for 1 .. 400 };
for (
	['Blocks of 64 KiB',          '-0 -T1 --block-size=65536'],
	['one Block',                 '-0 -T1'],
	['dictionaries of 64 MiB',    '-T1 --block-size=16MiB --lzma2=preset=0,dict=64MiB'],
	['dictionaries of 100 MiB',   '-T1 --block-size=30MiB --lzma2=preset=0,dict=100MiB']) {
	my ($name, $options) = @$_;
	my $file = tar_file($options, $mixed, tar_end());
	check($name, $file, 1, 3);
	unlink $file;
}

# The Blocks of xz -T0 -9: 192 MiB.
my $nine = huge_member($ALL ? 1000 : 200, '-T1 --block-size=192MiB --lzma2=preset=0,dict=64MiB');
check('Blocks of 192 MiB', $nine, 2);

# ---- zstd ----

# More than the largest window. What comes by a pipe does not say its size.
my $large = scratch('large.tar');
{
	my $piece = substr $value x 18, 0, $MIB;
	open my $to, '>', $large or die "$large: $!";
	print {$to} tar_member(name => 'large', size => 144 * $MIB), ($piece) x 144, tar_end();
	close $to or die "$large: $!";
}

# A file of frames that hold so many bytes each and say so.
sub frames_of {
	my ($mib, $size, @options) = @_;
	my $path = scratch('frames.tar.zst');

	open my $to, '>', $path or die "$path: $!";
	my $bytes = tar_member(name => 'large', data => substr slurp($large), 512, $mib * $MIB) . tar_end();
	for (my $at = 0; $at < length $bytes; $at += $size) {
		print {$to} run(qw(zstd -q -c), @options, spew(scratch('piece'), substr $bytes, $at, $size));
	}
	close $to or die "$path: $!";
	return $path;
}

# The facts of zstd: its windows are what xz calls dictionaries; a decoder has half a MiB of its own beside.
sub check_zstd {
	my ($name, $file, $frames, $largest, $window, @threads) = @_;
	my @facts = ($frames, $largest, $window + $MIB / 2);

	check_run($name, $file, $_, 'unpack', \@facts) for @threads;
	check_run($name, $file, $threads[-1], 'verify', \@facts);
	return;
}

for (['-3', 2 * $MIB], ['--ultra -22 --long=27', 128 * $MIB]) {
	my ($options, $window) = @$_;
	my $file = scratch('foreign.tar.zst');
	run('sh', '-c', "cat '$large' | zstd -q -f -c $options >'$file'");
	check_zstd("zstd $options", $file, 1, 145 * $MIB, $window, 4);
}
check_zstd('frames of 16 MiB', frames_of(143, 16 * $MIB, qw(-3 --zstd=wlog=23)), 9, 16 * $MIB, 8 * $MIB, 1, 4);
check_zstd('frames of 64 KiB', frames_of(4, 65536, '-1'), 65, 65536, 65536, 4);
unlink $large;

# ---- a machine that has no memory for that ----

{
	my $r = try('prlimit', '--as=' . 60 * $MIB, $TARBOOT, 'verify', $nine, '--threads=1');
	fails_well($r, 1, qr/memory/, 'not enough for one dictionary');
}

done_testing();
