#!/usr/bin/perl
# Boots that must fail, and must say so: a tiny root, and images with one fault each. Every failure
# is a block with the step, the object and the reason; nothing of the root is started; the machine
# does what panic= says; and nobody gets a shell who was not given one.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Time::HiRes qw(sleep);
use Guest;
use Image;

my $BOOT  = 90;    # seconds for a boot that takes about five
my $STAYS = 4;     # seconds in which a machine that shall stay must not end

my (@members_of_good_image, $kernel);

# ---- images with a fault: each gets copies of the members of a good image, payload last ----

sub is_payload  { return $_[0]{name} =~ m{^/?rootfs\.tar\.xz$} }
sub is_manifest { return $_[0]{name} =~ m{^/?tarboot/manifest$} }

sub write_image {
	my ($name, $change) = @_;
	my @members = $change->(map { {%$_} } @members_of_good_image);
	return newc_write(scratch("$name.img"), @members);
}

sub good { return @_ }

sub without_payload { return grep { !is_payload($_) } @_ }

sub with_half_payload {
	my (@members) = @_;
	$members[-1]{data} = substr $members[-1]{data}, 0, length($members[-1]{data}) / 2;
	return @members;
}

sub with_half_payload_and_no_manifest { return grep { !is_manifest($_) } with_half_payload(@_) }

sub with_flipped_byte {
	my (@members) = @_;
	my $middle = int(length($members[-1]{data}) / 2);
	substr($members[-1]{data}, $middle, 1) ^= "\x10";
	return @members;
}

sub with_trailing_garbage {
	my (@members) = grep { !is_manifest($_) } @_;
	$members[-1]{data} .= "garbage\n";
	return @members;
}

# A root that tarboot would not pack: the payload is replaced, the manifest would tell. Returns a
# function that makes the image.
sub with_root {
	my ($change) = @_;
	return sub {
		my (@members) = grep { !is_manifest($_) } @_;
		$members[-1]{data} = pack_payload(tiny_root('other', $change));
		run('rm', '-rf', scratch('other'));
		return @members;
	};
}

sub no_init        { unlink "$_[0]/sbin/init" }
sub init_directory { unlink "$_[0]/sbin/init"; mkdir "$_[0]/sbin/init" }
sub init_no_x      { chmod 0644, "$_[0]/sbin/init" }
sub init_foreign   { spew("$_[0]/sbin/init", "\x7fELF\x01\x01\x01" . "\0" x 9 . "\2\0\x28\0" . "\0" x 64) }
sub init_no_sh     { unlink "$_[0]/bin/sh" }
sub init_dangling  { unlink "$_[0]/sbin/init"; symlink '/lib/nothing', "$_[0]/sbin/init" }

# ---- images too big for the machine ----

# A good image of the tiny root with one more file: so many MiB of what the command prints.
sub big_image {
	my ($name, $megabytes, $command) = @_;
	my $image = scratch("$name.img");
	my $root  = tiny_root('big');

	run("$command | head -c ${megabytes}M >'$root/data'");
	tarboot('pack', '--kernel', 'none', $root, '-o', $image);
	run('rm', '-rf', $root);
	return $image;
}

# ---- one failing boot ----

# Checks all that every failure has in common. about: what the block must mention.
sub fails {
	my ($name, %arg) = @_;
	my $image = $arg{image} || write_image($arg{name}, $arg{change});

	subtest $name => sub {
		my $guest = Guest->start(
			dir => scratch(), name => $arg{name}, kernel => $kernel, initrd => $image,
			mem => $arg{mem} // 512, append => $arg{append});
		my $failed = $guest->wait_for(qr/^tarboot: FAILED: .*^  then: [^\n]+\n/ms, $BOOT);
		my $at     = $guest->elapsed;

		ok($failed, 'the failure is on the console');
		check_block($guest->text, %arg);
		ok($guest->wait_end(20), 'panic=-1 reboots');
		cmp_ok($guest->elapsed - $at, '<', 5, 'at once');
		unlike($guest->text, qr/TINY-INIT-RAN/, 'nothing of the root was started');
		unlike($guest->text, qr/BusyBox v|a shell|Enter|# $/, 'no shell was offered');
		unlike($guest->text, qr/Kernel panic/, 'the kernel did not panic');
		$guest->show_end unless Test::More->builder->is_passing;
	};
	unlink $image;
	return;
}

sub check_block {
	my ($text, %arg) = @_;
	my ($block) = $text =~ /^(tarboot: FAILED: .*?^  then: [^\n]+)/ms;
	my %line = ($block // '') =~ /^  (what|why|do|then): +(\S.*)$/mg;

	$block //= '';
	note($block);
	ok($line{$_}, "it says $_") for qw(what why then);
	like($block, qr/^tarboot: FAILED: $arg{step}$/m, 'the step is named');
	like($block, $_, "it mentions $_") for @{ $arg{about} };
	return;
}

# ---- boots that are not to end by themselves ----

sub boots_tiny_root {
	my ($image) = @_;
	my $guest = Guest->start(
		dir => scratch(), name => 'good', kernel => $kernel, initrd => $image, mem => 512,
		append => 'word');

	ok($guest->wait_end($BOOT), 'the good image boots and powers off');
	like($guest->text, qr/^TINY-INIT-RAN pid=1 args=word$/m, 'its own init ran, as PID 1');
	unlike($guest->text, qr/tarboot: FAILED/, 'without a failure');
	note(sprintf '%.1f s', $guest->elapsed);
	$guest->show_end unless Test::More->builder->is_passing;
	return;
}

sub stays_without_shell {
	my $image = write_image('stay', \&without_payload);
	my $guest = Guest->start(
		dir => scratch(), name => 'stay', kernel => $kernel, initrd => $image, mem => 512, panic => 0);

	ok($guest->wait_for(qr/^  then: .*\n/m, $BOOT), 'with panic=0 the failure is shown');
	$guest->type("\n\necho answer=\$((6*7))\n");
	ok(!$guest->wait_for(qr/answer=42|BusyBox v/, $STAYS), 'but typing gives no shell');
	ok($guest->running, 'and the machine stays');
	$guest->stop;
	return;
}

sub onfail_shell_alone_gives_none {
	my $image = write_image('onfail', \&without_payload);
	my $guest = Guest->start(
		dir => scratch(), name => 'onfail', kernel => $kernel, initrd => $image, mem => 512,
		append => 'tarboot.onfail=shell tarboot.failwait=1');

	ok($guest->wait_end($BOOT), 'tarboot.onfail=shell without tarboot.shell: no shell, a reboot')
		or $guest->show_end;
	unlike($guest->text, qr/BusyBox v/, 'no shell started');
	return;
}

# What a command typed into the shell prints.
sub answer {
	my ($guest, $command, $pattern) = @_;
	$guest->type("$command\n");
	$guest->wait_for($pattern, 15);
	return $guest->answer;
}

sub check_shell {
	my ($guest) = @_;

	like(answer($guest, 'echo answer=$((6*7))', qr/answer=\d/), qr/answer=42/, 'commands work');
	like(answer($guest, 'echo "<$TARBOOT_FAILED>"', qr/^<.*>/m), qr/^<find payload>$/m,
		'TARBOOT_FAILED has the step');
	like(answer($guest, 'echo pid=$$', qr/pid=\d+/), qr/pid=(?!1\b)\d+/, 'it is not PID 1');
	like(answer($guest, 'cat /run/tarboot/log | wc -l | sed s/^/lines=/', qr/lines=\d/),
		qr/lines=[1-9]/, 'it has applets and the log');
	unlike($guest->text, qr/can't access tty|job control turned off/, 'it has a terminal');
	$guest->type("sleep 1000\n");
	sleep 2;
	$guest->type("\cC");
	like(answer($guest, 'echo after=$?', qr/after=\d/), qr/after=130/, '^C ends a command');
	return;
}

sub gives_shell_when_asked {
	my $image = write_image('shell', \&without_payload);
	my $guest = Guest->start(
		dir => scratch(), name => 'shell', kernel => $kernel, initrd => $image, mem => 512,
		append => 'tarboot.shell=fail');

	ok($guest->wait_for(qr/Enter/, $BOOT), 'with tarboot.shell=fail Enter is offered');
	$guest->type("\n");
	ok($guest->wait_for(qr/[#\$] $/, 15), 'Enter gives a prompt') and check_shell($guest);
	$guest->type("exit\n");
	ok($guest->wait_for(qr/tarboot: FAILED/, 15), 'exit tries again');
	unlike($guest->text, qr/Kernel panic/, 'and does not panic the kernel');
	ok($guest->running, 'the machine goes on');
	$guest->show_end unless Test::More->builder->is_passing;
	$guest->stop;
	return;
}

# ---- the plan ----

need_programs(qw(qemu-system-x86_64 busybox tar xz));
$kernel = demo_kernel();
my $image = scratch('tiny.img');
tarboot('pack', '--kernel', 'none', tiny_root('tiny'), '-o', $image);
@members_of_good_image = newc_read($image);
is_payload($members_of_good_image[-1]) or BAIL_OUT('the payload is not the last member');

subtest 'a tiny root boots' => sub { boots_tiny_root($image) };

fails('no payload', name => 'none', change => \&without_payload,
	step => 'find payload', about => [qr/rootfs\.tar\.xz/]);
fails('a payload cut short', name => 'cut', change => \&with_half_payload,
	step => qr/find payload|check memory|unpack root/, about => [qr/rootfs\.tar\.xz/, qr/short/]);
fails('a cut payload without a manifest', name => 'cut-only',
	change => \&with_half_payload_and_no_manifest,
	step => qr/find payload|unpack root/, about => [qr/rootfs\.tar\.xz/]);
fails('a damaged payload', name => 'flipped', change => \&with_flipped_byte,
	step => 'unpack root', about => [qr/rootfs\.tar\.xz/]);
fails('garbage behind the payload', name => 'garbage', change => \&with_trailing_garbage,
	step => qr/find payload|unpack root/, about => [qr/rootfs\.tar\.xz/]);

fails('no init in the root', name => 'no-init', change => with_root(\&no_init),
	step => 'check new init', about => [qr{/sbin/init}]);
fails('init is a directory', name => 'directory', change => with_root(\&init_directory),
	append => 'init=/sbin/init', step => 'check new init', about => [qr{/sbin/init}, qr/directory/]);
fails('init is not executable', name => 'no-x', change => with_root(\&init_no_x),
	append => 'init=/sbin/init', step => 'check new init', about => [qr{/sbin/init}, qr/executable/]);
fails('init is for another machine', name => 'foreign', change => with_root(\&init_foreign),
	append => 'init=/sbin/init', step => 'check new init', about => [qr{/sbin/init}]);
fails('init\'s interpreter is missing', name => 'no-sh', change => with_root(\&init_no_sh),
	append => 'init=/sbin/init', step => 'check new init', about => [qr{/sbin/init}, qr{/bin/sh}]);
fails('init is a dangling link', name => 'dangling', change => with_root(\&init_dangling),
	append => 'init=/sbin/init', step => 'check new init', about => [qr{/sbin/init}]);
fails('tarboot.init= names nothing', name => 'init-word', change => \&good,
	append => 'tarboot.init=/opt/none', step => 'check new init', about => [qr{/opt/none}]);

fails('a size that is none', name => 'bad-size', change => \&good, append => 'tarboot.size=lots',
	step => 'read parameters', about => [qr/tarboot\.size/, qr/lots/]);
fails('a root that does not fit', name => 'no-fit', change => \&good, append => 'tarboot.size=1m',
	step => qr/check memory|mount root/, about => [qr/\d+(\.\d+)? [KM]i?B/]);

# rootfs is half of the memory. The kernel says "write error" and starts /init all the same; the file
# has its full size by then, only its blocks tell.
fails('an image that the memory cannot hold', mem => 192, name => 'too-big',
	image => big_image('too-big', 96, 'cat /dev/urandom'),
	step => 'find payload', about => [qr/rootfs\.tar\.xz/, qr/memory/]);
fails('a root that the memory cannot hold', mem => 256, name => 'too-little',
	image => big_image('too-little', 400, 'yes'),
	step => 'check memory', about => [qr/memory/, qr/needs 4\d\d(\.\d)? MiB/]);

subtest 'panic=0'              => \&stays_without_shell;
subtest 'tarboot.onfail=shell' => \&onfail_shell_alone_gives_none;
subtest 'tarboot.shell=fail'   => \&gives_shell_when_asked;
done_testing();
