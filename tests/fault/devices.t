#!/usr/bin/perl
# The process that plugs in devices in trouble: messages lost, a module that is damaged or compressed, the process
# killed. None of it stops the boot.
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

# ---- modules: Debian's 6.1 kernel cannot unpack them itself ----

my @modules = module_members('bookworm', scratch('modules'), qw(e1000));

# The e1000 module goes through a command and gets another end of its name; the index says so.
sub modules_through {
	my ($command, $end) = @_;
	my @changed = map { {%$_} } @modules;

	for (@changed) {
		if ($_->{name} =~ s/e1000\.ko\K$/$end/) {
			spew(scratch('module'), $_->{data});
			run("$command <'" . scratch('module') . "' >'" . scratch('module.out') . q{'});
			$_->{data} = slurp(scratch('module.out'));
		}
		$_->{data} =~ s/e1000\.ko\b/e1000.ko$end/ if $_->{name} =~ /modules\.dep$/;
	}
	return @changed;
}

sub boots_with_e1000 {
	my ($what, $command, $end, $append, $check) = @_;
	subtest $what => sub {
		my $guest = start(
			name => $what =~ s/\W+/-/gr, change => with_members(modules_through($command, $end)),
			booting('bookworm'), append => "debug $append", args => [qw(-device e1000)]);
		ok($guest->wait_end($BOOT), 'the boot goes on') or $guest->show_end;
		like($guest->text, qr/TINY-INIT-RAN/, 'to the end');
		$check->($guest->text);
	};
	return;
}

boots_with_e1000('a module as .ko.xz', 'xz --check=crc32', '.xz', '',
	sub { like($_[0], qr/^tarboot: module e1000 loaded/m, 'tarboot unpacks it') });
boots_with_e1000('a damaged .ko.xz', 'xz | head -c 5000', '.xz', '',
	sub { like($_[0], qr/^tarboot: module e1000: the file is damaged/m, 'with a warning that names it') });
boots_with_e1000('a module as .ko.gz', 'gzip', '.gz', '',
	sub { like($_[0], qr/^tarboot: module e1000: this kernel cannot unpack it: put it/m, 'with a warning that says what to do') });
boots_with_e1000('a damaged module', 'tr a-z x', '', '',
	sub { like($_[0], qr/^tarboot: module e1000: (?!loaded)\w/m, 'with a warning that names it') });
boots_with_e1000('a blacklisted module', 'cat', '', 'modprobe.blacklist=e1000',
	sub { unlike($_[0], qr/module e1000/, 'and nobody tries it') });
done_testing();
