#!/usr/bin/perl
# `tarboot run` with the real QEMU, emulating: the CPU has what programs built for x86-64-v2 and -v3 ask for, and what
# stands behind -- is there.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use Test::More;

need_programs(qw(busybox qemu-system-x86_64));
plan skip_all => 'the CPU is one of x86-64' if `uname -m` ne "x86_64\n";

# By /proc/cpuinfo's names, as the x86-64 ABI lists them; osxsave is what makes the kernel show avx.
my %LEVELS = (
	v2 => [qw(cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3)],
	v3 => [qw(avx avx2 bmi1 bmi2 f16c fma abm movbe xsave)]);
my $image = scratch('image');
my $root  = tiny_root('root', sub {
	spew("$_[0]/sbin/init", <<'END', 0755);
#!/bin/sh
exec >/dev/console 2>&1
/bin/busybox grep -m1 ^flags /proc/cpuinfo
echo "serial number: $(/bin/busybox cat /sys/class/dmi/id/product_serial)"
exec /bin/busybox poweroff -f
END
});
tarboot('pack', $root, '-o', $image, qw(--compress=zstd --level=fast --no-shell --kernel), demo_kernel());
my $r = try({ limit => 300 }, build_path('tarboot'), 'run', $image, qw(--accel tcg -m 512M -- -smbios), 'type=1,serial=TARBOOT-29');
is($r->{exit}, 0, 'it boots, and QEMU ends with the machine') or diag($r->{err}, substr $r->{out}, -2000);
unlike($r->{err}, qr/warning/, 'QEMU emulates all of that CPU');
my ($flags) = $r->{out} =~ /^flags\s*: (.*?)\r?$/m;
my %has = map { $_ => 1 } split ' ', $flags // '';
is(join(' ', grep { !$has{$_} } @{ $LEVELS{$_} }), '', "nothing of x86-64-$_ is missing") for sort keys %LEVELS;
like($r->{out}, qr/^serial number: TARBOOT-29\r?$/m, 'arguments for QEMU reach it');

# A boot that fails ends in a reboot, and so QEMU well.
$r = try({ limit => 300 }, build_path('tarboot'), 'run', $image, qw(--accel tcg -m 512M -a tarboot.rootfs=/none));
is($r->{exit}, 1, 'a boot that fails: 1') or diag($r->{err}, substr $r->{out}, -2000);
like($r->{err}, qr{^tarboot: \Q$image\E: the boot failed: find payload: /none: it is not in the initramfs\n  }m, 'and a sentence');
done_testing();
