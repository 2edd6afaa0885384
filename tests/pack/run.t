#!/usr/bin/perl
# What `tarboot run` asks QEMU for, and when it takes KVM. A program stands in for QEMU: it writes down its arguments and
# behaves as QEMU does with a KVM that works, that hangs or that is not there. tests/boot/60-run.t boots by the real one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use Test::More;

need_programs(qw(busybox script));
my $TARBOOT = build_path('tarboot');
my $bin     = new_dir();
my $said    = scratch('said');
my $image   = scratch('image');
my $V3      = 'qemu64,+cx16,+lahf-lm,+popcnt,+ssse3,+sse4.1,+sse4.2,+xsave,+xsaveopt,+avx,+avx2,+bmi1,+bmi2,+f16c,+fma,+abm,+movbe';

spew("$bin/qemu-system-$_", <<'END', 0755) for qw(x86_64 aarch64);
#!/bin/sh
echo "$@" >>"$SAID"
case "$KVM $*" in
dies*) stty raw -echo; kill -KILL $$ ;;
block*) printf '\r\ntarboot: FAILED: check memory\r\n  what: memory\r\n  why:  the root needs 2.0 GiB,\r\n        this machine has 1.0 GiB free\r\n  do:   Add memory.\r\n'; cat ;;
panics*) echo '[    2.1] Kernel panic - not syncing: No working init found.' ;;
*"-accel tcg"*) echo "machine login: " ;;
works*) echo 'VFS: Cannot open root device "(null)"'
	echo 'Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)' ;;
falls*) echo 'Linux version 6.1' ;;
hangs*) echo 'Linux version 6.1'; exec sleep 100 ;;
*) echo 'Could not access KVM kernel module: No such file or directory' >&2; exit 1 ;;
esac
END

tarboot('pack', tiny_root('root'), '-o', $image, qw(--level=fast --kernel=none --no-shell));
spew("$image.vmlinuz", bzimage('6.1'));

my $typed = spew(scratch('typed'), "typed\n");

# How QEMU was called, one line for each time.
sub runs {
	my ($kvm, @arguments) = @_;
	spew($said, '');
	my $r = try({ env => { PATH => "$bin:$ENV{PATH}", SAID => $said, KVM => $kvm }, stdin => $typed }, $TARBOOT, 'run', $image, @arguments);
	return ($r, split /\n/, slurp($said));
}

my $MACHINE = '-nodefaults -no-reboot -display none -chardev stdio,id=s,mux=on,signal=off -serial chardev:s -mon chardev=s';
my $PAIR    = "-kernel $image.vmlinuz -initrd $image";
my $TRIAL   = "-accel kvm -M pc -cpu host -m 512M -smp 1 -nodefaults -no-reboot -display none -chardev stdio,id=s"
	. " -serial chardev:s -kernel $image.vmlinuz -append console=ttyS0 panic=-1";
my $emulated = "-accel tcg -M pc -cpu $V3 -m 2G -smp 2 $MACHINE $PAIR -append console=ttyS0 panic=-1";
my $on_kvm   = "-accel kvm -M pc -cpu host -m 2G -smp 2 $MACHINE $PAIR -append console=ttyS0 panic=-1";

{
	my $died = try({ env => { PATH => "$bin:$ENV{PATH}", SAID => $said, KVM => 'dies' } }, 'script', '-qec', "'$TARBOOT' run '$image' --accel=tcg; stty -a", '/dev/null');
	like($died->{out}, qr/QEMU was killed by signal 9\b/, 'QEMU is killed');
	like($died->{out}, qr/[ ;]icanon\b(?s:.*)[ ;]echo\b/, 'and the terminal is as it was');
}

my ($r, @calls) = runs('', '--accel=tcg');
is_deeply(\@calls, [$emulated], 'emulated: a CPU of x86-64-v3');
is($r->{err}, '', 'and nothing is said');
is_deeply([(runs('', qw(--accel kvm)))[1]], [$on_kvm], 'KVM without a trial: the CPU of this computer');
is_deeply([(runs('', qw(--accel tcg --cpu Nehalem -m 512M --cpus 4 -a), 'quiet x=1', '--', '-netdev', 'user,id=n', qw(--accel hvf)))[1]],
	[$emulated =~ s/-cpu \S+/-cpu Nehalem/r =~ s/-m 2G -smp 2/-m 512M -smp 4/r . ' quiet x=1 -netdev user,id=n --accel hvf'],
	'another CPU, memory, kernel line, and what is for QEMU');

# ---- the exit status ----

my $failed = "tarboot: $image: the boot failed: check memory: memory: the root needs 2.0 GiB, this machine has 1.0 GiB free\n  Do what the machine's last lines above say.\n";
($r) = runs('', '--accel=tcg');
is($r->{exit}, 0, 'a machine that ends: 0');
($r) = runs('block', '--accel=tcg');
is($r->{exit}, 1, 'a boot that failed: 1, though QEMU ended well');
is($r->{err}, $failed, 'and a sentence says which step and why');
like($r->{out}, qr/do:   Add memory\.\r\ntyped\n\z/, 'the console is shown, and what is typed goes to QEMU');
($r) = runs('block', qw(--accel=tcg --until-login));
is("$r->{exit} $r->{err}", "1 $failed", 'the same with --until-login');
($r) = runs('panics', '--accel=tcg');
is("$r->{exit} $r->{err}", "1 tarboot: $image: the kernel panicked: No working init found.\n  Read the kernel's lines above.\n", 'a panic');

SKIP: {
	skip 'the trial is for a kernel of this machine', 9 if `uname -m` ne "x86_64\n";
	($r, @calls) = runs('works');
	is_deeply(\@calls, [$TRIAL, $on_kvm], 'KVM works: tried, then used');
	($r, @calls) = runs('works', '--cpu=max');
	is_deeply(\@calls, [map { s/-cpu host/-cpu max/r } $TRIAL, $on_kvm], 'with the CPU that was asked for, both times');
	($r, @calls) = runs('missing');
	is_deeply(\@calls, [$TRIAL, $emulated], 'no KVM: emulated');
	is($r->{err}, '', 'and nothing is said');
	($r, @calls) = runs('falls');
	is_deeply(\@calls, [$TRIAL, $emulated], 'the kernel does not come far with KVM: emulated');
	($r, @calls) = runs('hangs');
	is_deeply(\@calls, [$TRIAL, $emulated], 'the kernel hangs with KVM: emulated');
	is($r->{err}, "tarboot: warning: this kernel hangs with KVM here: it is emulated, which is slower\n", 'and it says so');
	is($r->{out}, "machine login: \n", 'nothing of the trial is shown');
	($r) = runs('missing', '--until-login');
	like($r->{out}, qr/^machine login: /, 'the same with --until-login');
}
done_testing();
