# What the benchmarks unpack: one root in every form, made once and kept in build/bench because
# compressing takes minutes; what comes out of it, as text; and the memory that a payload may take.
# The root is the benchmark's, or the tar that BENCH_TAR names.
package Payloads;

use strict;
use warnings;

use Bench;
use Exporter qw(import);
use File::Basename qw(basename);
use File::Path qw(make_path);
use POSIX ();

our @EXPORT = qw(root_tar payload payload_label shape_of describe memory_bound reference_tree
	tree_differs boot_images);

my $CPUS = cpus();

sub root_tar {
	my $tar = $ENV{BENCH_TAR} || build_path('bench-root.tar');
	die "$tar: not found: run make bench, or name a tar in BENCH_TAR\n" unless -e $tar;
	return $tar;
}

# ---- files ----

# How each payload is made: its name, the file's ending, the function that writes it.
my %FORM = (
	pack     => ['tarboot pack',         'tar.xz', _pack_by('xz')],
	zstd     => ['tarboot pack --compress zstd', 'tar.zst', _pack_by('zstd')],
	zstd1    => ['zstd -T0',             'tar.zst', _by('zstd -q -T0 -c <%s >%s')],
	sqzstd   => ['mksquashfs -comp zstd -Xcompression-level 19', 'sqfs', _squash_by(qw(-comp zstd -Xcompression-level 19))],
	erofs    => ['mkfs.erofs -zlz4hc,12', 'erofs', \&_make_erofs],
	xz       => ["xz -T$CPUS -6",        'tar.xz', _by("xz -T$CPUS -6 -c <%s >%s")],
	xz9      => ['xz -T0 -9',            'tar.xz', _by('xz -T0 -9 -c <%s >%s')],
	solid    => ['xz -T1 -6', 'tar.xz', _by('xz -T1 -6 -c <%s >%s')],
	nosizes  => ['xz -T1 --block-size=8MiB', 'tar.xz', _by('xz -T1 --block-size=8MiB -c <%s >%s')],
	pixz     => ['pixz',                 'tar.xz', _by('pixz -t <%s >%s')],
	squashfs => ['mksquashfs -comp xz',  'sqfs',   _squash_by(qw(-comp xz))],
	big      => ['one file of 4 GiB',    'tar.xz', \&_make_big],
	(map { ("blocks$_" => ["Blocks of $_ MiB", 'tar.xz', _by("xz -T$CPUS -6 --block-size=${_}MiB -c <%s >%s")]) }
			qw(4 8 16 24 32 64)),
	empty    => ['1,000,000 empty files', 'tar.xz', \&_make_empty]);

sub payload_label { return $FORM{ $_[0] }[0] }

sub _by {
	my ($format) = @_;
	return sub { my ($tar, $out) = @_; run(sprintf $format, "'$tar'", "'$out'") };
}

sub _pack_by {
	my ($compression) = @_;
	return sub { _make_pack($compression, @_) };
}

# In a process of its own: the image is held in memory, and a large process forks slowly.
sub _make_pack {
	my ($compression, $tar, $out) = @_;
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		tarboot('pack', '--force', '--no-scrub', '--kernel', 'none', '--compress', $compression, $tar, '-o', "$out.img");
		my ($payload) = grep { $_->{name} =~ /^rootfs\.tar\.\w+$/ } newc_read("$out.img");
		spew($out, $payload->{data});
		unlink "$out.img";
		POSIX::_exit(0);
	}
	waitpid $pid, 0;
	die "tarboot pack: status $?\n" if $?;
	return;
}

sub _squash_by {
	my @options = @_;
	return sub {
		my ($tar, $out) = @_;
		_of_tree($tar, sub { run('mksquashfs', $_[0], $out, @options, '-noappend', '-no-progress') });
	};
}

# What Debian 12's erofs-utils has: no zstd, which came with 1.8.
sub _make_erofs {
	my ($tar, $out) = @_;
	_of_tree($tar, sub { run('mkfs.erofs', '-zlz4hc,12', $out, $_[0]) });
	return;
}

sub _of_tree {
	my ($tar, $make) = @_;
	my $tree = work('tree');

	_unpack_by_tar($tar, $tree);
	$make->($tree);
	run('rm', '-rf', $tree);
	return;
}

# Text that repeats itself: 293 Blocks that are decoded fast and need no disk.
sub _make_big {
	my ($tar, $out) = @_;
	my $size = 4 << 30;
	my $text = join '', map { sprintf "line %08x of the file\n", $_ * 40503 } 1 .. 1 << 14;

	_pipe_to("xz -T0 --lzma2=preset=1,dict=8MiB --block-size=14MiB >'$out'", sub {
		print tar_member(name => 'big', size => $size);
		for (my $at = 0; $at < $size; $at += length $text) {
			print substr($text, 0, $size - $at);
		}
		print tar_end();
	});
	return;
}

sub _make_empty {
	my ($tar, $out) = @_;

	_pipe_to("xz -T0 -6 >'$out'", sub {
		for my $directory (0 .. 999) {
			my $name = sprintf 'directory-%03d', $directory;
			print tar_member(name => "$name/", type => 5, mode => 0755);
			print map { tar_member(name => "$name/file-$_") } 0 .. 999;
		}
		print tar_end();
	});
	return;
}

sub _pipe_to {
	my ($command, $write) = @_;
	open my $pipe, '|-', $command or die "$command: $!";
	my $old = select $pipe;
	$write->();
	select $old;
	close $pipe or die "$command: status $?\n";
	return;
}

# The file of a form, copied to work(); it is made when it is missing or older than what it comes from.
sub payload {
	my ($form)        = @_;
	my (undef, $ending, $make) = @{ $FORM{$form} };
	my $of_root = $form !~ /^(big|empty)$/;
	my $name    = ($of_root ? basename(root_tar(), '.tar') . '-' : '') . "$form.$ending";
	my $kept    = build_path('bench', $name);
	my @sources = (($of_root ? root_tar() : ()), ($form =~ /^(pack|zstd)$/ ? build_path('tarboot') : ()));

	if (!-e $kept || grep { -M $_ < -M $kept } @sources) {
		print STDERR "making $name\n";
		make_path(build_path('bench'));
		$make->(root_tar(), "$kept.new");
		rename "$kept.new", $kept or die "$kept: $!";
	}
	run('cp', $kept, work($name));
	return work($name);
}

# ---- what a payload asks of the one who unpacks it ----

my %SHAPE;

# Its Blocks, its bytes, its largest Block and dictionary in bytes.
sub shape_of {
	my ($file) = @_;
	my %unit = ('' => 1, KiB => 1 << 10, MiB => 1 << 20, GiB => 1 << 30);

	return $SHAPE{$file} //= do {
		my %shape = (blocks => 0, bytes => -s $file, block => 0, dictionary => 0);
		for (split /\n/, run('xz', '--robot', '-lvv', $file)) {
			my @field = split /\t/;
			next if $field[0] ne 'block';
			my ($n, $unit) = $field[-1] =~ /dict=(\d+)(\w*)/;
			$shape{blocks}++;
			$shape{block}      = $field[7] if $field[7] > $shape{block};
			$shape{dictionary} = $n * $unit{$unit} if $n * $unit{$unit} > $shape{dictionary};
		}
		\%shape;
	};
}

# "12 Blocks of at most 24.0 MiB, 52.9 MiB of file"
sub describe {
	my ($file) = @_;
	my $shape = shape_of($file);
	return sprintf '%d %s %.1f MiB, %.1f MiB of file', $shape->{blocks},
		$shape->{blocks} == 1 ? 'Block of' : 'Blocks of at most', mib($shape->{block}),
		mib($shape->{bytes});
}

# The most memory in bytes that the engine is promised to take for a file: a dictionary for each
# decoder, room for its Block and for a third of them more, and 8 MiB for all the rest.
sub memory_bound {
	my ($file, $threads) = @_;
	my $shape    = shape_of($file);
	my $decoders = $threads < $shape->{blocks} ? $threads : $shape->{blocks};
	my $ahead    = $decoders > 1 ? $decoders + int($decoders / 3) : 0;

	return (8 << 20) + $decoders * $shape->{dictionary} + $ahead * $shape->{block};
}

# ---- what comes out ----

sub _unpack_by_tar {
	my ($tar, $tree) = @_;
	mkdir $tree or die "$tree: $!";
	# without --acls, which throws away ACLs that are kept as plain xattrs
	run(qw(tar --xattrs --xattrs-include=* -xp --numeric-owner), '-C', $tree, '-f', $tar);
	return;
}

# What a program is known to lose or to make otherwise; the rest of the tree must be right.
my %LOSS = (
	xattrs => sub { s/ (?:security|system|trusted|user)\.\S+=[0-9a-f]*//g },    # ACLs, too
	acls   => sub { s/ system\.posix_acl_\w+=[0-9a-f]*//g },
	modes  => sub { s/^(\S+ f) \d+/$1/ },
	links  => sub { s/ nlink=\d+//; s/ inode=\S+// },
	ns     => sub { s/^(\S+ \S \d+ \d+ \d+ -?\d+)\.\d{9}/$1/ },
	times  => sub { s/^(\S+ [dl] \d+ \d+ \d+) -?\d+\S*/$1/ },    # of directories and links
	zeros  => sub { s/ sparse\b// });                              # become holes

sub _lines_without {
	my ($listing, @losses) = @_;
	my @lines = split /\n/, $listing;

	for my $loss (@losses) {
		$LOSS{$loss}->() for @lines;
	}
	return @lines;
}

# The tree of the root, by GNU tar with all that it can keep.
sub reference_tree {
	my $tree = work('reference');
	_unpack_by_tar(root_tar(), $tree);
	my $listing = treelist($tree);
	run('rm', '-rf', $tree);
	return $listing;
}

# Says what is wrong with the tree, apart from the losses; '' when nothing is.
sub tree_differs {
	my ($reference, $tree, @losses) = @_;
	my %want = map { $_ => 1 } _lines_without($reference, @losses);
	my @more = grep { !delete $want{$_} } _lines_without(treelist($tree), @losses);
	my @diff = ((map { "- $_" } sort keys %want), map { "+ $_" } @more);

	return '' unless @diff;
	return sprintf "%d lines differ (- wanted, + there):\n%s\n", scalar @diff,
		join "\n", map { substr $_, 0, 300 } @diff[0 .. ($#diff < 9 ? $#diff : 9)];
}

# ---- what is booted ----

# A root, by default the demo root, packed for tarboot and for the busybox script, with the same payload and kernel: paths of the
# kernel and of the two images.
sub boot_images {
	my ($tar, $name, @options) = @_;
	my $image = scratch(($name //= 'demo') . '.img');
	tarboot('pack', $tar // demo_root(), '-o', $image, @options);
	my ($payload) = grep { $_->{name} eq 'rootfs.tar.xz' } newc_read($image);
	spew(scratch('rootfs.tar.xz'), $payload->{data});
	my $baseline = scratch("$name-baseline.img");
	run(repo_path('scripts/make-baseline'), scratch('rootfs.tar.xz'), $baseline);
	unlink scratch('rootfs.tar.xz');
	return ("$image.vmlinuz", $image, $baseline);
}

1;
