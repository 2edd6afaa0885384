#!/usr/bin/perl
# The process that plugs in devices in trouble: messages lost, the process killed or stuck; and modules that cannot or
# shall not be loaded. None of it stops the boot, and the warnings are on the console and in the report.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Fault;

# Its process is the only init but PID 1 while a shell is there at the start.
my $PID = q{$(pidof init | tr ' ' '\n' | grep -vx 1)};

# A root that says what the boot has left: warnings in the report, processes of that name.
my $LOOK = <<'END';
#!/bin/sh
b=/bin/busybox
echo "TINY-INIT-RAN pid=$$" >/dev/console
$b sed -n 's/^ *"warnings": /WARNINGS /p' /run/tarboot/report.json >/dev/console
for p in /proc/[0-9]*/comm; do read c <$p && [ $c = init ] && echo "INIT $p" >/dev/console; done
exec $b poweroff -f
END

need_programs(qw(qemu-system-x86_64 busybox tar xz zstd modprobe depmod));
my $root = root_is(sub { spew("$_[0]/sbin/init", $LOOK, 0755) });

sub ends {
	my ($guest) = @_;
	ok($guest->wait_end($BOOT), 'the boot goes on') or $guest->show_end;
	like($guest->text, qr/^TINY-INIT-RAN pid=1$/m, 'to the end');
	is_deeply([ $guest->text =~ /^INIT (.*)$/mg ], ['/proc/1/comm'], 'and leaves no process behind');
	return $guest->text;
}

# The warning is a line of its own and in the report. With `debug` it is on the console a second time, as a line of the
# kernel's log: the first one may have a line of the kernel's own in its midst.
sub warns {
	my ($text, $warning) = @_;
	my $escaped = $warning =~ s/(?=["\\])/\\/gr;
	like($text, qr/^(?:\[ *[\d.]+\] )?tarboot: \Q$warning\E$/m, "it warns: $warning");
	like($text, qr/^WARNINGS \[.*"\Q$escaped\E"/m, 'and the report has it');
	return;
}

subtest 'messages that are lost' => sub {
	my $guest = shell_at(name => 'lost', change => $root, append => 'tarboot.shell=start');
	like(type_and_see($guest, "p=$PID; kill -STOP \$p; for i in \$(seq 1 80000); do echo add "
		. '>/sys/devices/virtual/mem/null/uevent; done; kill -CONT $p; sleep 2; '
		. 'grep -c "were lost" /run/tarboot/log | sed s/^/lost=/', qr/lost=\d/, 240),
		qr/lost=[1-9]/, 'it looks at all devices again');
	$guest->type("exit\n");
	ends($guest);
};

subtest 'the process is killed' => sub {
	my $guest = shell_at(name => 'gone', change => $root, append => 'tarboot.shell=start');
	$guest->type("kill -9 $PID; exit\n");
	warns(ends($guest), 'the process that loads modules died of signal 9 (Killed)');
};

subtest 'the process does not end' => sub {
	my $guest = shell_at(name => 'stuck', change => $root, append => 'tarboot.shell=start');
	$guest->type("kill -STOP $PID; exit\n");
	warns(ends($guest), 'the process that loads modules did not end within 2 s, perhaps because a driver waits '
		. 'for its hardware: killed');
};

# ---- modules: Debian's 6.1 kernel cannot unpack them itself ----

# The file of a module goes through a command and gets another end of its name; the index says so.
sub through {
	my ($members, $module, $command, $end) = @_;
	for (@$members) {
		if ($_->{name} =~ s/\b\Q$module\E\.ko\K$/$end/) {
			spew(scratch('module'), $_->{data});
			run("$command <'" . scratch('module') . "' >'" . scratch('module.out') . q{'});
			$_->{data} = slurp(scratch('module.out'));
		}
		$_->{data} =~ s/\b\Q$module\E\.ko\b/$module.ko$end/g if $_->{name} =~ /modules\.dep$/;
	}
	return;
}

subtest 'modules of all kinds' => sub {
	my %card = (e1000 => 'e1000', e1000e => 'e1000e', pcnet32 => 'pcnet', '8139cp' => 'rtl8139',
		'ne2k-pci' => 'ne2k_pci', tulip => 'tulip', e100 => 'i82550', vmxnet3 => 'vmxnet3',
		i6300esb => 'i6300esb', vmw_pvscsi => 'pvscsi', 'pvpanic-pci' => 'pvpanic-pci');
	my $dir = scratch('modules');
	run('mkdir', '-p', "$dir/lib/modprobe.d");
	spew("$dir/lib/modprobe.d/local.conf", "install e100 \\\n  /bin/false\n"
		. "install vmxnet3 /sbin/modprobe --ignore-install vmxnet3 \$CMDLINE_OPTS && echo more\n"
		. "install pvpanic-pci /sbin/modprobe pvpanic \"\$CMDLINE_OPTS\"\n");
	my @members = module_members('bookworm', $dir, sort keys %card);
	through(\@members, 'e1000', 'xz --check=crc32', '.xz');
	through(\@members, 'e1000e', 'xz | head -c 5000', '.xz');
	through(\@members, 'i6300esb', 'zstd -q', '.zst');
	through(\@members, 'vmw_pvscsi', 'zstd -q | head -c 5000', '.zst');
	through(\@members, 'pcnet32', 'gzip', '.gz');
	through(\@members, '8139cp', 'tr a-z x', '');
	@members = grep { $_->{name} !~ m{/8390\.ko$} } @members;
	my $guest = shell_at(    # which comes when all that is there was seen
		name => 'modules', change => [ $root, with_members(@members) ], booting('bookworm'),
		append => 'tarboot.shell=start debug modprobe.blacklist=tulip e1000.copybreak="99" i6300esb.heartbeat=77 x=/tulip.pcnet32.xz',
		args => [ map { (-device => $card{$_}) } sort keys %card ]);
	$guest->type("exit\n");
	my $text = ends($guest);
	like($text, qr/^tarboot: module e1000 loaded with copybreak=99$/m, 'tarboot unpacks a .ko.xz');
	like($text, qr/^tarboot: module i6300esb loaded with heartbeat=77$/m, 'and a .ko.zst');
	like($text, qr/^tarboot: module vmxnet3: nothing else of its command in modprobe\.d is run \(.* && echo more\)$/m,
		'of a command that loads the module itself');
	like($text, qr/^tarboot: module vmxnet3 loaded$/m, 'only that is done');
	warns($text, $_) for 'module e1000e: the file is damaged', 'module vmw_pvscsi: the file is damaged',
		'module pcnet32: this kernel cannot unpack it: put it into the image uncompressed',
		'module 8139cp: it is damaged or made for another kernel (dmesg says more)',
		'module ne2k_pci: it needs a symbol that neither the kernel nor a loaded module has (dmesg names it)',
		'module pvpanic_pci: not loaded: modprobe.d has a command for it (/sbin/modprobe pvpanic '
		. '"$CMDLINE_OPTS"), and tarboot runs no commands';
	unlike($text, qr/^tarboot: module (?:tulip|e100)\b/m, 'those that are blacklisted are not tried');
	$guest->show_end(60) unless Test::More->builder->is_passing;
};

# Room for the largest module is more than all RAM that the kernel has left here.
subtest 'a module for a machine with 112 MiB' => sub {
	my @members = module_members('bookworm', scratch('small-modules'), 'e1000');
	through(\@members, 'e1000', 'xz --check=crc32', '.xz');
	my $guest = shell_at(name => 'small', change => with_members(@members), booting('bookworm'), smp => 1, mem => 112,
		append => 'tarboot.shell=start debug', args => [ -device => 'e1000' ]);
	like($guest->text, qr/^tarboot: module e1000 loaded$/m, 'is decompressed and loaded') or $guest->show_end;
	$guest->stop;
};
done_testing();
