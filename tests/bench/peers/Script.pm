# The script that tarboot replaces: busybox's xz and tar in an initramfs with the archive, as scripts/make-baseline makes it.
package Script;

use strict;
use warnings;

use Line;
use Make;

sub peers {
	return {
		name    => 'script',
		label   => 'busybox script, embedded, xz',
		make    => sub { kernel(); script_image() },
		publish => sub {
			my ($peer) = @_;
			boot_script($peer, kernel => kernel(), initrds => [script_image()], append => '');
			$peer->{payload} = $peer->{initrds}[0];
		},
	};
}

1;
