#!/usr/bin/perl
# The tar archives that libarchive's authors collected: old and odd tars, by many programs, some damaged.
# Each comes out as GNU tar extracts it, or is listed here with the reason why not.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use FindBin;
use lib $FindBin::RealBin;
use Engine;
use List::Util qw(any);
use Test::More;

need_programs(qw(tar xz bsdcat));

my $DIR     = build_path('src/libarchive/libarchive/test');
my @TAR     = qw(tar --xattrs --xattrs-include=* --acls --numeric-owner -xpf);
my %THREADS = (musl => 4, asan => 2, tsan => 3);

# What does not come out as from GNU tar, and why. An entry that is not needed is a failure, too.
#   refused: what we say. differs: the lines of treelist that do, - GNU tar's, + ours; each pattern fits
#   some line, each line some pattern. warns: what we say then. gnu: exit code of GNU tar, if not 0.
#   mended: makes the archive one that must come out the same.
my $EMPTY = qr/nlink=1 size=0 crc64=0{16}/;
my %EXCEPTIONS = (
	'test_compat_tar_hardlink_1.tar' => {
		why     => 'no end marker, so that nobody knows whether it is whole',
		refused => qr/no end marker \(members read: 2\)/,
		mended  => sub { $_[0] . tar_end() },
	},
	'test_compat_plexus_archiver_tar.tar' => {
		why     => 'the second block of its end marker holds a newline',
		refused => qr/more data follows its end marker/,
		mended  => sub { $_[0] =~ s/\n\z/\0/r },
	},
	'test_read_format_tar_concatenated.tar' => {
		why     => 'two archives: GNU tar is silent and extracts the first',
		refused => qr/more data follows its end marker/,
		mended  => sub { substr $_[0], 0, 3 * 512 },
	},
	'test_compat_lzip_4.tlz' => {
		why     => 'cut, the other half is another file',
		refused => qr/it ends in the middle of test\.bin\b/,
		gnu     => 2,
	},
	'test_read_format_tar_invalid_pax_size.tar' => {
		why     => 'damaged: a size below zero',
		refused => qr/its extended header has no valid record at byte 0/,
		gnu     => 2,
	},
	'test_read_format_tar_empty_filename.tar' => {
		why     => 'a member without a name, which GNU tar takes for the root',
		refused => qr/a member has no name/,
	},
	'test_acl_pax_posix1e.tar' => {
		why     => 'ACLs for users without a mask, which no kernel takes: GNU tar leaves them out',
		refused => qr/^tarboot: file: its extended header has an invalid ACL: '/m,
	},
	'test_compat_star_acl_posix1e.tar' => {
		why     => 'ACLs for names that this root does not know are lost',
		differs => [],
		warns   => qr/^tarboot: warning: 3 ACLs lost, the first of /,
	},
	'test_pax_xattr_header_libarchive.tar' => {
		why     => "attributes in libarchive's own records",
		differs => [map { (qr/^- $_$/, qr/^\+ $_ user\.data1=41424344454647 user\.data2=58595a$/) }
				qr/file f 0755 0 0 5\.000000050 nlink=1 size=8 crc64=5c8b80482bac7809/],
	},
	'test_read_pax_xattr_rht_security_selinux.tar' => {
		why     => 'a label of SELinux, which GNU tar restores only with --selinux',
		differs => [map { (qr/^- $_$/, qr/^\+ $_ security\.selinux=73797374656d5f75\w+$/) }
				qr/test\.txt f 0644 0 0 1557396325\.806064710 $EMPTY/],
	},
	'test_read_format_gtar_sparse_1_17_posix10_modified.tar' => {
		why     => 'comments in the sparse map',
		refused => qr/^tarboot: sparse: its map of holes is not a list of numbers/m,
		gnu     => 2,
	},
	'test_read_format_gtar_sparse_skip_entry.tar.Z' => {
		why     => 'a sparse file whose size stands where that of its data should: the end of the archive is in its data',
		refused => qr/it ends in the middle of a /,
		gnu     => 2,
	},
);

# ---- the selection ----

# The first file in a text of uuencode; nothing when it has none that is whole.
sub uudecoded {
	my ($text) = @_;
	my ($lines) = $text =~ /^begin [0-7]+ [^\n]*\n(.*?)^end$/ms or return '';
	return join '', map { unpack 'u', $_ } split /^/, $lines;
}

# A header that its checksum fits. Old programs summed up signed bytes.
sub is_tar {
	my ($bytes) = @_;
	return 0 if length $bytes < 512;
	my ($sum) = substr($bytes, 148, 8) =~ /^ *([0-7]+)/ or return 0;
	my $head = substr($bytes, 0, 148) . ' ' x 8 . substr $bytes, 156, 356;
	my $signed = 0;
	$signed += $_ for unpack 'c*', $head;
	return oct $sum == unpack('%32C*', $head) || oct $sum == $signed;
}

# Programs for these may be there or not.
sub is_rare { return $_[0] =~ /\.(lzo|grz|lrz)\z/ }

my (%tars, @same, @closed);
for my $path (sort glob "$DIR/*.uu") {
	my ($name) = $path =~ m{([^/]+)\.uu\z};
	next if is_rare($name);
	my $r = try('bsdcat', spew(scratch('packed'), uudecoded(slurp($path))));
	push @closed, $name if ($r->{exit} != 0 || $r->{out} eq '') && $name =~ /\.tar\b|\.t\w{1,2}z\z/;
	next unless is_tar($r->{out});
	my $digest = md5_hex($r->{out});
	push @same, $name if $tars{$digest};
	$tars{$digest} //= { name => $name, bytes => $r->{out} };
}
my @tars = sort { $a->{name} cmp $b->{name} } values %tars;
my $all  = @tars + @same;

note("as another in another compression: @same");
ok($all >= 69,   "$all tar archives");
ok(@tars >= 50, scalar(@tars) . ' of them differ');
is_deeply(\@closed, [], 'all but those of three rare programs are read');
is_deeply([grep { !-x $_->[1] } variants()], [], 'all builds are there');

# ---- as GNU tar ----

# The time of a directory that no member is about is that of the extraction.
sub listed {
	my ($dir) = @_;
	return join '', map { / d \d+ \d+ \d+ (\d+)\./ && $1 >= $^T ? s/^(\S+ d \d+ \d+ \d+) \S+/$1/r : $_ }
		split /^/, treelist($dir);
}

# The lines of a listing that the other lacks, - and +.
sub differences {
	my ($gnu, $ours) = map { [split /\n/] } @_;
	my %gnu  = map { $_ => 1 } @$gnu;
	my %ours = map { $_ => 1 } @$ours;
	return ((map { "- $_" } grep { !$ours{$_} } @$gnu), (map { "+ $_" } grep { !$gnu{$_} } @$ours));
}

# They differ, in what is listed and in nothing else.
sub differ_as_told {
	my ($patterns, $name, @lines) = @_;
	my @more = grep { my $line    = $_; !any { $line =~ $_ } @$patterns } @lines;
	my @less = grep { my $pattern = $_; !any { $_ =~ $pattern } @lines } @$patterns;

	return ok(!@more && !@less, $name) || diag(map { "$_\n" } @more, map { "not there: $_" } @less);
}

sub extract {
	my ($tar, $name, %e) = @_;
	my $xz  = xz_of($tar, qw(-0 -T1 --block-size=4096));
	my $dir = new_dir();
	my $gnu = try({ limit => 60 }, @TAR, spew(scratch('gnu.tar'), $tar), '-C', $dir);

	is($gnu->{exit}, $e{gnu} // 0, "$name: GNU tar's exit code") or diag($gnu->{err});
	my $want = listed($dir);
	for (variants()) {
		my ($build, $binary) = @$_;
		my $root = new_dir();
		my $r = try({ limit => 60 }, $binary, 'unpack', $xz, $root, "--threads=$THREADS{$build}");

		if ($e{refused}) {
			fails_well($r, 1, $e{refused}, "$name, $build: $e{why}");
		} elsif ($e{differs}) {
			ok($r->{exit} == 0 && $r->{err} =~ ($e{warns} // qr/\A\z/), "$name, $build: unpacked")
				or diag($r->{err});
			differ_as_told($e{differs}, "$name, $build: $e{why}",
				differences($want, listed($root)));
		} else {
			is_quiet($r, "$name, $build");
			same_tree(listed($root), $want, "$name, $build: as GNU tar");
		}
		run('rm', '-rf', $root);
	}
	run('rm', '-rf', $dir);
	return;
}

for (@tars) {
	my ($name, $bytes) = @$_{qw(name bytes)};
	my $e = delete $EXCEPTIONS{$name} // {};

	extract($bytes, $name, %$e);
	extract($e->{mended}->($bytes), "$name, mended") if $e->{mended};
}
is_deeply([sort keys %EXCEPTIONS], [], 'all exceptions are about a file');

done_testing();
