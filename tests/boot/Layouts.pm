# A root of Debian made over to what others lay out otherwise: where kernel, programs and libraries lie, which directories are links,
# how modules are compressed, what the init is. The files stay Debian's.
package Layouts;

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(basename dirname);
use File::Path qw(make_path);
use Image;

our @EXPORT = qw(only_usr busybox_init as_fedora as_arch as_alpine as_opensuse as_gentoo);

my $LIBRARIES = 'x86_64-linux-gnu';

sub _release { return basename(glob "$_[0]/usr/lib/modules/*") }

sub _move_kernel {
	my ($root, $to) = @_;
	run("mv '$root'/boot/vmlinuz-* '$root/.kernel' && rm -rf '$root'/boot/*");
	make_path(dirname("$root/$to"));
	rename "$root/.kernel", "$root/$to" or die "$root/$to: $!";
	return;
}

sub _recompress_modules {
	my ($root, $end, $command) = @_;
	my $release = _release($root);
	run("find '$root/usr/lib/modules/$release' -name '*.ko.xz' | while read -r m; do xz -dc \"\$m\" | $command >\"\${m%.xz}$end\" && rm \"\$m\" || exit 1; done");
	run('depmod', '-b', -l "$root/lib" ? $root : "$root/usr", $release);
	return;
}

# Programs of usr/sbin belong to usr/bin, which it is a link to.
sub _merge_sbin {
	my ($root) = @_;
	run("cp -an '$root/usr/sbin/.' '$root/usr/bin/' && rm -r '$root/usr/sbin' && ln -s bin '$root/usr/sbin'");
	return;
}

# Libraries in usr/lib64.
sub _use_lib64 {
	my ($root) = @_;
	run("rm -f '$root'/usr/lib64/ld-linux* && mv '$root/usr/lib/$LIBRARIES'/* '$root/usr/lib64/' && rmdir '$root/usr/lib/$LIBRARIES' && ln -s ../lib64 '$root/usr/lib/$LIBRARIES'");
	return;
}

# As mkosi's hermetic /usr: units and kernel are in /usr, the rest of /etc comes from its factory.
sub only_usr {
	my ($root) = @_;
	run("rm -f '$root/etc/systemd/system'/*.wants/* && cp -a '$root/etc/systemd/system/.' '$root/usr/lib/systemd/system/'");
	make_path("$root/usr/share/factory");
	run('mv', "$root/etc", "$root/usr/share/factory/etc");
	_move_kernel($root, 'usr/lib/modules/' . _release($root) . '/vmlinuz');
	spew("$root/usr/lib/tmpfiles.d/tarboot-test.conf", "C+ /etc - - - -\n");
	run('find', $root, qw(-mindepth 1 -maxdepth 1 ! -name usr -exec rm -rf {} +));
	return;
}

# This machine's busybox becomes the init of a root that has another.
sub busybox_init {
	my ($root) = @_;
	run("cp -L \"\$(command -v busybox)\" '$root/usr/bin/busybox' && ln -sf ../bin/busybox '$root/usr/sbin/init'");
	return;
}

sub as_fedora {
	my ($root) = @_;
	_merge_sbin($root);
	_use_lib64($root);
	_move_kernel($root, 'usr/lib/modules/' . _release($root) . '/vmlinuz');
	return;
}

# A copy of the kernel is in /boot.
sub as_arch {
	my ($root) = @_;
	my $modules = "$root/usr/lib/modules/" . _release($root);
	_merge_sbin($root);
	_move_kernel($root, 'boot/vmlinuz-linux');
	run('cp', '-p', "$root/boot/vmlinuz-linux", "$modules/vmlinuz");
	spew("$modules/pkgbase", "linux\n");
	_recompress_modules($root, '.zst', 'zstd -q');
	return;
}

# /bin, /sbin and /lib are directories of their own, here of the same files.
sub as_alpine {
	my ($root) = @_;
	busybox_init($root);
	for my $name (qw(bin sbin lib lib64)) {
		unlink "$root/$name" or die "$root/$name: $!";
		run('cp', '-al', "$root/usr/$name", "$root/$name");
	}
	run('rm', '-r', "$root/usr/lib/modules");
	run("mv '$root'/boot/vmlinuz-* '$root/boot/vmlinuz-lts'");
	return;
}

sub as_opensuse {
	my ($root) = @_;
	my $release = _release($root);
	_use_lib64($root);
	_move_kernel($root, "usr/lib/modules/$release/vmlinuz");
	symlink "../usr/lib/modules/$release/vmlinuz", "$root/boot/vmlinuz-$release" or die;
	symlink "vmlinuz-$release", "$root/boot/vmlinuz" or die;
	_recompress_modules($root, '.zst', 'zstd -q');
	return;
}

# As installkernel leaves it with gentoo-kernel-bin; the modules are not compressed.
sub as_gentoo {
	my ($root) = @_;
	my $release = _release($root);
	_move_kernel($root, "usr/src/linux-$release/arch/x86/boot/bzImage");
	symlink "../../../src/linux-$release/arch/x86/boot/bzImage", "$root/usr/lib/modules/$release/vmlinuz" or die;
	_recompress_modules($root, '', 'cat');
	return;
}

1;
