#!/usr/bin/perl
# The disk of a virtual machine: partitions, ext4, /boot apart, read by libguestfs in an appliance that boots
# Debian's kernel. And what is said where there is no libguestfs, or no system on the disk.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine", "$FindBin::RealBin/../boot";
use Engine;
use Modules;
use Test::More;

plan skip_all => 'not root: makes mounts of its own' if $> != 0;

# libguestfs looks for /lib/modules, which a machine without a kernel has not: a mount of our own over /usr/lib.
if (!$ENV{TARBOOT_DISK_MOUNTS}) {
	$ENV{TARBOOT_DISK_MOUNTS} = 1;
	exec 'unshare', '-m', '--propagation', 'private', $^X, $0, @ARGV or die "unshare: $!\n";
}
my $upper = scratch('upper');
run('mkdir', '-p', $upper);
run('mount', '-t', 'tmpfs', 'upper', $upper);
run('mkdir', "$upper/up", "$upper/work");
run('mount', '-t', 'overlay', '-o', "lowerdir=/usr/lib,upperdir=$upper/up,workdir=$upper/work", 'overlay', '/usr/lib');
run('mkdir', '-p', '/usr/lib/modules');

need_programs(qw(guestfish mkfs.ext4 sfdisk qemu-img setcap busybox));
END {
	local $?;
	system 'umount', '-l', '/usr/lib', $upper if $upper;
}

my $TARBOOT = build_path('tarboot');
my $kernel  = kernel_of('bookworm');
my ($modules) = glob "$kernel/lib/modules/*";
my $image   = scratch('image');

# libguestfs asks for -cpu max, with which QEMU's TCG has aborted here.
my $qemu = spew(scratch('qemu'), <<'END', 0755);
#!/bin/sh
for a do shift; [ "$a" != max ] || a=qemu64; set -- "$@" "$a"; done
exec qemu-system-x86_64 "$@"
END
%ENV = (%ENV, LIBGUESTFS_BACKEND => 'direct', LIBGUESTFS_BACKEND_SETTINGS => 'force_tcg', LIBGUESTFS_HV => $qemu,
	LIBGUESTFS_CACHEDIR => scratch(), SUPERMIN_KERNEL => "$kernel/vmlinuz", SUPERMIN_MODULES => $modules,
	SUPERMIN_KERNEL_VERSION => $modules =~ s{.*/}{}r, TMPDIR => scratch());

sub disk {
	my $root = tiny_root('root', sub {
		my ($dir) = @_;
		run('mkdir', '-p', "$dir/etc", "$dir/boot", "$dir/usr/bin");
		spew("$dir/etc/os-release", "ID=debian\nVERSION_ID=12\n");
		spew("$dir/etc/debian_version", "12.0\n");
		spew("$dir/etc/fstab", "UUID=11111111-1111-1111-1111-111111111111 / ext4 defaults 0 1\n"
			. "UUID=22222222-2222-2222-2222-222222222222 /boot ext4 defaults 0 2\n");
		spew("$dir/usr/bin/tool", "tool\n", 0755);
		run('setcap', 'cap_net_raw+ep', "$dir/usr/bin/tool");
		run('chown', '1000:1001', "$dir/etc/debian_version");
	});
	my $disk = scratch('disk.raw');
	run('mkdir', scratch('boot'));
	run('cp', "$kernel/vmlinuz", scratch('boot') . '/vmlinuz-6.1.0-1-amd64');
	run('truncate', '-s', '120M', $disk);
	run("printf 'label: gpt\\nsize=48M,type=linux\\nsize=64M,type=linux\\n' | sfdisk -q '$disk'");
	run('mkfs.ext4', '-q', '-U', '2' x 8 . '-2222-2222-2222-' . '2' x 12, '-d', scratch('boot'), '-E', 'offset=1048576', $disk, '46M');
	run('mkfs.ext4', '-q', '-U', '1' x 8 . '-1111-1111-1111-' . '1' x 12, '-d', $root, '-E', 'offset=51380224', $disk, '62M');
	run('qemu-img', 'convert', '-O', 'qcow2', $disk, scratch('disk.qcow2'));
	return $disk;
}

my $disk = disk();
my $r = try($TARBOOT, 'pack', scratch('disk.qcow2'), '-o', $image, '--no-shell', '--level=fast');
is($r->{exit}, 0, 'a disk (qcow2) is packed') or diag($r->{err});
my $list = run('tar', '--numeric-owner', '-tvf', payload_of($image));
like($list, qr{ 1000/1001 .* etc/debian_version$}m, 'with owners');
unlike($list, qr{boot/vmlinuz}, 'the kernel does not stay in it');
is(slurp("$image.vmlinuz"), slurp("$kernel/vmlinuz"), 'but goes beside it, from the partition that is /boot');
my $dir = new_dir();
run('tar', '-C', $dir, '--xattrs', '--xattrs-include=*', '-xf', payload_of($image));
like(run('getcap', "$dir/usr/bin/tool"), qr/cap_net_raw[+=]ep/, 'with capabilities');
is(() = slurp("$dir/etc/fstab") =~ /^# no disk/mg, 2, 'its fstab needs no disk any more');

for my $format (qw(vmdk vdi)) {
	my $other = scratch("disk.$format");
	run('qemu-img', 'convert', '-O', $format, $disk, $other);
	$r = try($TARBOOT, 'pack', $other, '-o', "$image.$format", '--no-shell', '--level=fast');
	is($r->{exit}, 0, "a disk ($format) is packed") or diag($r->{err});
	ok(slurp("$image.$format") eq slurp($image), 'to the same image');
	unlink $other, "$image.$format";
}

# ---- what goes wrong ----

fails_well(try('env', 'PATH=/nonexistent', $TARBOOT, 'pack', $disk, '-o', "$image.no"), 1,
	qr/disk\.raw: .*\(raw\).*guestfish.*\n.*Install/, 'without libguestfs');
my $empty = scratch('empty.raw');
run('truncate', '-s', '8M', $empty);
run('mkfs.ext4', '-q', $empty);
fails_well(try($TARBOOT, 'pack', $empty, '-o', "$image.no"), 1, qr/empty\.raw: the program that reads it failed/, 'a disk without a system');
ok(!-e "$image.no", 'and nothing is written');
done_testing();
