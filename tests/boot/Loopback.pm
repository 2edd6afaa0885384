# A network that is a loopback and nothing else. Guests with QEMU's user network see it as 10.0.2.2, and a web server there.
package Loopback;

use strict;
use warnings;

use Exporter qw(import);
use POSIX ();
use Image;

our @EXPORT = qw(enter_loopback serve_loopback);

# Runs the test again with a network and processes of its own, which end with it. What needs the machine's network is done before.
sub enter_loopback {
	my ($before) = @_;

	if (!$ENV{TARBOOT_NETWORK}) {
		$before->() if $before;
		$ENV{TARBOOT_NETWORK} = 1;
		exec qw(unshare -n -m -p --fork --kill-child --mount-proc), $^X, $0, @ARGV or die "unshare: $!\n";
	}
	run(qw(ip link set lo up));
	return;
}

# A directory at this port, until the test ends.
sub serve_loopback {
	my ($port, $directory) = @_;
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		exec qw(busybox httpd -f -p), "127.0.0.1:$port", '-h', $directory or POSIX::_exit(127);
	}
	return;
}

1;
