# live-boot, Debian's package, with initramfs-tools' defaults. live-boot(7): fetch=URL downloads a squashfs into RAM, the URL with an
# address; toram copies what was downloaded once more. The squashfs as live-build makes it (xz), and with zstd.
#
# Left out: verify-checksums. The sums are read from a file on the medium; with fetch= of a squashfs that is the squashfs alone, and the
# boot ends ("Verification failed"). Where there are sums and they are right, this version reboots.
package LiveBoot;

use strict;
use warnings;

use Make;
use Squash;

sub peers {
	return (
		_peer('live-boot', 'live-boot, xz', 'xz', ''), _peer('live-boot-toram', 'live-boot, toram, xz', 'xz', ' toram'),
		_peer('live-boot-zstd', 'live-boot, zstd', 'zstd', ''));
}

sub _initrd {
	return initrd('live-boot', tools('live-boot', with => 'live-boot,initramfs-tools,busybox,zstd'),
		'update-initramfs -c -k $release && mv /boot/initrd.img-$release /boot/initrd.img');
}

sub _peer {
	my ($name, $label, $compression, $more) = @_;
	return squashfs_peer($name, $label, $compression, file => 'root.squashfs', initrd => \&_initrd,
		append => sub { "boot=live$more fetch=$_[0]" },
		note   => $more ? 'with too little memory for the copy it goes on without one: the least RAM may be that without toram' : undef);
}

1;
