# systemd's own: rd.systemd.pull= of Debian's newest systemd, in an initramfs by dracut of the same Debian, whose module systemd-import
# configures the network. systemd-import-generator(8), its example 5, but with verify=checksum (the default, a signature, needs gpg in
# the initramfs), for which SHA256SUMS is beside the archive. /run, where the root goes, has a fifth of the RAM.
package Pull;

use strict;
use warnings;

use File::Basename qw(basename);
use Line;
use Make;
use Net;

my $PACKAGES = 'dracut-core,dracut-network,systemd-container,libcurl4t64,libarchive13t64,liblzma5,libzstd1,libssl3t64,cpio,zstd';

sub peers { return map { _peer($_) } qw(xz zst) }

sub _initrd {
	return initrd('pull', tools('sid', suite => 'sid', with => $PACKAGES),
		'dracut --force --no-hostonly --kver $release --add systemd-import /boot/initrd.img');
}

sub _peer {
	my ($ending) = @_;
	my $compression = $ending eq 'xz' ? 'xz' : 'zstd';
	return {
		name    => $ending eq 'xz' ? 'pull' : 'pull-zstd',
		label   => "rd.systemd.pull, $compression",
		make    => sub { kernel(); _initrd(); plain_tar($ending) },
		publish => sub {
			my ($peer) = @_;
			my $url = offer($peer, "image.tar.$ending", plain_tar($ending));
			my ($sum) = run('sha256sum', plain_tar($ending)) =~ /^(\w+)/;
			spew("$peer->{dir}/SHA256SUMS", "$sum *image.tar.$ending\n");
			boot_script($peer, kernel => kernel(), initrds => [_initrd()],
				append => "rd.systemd.pull=tar,machine,verify=checksum:root:$url root=bind:/run/machines/root");
			$peer->{payload} = "$peer->{dir}/image.tar.$ending";
		},
	};
}

1;
