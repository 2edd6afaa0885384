#!/usr/bin/perl
# The files that xz's own authors test decoders with, every one, through the engine's pipeline: what is
# good gives the bytes that xz gives, all else is refused with a sentence. Then the same among many other
# streams, as alone most have one Block, which keeps one thread busy.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Engine;
use Test::More;

need_programs(qw(xz));

my $DIR = build_path('src/xz/tests/files');

# By name, the first part of which tells what a file is. Other formats are good for others only. What
# liblzma would decode without its check is unsupported here: the root is then not known to be whole.
my %KINDS = (
	good        => { least => 20 },
	bad         => { least => 42, why => qr/: its Index, a stream header|: Block \d+ .* is damaged$/ },
	unsupported => { least => 5, why => qr/: its integrity check .* is unknown$|: Block \d+ .* does not support$/ },
	other       => { least => 24, why => qr/: it is neither a tar archive nor an xz or zstd file$/ },
);
my %NO_XZ = map { $_ => 1 } 'bad-0-header_magic.xz';

# Builds of the tool, each with a number of threads.
my @RUNS = (
	['musl', build_path('tests/tools/decode'), 1], ['musl', build_path('tests/tools/decode'), 2],
	['musl', build_path('tests/tools/decode'), 4], ['asan', build_path('asan/decode'), 2],
	['tsan', build_path('tsan/decode'), 4]);
for (@RUNS) {
	my (undef, $binary) = @$_;
	die "$binary: not found: run make test-programs\n" unless -x $binary;
}

my %files;
for my $path (sort glob "$DIR/*") {
	my ($name) = $path =~ m{([^/]+)\z};
	my ($kind) = $name =~ /^(good|bad|unsupported)-.*\.xz\z/;
	push @{ $files{ $kind // 'other' } }, $name;
}
for my $kind (sort keys %KINDS) {
	my $n = @{ $files{$kind} // [] };
	ok($n >= $KINDS{$kind}{least}, "$n files are $kind");
}

# ---- one by one ----

sub decoded {
	my ($run, $file, $want, $name) = @_;
	my ($build, $binary, $threads) = @$run;
	my $r = try({ limit => 60 }, $binary, $threads, $file);

	return ok($r->{exit} == 0 && $r->{err} eq '' && $r->{out} eq $want, "$name: $build, $threads threads")
		|| diag("exit $r->{exit}, ", length $r->{out}, ' bytes of ', length $want, "\n$r->{err}");
}

sub refused {
	my ($run, $file, $why, $name) = @_;
	my ($build, $binary, $threads) = @$run;
	my $r = try({ limit => 60 }, $binary, $threads, $file);

	return ok($r->{exit} == 1 && $r->{err} =~ /\Adecode: [^\n]+: [^\n]+\n\z/ && $r->{err} =~ $why,
		"$name: $build, $threads threads: " . quoted($r->{err} =~ s{^decode: .*/|\n\z}{}gr))
		|| diag("exit $r->{exit}, ", length $r->{out}, " bytes\n$r->{err}");
}

my @good;    # what xz makes of the good ones
for my $name (@{ $files{good} }) {
	push @good, run('xz', '-dc', "$DIR/$name");
	decoded($_, "$DIR/$name", $good[-1], $name) for @RUNS;
}
for my $kind (qw(bad unsupported other)) {
	for my $name (@{ $files{$kind} }) {
		refused($_, "$DIR/$name", $KINDS{ $NO_XZ{$name} ? 'other' : $kind }{why}, $name) for @RUNS;
	}
}

# ---- among many streams ----

# All good files are one good file, of many streams with all checks and filters and with padding.
sub joined { return spew(scratch('joined.xz'), join '', map { slurp("$DIR/$_") } @_) }

my @many = (@{ $files{good} }) x 3;
my $want = join '', @good, @good, @good;
decoded($_, joined(@many), $want, 'all the good ones thrice in one file') for @RUNS;

for my $name (map { @{ $files{$_} } } qw(bad unsupported other)) {
	my $n = @good;
	refused($RUNS[2], joined(@many[0 .. $n - 1], $name, @many[$n .. $#many]), qr/./, "$name among them");
}

done_testing();
