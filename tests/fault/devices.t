#!/usr/bin/perl
# The process that plugs in devices in trouble: messages lost, a module that is damaged, the process killed.
# None of it stops the boot.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Fault;

# Its process is the only init but PID 1 while a shell is there at the start.
my $PID = q{$(pidof init | tr ' ' '\n' | grep -vx 1)};

need_programs(qw(qemu-system-x86_64 busybox tar xz modprobe depmod));

subtest 'messages that are lost' => sub {
	my $guest = shell_at(name => 'lost', append => 'tarboot.shell=start');
	like(type_and_see($guest, "p=$PID; kill -STOP \$p; for i in \$(seq 1 80000); do echo add "
		. '>/sys/devices/virtual/mem/null/uevent; done; kill -CONT $p; sleep 2; '
		. 'grep -c "were lost" /run/tarboot/log | sed s/^/lost=/', qr/lost=\d/, 60),
		qr/lost=[1-9]/, 'it looks at all devices again');
	$guest->type("exit\n");
	ok($guest->wait_end($BOOT), 'and the boot goes on') or $guest->show_end;
	like($guest->text, qr/TINY-INIT-RAN/, 'to the end');
};

subtest 'the process is killed' => sub {
	my $guest = shell_at(name => 'gone', append => 'tarboot.shell=start');
	$guest->type("kill -9 $PID; exit\n");
	ok($guest->wait_end($BOOT), 'the boot goes on') or $guest->show_end;
	like($guest->text, qr/the process that plugs in devices died/, 'with a warning');
	like($guest->text, qr/TINY-INIT-RAN/, 'to the end');
};

my @modules = module_members('bookworm', scratch('modules'), qw(e1000));
$_->{name} =~ /e1000\.ko$/ and substr($_->{data}, 0, 64) = 'x' x 64 for @modules;
for ([ 'a damaged module', [] ], [ 'a blacklisted module', ['modprobe.blacklist=e1000'], 'absent' ]) {
	my ($what, $append, $absent) = @$_;
	subtest $what => sub {
		my $guest = start(
			name => $what =~ s/\W+/-/gr, change => with_members(@modules),
			kernel => kernel_of('bookworm') . '/vmlinuz', append => "@$append", args => [qw(-device e1000)]);
		ok($guest->wait_end($BOOT), 'the boot goes on') or $guest->show_end;
		like($guest->text, qr/TINY-INIT-RAN/, 'to the end');
		$absent ? unlike($guest->text, qr/module e1000/, 'and nobody tried it')
			: like($guest->text, qr/^tarboot: module e1000: \w/m, 'with a warning that names it');
	};
}
done_testing();
