# Warewulf's two stages, not with its own programs, which Debian has not, but with the same commands: in a dracut initramfs, curl with
# the options of its load-wwinit.sh (4.7) into gzip into cpio, on a tmpfs with mpol=interleave. The image is a cpio by gzip, its default.
# Left out: its two overlays, which are small, and what they do in the new system.
package Warewulf;

use strict;
use warnings;

use Line;
use Livenet;
use Make;
use Net;

my %MODULE = (
	'module-setup.sh' => <<'END',
#!/bin/bash
check() { return 255; }
depends() { echo network; }
install() {
	inst_multiple curl cpio gzip
	inst_hook cmdline 30 "$moddir/two-stage-root.sh"
	inst_hook pre-mount 30 "$moddir/two-stage-load.sh"
}
END
	'two-stage-root.sh' => <<'END',
#!/bin/sh
[ "$(getarg root=)" != two-stage ] || { root=two-stage; rootok=1; }
END
	'two-stage-load.sh' => <<'END',
#!/bin/sh
mount -t tmpfs -o mpol=interleave tmpfs "$NEWROOT" || die "failed to mount $NEWROOT"
curl --location --silent --get --retry 60 --retry-connrefused --retry-delay 1 "$(getarg two-stage.image=)" |
	gzip -d | cpio -ium --directory="$NEWROOT" || die "Unable to load stage: image"
END
);

sub peers {
	return {
		name    => 'warewulf',
		label   => "Warewulf's commands, gzip",
		make    => sub { kernel(); _initrd(); cpio_gz() },
		publish => sub {
			my ($peer) = @_;
			my $url = publish_file($peer, 'image.cpio.gz', cpio_gz());
			boot_script($peer, kernel => kernel(), initrds => [_initrd()],
				append => "root=two-stage two-stage.image=$url rd.neednet=1 ip=eth0:dhcp");
			$peer->{payload} = $peer->{dir} . '/image.cpio.gz';
		},
	};
}

sub _initrd {
	return initrd('two-stage', tools('dracut', with => $Livenet::PACKAGES),
		'dracut --force --no-hostonly --kver $release --add "network-legacy two-stage" /boot/initrd.img',
		map { ("usr/lib/dracut/modules.d/90two-stage/$_" => $MODULE{$_}) } keys %MODULE);
}

1;
