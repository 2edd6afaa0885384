# One root, booted to its own end state: every hard case that a tree can hold is added to it, it is looked at from inside before
# its init starts (guest/check) and when that is done with booting (guest/report), and from outside. What root, what kernel, what
# init and by which way: the caller's.
package Whole;

use strict;
use warnings;

use Exporter qw(import);
use File::Path qw(make_path);
use JSON::PP;
use Test::More;
use Guest;
use Image;

our @EXPORT = qw(unpack_root prepare_root whole_boot);

# The boot steps as the console must show them. Others may stand between them.
my @STEPS = (
	'mount kernel file systems', 'read parameters', 'find payload', 'check memory', 'mount root',
	'unpack root', 'check new init', 'move mounts', 'switch root', 'delete initramfs');

my $LONG = 'n' x 254 . '!';

# One command line per case; run in the root, where names may stay relative.
my @HARD_CASES = (
	'echo same >linked; ln linked linked-2; mkdir sub; ln linked sub/linked-3',
	'ln -s nowhere link; ln link link-2; chown -h 12345:54321 link',
	'touch -h -d "2001-02-03 04:05:06.789012345 UTC" link',
	'mknod null c 1 3; mknod disk b 259 1048575; mknod big c 511 300; mkfifo fifo; chmod 620 fifo',
	'truncate -s 64M sparse; printf middle | dd of=sparse bs=1 seek=40000000 conv=notrunc status=none',
	'truncate -s 5M hole',
	'echo x >suid; chown 7:8 suid; chmod 6711 suid; mkdir sgid; chgrp 9 sgid; chmod 3777 sgid',
	'echo x >no-mode; chmod 0 no-mode; mkdir no-access; echo x >no-access/file; chmod 0 no-access',
	'echo x >uid; chown 4294967294:4294967294 uid',
	'echo x >nano; touch -d "2026-01-01 00:00:00.000000001 UTC" nano',
	'echo x >old; touch -d "1965-07-08 09:10:11.123456789 UTC" old',
	'echo x >future; touch -d "2200-01-01 00:00:00 UTC" future',
	'mkdir dated; echo x >dated/file; touch -d "1999-12-31 23:59:59.5 UTC" dated',
	'echo x >trusted; setfattr -n trusted.test -v "a value" trusted',
	'setfattr -n trusted.binary -v 0x00ff0a3d00 trusted',
	'mkdir xdir; setfattr -n trusted.empty xdir',
	'cp /bin/true capable; setcap cap_net_raw,cap_sys_admin+ep capable; chown 0:33 capable',
	'setcap cap_net_bind_service=ei capable',
	'echo x >acl; setfacl -m u:1000:rw,g:33:r,m::rwx acl',
	'mkdir acls; setfacl -m u:1000:rwx,d:u:1001:r,d:g:33:rwx acls; echo x >acls/inherits',
	'echo x >"$(printf "latin-\351\377")"; echo x >"$(printf "utf8-\303\251")"',
	'echo x >"$(printf "new\nline tab\t back\\\\slash \001")"; echo x >"-rf *"; echo x >" "',
	"echo x >$LONG", 'mkdir $(printf %0255d 0); : >empty',
	'd=$(printf %0200d 0); for i in 1 2 3 4 5 6 7; do mkdir $d; cd $d; done; echo deep >file',
	'head -c 3000000 /dev/urandom >random',
);

# ---- the root ----

# Packages unpacked as GNU tar restores them. Without --acls: with it, tar 1.34 throws away ACLs that
# are kept as plain xattrs, as mmdebstrap's are.
sub unpack_root {
	my ($tar, $root) = @_;
	make_path($root);
	run('tar', '-C', $root, qw(--xattrs --xattrs-include=* --numeric-owner -xpf), $tar);
	return $root;
}

sub _add_hard_cases {
	my ($dir) = @_;
	make_path($dir);
	for my $case (@HARD_CASES) {
		eval { run('sh', '-ec', "cd '$dir'; $case"); 1 } or BAIL_OUT("hard case: $@");
	}
	return;
}

# How each init is told to run guest/report when it has booted, and to offer a login on the serial line.
my $GETTY = '/sbin/getty -L 115200 ttyS0 vt100';
my %STARTS = (
	systemd  => \&_add_unit,
	sysvinit => sub { _append("$_[0]/etc/inittab", "S0:2345:respawn:$GETTY\ntb:2345:once:/tarboot-test/report\n") },
	busybox  => sub { _append("$_[0]/etc/inittab", "::sysinit:/bin/hostname -F /etc/hostname\nttyS0::respawn:$GETTY\n::once:/tarboot-test/report\n") },
	runit    => sub { _add_service($_[0], 'tarboot-getty', "exec $GETTY"); _add_service($_[0], 'tarboot-test', "/tarboot-test/report\nexec sleep 1000") },
	finit    => sub { _append("$_[0]/etc/finit.d/tarboot.conf", "tty [2345] /dev/ttyS0 115200 vt100 nowait\ntask [2345] /tarboot-test/report -- test\n") },
);
$STARTS{openrc} = $STARTS{sysvinit};

sub _append {
	my ($path, $text) = @_;
	my ($dir) = $path =~ m{(.*)/};
	make_path($dir);
	return spew($path, (-e $path ? slurp($path) : '') . $text);
}

sub _add_unit {
	my ($root) = @_;
	my $units = -d "$root/etc/systemd" ? "$root/etc/systemd/system" : "$root/usr/lib/systemd/system";

	make_path("$units/multi-user.target.wants");
	spew("$units/tarboot-test.service", <<'END');
[Unit]
Description=tarboot boot test

[Service]
Type=exec
ExecStart=/tarboot-test/report
END
	symlink '../tarboot-test.service', "$units/multi-user.target.wants/tarboot-test.service" or die "wants: $!";
	return;
}

sub _add_service {
	my ($root, $name, $commands) = @_;

	make_path("$root/etc/sv/$name");
	spew("$root/etc/sv/$name/run", "#!/bin/sh\n$commands\n", 0755);
	symlink "/etc/sv/$name", "$root/etc/runit/runsvdir/default/$name" or die "$name: $!";
	return;
}

# Write down what the tree is, for the comparison in the guest. All files exist before that, so that
# the directories' times do not change any more.
sub _write_expected {
	my ($root, @made) = @_;
	my $here   = "$root/tarboot-test";
	my @kernel = map { substr $_, 1 + length $root } glob("$root/boot/vmlinuz-*"), glob("$root/usr/lib/modules/*/vmlinuz");
	my @paths  = (qw(dev proc run sys tarboot-test/expected tarboot-test/exclude), @kernel, @made);

	spew("$here/expected", '');
	spew("$here/exclude", join '', map { "$_\n" } @paths);
	my $exclude = join ' ', map { "-x $_" } @paths;
	my $list    = run(build_path('tests/tools/treelist') . " $exclude '$root'");
	spew("$here/expected", $list);
	return;
}

# Makes a root ready for whole_boot(). init: its kind, as in %STARTS; made: names that only the boot makes; arch: aarch64.
sub prepare_root {
	my ($root, %o) = @_;
	my $guest = repo_path('tests/boot/guest');
	my $tools = build_path($o{arch} // 'tests/tools');

	_add_hard_cases("$root/tarboot-test/tree");
	# Debian 13's own has no capability any more
	run("cp -L '$root/usr/bin/ping' '$root/tarboot-test/ping' 2>/dev/null || cp -L '$root/bin/ping' '$root/tarboot-test/ping'");
	run('setcap', 'cap_net_raw=ep', "$root/tarboot-test/ping");
	run("cp -p $guest/* $tools/treelist $root/tarboot-test/");
	$STARTS{ $o{init} }->($root);
	spew("$root/tarboot-test/init", join(' ', $o{init}, Guest::results_line($o{arch})) . "\n");
	_write_expected($root, @{ $o{made} // [] });
	return $root;
}

# ---- the boot ----

sub _check_console {
	my ($guest) = @_;
	my $text  = $guest->text;
	my @steps = $text =~ /tarboot: ([^:\n]+): \d+\.\d{3} s/g;
	my $names = join ' / ', @steps;
	my $order = join '.*', map { quotemeta } @STEPS;

	like($names, qr/$order/, 'the boot steps are on the console, in order');
	ok($text !~ /tarboot: FAILED/, 'no step failed');
	ok($text =~ /tarboot-demo login:/, 'the login prompt appeared');
	note("steps: $names");
	return;
}

sub _check_report {
	my ($guest, $workers) = @_;
	my $json   = join "\n", $guest->results =~ /^note json (.*)$/mg;
	my $report = eval { decode_json($json) };

	ok($report, 'report.json is JSON') or return diag($@, $json);
	ok(ref $report->{steps} eq 'ARRAY' && @{ $report->{steps} } >= @STEPS, 'it has the steps')
		or diag($json);
	is(scalar @{ $report->{block_times} }, $report->{blocks}, 'and the time of each Block');
	is(scalar(grep { $_->[0] >= $workers || $_->[1] >= $_->[2] } @{ $report->{block_times} }), 0, "by $workers workers");
	cmp_ok(@{ $report->{memory_samples} }, '>', @STEPS, 'and samples of the memory in use');
	cmp_ok($report->{devices_seen_s}, '>', 0, 'and when the devices had been seen');
	like(tarboot('timeline', spew(scratch('report.json'), $json)), qr/^unpack root .*\n(?:  fetch .*\n)?  worker 1 .*#/m,
		'which make a timeline');
	return;
}

my %LAST_WORDS = (poweroff => qr/reboot: Power down/, reboot => qr/reboot: Restarting system/);

# Boots an image of such a root. end: how the system shall end itself; append: more kernel parameters; the rest is for the guest.
# Returns the guest, ended.
sub whole_boot {
	my (%o) = @_;
	my ($end, $append) = (delete $o{end} // 'poweroff', delete $o{append} // '');
	my $guest = Guest->start(
		dir => scratch(), mem => 2048, %o,
		append => 'tarboot.init=/tarboot-test/check some.option=1 testvar="some words" testword '
			. "tarboot-test.end=$end $append");

	ok($guest->wait_end(300), 'the system boots and ends itself');
	ok($guest->replay_results, 'the checks inside ran to their end');
	_check_console($guest);
	_check_report($guest, $o{smp} // 2);
	like($guest->text, $LAST_WORDS{$end}, "by $end");
	note(sprintf 'boot to the end: %.1f s', $guest->elapsed);
	$guest->show_end(60) unless Test::More->builder->is_passing;
	return $guest;
}

1;
