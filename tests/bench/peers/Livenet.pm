# dracut's livenet, Debian's dracut-live and dracut-network. dracut.cmdline(7): root=live:URL of a squashfs, ip=dhcp for the network,
# rd.live.overlay.overlayfs=1 for what is written; curl downloads into the initramfs, so into RAM, and rd.live.ram=1 makes another copy.
# The squashfs as lorax makes it (xz with -Xbcj x86), and with zstd.
# network-legacy, because dracut 059 would take systemd-networkd in a system without NetworkManager, and that does not start livenet.
package Livenet;

use strict;
use warnings;

use Make;
use Squash;

our $PACKAGES = 'dracut-core,dracut-network,dracut-live,curl,dmsetup,cpio,zstd,iputils-arping,isc-dhcp-client';

sub peers {
	return (
		_peer('dracut', 'dracut livenet, xz', 'xz', ''), _peer('dracut-ram', 'dracut livenet, rd.live.ram, xz', 'xz', ' rd.live.ram=1'),
		_peer('dracut-zstd', 'dracut livenet, zstd', 'zstd', ''));
}

sub _initrd {
	return initrd('livenet', tools('dracut', with => $PACKAGES),
		'dracut --force --no-hostonly --kver $release --add "network-legacy livenet" /boot/initrd.img');
}

sub _peer {
	my ($name, $label, $compression, $more) = @_;
	return squashfs_peer($name, $label, $compression, options => $compression eq 'xz' ? [qw(-Xbcj x86)] : [], file => 'squashfs.img',
		initrd => \&_initrd, append => sub { "root=live:$_[0] ip=dhcp rd.live.overlay.overlayfs=1$more" });
}

1;
