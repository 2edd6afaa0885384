#!/usr/bin/perl
# Thousands of damaged payloads, of xz and of zstd: one byte changed, or the end cut off, anywhere in the file. None may become
# a wrong tree that is said to be good, and none may be taken for whole. TARBOOT_TEST_ALL=1 tries the whole
# number and counts beside it what GNU tar and bsdtar let through; TARBOOT_TEST_SEED repeats a campaign.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Engine;
use Test::More;

need_programs(qw(tar xz bsdtar zstd));
my $ALL      = $ENV{TARBOOT_TEST_ALL};
my $SEED     = $ENV{TARBOOT_TEST_SEED} // time;
my @NUMBERS  = $ALL ? (-f => 10000, -c => 1000) : (-f => 500, -c => 100);
my $CAMPAIGN = build_path('tests/tools/campaign');
diag("TARBOOT_TEST_SEED=$SEED");

# ---- the payload: 20 Blocks, with sizes in their headers ----

# Noise comes as LZMA2 chunks that are not compressed, several in a Block; text as ordinary ones; the last
# Blocks lie behind the tar's end.
srand 1;
my $tree = new_dir();
mkdir "$tree/dir";
spew("$tree/a-noise", pack 'C*', map { int rand 256 } 1 .. 200_000);
for my $i (1 .. 40) {
	spew("$tree/dir/file-$i", join '', map { "$_ of $i: " . $_ * $i % 97 . "\n" } 1 .. 50 + $i * 20);
}
spew("$tree/z-noise", pack 'C*', map { int rand 256 } 1 .. 30_000);
link "$tree/dir/file-1", "$tree/hard-link" or die;
symlink 'dir/file-2', "$tree/link" or die;
chmod 0400, "$tree/z-noise" or die;
run(qw(find), $tree, qw(-exec touch -h -d @1700000000.123456789 {} +));
my @TAR = (qw(tar --format=posix --sort=name --numeric-owner), '--pax-option=delete=atime,delete=ctime');
run(@TAR, '-C', $tree, '-cf', scratch('good.tar'), '.');

my $tar     = slurp(scratch('good.tar')) . "\0" x 100_000;
my $small   = int((length($tar) - 310_000) / 16);
my @sizes   = (150_000, ($small) x 15, 100_000, $small, 30_000, 0);
my $payload = xz_of($tar, '-1', '-T2', '--block-list=' . join ',', @sizes);
my @blocks  = grep { /^block\t/ } split /\n/, run(qw(xz --robot -lvv), $payload);
is(scalar @blocks, 20, 'the payload has 20 Blocks');
is(scalar(grep { (split /\t/)[12] =~ /cu/ } @blocks), 20, 'with sizes in their headers');

# A place in memory for the trees, which are as many as the attempts.
my $place = '/dev/shm';
$place = scratch() unless run('stat', '-f', '-c', '%T', $place) =~ /^tmpfs/ && -w $place;
$place = "$place/tarboot-campaign-$$";
mkdir $place or die "$place: $!";
END { local $?; run('rm', '-rf', $place) if $place && -d $place }

# Runs a campaign: the numbers of each region in the tool's order, and what was taken for good.
sub campaign {
	my (@how) = @_;
	my $r = try({ limit => 3600 }, $CAMPAIGN, -s => $SEED, @how);
	my (@regions, @accepted);

	for (split /\n/, $r->{out}) {
		push @accepted, $_ if /^# good/;
		push @regions, { name => $1, tried => $2, refused => $3, same => $4, wrong => $5 }
			if /^([^\t#]+)\t(\d+)\t(\d+)\t(\d+)\t(\d+)$/;
	}
	is($r->{exit}, 0, 'the campaign went to its end') or diag($r->{out}, $r->{err});
	return (\@accepted, @regions);
}

sub sum {
	my ($key, @regions) = @_;
	my $sum = 0;
	$sum += $_->{$key} for @regions;
	return $sum;
}

# ---- the engine ----

# What a flipped byte may leave as good: another way to write the same bytes, where the format has one. Of xz: control
# byte 1 for 2 resets a dictionary that nothing refers to; other lc and lp decode alike in a Block of zeros, which has
# a single literal. Of zstd: a larger window, a bit of the header that has no meaning yet, and what entropy coding leaves
# open. Every byte was decoded and its check held; xz and zstd themselves agree. And where zstd's frames have no index,
# nothing tells that some are missing that lie behind the end of the tar.
sub same_by_another_way {
	my ($file, $line) = @_;
	my ($region, $at, $byte, $good) = $line =~ /the same tree: ([\w ]+), byte (\d+), (..) for (..)$/;
	my $bytes = slurp($file);
	my $tool  = $file =~ /zst$/ ? 'zstd --long=31' : 'xz';

	my $whole = spew(scratch('whole.tar'), run(split(/ /, $tool), '-dcq', $file));
	if ($tool ne 'xz' && $line =~ /the same tree: cut to (\d+) bytes$/) {
		my $left = run(split(/ /, $tool), '-dcq', spew(scratch('cut.zst'), substr $bytes, 0, $1));
		return slurp($whole) =~ /\A\Q$left\E\0*\z/ && $left =~ /\0{1024}\z/;
	}
	return 0 unless defined $good;
	return 0 unless $tool ne 'xz' || $region eq 'properties' || $region eq 'control' && "$byte$good" eq '0102';
	substr($bytes, $at, 1) = chr hex $byte;
	my $damaged = spew(scratch('accepted'), $bytes);
	return system("$tool -dcq <'$damaged' | cmp -s - '$whole'") == 0;
}

# Where that may be.
my %OTHER = (xz => qr/^(?:control|properties)$/, zstd => qr/^(?:Block header|part header|data|tar padding|cut)$/);

sub all_refused {
	my ($file, $accepted, @regions) = @_;
	my (undef, @flips) = @$accepted;    # the whole file comes first
	my %fine = map { $_ => 1 } grep { same_by_another_way($file, $_) } @flips;
	my $tool = $file =~ /zst$/ ? 'zstd' : 'xz';

	for (@regions) {
		my $other = $_->{name} =~ $OTHER{$tool} ? $_->{same} : 0;
		ok($_->{tried} > 0 && $_->{refused} + $other == $_->{tried} && $_->{wrong} == 0,
			"$_->{name}: $_->{tried} times damaged, $_->{refused} times refused")
			|| diag("taken for good: $_->{same} with the same tree, $_->{wrong} with a wrong one");
	}
	is(scalar(grep { !$fine{$_} } @flips), 0, 
		'what was taken for whole: ' . keys(%fine) . ' times the same bytes written otherwise')
		or diag(join "\n", grep { !$fine{$_} } @flips);
	return;
}

# Those of the tool's that the file has.
sub that_are_there { return grep { $_->{tried} > 0 } @_ }

my ($accepted, @regions) = campaign(@NUMBERS, $payload, $tree, $place);
is(sum('tried', @regions), $NUMBERS[1] + $NUMBERS[3], 'as many attempts as were wanted');
is(join(', ', map { $_->{name} } grep { $_->{tried} == 0 } @regions), 'part header', 'in all regions that xz has');
all_refused($payload, $accepted, that_are_there(@regions));

# Every value of the bytes for which the format has other ways to say the same.
if ($ALL) {
	my ($more, @tried) = campaign('-x', $payload, $tree, $place);
	all_refused($payload, $more, that_are_there(@tried));
	note(join "\n", @$more[1 .. $#$more]);
}

# ---- zstd ----

# What pack writes, in one frame; the same with 20, of which the last ones lie behind the tar's end; what tar writes, which does
# not say its size.
my $image = scratch('zstd.img');
run(build_path('tarboot'), 'pack', $tree, '-o', $image, qw(-q -c zstd --force --no-shell --kernel=none));
my ($member) = grep { $_->{name} =~ m{^/?rootfs\.tar\.zst$} } newc_read($image);
my $packed = spew(scratch('packed.tar.zst'), $member->{data});
my $frames = scratch('frames.tar.zst');
unlink $frames;
for my $at (0 .. 19) {
	my $every = int(length($tar) / 20) + 1;
	my $piece = spew(scratch('piece'), substr $tar, $at * $every, $every);
	spew($frames, ($at ? slurp($frames) : '') . run('zstd', '-q', '-c', $piece));
}
my $foreign = scratch('foreign.tar.zst');
run(@TAR, '--zstd', '-C', $tree, '-cf', $foreign, '.');

for (['packed', $packed, 1], ['20 frames', $frames, 2], ["tar's", $foreign, 1]) {
	my ($name, $file, $share) = @$_;
	my @numbers = $ALL ? @NUMBERS : (-f => 150 * $share, -c => 30 * $share);
	my ($good, @damaged) = campaign(@numbers, $file, $tree, $place);
	is(join(', ', map { $_->{name} } that_are_there(@damaged)),
		'Block header, part header, data, ' . ($share > 1 ? 'tar padding, ' : '') . 'check, cut', "$name: in all regions");
	all_refused($file, $good, that_are_there(@damaged));
	diag("$name: of " . sum('tried', @damaged) . ' damaged files ' . sum('same', @damaged) . ' taken for good, '
			. sum('wrong', @damaged) . ' of them with a wrong tree') if $ALL;
	note(join "\n", @$good[1 .. $#$good]);
}

# ---- the others ----

for (['GNU tar', 'tar', '-xJf'], ['bsdtar', 'bsdtar', '-xf']) {
	my ($name, @command) = @$_;

	last unless $ALL;
	my (undef, @theirs) = campaign(@NUMBERS, $payload, $tree, $place, @command, 'FILE', '-C', 'DIR');
	diag("$name: of " . sum('tried', @theirs) . ' damaged files '
			. (sum('same', @theirs) + sum('wrong', @theirs)) . ' taken for good, '
			. sum('wrong', @theirs) . ' of them with a wrong tree');
	diag("  $_->{name}: " . ($_->{same} + $_->{wrong}) . " of $_->{tried}, $_->{wrong} wrong") for @theirs;
}

done_testing();
