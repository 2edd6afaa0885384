# What live-boot and dracut's livenet have in common: they load a squashfs, from a URL that is on the kernel command line.
package Squash;

use strict;
use warnings;

use Exporter qw(import);
use Line;
use Make;

our @EXPORT = qw(squashfs_peer);

# file: its name on the server; initrd: makes the initramfs; append: the kernel command line, of the URL; options: of mksquashfs;
# note: said with the results.
sub squashfs_peer {
	my ($name, $label, $compression, %o) = @_;
	my @squashfs = ($compression, @{ $o{options} // [] });
	return {
		name    => $name,
		label   => $label,
		note    => $o{note},
		make    => sub { kernel(); $o{initrd}->(); squashfs(@squashfs) },
		publish => sub {
			my ($peer) = @_;
			my $url = publish_file($peer, $o{file}, squashfs(@squashfs));
			boot_script($peer, kernel => kernel(), initrds => [ $o{initrd}->() ], append => $o{append}->($url));
			$peer->{payload} = "$peer->{dir}/$o{file}";
		},
	};
}

1;
