#!/usr/bin/perl
# Compressed swap under the root: a root that does not fit boots with it, or is refused with its sentence; with less and less RAM
# there is nothing between. Where it is off, missing, or not needed, nothing of it is to be seen.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Digest::MD5 qw(md5_hex);
use Test::More;
use Fault;

my $MIB = qr/\d+(?:\.\d)? (?:[KM]i)?B/;    # at the end there may be none at all
my @MODULES = qw(zram zstd lz4);

need_programs(qw(qemu-system-x86_64 busybox tar xz));

# Other kernels come below, with modules of their own.
my $ALL = delete $ENV{TARBOOT_TEST_ALL};

# A root of so many MiB in a file and with modules for zram, packed as others; its init says what the file's digest is, and what
# swap there is.
sub root_with {
	my ($name, $megabytes, $command, $suite, @modules) = @_;
	my $root = tiny_root($name, sub {
		my ($dir) = @_;
		run("$command | head -c ${megabytes}M >'$dir/data'");
		copy_modules($suite, $dir, @modules) if @modules;
		spew("$dir/sbin/init", <<'END', 0755);
#!/bin/sh
{
	echo "DATA $(/bin/busybox md5sum </data)"
	echo "SWAPS $(/bin/busybox sed -n 's/[[:space:]][[:space:]]*/ /gp' /proc/swaps)"
	echo "UNITS $(/bin/busybox ls /run/systemd 2>&1)"
	echo "CLUSTER $(/bin/busybox cat /proc/sys/vm/page-cluster)"
	echo "ZRAM $(/bin/busybox sed -n 's/^  "zram": //p' /run/tarboot/report.json)"
	echo "TINY-INIT-RAN pid=$$ args=$*"
} >/dev/console
exec /bin/busybox poweroff -f
END
	});
	my $image = scratch("$name.img");
	tarboot('pack', '--kernel', 'none', '--level', 'fast', $root, '-o', $image);
	my $digest = md5_hex(slurp("$root/data"));
	run('rm', '-rf', $root);
	return ($image, $digest);
}

my ($image, $digest) = root_with('numbers', 192, 'seq 100000000 999999999', 'demo', @MODULES);
my @image = (initrd => $image);

# The same image without some of its members.
sub without {
	my ($name, $pattern) = @_;
	return newc_write(scratch("$name.img"), grep { $_->{name} !~ $pattern } newc_read($image));
}

sub swaps { return qr{^SWAPS Filename Type Size Used Priority\n$_[0]\nUNITS}m }
my $NONE = qr{^SWAPS Filename Type Size Used Priority\nUNITS}m;

boots('a root that fits: nothing', @image, mem => 1024, like => [ qr/^DATA $digest/m, $NONE, qr/^CLUSTER 3$/m, qr/^ZRAM $/m ],
	also => sub { unlike($_[0]->text, qr/zram/, 'no word of it') });
boots('a root that fits hardly', @image, mem => 320, like => [ qr/^DATA $digest/m,
	qr/^tarboot: set up zram: \d\.\d+ s, up to $MIB in zram0, by zstd: \d\.\d\d : 1 is expected$/m, qr/^CLUSTER 0$/m,
	swaps('/dev/zram0 partition \d+ \d+ 100'), qr/^tarboot: zram: (?:there was no need of it|$MIB are in $MIB of RAM .*)$/m ]);
boots('a root that does not fit', @image, mem => 224, append => 'tarboot.debug', like => [ qr/^DATA $digest/m, qr{^tarboot: memory is short: /lib/modules is deleted$}m, qr{^UNITS .*/run/systemd: No such file}m,
	qr/^tarboot: zram: $MIB are in $MIB of RAM \((?:[2-9]|\d\d+)\.\d\d : 1\)$/m, swaps('/dev/zram0 partition \d+ [1-9]\d+ 100'),
	qr/^ZRAM \{ "device": "zram0", "algorithm": "zstd", "size_bytes": \d+, "expected_ratio": \d\.\d\d, "stored_bytes": \d+, "taken_bytes": \d+ \},$/m ]);
boots('as large as one says', @image, mem => 1024, append => 'tarboot.zram=64m', like => [ qr/set up zram: .* up to 64\.0 MiB in zram0/,
	swaps('/dev/zram0 partition 65532 0 100'), qr/^tarboot: zram: there was no need of it$/m ]);
boots('a foreign payload that does not fit', initrd => without('foreign', qr{^tarboot/manifest$}), mem => 224,
	like => [ qr/^DATA $digest/m, qr/set up zram: .* in zram0/, qr/^tarboot: zram: $MIB are in $MIB of RAM/m, swaps('/dev/zram0 partition \d+ [1-9]\d+ 100') ]);
unlink scratch('foreign.img');
boots('a share of the RAM', @image, mem => 1024, append => 'tarboot.zram=200%', like => [ qr/set up zram: .* up to 1\.\d+ GiB in zram0/ ]) if $ALL;
fails('off', @image, mem => 224, append => 'tarboot.zram=off', step => 'check memory', about => [ qr/needs $MIB and \d+ inodes, this machine has $MIB free$/m, qr/Or leave out tarboot\.zram=off\./ ]);
fails('the module in the image, and tarboot.hotplug=off', @image, mem => 224, append => 'tarboot.hotplug=off', step => 'check memory',
	about => [ qr/this machine has $MIB free$/m, qr/Or leave out tarboot\.hotplug=off\./ ]);
boots('the same, hardly enough', @image, mem => 320, append => 'tarboot.hotplug=off', like => [ qr/^DATA $digest/m, $NONE,
	qr/^tarboot: the root hardly fits into RAM, and tarboot\.hotplug=off keeps the module zram from being loaded$/m ]);
boots('the same, asked for', @image, mem => 1024, append => 'tarboot.hotplug=off tarboot.zram=64m', like => [ $NONE,
	qr/^tarboot: tarboot\.zram= asks for zram, and tarboot\.hotplug=off keeps its module from being loaded$/m ]) if $ALL;
fails('no word for it', @image, append => 'tarboot.zram=yes', step => 'check parameters',
	about => [ qr/tarboot\.zram=yes/, qr/must be auto, off, or a size/ ]) if $ALL;
fails('not even so', @image, mem => 152, step => 'check memory', about => [ qr/this machine has $MIB free, and about $MIB more with zram$/m, qr/Add memory/ ]);

# What xz finds far away, no page has in it: the guess is wrong. Whether tarboot or the kernel sees it first is a matter of luck.
my ($repeats) = root_with('repeats', 192, q{sh -c 'head -c 200k /dev/urandom >"$0"; while cat "$0"; do :; done' } . scratch('once'), 'demo', @MODULES);
fails('less is saved than the archive promised', initrd => $repeats, mem => 224, step => 'unpack root',
	about => [ qr/it is used up: $MIB are free after $MIB of the archive's|it was killed, as the kernel does when memory runs out/, qr/Add memory/ ]);
unlink $repeats;

my $lz4 = without('lz4', qr{/zstd\w*\.ko});
boots('a kernel without zstd', initrd => $lz4, mem => 256, like => [ qr/set up zram: .* by lz4: \d\.\d\d : 1 is expected/, qr/^DATA $digest/m,
	swaps('/dev/zram0 partition \d+ [1-9]\d+ 100') ]);
unlink $lz4;
my $bare = without('bare', qr{^lib/modules/});
fails('an image without the modules', initrd => $bare, mem => 224, step => 'check memory', about => [ qr/this machine has $MIB free$/m, qr/Or pack it with the module zram\./ ]) if $ALL;
boots('an image without them, and hardly enough', initrd => $bare, mem => 320, like => [ qr/^DATA $digest/m, $NONE,
	qr/^tarboot: the root hardly fits into RAM, and neither the kernel nor the image has zram$/m ]);
unlink $bare;

# Downwards in RAM: it boots, or it refuses with its sentence.
sub sweep {
	my ($name, $image, $digest, %guest) = @_;
	my %ended;
	for (my $mem = $ALL ? 512 : 200; $mem >= 96; $mem -= $ALL ? 16 : 32) {
		my $guest = start(name => "$name-$mem", initrd => $image, mem => $mem, %guest);
		$guest->wait_end($BOOT);
		my $text = $guest->text;
		my $came = $text =~ m{Run /init as init};
		my $how  = $text =~ /TINY-INIT-RAN/ ? $text =~ /^DATA $digest/m ? 'boots' : 'boots with wrong bytes'
			: $text =~ /^tarboot: FAILED: (find payload|check memory|unpack root)/m ? "refuses: $1" : $came ? 'else' : 'the kernel does not come to /init';
		$ended{$mem} = $how;
		like($how, qr/^boots$|^refuses|^the kernel/, "$mem MiB: $how") or $guest->show_end(40);
		last if !$came;
	}
	my @order = map { $ended{$_} eq 'boots' ? 0 : $ended{$_} =~ /^refuses/ ? 1 : 2 } sort { $b <=> $a } keys %ended;
	is_deeply(\@order, [ sort @order ], 'with less it never becomes better');
	ok((grep { $_ == 0 } @order) && (grep { $_ == 1 } @order), 'it boots with much and refuses with little');
	return;
}

subtest 'another try has the same swap' => sub {
	my $guest = shell_at(name => 'again', @image, mem => 224, append => 'tarboot.shell=fail tarboot.init=/none', enter => 1);
	like(type_and_see($guest, 'cut -c 1-10 /proc/swaps; echo end', qr/^end$/m), qr{^Filename\s*\n/dev/zram0\s*\nend$}m, 'it is there after a failure');
	$guest->type("exit\n");
	ok($guest->wait_for(qr/Enter/, $BOOT), 'the second try fails as the first did') or $guest->show_end;
	like($guest->answer, qr/^tarboot: set up zram: .* in zram0, .*\n(?:.*\n)*^tarboot: zram: $MIB are in $MIB of RAM/m, 'with its swap');
	$guest->type("\n");
	ok($guest->wait_for(qr/^tarboot:\S*# $/m, $BOOT), 'and its shell');
	like(type_and_see($guest, 'cut -c 1-10 /proc/swaps; echo end', qr/^end$/m), qr{^Filename\s*\n/dev/zram0\s*\nend$}m, 'of which there is one');
	$guest->stop;
};
subtest 'less and less RAM' => sub { sweep('sweep', $image, $digest) };

# A kernel whose zram has compressors of its own, and older ones.
for my $suite ($ALL ? qw(bullseye trixie sid) : ()) {
	subtest "the kernel of $suite" => sub {
		my ($theirs, $is) = root_with($suite, 192, 'seq 100000000 999999999', $suite, @MODULES);
		my $guest = start(name => $suite, initrd => $theirs, mem => 240, booting($suite));
		ok($guest->wait_end($BOOT), 'it boots and powers off');
		like($guest->text, qr/^DATA $is/m, 'the root is right');
		like($guest->text, qr/set up zram: .* in zram0, by zstd: /, 'zstd');
		like($guest->text, swaps('/dev/zram0 partition \d+ [1-9]\d+ 100'), 'it is in use');
		$guest->show_end unless Test::More->builder->is_passing;
		sweep($suite, $theirs, $is, booting($suite)) if $suite ne 'bullseye';
		unlink $theirs;
	};
}
done_testing();
