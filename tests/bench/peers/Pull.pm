# systemd's own: rd.systemd.pull= of Debian's newest systemd, in an initramfs by dracut of the same Debian, whose module systemd-import
# configures the network. systemd-import-generator(8), its example 5, but with verify=checksum (the default, a signature, needs gpg in
# the initramfs), for which SHA256SUMS is beside the archive. /run, where the root goes, has a fifth of the RAM.
package Pull;

use strict;
use warnings;

use Line;
use Make;
use Net;

my $PACKAGES = 'dracut-core,dracut-network,systemd-container,libcurl4t64,libarchive13t64,liblzma5,libzstd1,libssl3t64,cpio,zstd';

sub peers { return (_peer('pull', 'xz', 'image.tar.xz', \&tar_xz), _peer('pull-zstd', 'zstd', 'image.tar.zst', \&tar_zst)) }

sub _initrd {
	return initrd('pull', tools('sid', suite => 'sid', with => $PACKAGES),
		'dracut --force --no-hostonly --kver $release --add systemd-import /boot/initrd.img');
}

sub _peer {
	my ($name, $compression, $file, $archive) = @_;
	return {
		name    => $name,
		label   => "rd.systemd.pull, $compression",
		make    => sub { kernel(); _initrd(); $archive->() },
		publish => sub {
			my ($peer) = @_;
			my $url = publish_file($peer, $file, $archive->());
			my ($sum) = run('sha256sum', $archive->()) =~ /^(\w+)/;
			spew("$peer->{dir}/SHA256SUMS", "$sum *$file\n");
			boot_script($peer, kernel => kernel(), initrds => [_initrd()],
				append => "rd.systemd.pull=tar,machine,verify=checksum:root:$url root=bind:/run/machines/root");
			$peer->{payload} = "$peer->{dir}/$file";
		},
	};
}

1;
