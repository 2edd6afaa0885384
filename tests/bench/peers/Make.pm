# What the peers boot is made here, once, and kept in build/peers: the files that all boot, in each form that somebody wants; and
# Debian systems with a peer's packages, in which its own programs make its initramfs. All of that takes the mirror and minutes.
#
# The files are those of tarboot's payload (the root without what `tarboot pack` removes), so that all have the same.
package Make;

use strict;
use warnings;

use Bench;
use Exporter qw(import);
use Fcntl qw(LOCK_EX);
use File::Basename qw(basename dirname);
use File::Path qw(make_path);
use Payloads;

our @EXPORT = qw(kernel image squashfs cpio_gz tar_xz tar_zst script_image initrd tools usr_sum clean $SUM_OF_USR);

# A path in build/peers that the function makes; again when one of the sources is newer. Two runs do not make it at once.
sub kept {
	my ($name, $make, @sources) = @_;
	my $path = build_path('peers', $name);
	my $new  = sub { -e $path && !grep { -M $_ < -M $path } @sources };
	return $path if $new->();

	make_path(dirname($path));
	open my $lock, '>', "$path.lock" or die "$path.lock: $!";
	flock $lock, LOCK_EX;
	return $path if $new->();
	print STDERR "making peers/$name\n";
	run('rm', '-rf', '--one-file-system', "$path.new");
	$make->("$path.new");
	run('rm', '-rf', '--one-file-system', $path) if -d $path;
	rename "$path.new", $path or die "$path: $!";
	return $path;
}

sub of_root { return basename(root_tar(), '.tar') . "/$_[0]" }

# ---- the kernel of the root, which all boot ----

my $release;

sub kernel_release {
	($release) = run('tar', '-tf', root_tar(), '--wildcards', './boot/vmlinuz-*') =~ m{/vmlinuz-(\S+)} unless $release;
	return $release // die root_tar() . ": no kernel\n";
}

sub kernel {
	my $name = './boot/vmlinuz-' . kernel_release();
	return kept(of_root('vmlinuz'), sub { run("tar -xOf '" . root_tar() . "' '$name' >'$_[0]'") }, root_tar());
}

# ---- the root ----

# tarboot's image, as in the README; image.img.vmlinuz and payload are beside it. In a process of its own: see Payloads.pm.
sub image {
	my ($compression) = @_;
	my @quick = $ENV{BENCH_FAST} ? '--level=fast' : ();
	return kept(of_root("tarboot-$compression"), sub {
		my ($dir) = @_;
		make_path($dir);
		tarboot('pack', root_tar(), '-o', "$dir/image.img", '--stream', '--compress', $compression, @quick);
		run($^X, '-I', repo_path('tests/boot'), '-MImage', '-e',
			'my ($p) = grep { $_->{name} =~ /^rootfs\.tar/ } newc_read("$ARGV[0]/image.img"); spew("$ARGV[0]/payload", $p->{data})', $dir);
	}, root_tar(), build_path('tarboot'), build_path('init')) . '/image.img';
}

sub payload_file { return dirname(image($_[0])) . '/payload' }

# The files, unpacked, for as long as something is made of them.
my $tree;

sub tree {
	return $tree if $tree;
	$tree = scratch('tree');
	mkdir $tree or die "$tree: $!";
	run('tar', '--xattrs', '--xattrs-include=*', '-xp', '--numeric-owner', '-C', $tree, '-f', payload_file('xz'));
	return $tree;
}

sub clean {
	run('rm', '-rf', scratch(''));
	undef $tree;
	return;
}

# One sum of all files in /usr, but for places where peers put something of their own.
our $SUM_OF_USR = 'find . \( -path ./lib/live -o -path ./share/ltsp -o -path ./lib/systemd/system \) -prune -o -type f -exec md5sum {} + '
	. '2>&1 | LC_ALL=C sort | md5sum';

sub usr_sum {
	my $file = kept(of_root('usr.md5'), sub { spew($_[0], run('sh', '-c', 'cd "$0/usr" && ' . $SUM_OF_USR, tree())) }, payload_file('xz'));
	return slurp($file) =~ /^(\w+)/ ? $1 : die "$file: no sum\n";
}

# more: options of mksquashfs beside the compression's name. live-build gives none for xz, lorax -Xbcj x86.
sub squashfs {
	my ($compression, @more) = @_;
	return kept(of_root(join('-', 'root', $compression, map { /(\w+)$/ } @more) . '.squashfs'), sub {
		run('mksquashfs', tree(), $_[0], '-comp', $compression, @more, qw(-noappend -no-progress));
	}, payload_file('xz'));
}

sub cpio_gz {
	return kept(of_root('root.cpio.gz'), sub {
		run('sh', '-c', 'cd "$0" && find . | cpio --quiet -o -H newc | gzip >"$1"', tree(), $_[0]);
	}, payload_file('xz'));
}

# The usual tar.zst, in one frame; the usual tar.xz is tarboot's payload.
sub tar_zst {
	return kept(of_root('image.tar.zst'), sub {
		run('sh', '-c', 'xz -dc <"$0" | zstd -q -T0 -19 -c >"$1"', payload_file('xz'), $_[0]);
	}, payload_file('xz'));
}

sub tar_xz { return payload_file('xz') }

sub script_image {
	return kept(of_root('script.img'), sub {
		my $named = scratch('rootfs.tar.xz');
		run('cp', payload_file('xz'), $named);
		run(repo_path('scripts/make-baseline'), $named, $_[0]);
	}, payload_file('xz'), repo_path('scripts/make-baseline'));
}

# ---- where a peer's programs run ----

# A Debian with more packages than the demo root's, as the demo root is made, and with the kernel that is booted.
sub tools {
	my ($name, %made) = @_;
	return kept("tools-$name-" . kernel_release(), sub {
		my ($dir) = @_;
		local %ENV = (%ENV, map { uc $_ => $made{$_} } keys %made);
		run(repo_path('scripts/make-demo-root'), "$dir.tar");
		make_path($dir);
		run('tar', '--xattrs', '--xattrs-include=*', '-xp', '--numeric-owner', '-C', $dir, '-f', "$dir.tar");
		unlink "$dir.tar";
		run('rm', '-rf', glob("$dir/boot/* $dir/usr/lib/modules/*"));
		run('tar', '-x', '-C', $dir, '-f', root_tar(), '--wildcards', './boot/*', './usr/lib/modules/*');
	});
}

# Runs a command for the shell in it. The mounts are the command's own.
sub in_tools {
	my ($dir, $command) = @_;
	return run('unshare', '-m', 'sh', '-ec',
		'mount -t proc proc "$0/proc"; mount -t sysfs sysfs "$0/sys"; mount --bind /dev "$0/dev"; exec chroot "$0" sh -ec "$1"', $dir, $command);
}

# The initramfs that a command makes as /boot/initrd.img in a peer's system; sources: what else makes it another one. $release in
# the command is the kernel's.
sub initrd {
	my ($name, $dir, $command, @sources) = @_;
	return kept("initrd-$name-" . kernel_release() . '.img', sub {
		in_tools($dir, 'release=' . kernel_release() . "; $command");
		run('mv', "$dir/boot/initrd.img", $_[0]);
	}, @sources);
}

1;
