#!/usr/bin/perl
# The whole way once: pack the demo root with every hard case that a tree can hold, boot it, and look
# at it from inside, before systemd starts (guest/check) and after (guest/report), and from outside.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use File::Path qw(make_path);
use JSON::PP;
use Test::More;
use Time::HiRes qw(time);
use Guest;
use Image;
use Modules;

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

# Packages unpacked as GNU tar restores them. Without --acls: with it, tar 1.34 throws away ACLs that
# are kept as plain xattrs, as mmdebstrap's are.
sub unpack_demo_root {
	my ($root) = @_;
	make_path($root);
	run('tar', '-C', $root, qw(--xattrs --xattrs-include=* --numeric-owner -xpf), demo_root());
}

sub add_hard_cases {
	my ($dir) = @_;
	make_path($dir);
	for my $case (@HARD_CASES) {
		eval { run('sh', '-ec', "cd '$dir'; $case"); 1 } or BAIL_OUT("hard case: $@");
	}
}

sub add_guest_scripts {
	my ($root) = @_;
	my $guest = repo_path('tests/boot/guest');

	run("cp -p $guest/* " . build_path('tests/tools/treelist') . " $root/tarboot-test/");
	spew("$root/etc/systemd/system/tarboot-test.service", <<'END');
[Unit]
Description=tarboot boot test

[Service]
Type=exec
ExecStart=/tarboot-test/report
END
	symlink '../tarboot-test.service',
		"$root/etc/systemd/system/multi-user.target.wants/tarboot-test.service";
}

# Write down what the tree is, for the comparison in the guest. All files exist before that, so that
# the directories' times do not change any more.
sub write_expected {
	my ($root) = @_;
	my $here   = "$root/tarboot-test";
	my @kernel = map { substr $_, 1 + length $root } glob "$root/boot/vmlinuz-*";
	my @paths  = (qw(dev proc run sys tarboot-test/expected tarboot-test/exclude), @kernel);

	spew("$here/expected", '');
	spew("$here/exclude", join '', map { "$_\n" } @paths);
	my $exclude = join ' ', map { "-x $_" } @paths;
	my $list    = run("$here/treelist $exclude '$root'");
	spew("$here/expected", $list);
}

sub check_console {
	my ($guest) = @_;
	my $text  = $guest->text;
	my @steps = $text =~ /tarboot: ([^:\n]+): \d+\.\d{3} s/g;
	my $names = join ' / ', @steps;
	my $order = join '.*', map { quotemeta } @STEPS;

	like($names, qr/$order/, 'the boot steps are on the console, in order');
	ok($text !~ /tarboot: FAILED/, 'no step failed');
	ok($text =~ /tarboot-demo login:/, 'the login prompt appeared');
	note("steps: $names");
}

sub check_report {
	my ($guest) = @_;
	my $json   = join "\n", $guest->results =~ /^note json (.*)$/mg;
	my $report = eval { decode_json($json) };

	ok($report, 'report.json is JSON') or return diag($@, $json);
	ok(ref $report->{steps} eq 'ARRAY' && @{ $report->{steps} } >= @STEPS, 'it has the steps')
		or diag($json);
	is(scalar @{ $report->{block_times} }, $report->{blocks}, 'and the time of each Block');
	is(scalar(grep { $_->[0] > 1 || $_->[1] >= $_->[2] } @{ $report->{block_times} }), 0, 'by two workers');
	cmp_ok(@{ $report->{memory_samples} }, '>', @STEPS, 'and samples of the memory in use');
	cmp_ok($report->{devices_seen_s}, '>', 0, 'and when the devices had been seen');
	like(tarboot('timeline', spew(scratch('report.json'), $json)), qr/^unpack root .*\n  worker 1 .*#/m,
		'which make a timeline');
}

need_programs(qw(qemu-system-x86_64 tar setfattr setfacl setcap mknod));
my $root  = scratch('root');
my $image = scratch('demo.img');

unpack_demo_root($root);
add_hard_cases("$root/tarboot-test/tree");
add_guest_scripts($root);
write_expected($root);
# every file counts here, so nothing may be scrubbed, by a tarboot that does scrub
my @as_it_is = tarboot('pack', '--help') =~ /(--no-scrub)/;
note(tarboot('pack', '--level', 'fast', @as_it_is, $root, '-o', $image));
ok(-s "$image.vmlinuz", 'the kernel stands beside the image') or BAIL_OUT('no kernel');

# Boots it with a kernel; end: how the system shall end itself.
sub whole_boot {
	my ($name, $end, $last_words, @kernel) = @_;
	my $guest = Guest->start(
		dir => scratch(), name => $name, @kernel, initrd => $image, mem => 2048,
		append => 'tarboot.init=/tarboot-test/check some.option=1 testvar="some words" testword '
			. "tarboot-test.end=$end");

	ok($guest->wait_end(300), 'the system boots and ends itself');
	ok($guest->replay_results, 'the checks inside ran to their end');
	check_console($guest);
	check_report($guest);
	like($guest->text, $last_words, "by $end");
	note(sprintf 'boot to the end: %.1f s', $guest->elapsed);
	$guest->show_end(60) unless Test::More->builder->is_passing;
	return;
}

subtest 'Linux 6.1' => sub { whole_boot('demo', 'poweroff', qr/reboot: Power down/, kernel => "$image.vmlinuz") };
subtest 'the newest Linux' => sub {
	plan skip_all => 'its drivers are tested in 40-devices.t, the whole way takes a minute more: run make test-all' unless $ENV{TARBOOT_TEST_ALL};
	plan skip_all => 'no kernel of Debian sid can be had here' unless newest_kernel();
	whole_boot('newest', 'reboot', qr/reboot: Restarting system/, booting('sid'));
};
done_testing();
