# What the peers boot is made here, once, and kept in build/peers: the files that all boot, in each form that somebody wants; and
# Debian systems with a peer's packages, in which its own programs make its initramfs. All of that takes the mirror and minutes.
#
# The files are those of tarboot's payload (the root without what `tarboot pack` removes), so that all have the same.
package Make;

use strict;
use warnings;

use Bench;
use Digest::MD5 qw(md5_hex);
use Exporter qw(import);
use Fcntl qw(LOCK_EX);
use File::Basename qw(basename dirname);
use File::Path qw(make_path);
use Payloads;

our @EXPORT = qw(kernel image squashfs cpio_gz tar_xz tar_zst script_image size_of_files initrd tools usr_sum clean $SUM_OF_USR);

# A path in build/peers that the function makes, and again when one of the sources is newer, or the recipe (a text: commands, packages)
# is not the one that stands in PATH.recipe. Two runs do not make it at once.
sub cached {
	my ($name, $make, %o) = @_;
	my ($path, $recipe) = (build_path('peers', $name), $o{recipe} // '');
	my $new = sub { -e $path && recipe_of($path) eq $recipe && !grep { -M $_ < -M $path } @{ $o{sources} // [] } };
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
	spew("$path.recipe", $recipe) if $recipe ne recipe_of($path);
	return $path;
}

sub recipe_of { return -e "$_[0].recipe" ? slurp("$_[0].recipe") : '' }

# A script of this repository as an ingredient.
sub script_digest { return "$_[0] " . md5_hex(slurp(repo_path($_[0]))) . "\n" }

sub of_root { return basename(root_tar(), '.tar') . "/$_[0]" }

# ---- the kernel of the root, which all boot ----

my $release;

sub kernel_release {
	($release) = run('tar', '-tf', root_tar(), '--wildcards', './boot/vmlinuz-*') =~ m{/vmlinuz-(\S+)} unless $release;
	return $release // die root_tar() . ": no kernel\n";
}

sub kernel {
	my $name = './boot/vmlinuz-' . kernel_release();
	return cached(of_root('vmlinuz'), sub { run("tar -xOf '" . root_tar() . "' '$name' >'$_[0]'") }, sources => [root_tar()]);
}

# ---- the root ----

# tarboot's image, as in the README; image.img.vmlinuz and payload are beside it. In a process of its own: see Payloads.pm.
sub image {
	my ($compression) = @_;
	my @quick = $ENV{BENCH_FAST} ? '--level=fast' : ();
	return cached(of_root("tarboot-$compression"), sub {
		my ($dir) = @_;
		make_path($dir);
		tarboot('pack', root_tar(), '-o', "$dir/image.img", '--stream', '--compress', $compression, @quick);
		run($^X, '-I', repo_path('tests/boot'), '-MImage', '-e',
			'my ($p) = grep { $_->{name} =~ /^rootfs\.tar/ } newc_read("$ARGV[0]/image.img"); spew("$ARGV[0]/payload", $p->{data})', $dir);
	}, sources => [ root_tar(), build_path('tarboot'), build_path('init') ], recipe => "@quick") . '/image.img';
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

# What a command for the shell makes of the payload's files: $0 is the directory with them, or from, when that is given; $1 the result.
sub of_files {
	my ($name, $command, $from) = @_;
	return cached(of_root($name), sub { run('sh', '-ec', $command, $from // tree(), $_[0]) },
		sources => [payload_file('xz')], recipe => $command);
}

# Where peers change the root: live-boot and LTSP add files of their own, and services; LTSP removes a generator and changes two files.
my @NOT_SUMMED = qw(lib/live share/ltsp lib/systemd/system lib/systemd/system-generators/systemd-gpt-auto-generator
	lib/tmpfiles.d/systemd.conf share/polkit-1/actions/org.freedesktop.login1.policy);

# One sum of what is in the other files of /usr; names, owners and attributes are not in it.
our $SUM_OF_USR = 'find . \( ' . join(' -o ', map { "-path ./$_" } @NOT_SUMMED)
	. ' \) -prune -o -type f -exec md5sum {} + 2>&1 | LC_ALL=C sort | md5sum';

sub usr_sum {
	my $file = of_files('usr.md5', "{ cd \"\$0/usr\"; $SUM_OF_USR; } >\"\$1\"");
	return slurp($file) =~ /^(\w+)/ ? $1 : die "$file: no sum\n";
}

# more: options of mksquashfs beside the compression's name. live-build gives none for xz, lorax -Xbcj x86.
sub squashfs {
	my ($compression, @more) = @_;
	return of_files(join('-', 'root', $compression, map { /(\w+)$/ } @more) . '.squashfs',
		"mksquashfs \"\$0\" \"\$1\" -comp $compression @more -noappend -no-progress");
}

sub cpio_gz { return of_files('root.cpio.gz', 'cd "$0" && find . | cpio --quiet -o -H newc | gzip >"$1"') }

# The usual tar.zst, in one frame; the usual tar.xz is tarboot's payload.
sub tar_zst { return of_files('image.tar.zst', 'xz -dc <"$0" | zstd -q -T0 -19 -c >"$1"', payload_file('xz')) }
sub tar_xz  { return payload_file('xz') }

# Bytes of the files, as a tar.
sub size_of_files {
	return run('xz', '--robot', '--list', payload_file('xz')) =~ /^totals(?:\t\d+){3}\t(\d+)/m ? $1 : die "xz --list: no totals\n";
}

sub script_image {
	return cached(of_root('script.img'), sub {
		my $named = scratch('rootfs.tar.xz');
		run('cp', payload_file('xz'), $named);
		run(repo_path('scripts/make-baseline'), $named, $_[0]);
	}, sources => [payload_file('xz')], recipe => script_digest('scripts/make-baseline'));
}

# ---- where a peer's programs run ----

# A Debian with more packages than the demo root's, as the demo root is made, and with the kernel that is booted. made: what
# scripts/make-demo-root takes from the environment.
sub tools {
	my ($name, %made) = @_;
	return cached("tools-$name-" . kernel_release(), sub {
		my ($dir) = @_;
		local %ENV = (%ENV, map { uc $_ => $made{$_} } keys %made);
		run(repo_path('scripts/make-demo-root'), "$dir.tar");
		make_path($dir);
		run('tar', '--xattrs', '--xattrs-include=*', '-xp', '--numeric-owner', '-C', $dir, '-f', "$dir.tar");
		unlink "$dir.tar", "$dir.tar.log";
		run('rm', '-rf', glob("$dir/boot/* $dir/usr/lib/modules/*"));
		run('tar', '-x', '-C', $dir, '-f', root_tar(), '--wildcards', './boot/*', './usr/lib/modules/*');
	}, recipe => join '', script_digest('scripts/make-demo-root'), map { "$_=$made{$_}\n" } sort keys %made);
}

# Runs a command for the shell in it. The mounts are the command's own.
sub in_tools {
	my ($dir, $command) = @_;
	return run('unshare', '-m', 'sh', '-ec',
		'mount -t proc proc "$0/proc"; mount -t sysfs sysfs "$0/sys"; mount --bind /dev "$0/dev"; exec chroot "$0" sh -ec "$1"', $dir, $command);
}

# The initramfs that a command makes as /boot/initrd.img in a peer's system, in which files (path => text) are put before,
# executable. $release in the command is the kernel's.
sub initrd {
	my ($name, $dir, $command, %files) = @_;
	return cached("initrd-$name-" . kernel_release() . '.img', sub {
		for my $path (keys %files) {
			make_path(dirname("$dir/$path"));
			spew("$dir/$path", $files{$path}, 0755);
		}
		in_tools($dir, 'release=' . kernel_release() . "; $command");
		run('mv', "$dir/boot/initrd.img", $_[0]);
	}, recipe => join '', recipe_of($dir), "$command\n", map { "$_:\n$files{$_}" } sort keys %files);
}

1;
