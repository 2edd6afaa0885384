#!/usr/bin/perl
# The memory of the engine stays below the formula of docs/performance.md, 8 MiB + decoders x dictionary +
# pool, whatever the payload: one huge member, very many members, huge Blocks, tiny ones. The formula is
# computed here, from what xz says of the file. `make test-all` takes the sizes of the issue: a member of
# 4 GiB over 300 Blocks, a million files.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Engine;
use Test::More;

need_programs(qw(xz));
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

# Runs unpack and verify with this number of threads and holds the peaks against the formula.
sub check {
	my ($name, $file, $threads, $verify_only) = @_;
	my ($blocks, $largest, $dictionary) = facts($file);
	my $decoders = least($threads, $blocks);
	my $ahead    = $decoders > 1 ? least($decoders + int($decoders / 3), $blocks) : 0;
	my $formula  = 8 * $MIB + $decoders * $dictionary + $ahead * $largest;

	# Blocks that are smaller than chunks; the decoders' tables.
	my $small = $ahead * 256 * 1024 + $MIB;

	for my $command ('verify', $verify_only ? () : 'unpack') {
		my $dir = new_dir();
		my $r   = try(
			{ limit => 600 }, $TARBOOT, $command, $file,
			$command eq 'unpack' ? $dir : (), "--threads=$threads");
		my ($peak, $pu, $planned, $lu) =
			$r->{out} =~ /^memory: ([\d.]+) (\w+) of at most ([\d.]+) (\w+)/m;

		ok($r->{exit} == 0 && defined $peak, "$command: $name, $threads threads") or diag($r->{err});
		run('rm', '-rf', $dir);
		next unless defined $peak;
		ok(bytes($peak, $pu) <= $formula, sprintf '%s %s of %.1f MiB', $peak, $pu, $formula / $MIB);
		ok(bytes($planned, $lu) <= $formula + $small, "and $planned $lu were planned");
	}
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

my $huge = huge_member($ALL ? 4096 : 150, '-0 -T2 --block-size=' . ($ALL ? 14 * $MIB : $MIB));
check('one huge member', $huge, $_) for 1, 2, 8;
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
check("$n empty files", $many, $_) for 1, 4;
unlink $many;

# ---- dictionaries and Blocks of other sizes ----

my $mixed = sub { my ($xz) = @_; print {$xz} tar_member(name => "f$_", data => "$_ " x 30000) for 1 .. 600 };
for (
	['Blocks of 64 KiB',          '-0 -T1 --block-size=65536'],
	['one Block',                 '-0 -T1'],
	['dictionaries of 64 MiB',    '-T1 --block-size=16MiB --lzma2=preset=0,dict=64MiB'],
	['dictionaries of 100 MiB',   '-T1 --block-size=30MiB --lzma2=preset=0,dict=100MiB']) {
	my ($name, $options) = @$_;
	my $file = tar_file($options, $mixed, tar_end());
	check($name, $file, $_) for 1, 3;
	unlink $file;
}

# The Blocks of xz -T0 -9: 192 MiB.
my $nine = huge_member($ALL ? 1000 : 250, '-T1 --block-size=192MiB --lzma2=preset=0,dict=64MiB');
check('Blocks of 192 MiB', $nine, 2);

# ---- a machine that has no memory for that ----

{
	my $r = try('prlimit', '--as=' . 60 * $MIB, $TARBOOT, 'verify', $nine, '--threads=1');
	fails_well($r, 1, qr/memory/, 'not enough for one dictionary');
}

done_testing();
