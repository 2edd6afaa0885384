# Tar archives made byte by byte in every format, rightly or wrongly, and what our reader and GNU tar make
# of them: tests/tools/untar_both does both in one process, so that thousands can be tried.
package RawTar;

use strict;
use warnings;

use Exporter qw(import);
use FindBin;
use lib $FindBin::RealBin;
use Engine;
use File::Temp qw(tempdir);
use IPC::Open2 qw(open2);
use List::Util qw(max);

our @EXPORT = (
	@Engine::EXPORT, qw(%FIELDS file dir symlink_to hardlink fifo v7 ustar gnu star gnu_long base256
		set_field set_bytes mended pax_text pax_global record blocks sparse_gnu sparse_pax both tree_of tidy));

# Where the fields of a header lie: POSIX's, then those that GNU tar and star have in the prefix's place.
our %FIELDS = (
	name     => [0, 100],   mode     => [100, 8],  uid      => [108, 8],  gid      => [116, 8],
	size     => [124, 12],  mtime    => [136, 12], chksum   => [148, 8],  typeflag => [156, 1],
	linkname => [157, 100], magic    => [257, 6],  version  => [263, 2],  uname    => [265, 32],
	gname    => [297, 32],  devmajor => [329, 8],  devminor => [337, 8],  prefix   => [345, 155],
	pad      => [500, 12],
	gnu_atime => [345, 12], gnu_ctime => [357, 12], gnu_offset => [369, 12], gnu_longnames => [381, 4],
	gnu_sparse => [386, 96], gnu_isextended => [482, 1], gnu_realsize => [483, 12],
	star_atime => [476, 12], star_ctime => [488, 12]);

# ---- members ----

sub file       { my ($n, $data, @m) = @_; return tar_member(name => $n, data => $data, @m) }
sub dir        { my ($n, @m) = @_; return tar_member(name => $n, type => '5', mode => 0755, @m) }
sub symlink_to { my ($n, $to, @m) = @_; return tar_member(name => $n, type => '2', link => $to, @m) }
sub hardlink   { my ($n, $to, @m) = @_; return tar_member(name => $n, type => '1', link => $to, @m) }
sub fifo       { my ($n, @m) = @_; return tar_member(name => $n, type => '6', @m) }

# Any member of these formats; fields as of tar_member.
sub v7    { return _without_devices(tar_member(magic => "\0" x 8, type => "\0", @_)) }
sub ustar { return tar_member(@_) }
sub gnu   { return tar_member(magic => "ustar  \0", @_) }

# star's own header, from before pax: a short prefix, two times, a magic at the very end.
sub star {
	my $bytes = set_bytes(tar_member(@_), 476, "14524770000 14524770000 \0\0\0\0\0\0\0\0tar\0");
	return set_bytes($bytes, 500, "\0" x 8 . "tar\0");
}

sub _without_devices { return set_bytes($_[0], 329, "\0" x 16) }

# GNU tar's long name (L) or long link (K), to stand before a member.
sub gnu_long {
	my ($type, $text) = @_;
	return gnu(name => '././@LongLink', type => $type, data => "$text\0");
}

# A number as GNU tar writes those that have no room as octal digits.
sub base256 {
	my ($n, $bytes) = @_;
	my $text = substr(($n < 0 ? "\xff" : "\0") x $bytes . pack('q>', $n), -$bytes);
	return $text | "\x80" . "\0" x ($bytes - 1);
}

# ---- changes ----

# The checksum of the header that starts a text, made right.
sub mended {
	my ($bytes) = @_;
	substr $bytes, 148, 8, ' ' x 8;
	substr $bytes, 148, 8, sprintf "%06o\0 ", unpack '%32C*', substr $bytes, 0, 512;
	return $bytes;
}

# Bytes of the first header replaced, its checksum right.
sub set_bytes {
	my ($bytes, $at, $new) = @_;
	substr $bytes, $at, length $new, $new;
	return mended($bytes);
}

# A field of the first header, filled up with NUL.
sub set_field {
	my ($bytes, $field, $value) = @_;
	my ($at, $size) = @{ $FIELDS{$field} // die "no field $field" };
	return set_bytes($bytes, $at, pack "a$size", $value);
}

# ---- pax ----

sub record {
	my ($key, $value) = @_;
	my $n = length($key) + length($value) + 3;
	return $n + length($n + length $n) . " $key=$value\n";
}

# A pax header with any text in it.
sub pax_text {
	my ($text, @m) = @_;
	return tar_member(name => 'PaxHeaders/x', type => 'x', data => $text, @m);
}

sub pax_global {
	my (@records) = @_;
	my $text = '';
	while (my ($key, $value) = splice @records, 0, 2) { $text .= record($key, $value) }
	return pax_text($text, type => 'g', name => 'GlobalHead');
}

# ---- sparse files ----

sub blocks { my ($data) = @_; return $data . "\0" x (-length($data) % 512) }

# The old GNU form: [offset, size]... as numbers or as the bytes of the field; 4 in the header, then 21 in
# each extension block. Other fields as of tar_member; extended => what stands in the last isextended.
sub sparse_gnu {
	my ($name, $real, $map, $data, %m) = @_;
	my @entries = map { join '', map { /^\d+\z/ ? sprintf "%011o\0", $_ : pack 'a12', $_ } @$_ } @$map;
	my $last = delete $m{extended};
	my ($head, @more) = join '', splice @entries, 0, 4;
	push @more, join '', splice @entries, 0, 21 while @entries;
	my $member = gnu(name => $name, type => 'S', size => length $data, %m);
	my @flags  = map { $_ < @more ? "\1" : $last // "\0" } 0 .. @more;

	$real = sprintf "%011o\0", $real if $real =~ /^\d+\z/;
	$member = set_bytes($member, 386, pack 'a96 a1 a12', $head, shift @flags, $real);
	return $member . join('', map { pack 'a504 a1 x7', $_, shift @flags } @more) . blocks($data);
}

# The pax forms: version 0.0, 0.1 or 1.0. map is a list of [offset, size], or for 1.0 the text itself.
sub sparse_pax {
	my ($version, $name, $real, $map, $data, @records) = @_;
	my $pairs = ref $map ? $map : [];
	my $n = @$pairs;

	return tar_pax(@records, 'GNU.sparse.size' => $real, 'GNU.sparse.numblocks' => $n,
		map { ('GNU.sparse.offset' => $_->[0], 'GNU.sparse.numbytes' => $_->[1]) } @$pairs)
		. file($name, $data) if $version eq '0.0';
	return tar_pax(@records, 'GNU.sparse.size' => $real, 'GNU.sparse.numblocks' => $n,
		'GNU.sparse.name' => $name, 'GNU.sparse.map' => join ',', map { @$_ } @$pairs)
		. file("GNUSparseFile.0/$name", $data) if $version eq '0.1';
	my $text = ref $map ? join '', map { "$_\n" } $n, map { @$_ } @$pairs : $map;
	return tar_pax(@records, 'GNU.sparse.major' => 1, 'GNU.sparse.minor' => 0, 'GNU.sparse.name' => $name,
		'GNU.sparse.realsize' => $real) . file("GNUSparseFile.0/$name", blocks($text) . $data);
}

# ---- what becomes of them ----

my ($work, $pid, $to, $from);

# Where the tool works: in memory, when that keeps users' attributes (Linux 6.6).
sub _start {
	$work = eval { tempdir('tarboot-both-XXXXXX', DIR => '/dev/shm', CLEANUP => 1) };
	$work = scratch('both') unless $work && system("setfattr -n user.test -v 1 '$work' 2>/dev/null") == 0;
	mkdir $work;
	local $ENV{LC_ALL} = 'C';
	local $ENV{TZ}     = 'UTC';
	$pid = open2($from, $to, $ENV{UNTAR_BOTH} // build_path('tests/tools/untar_both'), $work);
	binmode $_ for $from, $to;
	return;
}

END {
	local $?;
	if ($pid) { close $to; waitpid $pid, 0 }
}

# What our reader and GNU tar make of an archive: { ours, why, verified, why_verified, gnu, messages, tree,
# gnu_tree }: errno values, GNU tar's exit code, texts. who: '@' for GNU tar alone, '=' for ours alone.
sub both {
	my ($bytes, $who) = @_;
	my %r;

	_start() unless $pid;
	my $path = spew("$work/tar", $bytes . '') if length $bytes;
	if (!length $bytes) { open my $f, '>', "$work/tar" or die "$work/tar: $!"; $path = "$work/tar" }
	print {$to} $who // '', "$path\n";
	$to->flush;
	my $line = <$from> // die "untar_both is gone\n";
	my @n = split ' ', $line;
	@r{qw(ours verified gnu)} = splice @n, 0, 3;
	for (qw(why why_verified messages tree gnu_tree)) {
		my $size = shift @n;
		$r{$_} = '';
		read($from, $r{$_}, $size) == $size or die "untar_both is gone\n" if $size;
	}
	$r{$_} = tidy($r{$_}) for qw(tree gnu_tree);
	return \%r;
}

# The times of directories that no member is about are those of the extraction.
sub tidy {
	my ($tree) = @_;
	return join '', map { / d \d+ \d+ \d+ (\d+)\./ && $1 >= $^T ? s/^(\S+ d \d+ \d+ \d+) \S+/$1 now/r : $_ }
		split /^/, $tree;
}

# The tree that GNU tar makes of members that mean only one thing: what a case is compared with.
my %trees;

sub tree_of {
	my (@members) = @_;
	my $bytes = join '', @members;
	return $trees{$bytes} //= do {
		my $r = both($bytes . tar_end(), '@');
		die "GNU tar: $r->{messages}" if $r->{gnu} != 0;
		$r->{gnu_tree};
	};
}

1;
