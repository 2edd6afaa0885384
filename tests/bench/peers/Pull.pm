# systemd's own: rd.systemd.pull= of Debian's newest systemd, in an initramfs by dracut of the same Debian, whose module systemd-import
# configures the network. systemd-import-generator(8), the examples that download the root, but with verify=checksum (the default, a
# signature, needs gpg in the initramfs; the examples have verify=no), for which SHA256SUMS is beside the file. As a tar, which is
# unpacked, and as a squashfs (raw), which is mounted, with an overlay by systemd.volatile= of kernel-command-line(7).
package Pull;

use strict;
use warnings;

use Line;
use Make;
use Net;

my $PACKAGES = 'dracut-core,dracut-network,systemd-container,libcurl4t64,libarchive13t64,liblzma5,libzstd1,libssl3t64,cpio,zstd';
my $TAR      = 'rd.systemd.pull=tar,machine,verify=checksum:root:%s root=bind:/run/machines/root';
my $RAW      = 'rd.systemd.pull=raw,machine,verify=checksum,blockdev:root:%s root=/dev/disk/by-loop-ref/root.raw systemd.volatile=overlay';

my $SHARE = 0.2;    # of the RAM, for /run, by systemd
my $NOTE  = 'is in /run, for which systemd allows 20 % of the RAM: the least RAM comes from that';

sub peers {
	return (_tar('pull', 'xz', 'image.tar.xz', \&tar_xz), _tar('pull-zstd', 'zstd', 'image.tar.zst', \&tar_zst),
		_peer('pull-raw', 'rd.systemd.pull, raw, squashfs by xz', $RAW, 'root.squashfs', sub { squashfs('xz') },
			note => "the squashfs $NOTE", in_run => sub { -s squashfs('xz') }));
}

sub _tar {
	my ($name, $compression, $file, $archive) = @_;
	return _peer($name, "rd.systemd.pull, $compression", $TAR, $file, $archive, note => "the root $NOTE", in_run => \&size_of_files);
}

sub _initrd {
	return initrd('pull', tools('sid', suite => 'sid', with => $PACKAGES),
		'dracut --force --no-hostonly --kver $release --add systemd-import /boot/initrd.img');
}

# append: the kernel command line, with the place for the URL; in_run: the bytes that come to be in /run.
sub _peer {
	my ($name, $label, $append, $file, $made, %o) = @_;
	return {
		name    => $name,
		label   => $label,
		note    => $o{note},
		needs   => sub { $o{in_run}->() / $SHARE },
		make    => sub { kernel(); _initrd(); $made->() },
		publish => sub {
			my ($peer) = @_;
			my $url = publish_file($peer, $file, $made->());
			my ($sum) = run('sha256sum', $made->()) =~ /^(\w+)/;
			spew("$peer->{dir}/SHA256SUMS", "$sum *$file\n");
			boot_script($peer, kernel => kernel(), initrds => [_initrd()], append => sprintf $append, $url);
			$peer->{payload} = "$peer->{dir}/$file";
		},
	};
}

1;
