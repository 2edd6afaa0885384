#!/usr/bin/perl
# A boot part with a key boots whatever root the key's holder has published, and nothing else: a new one, from the second server where
# the first has an old signature; not without a signature, with one of another key, of another manifest, an old one, one with bytes
# behind; not a changed Block, not with tarboot.verify=no, not a payload that somebody put beside it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../boot";
use Test::More;
use Modules;
use Stream;

need_programs(qw(qemu-system-x86_64 busybox dnsmasq ip minisign));
enter_network();

# ---- keys and manifests ----

run(qw(minisign -G -W -f -p), scratch("$_.pub"), '-s', scratch("$_.key")) for qw(holder stranger);

sub sign {
	my ($key, $manifest, $date, $signature) = @_;
	run(qw(minisign -S -s), scratch("$key.key"), '-m', $manifest, '-x', $signature // "$manifest.minisig",
		'-t', "tarboot name=room version=1 date=$date");
	return;
}

my $http = public('http');
my $NOW  = '2026-11-29T12:00:00Z';
publish_root('tiny', 2, '--trust', scratch('holder.pub'), '--manifest-min', '2026-11-28');
publish_root('other', 1);
for my $name (qw(good old foreign bare behind swapped changed)) {
	run('cp', "$http/other.tar.xz$_", "$http/$name.tar.xz$_") for '', '.manifest';
}
# Another root, so that it is seen which of two servers was taken.
run('cp', "$http/tiny.tar.xz$_", "$http/old.tar.xz$_") for '', '.manifest';
sub path { return "$http/$_[0].tar.xz.manifest" }

sign('holder',   path('good'),    $NOW);
sign('holder',   path('changed'), $NOW);
sign('holder',   path('old'),     '2026-11-27T23:59:59Z');
sign('stranger', path('foreign'), $NOW);
sign('holder',   path('tiny'),    $NOW, path('swapped') . '.minisig');
spew(path('behind') . '.minisig', slurp(path('good') . '.minisig') . "more\n");
spew(path('changed'), slurp(path('changed')) =~ s/^inodes=\K/1/mr);

# ---- boots ----

my $dhcp = dhcp('br0', '--dhcp-range=192.168.77.20,192.168.77.90,255.255.255.0,1h');
my $web  = web('web');
my $n    = 0;

sub url { return join ',', map { "http://$SERVER:$WEB/$_.tar.xz" } @_ }
sub manifest_of { return url($_[0]) . '.manifest' }

sub boots {
	my ($what, $urls, @like) = @_;
	my $number = ++$n;
	return (sub { fetching('tiny', $number, urls => $urls) }, sub { come_up($what, $_[0], 'other', @like) });
}

sub refused {
	my ($what, $urls, $append, %want) = @_;
	my $number = ++$n;
	return (sub { fetching('tiny', $number, urls => $urls, netwait => 15, append => $append) }, sub { fail_with($what, $_[0], %want) });
}

# A payload that a loader puts beside the boot part, with these files.
sub beside {
	my ($what, %files) = @_;
	my $initrd = "$http/beside" . ++$n;
	newc_write("$http/cpio$n", map { { name => $_, mode => 0100644, nlink => 1, data => $files{$_} } } sort keys %files);
	spew($initrd, slurp("$http/tiny.boot") . "\0" x (-(-s "$http/tiny.boot") % 512) . slurp("$http/cpio$n"));
	return machine(name => "beside$n", mem => 384, mac => mac($n), kernel => kernel_of('bookworm') . '/vmlinuz', initrd => $initrd,
		append => join ' ', 'no_timer_check', map { "tarboot.rootfs=/$_" } grep { /^(?:x|long-name.*)\.tar\.xz$/ } keys %files);
}

my $publish = 'Publish it again with `tarboot netboot --stream --sign KEYFILE`.';
my %payload = ('rootfs.tar.xz' => slurp("$http/other.tar.xz"));
my %signed  = (%payload, 'rootfs.tar.xz.manifest' => slurp(path('good')), 'rootfs.tar.xz.manifest.minisig' => slurp(path('good') . '.minisig'));
my %altered = (%signed, 'rootfs.tar.xz' => do { my $d = $payload{'rootfs.tar.xz'}; substr($d, 5000, 1) ^= "\1"; $d });
my %long    = map { (s/^rootfs/'long-name' . 'g' x 191/er => $signed{$_}) } keys %signed;    # than messages have it
# The web server changes one byte on the way, behind where a manifest ends.
my ($block) = slurp(path('good')) =~ /^block=(\d+)/m;

two_at_once(
	boots('a root that the boot part has never seen', url('good'),
		qr{^tarboot: http://\S+/good\.tar\.xz\.manifest is signed: room 1 of \Q$NOW\E$}m),
	boots('an old one, and none that can be read, on the other servers', url(qw(old behind good)), qr{is signed: room 1 of \Q$NOW\E$}m),
	refused('no signature', url('bare'), '', what => manifest_of('bare') . '.minisig', do => $publish,
		why => 'no server has it, and the boot part takes a root only with a signed manifest'),
	refused("a stranger's signature", url('foreign'), '', what => manifest_of('foreign'),
		why => qr/^it is signed with key [0-9A-F]{16}, which is not trusted: it must be key [0-9A-F]{16}(?: or another \d+)?$/, do => qr/^Sign it with a key that is trusted/),
	refused('a changed manifest', url('changed'), '', what => manifest_of('changed'), do => $publish,
		why => qr/^its signature, with key [0-9A-F]{16}, is not of this manifest: one of them was changed$/),
	refused('the signature of another manifest', url('swapped'), '', what => manifest_of('swapped'), do => $publish,
		why => qr/is not of this manifest/),
	refused('an old one', url('old'), '', what => manifest_of('old'), do => $publish,
		why => 'it was signed on 2026-11-27T23:59:59Z, and nothing before 2026-11-28 is taken'),
	refused('one that is older than the kernel line asks for', url('good'), 'tarboot.manifest-min=2026-11-29T12:00:01Z', what => manifest_of('good'),
		do => $publish, why => "it was signed on $NOW, and nothing before 2026-11-29T12:00:01Z is taken"),
	refused('bytes behind the signature', url('behind'), '', what => manifest_of('behind'), do => $publish,
		why => "its signature is no signature of minisign's, or not that alone"),
	refused('tarboot.verify=no', url('good'), 'tarboot.verify=no', what => 'kernel parameter tarboot.verify=no',
		why => 'the boot part has keys, so it takes a root only with a signed manifest', do => 'Leave it out of the boot menu.'),
	refused('a changed Block', "http://$SERVER:$WEB/damaged=500000/good.tar.xz", '',
		what => qr{good\.tar\.xz$}, why => qr/^Block 1 \(byte $block\) is not what its digest in the manifest says$/, do => qr/\S/),
	sub { beside('unsigned', %payload) },
	sub { fail_with('a payload beside the boot part', $_[0], what => '/rootfs.tar.xz.manifest',
		why => 'it is not in the initramfs, and the boot part takes no payload but its own without a signed manifest', do => qr/^Load the payload's manifest/) },
	sub { beside('changed', %altered) },
	sub { fail_with('a signed one that was changed', $_[0], what => '/rootfs.tar.xz', do => qr/^Copy the image again/,
		why => qr/^Block \d+ \(byte \d+\) is damaged, or was changed: it is not what its digest in the manifest says/) },
	sub { beside('another path', 'x.tar.xz' => $payload{'rootfs.tar.xz'}) },
	sub { fail_with('a payload by tarboot.rootfs=', $_[0], what => '/x.tar.xz.manifest', why => qr/^it is not in the initramfs, and the boot part takes/, do => qr/\S/) },
	sub { beside('signed', %signed) },
	sub { come_up('a signed one', $_[0], 'other', qr{^tarboot: /rootfs\.tar\.xz\.manifest is signed: room 1 of \Q$NOW\E$}m) },
	sub { beside('signed, with a long name', %long) },
	sub { come_up('a signed one whose name has 207 bytes', $_[0], 'other') });
note($web->text, $dhcp->text) unless Test::More->builder->is_passing;
done_testing();
