# What a kernel says of its processors that came no further. In QEMU without KVM that happens to any guest: its stores to a page in which
# code has been can take milliseconds each.
package Stalls;

use strict;
use warnings;

use Exporter qw(import);
use List::Util qw(max);

our @EXPORT = qw(is_before_init seconds_stalled);

my $RCU       = qr/\brcu_\w+ (?:self-)?detected (?:expedited )?stalls? on CPU/;
my $RCU_LEAST = 21;    # seconds before RCU says so (CONFIG_RCU_CPU_STALL_TIMEOUT); it tells the time in jiffies, and not how long one is

# Of soft lockups that one processor had. One that goes on is told again, with all its seconds.
sub _sum {
	my ($sum, $before) = (0, 0);

	for my $seconds (@_) {
		$sum += $seconds > $before ? $seconds - $before : $seconds;
		$before = $seconds;
	}
	return $sum;
}

# Seconds for which, by this text of a console, a processor came no further. RCU and the watchdog may tell of the same ones.
sub seconds_stalled {
	my ($text) = @_;
	my $rcu = () = $text =~ /$RCU/g;
	my %lockups;

	push @{ $lockups{$1} }, $2 while $text =~ /soft lockup - CPU#(\d+) stuck for (\d+)s/g;
	return max($rcu * $RCU_LEAST, map { _sum(@$_) } values %lockups);
}

# Is the kernel, by the whole text of a console, still on its way to /init? What it takes for that is nothing that tarboot can change, and
# before it has its clocks it cannot say that it stands still.
sub is_before_init {
	my ($text) = @_;
	return $text =~ /^\[ *\d+\.\d+\] /m && $text !~ /Run \S+ as init process|tarboot:|Kernel panic/;
}

1;
