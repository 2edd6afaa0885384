# What the engine and packer tests share: running tarboot (also its sanitizer builds) with a time limit,
# trees as text, tar headers and xz files made to measure. Paths, scratch directory and images come from
# the boot tests' Image.
package Engine;

use strict;
use warnings;

use Exporter qw(import);
use FindBin;
use lib "$FindBin::RealBin/../boot";
use Image;
use Test::More;

our @EXPORT = (
	@Image::EXPORT, qw(try variants fails_well is_quiet treelist same_tree payload_of new_dir need
		have_program tar_member tar_pax tar_end cpio_of xz_of quoted));

my $LIMIT = 120;    # seconds that no command here should need on the slowest machine

# A sanitizer's finding must not look like a refusal, which exits with 1.
$ENV{ASAN_OPTIONS}  = 'exitcode=99:abort_on_error=0';
$ENV{UBSAN_OPTIONS} = 'print_stacktrace=1:exitcode=99';
$ENV{TSAN_OPTIONS}  = 'exitcode=99';
$ENV{LC_ALL}        = 'C';

# Runs a command (a list) and says how it went: { exit, signal, out, err, hung }. A signal's exit is that of
# a shell, 128 and more: 0 means only one thing. Options come first, in a hash: stdin (a file), limit
# (seconds), env (a hash).
sub try {
	my %o = ref $_[0] ? %{ +shift } : ();
	my (@command) = @_;
	my ($out, $err) = map { scratch("try-$$.$_") } qw(out err);
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		open STDIN,  '<', $o{stdin} // '/dev/null' or POSIX::_exit(126);
		open STDOUT, '>', $out                     or POSIX::_exit(126);
		open STDERR, '>', $err                     or POSIX::_exit(126);
		@ENV{ keys %{ $o{env} } } = values %{ $o{env} } if $o{env};
		exec 'timeout', '-s', 'KILL', $o{limit} // $LIMIT, @command or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	my $signal = $? & 127;
	my %r = (
		exit   => $signal ? 128 + $signal : $? >> 8,
		signal => $signal, out => slurp($out), err => slurp($err));
	$r{hung} = $r{exit} == 137;
	unlink $out, $err;
	return \%r;
}

# The builds of tarboot that are there, by name; the release build first.
sub variants {
	return grep { -x $_->[1] }
		(['musl', build_path('tarboot')], ['asan', build_path('asan/tarboot')],
		['tsan', build_path('tsan/tarboot')]);
}

# The way every failure must look: exit code, a line of tarboot's own, nothing of a crash.
sub fails_well {
	my ($r, $exit, $why, $name) = @_;
	my ($first) = grep { /^tarboot: (?!warning: )/ } split /\n/, $r->{err};

	$first //= '';
	return ok(
		!$r->{hung} && $r->{exit} == $exit && $r->{signal} == 0
			&& $first =~ /^tarboot: .+: .+/ && $r->{err} =~ $why, "$name: " . quoted($first))
		|| diag("exit $r->{exit}, signal $r->{signal}\nstdout: $r->{out}\nstderr: $r->{err}");
}

# It went well and complained of nothing.
sub is_quiet {
	my ($r, $name) = @_;
	return ok($r->{exit} == 0 && $r->{signal} == 0 && $r->{err} eq '', $name)
		|| diag("exit $r->{exit}, signal $r->{signal}\n", substr $r->{err}, 0, 4000);
}

# For test names: what prove should not see.
sub quoted {
	my ($text) = @_;
	$text =~ s/([^ -\x7e]|#)/sprintf '\x%02x', ord $1/ge;
	return $text;
}

# ---- trees ----

sub treelist { return run(build_path('tests/tools/treelist'), @_) }

# Compares two listings and shows the first lines that differ.
sub same_tree {
	my ($have, $want, $name) = @_;
	return pass($name) if $have eq $want;
	my %have = map { $_ => 1 } split /\n/, $have;
	my %want = map { $_ => 1 } split /\n/, $want;
	my @diff = ((map { "- $_" } grep { !$have{$_} } sort keys %want),
		(map { "+ $_" } grep { !$want{$_} } sort keys %have));

	fail($name);
	diag(scalar(@diff) . ' lines differ (- wanted, + there):');
	diag(substr $_, 0, 400) for @diff[0 .. ($#diff < 15 ? $#diff : 15)];
	return 0;
}

# A new empty directory in the scratch directory.
my $n_dirs = 0;

sub new_dir {
	my $dir = scratch('dir-' . ++$n_dirs);
	mkdir $dir or die "$dir: $!";
	return $dir;
}

# ---- what the machine has ----

sub have_program {
	my ($program) = @_;
	return grep { -x "$_/$program" } split /:/, "$ENV{PATH}:/usr/sbin:/sbin";
}

# Skips the rest of a block (SKIP:) unless all programs are there.
sub need {
	my ($n, @programs) = @_;
	my ($missing) = grep { !have_program($_) } @programs;
	skip "$missing not found", $n if $missing;
	return;
}

# ---- archives ----

# The payload of an image, cut out into a file of its own.
sub payload_of {
	my ($image) = @_;
	my ($member) = grep { $_->{name} =~ m{^/?rootfs\.tar\.xz$} } newc_read($image);
	return spew("$image.payload.tar.xz", $member->{data});
}

# One ustar header and its data. Fields: name, type (default 0), data, mode, uid, gid, mtime, link,
# size (when it shall lie), magic, prefix, major, minor.
sub tar_member {
	my (%m) = @_;
	my $data = $m{data} // '';
	my $head = pack 'a100 a8 a8 a8 a12 a12 A8 a1 a100 a8 a32 a32 a8 a8 a155 x12',
		$m{name} // '', _octal($m{mode} // 0644, 7), _octal($m{uid} // 0, 7),
		_octal($m{gid} // 0, 7), _octal($m{size} // length $data, 11),
		_octal($m{mtime} // 1700000000, 11), '', $m{type} // '0', $m{link} // '',
		$m{magic} // "ustar\00000", '', '', _octal($m{major} // 0, 7), _octal($m{minor} // 0, 7),
		$m{prefix} // '';
	my $sum = unpack '%32C*', $head;

	substr $head, 148, 8, sprintf "%06o\0 ", $sum;
	return $head . $data . "\0" x (-length($data) % 512);
}

sub _octal { my ($n, $digits) = @_; return $n =~ /^-?\d+$/ ? sprintf "%0${digits}o", $n : $n }

# A pax extended header with these records, to stand before a member. A value may be any bytes.
sub tar_pax {
	my (@records) = @_;
	my $data = '';

	while (my ($key, $value) = splice @records, 0, 2) {
		my $n = length($key) + length($value) + 3;
		my $length = $n + length($n + length $n);
		$data .= "$length $key=$value\n";
	}
	return tar_member(name => 'PaxHeaders/x', type => 'x', data => $data);
}

sub tar_end { return "\0" x 1024 }

# A cpio archive, newc, crc or odc, of members: hashes of name, mode (default: a file), data, uid, gid, mtime, nlink, ino,
# rmajor, rminor, size (when it shall lie), check.
sub cpio_of {
	my ($format, @members) = @_;
	my ($bytes, $ino) = ('', 0);

	for my $m (@members, { name => 'TRAILER!!!', mode => 0, ino => 0 }) {
		my $data = $m->{data} // '';
		my $size = $m->{size} // length $data;
		my @head = ($m->{ino} // ++$ino, $m->{mode} // 0100644, $m->{uid} // 0, $m->{gid} // 0, $m->{nlink} // 1);
		my @rdev = ($m->{rmajor} // 0, $m->{rminor} // 0);
		my $name = "$m->{name}\0";
		if ($format eq 'odc') {
			$bytes .= sprintf '070707' . '%06o' x 7 . '%011o%06o%011o', 1, @head, $rdev[0] << 8 | $rdev[1],
				$m->{mtime} // 0, length $name, $size;
			$bytes .= $name . $data;
			next;
		}
		$bytes .= sprintf '07070%d' . '%08X' x 13, $format eq 'crc' ? 2 : 1, @head, $m->{mtime} // 0, $size, 0, 1, @rdev,
			length $name, $format eq 'crc' ? $m->{check} // unpack '%32C*', $data : 0;
		for my $part ($name, $data) {
			$bytes .= $part;
			$bytes .= "\0" x (-length($bytes) % 4);
		}
	}
	return $bytes;
}

# Writes bytes as an xz file, one stream; options as for xz.
my $n_xz = 0;

sub xz_of {
	my ($bytes, @options) = @_;
	my $path = scratch('made-' . ++$n_xz . '.tar');

	spew($path, $bytes);
	@options = ('-T1', '-1') unless @options;
	run('xz', '-f', @options, $path);
	return "$path.xz";
}

1;
