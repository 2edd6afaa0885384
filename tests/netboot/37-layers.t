#!/usr/bin/perl
# Layers over a root. Three machines at once boot from the network, by the menu, each with its name, its keys and its files; two fetch
# them, for one the boot loader loads them. Then
# machines whose layers are missing, damaged, too large for their memory, want to leave the root, or are not signed for a boot part with
# keys: each says so, and names the layer.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../boot", "$FindBin::RealBin/../engine";
use Test::More;
use File::Path qw(make_path);
use Modules;
use RawTar qw(file symlink_to tar_end);
use Stream;

need_programs(qw(qemu-system-x86_64 busybox cpio dnsmasq ip minisign b2sum));
enter_network();

my $BOOT   = 300;    # seconds for one by the menu, with two others, that takes forty alone
my $http   = public('http');
my $KERNEL = kernel_of('bookworm') . '/vmlinuz';
my @MODULES = qw(virtio_pci virtio_net);

# ---- the root, and what lies over it ----

# The init of the layer for all: what this machine has become, between two marks.
my $INIT = <<'END';
#!/bin/sh
b=/bin/busybox
{
	echo; echo BEGIN
	echo "name $($b cat /etc/hostname 2>&1)"
	echo "id $($b cat /etc/machine-id 2>&1)"
	echo "motd $($b cat /etc/motd 2>&1)"
	for f in /etc/ssh/key /etc/issue /usr/lib/linked /escaped /etc; do
		echo "file $f $($b stat -c '%a %u %Y' $f 2>&1) $($b head -c 40 $f 2>/dev/null | $b tr -d '\n')"
	done
	echo END
} >/dev/console 2>&1
exec $b poweroff -f
END

my $root = tiny_root('room', sub {
	copy_modules('bookworm', $_[0], @MODULES);
	make_path("$_[0]/usr/lib");
	symlink 'usr/lib', "$_[0]/lib64";
	spew("$_[0]/etc/issue", "the root's\n");
	spew("$_[0]/etc/motd",  "the root's\n");
	utime 1e9, 1e9, "$_[0]/etc" or die;
});
make_path(map { scratch($_) } qw(common/etc common/sbin common/lib64 layers/pc1/etc/ssh layers/pc2/etc/ssh));
spew(scratch('common/sbin/init'), $INIT, 0755);
spew(scratch('common/etc/motd'), "welcome\n");
spew(scratch('common/etc/.wh.issue'), '');
spew(scratch('common/lib64/linked'), 'through a link');
for my $name (qw(pc1 pc2)) {
	spew(scratch("layers/$name/etc/ssh/key"), "the key of $name", 0600);
	chmod 0600, scratch("layers/$name/etc/ssh/key") or die;
}
spew(scratch('layers/pc2/etc/motd'), "welcome, pc2\n");
spew(scratch('room.csv'), "mac,address,name,entry,layer\n"
	. mac(1) . ",192.168.77.21,pc1,,layers/pc1\n" . mac(2) . ",192.168.77.22,pc2,whole,layers/pc2\n" . mac(3) . ",192.168.77.23,pc3\n");

# What the init of a machine says, or nothing.
sub told {
	my ($guest) = @_;
	return $guest->text =~ /^BEGIN\n(.*?)^END$/ms ? $1 : '';
}

sub is_told {
	my ($guest, %want) = @_;
	my $told = told($guest);

	like($told, qr/^name $want{name}\n/m, 'its name');
	like($told, qr/^motd $want{motd}\n/m, 'its own files, over those of all');
	like($told, qr{^file /etc/ssh/key $want{key}}m, 'its key, whose mode is kept');
	like($told, qr{^file /etc/issue .*No such file}m, 'a file of the root is deleted');
	like($told, qr{^file /usr/lib/linked 644 0 \d+ through a link$}m, 'a link of the root is followed');
	like($told, qr{^file /etc 755 0 1000000000 $}m, 'a directory of the root keeps its time');
	unlike($guest->text, qr/FAILED|Kernel panic/, 'nothing failed');
	$guest->show_end(60) unless Test::More->builder->is_passing;
	return;
}

# ---- three machines at once, by DHCP, menu and servers ----

my $image = scratch('room.img');
my $site  = public('site');
my @LINE  = qw(console=ttyS0 no_timer_check net.ifnames=0 panic=-1 tarboot.machine-id=firmware);
tarboot('pack', $root, '-o', scratch('whole.img'), '--kernel', 'none', '--modules', join(',', @MODULES), '--level=fast');
tarboot('pack', $root, '-o', $image, '--kernel', 'none', '--stream', '--modules', join(',', @MODULES), '--level=fast');
tarboot('netboot', scratch('whole.img'), '-o', $site, '--server', $SERVER, '--subnet', $SUBNET, '--timeout', 2, '--kernel', $KERNEL,
	'--append', "@LINE ip=dhcp", '--layer', scratch('common'));
my $NAMES = "http://$SERVER/own/\${mac}-\${ip}-\${hostname}-\${uuid}-\${serial}.tar?";
tarboot('netboot', $image, '-o', $site, '--stream', '--kernel', $KERNEL, '--append', "@LINE tarboot.layer=$NAMES tarboot.verify=root", '--layer', scratch('common'),
	'--hosts', scratch('room.csv'), '--default', 'room');
mkdir "$site/http/own" or die;
spew("$site/http/own/" . mac(3) . '-192.168.77.23-pc3-0f0e0d0c-0b0a-0908-0706-050403020103-no 3.tar', file('etc/motd', "welcome, pc3\n") . tar_end());
{
	my $serve = serve('serve', build_path('tarboot'), 'serve', $site);
	ok($serve->wait_for(qr/^serving /m, 20), 'the servers run') or diag($serve->text);
	my %motd = (1 => 'welcome', 2 => 'welcome, pc2', 3 => 'welcome, pc3');
	my %how  = (1 => 'fetched', 2 => 'loaded', 3 => 'fetched');
	my %room = map { $_ => machine(name => "pc$_", mac => mac($_), mem => 448,
		args => [ -uuid => "0F0E0D0C-0B0A-0908-0706-05040302010$_", -smbios => "type=1,serial=no $_" ]) } 1 .. 3;
	for my $n (1 .. 3) {
		subtest "pc$n, $how{$n}, beside the others" => sub {
			ok($room{$n}->wait_end($BOOT), 'it boots and powers off');
			is_told($room{$n}, name => "pc$n", motd => $motd{$n}, key => $n == 3 ? '.*No such file' : "600 0 \\d+ the key of pc$n\$");
			like(told($room{$n}), qr/^id 0f0e0d0c0b0a0908070605040302010$n$/m, 'its machine-id is that of the firmware');
			like($room{$n}->text, qr/^tarboot: find layers: \d+\.\d+ s, 2, \d/m, 'the layers were found');
			like($room{$n}->text, qr/^tarboot: name machine: \d+\.\d+ s, pc$n, machine-id of the firmware$/m, 'and it was named');
			like($room{$n}->text, $n == 2 ? qr{^tarboot: layer /tarboot/layers/machine-}m : qr{^tarboot: layer http://}m, "they were $how{$n}");
		};
	}
	note($serve->text) unless Test::More->builder->is_passing;
}

# ---- the same by the boot loader, with initrds ----

my $whole = public('whole');
tarboot('netboot', scratch('whole.img'), '-o', $whole, '--server', $SERVER, '--subnet', $SUBNET, '--kernel', $KERNEL,
	'--layer', scratch('common'), '--machine-layer', mac(2) . '=' . scratch('layers/pc2'), '--host', mac(2) . '=,pc2');
my $menu = slurp("$whole/http/menu.ipxe");
my ($own) = slurp("$whole/http/mac-" . (mac(2) =~ tr/:/-/r) . '.ipxe') =~ /^set layerimg (\S+)$/m;
like($menu, qr{^kernel \$\{from\}/vmlinuz initrd=initrd\.img initrd=layer-1\.img \$\{layerinitrd\} devfs=nomount .* ip=::::\$\{host:uristring\}::dhcp }m,
	'the menu loads the layers, and passes the name on');
{
	my $guest = machine(name => 'whole', mac => mac(2), mem => 448, kernel => $KERNEL, append => 'no_timer_check ip=::::pc2::dhcp',
		initrd => spew(scratch('whole.initrd'), join '', map { slurp($_) } "$whole/http/images/whole/current/initrd.img",
			"$whole/http/images/whole/current/layer-1.img", "$whole/http/layers/$own"));
	subtest 'layers in initrds' => sub {
		ok($guest->wait_end($BOOT), 'it boots and powers off');
		is_told($guest, name => 'pc2', motd => 'welcome, pc2', key => '600 0 \d+ the key of pc2$');
		like(told($guest), qr/^id cat: /m, 'no machine-id, which nobody asked for');
	};
}
is(run(build_path('tarboot'), 'unpack', '-q', scratch('whole.initrd'), scratch('unpacked')), '', 'tarboot unpack takes it');
is(slurp(scratch('unpacked/etc/motd')), "welcome, pc2\n", 'with its layers');
ok(!-e scratch('unpacked/etc/issue'), 'and their whiteouts');
like(run(build_path('tarboot'), 'verify', scratch('whole.initrd')), qr{^layer: /tarboot/layers/layer-1\.tar\.xz\n}m, 'tarboot verify checks them');

# ---- layers with faults ----

publish_root('tiny', 1);
publish_root('other', 1);
sub layer {
	my ($name, @members) = @_;
	spew("$http/$name.tar", join('', @members) . "\0" x 1024);
	run('xz', '-T0', "$http/$name.tar");
	return;
}
sub digest { my ($name) = @_; return run("b2sum -l 256 <'$http/$name'") =~ s/\s.*//sr }

layer('good', file('etc-of-layer', 'x'));
layer('leaving', file('etc/../../outside', 'x'));
layer('linked', symlink_to('abs', '/'), symlink_to('up', '../../..'), file('abs/escaped', 'abs'), file('up/escaped2', 'up'),
	file('sbin/init', $INIT, mode => 0755));
layer('deletes', file('sbin/.wh.init', ''), file('.wh.nothing', ''));
run("head -c 600M /dev/zero >'$http/zeros' && tar -C '$http' -c zeros | xz -0 -T0 >'$http/large.tar.xz' && rm '$http/zeros'");
run('cp', "$http/good.tar.xz", "$http/" . mac(90) . '.tar.xz');
layer('whiteout', file('.wh.', ''));

my $dhcp = dhcp('br0', '--dhcp-range=192.168.77.30,192.168.77.90,255.255.255.0,1h', '--dhcp-host=' . mac(90) . ',named');
my $web  = web('web');
my $n    = 29;
sub url { my ($name, $how) = @_; return "http://$SERVER:$WEB/" . ($how ? "$how/" : '') . "$name.tar.xz" }
sub pinned { my ($name, $how) = @_; return url($name, $how) . '#' . digest("$name.tar.xz") }

# Boots the root from its server, with a layer.
sub with_layer {
	my ($layer, %arg) = @_;
	my $number = $arg{number} // ++$n;
	return sub { fetching($arg{root} // 'tiny', $number, urls => url($arg{root} // 'tiny'), netwait => 25, mem => 384,
		append => join(' ', (map { "tarboot.layer=$_" } ref $layer ? @$layer : $layer), $arg{append} // ())) };
}

sub up {
	my ($what, $layer, $like, %arg) = @_;
	return (with_layer($layer, %arg), sub { come_up($what, $_[0], $arg{root} // 'tiny', ref $like eq 'ARRAY' ? @$like : $like) });
}

sub down {
	my ($what, $layer, %want) = @_;
	my %arg = map { $_ => delete $want{$_} } grep { exists $want{$_} } qw(root append number);
	return (with_layer($layer, %arg), sub { fail_with($what, $_[0], %want) });
}

# A root in the image with one byte changed in its middle: what is fetched over it must not keep its digests from being asked.
sub with_changed_root {
	my $changed = slurp("$http/tiny.img");
	my $payload = slurp("$http/tiny.tar.xz");
	my $at = index($changed, substr $payload, 0, 200) + length($payload) / 2;
	substr($changed, $at, 1) ^= "\1";
	return machine(name => 'changed', mac => mac(89), mem => 384, kernel => $KERNEL, initrd => spew(scratch('changed.img'), $changed),
		append => "no_timer_check net.ifnames=0 tarboot.layer=" . pinned('good'));
}

# A layer in the image whose path is longer than messages have it. Its manifest, which is about something else, is asked all the same.
sub with_long_name {
	my $dir = scratch('long');
	my $to  = "$dir/tarboot/layers/" . ('l' x 200) . '.tar.xz';
	make_path("$dir/tarboot/layers");
	run('cp', "$http/good.tar.xz", $to);
	run('cp', "$http/tiny.tar.xz.manifest", "$to.manifest");
	my $initrd = slurp("$http/tiny.img") . run("cd '$dir' && find tarboot | cpio -o -H newc --quiet");
	return machine(name => 'long', mac => mac(88), mem => 384, kernel => $KERNEL, initrd => spew(scratch('long.img'), $initrd), append => 'no_timer_check net.ifnames=0');
}

# TARBOOT_TEST_ALL=1 has those, too, that differ little from others.
sub rarely { return $ENV{TARBOOT_TEST_ALL} ? @_ : () }

my $none = 'd' x 64;
two_at_once(
	\&with_long_name, sub { fail_with('one with a long name and a wrong manifest', $_[0], what => qr{^/tarboot/layers/l+},
		why => 'the layer beside it has another size than it says', do => qr/^Publish it again/) },
	\&with_changed_root, sub { fail_with('a changed root in the image, under a fetched layer', $_[0], what => qr/rootfs\.tar\.xz/,
		why => qr/it is not what its digest in the manifest says/, do => qr/\S/) },
	up('a good one', pinned('good'), qr{^tarboot: find layers: \d+\.\d+ s, 1, \d}m),
	up('several, and the last server has the right one', [ pinned('good'), url('good', 'damaged=100') . ',' . pinned('good') ],
		[ qr{^tarboot: find layers: \d+\.\d+ s, 2, }m ]),
	down('one that is missing', url('none') . "#$none", what => url('none'), why => 'the server does not have it (404)', do => qr/\S/),
	up('one that may be missing', url('none') . "#$none?", qr{^tarboot: there is no layer \Q@{[ url('none') ]}\E, and it may be missing$}m),
	rarely(down('one that may be missing, and nobody is there to say so', "http://$SERVER:9/good.tar.xz#$none?",
		what => "http://$SERVER:9/good.tar.xz", why => 'nobody listens there', do => qr/\S/)),
	down('one that is not in the initramfs', '/none.tar', what => '/none.tar', why => 'this layer is not in the initramfs',
		do => 'Have the boot loader load it as an initrd, or put "?" behind its name if it may be missing.'),
	rarely(up('the same, if it may be missing', '/none.tar?', qr{^tarboot: there is no layer /none\.tar, and it may be missing$}m)),
	down('one that was changed', url('good', 'damaged=100') . '#' . digest('good.tar.xz'), what => url('good', 'damaged=100'),
		why => qr/^this layer's digest is [0-9a-f]{16}\.\.\., and must be @{[ substr digest('good.tar.xz'), 0, 16 ]}\.\.\.$/, do => qr/^Publish it again/),
	down('one that nothing pins', url('good'), what => url('good'), why => 'nothing says what this layer must be',
		do => qr/^Publish it with `tarboot netboot --layer`/),
	rarely(up('the same, if that is all right', url('good'), qr{^tarboot: whoever can write to the network decides what is in the layer \Q@{[ url('good') ]}\E$}m,
		append => 'tarboot.verify=root')),
	down('a damaged one that nothing pins', url('good', 'damaged=100'), append => 'tarboot.verify=root', what => url('good', 'damaged=100'),
		why => qr/./, do => qr/\S/),
	up('one by its MAC address, on a machine that DHCP names', url('${mac}'), [ qr{^tarboot: layer http://\S+/@{[ mac(90) ]}\.tar\.xz, }m,
		qr/^tarboot: name machine: \d+\.\d+ s, named$/m ], number => 90, append => 'tarboot.verify=root'),
	rarely(down('one for a machine without a name', url('${hostname}'), append => 'tarboot.verify=root', what => url('${hostname}'),
		why => 'this machine has no ${hostname} to fill in', do => qr/^Name the layer without it/)),
	down('one that is too large for this machine', pinned('large'), what => 'memory',
		why => qr/^the root needs at least 6\d\d\.\d MiB(?: and \d+ inodes)?, this machine has \d+\.\d MiB free/, do => qr/^Add memory/),
	down('one that wants to leave the root', pinned('leaving'), what => 'etc/../../outside',
		why => qr{^its path leads out of the root by '\.\.' \(layer \Q@{[ url('leaving') ]}\E, last member etc/\.\./\.\./outside, }, do => 'Do not trust this archive.'),
	rarely(down('a whiteout without a name', pinned('whiteout'), what => '.wh.', do => 'Build the layer again.',
		why => qr{^it has a whiteout without a name \(layer \Q@{[ url('whiteout') ]}\E, last member \.wh\., })),
	down('one that deletes the init', pinned('deletes'), what => 'the new init', why => qr{^none of /sbin/init, .* is in the root}, do => qr/\S/),
	with_layer(pinned('linked')), sub {
		my ($guest) = @_;
		subtest 'links that lead out lead to the root' => sub {
			ok($guest->wait_end(120), 'it boots and powers off');
			like(told($guest), qr{^file /escaped 644 0 \d+ abs$}m, 'what went through them is in the root');
			unlike($guest->text, qr/FAILED/, 'and nothing else happened');
			$guest->show_end(60) unless Test::More->builder->is_passing;
		};
	});

# ---- a boot part with keys ----

run(qw(minisign -G -W -f -p), scratch('holder.pub'), '-s', scratch('holder.key'));
publish_root('keyed', 1, '--trust', scratch('holder.pub'));
sub sign { run(qw(minisign -S -s), scratch('holder.key'), '-m', "$_[0].manifest", '-x', "$_[0].manifest.minisig", '-t',
	'tarboot name=room version=1 date=2026-11-30T00:00:00Z'); return }
sign("$http/keyed.tar.xz");

# Layers as netboot publishes them, by their names there.
my $signed = public('signed');
run('cp', public('http/keyed.img'), scratch('keyed.img'));
tarboot('netboot', scratch('keyed.img'), '-o', $signed, '--stream', '--server', $SERVER, '--subnet', $SUBNET, '--kernel', $KERNEL,
	'--sign', scratch('holder.key'), '--layer', scratch('layers/pc1'), '--layer', scratch('layers/pc2'));
for my $layer ("layer-1.tar.xz", "layer-2.tar.xz") {
	run('cp', "$signed/http/images/keyed/current/$layer$_", "$http/$layer$_") for '', '.manifest', '.manifest.minisig';
}
run('cp', "$http/layer-1.tar.xz$_", "$http/renamed.tar.xz$_") for '', '.manifest', '.manifest.minisig';
run('cp', "$http/layer-1.tar.xz$_", "$http/unsigned.tar.xz$_") for '', '.manifest';
spew("$http/layer-1.tar.xz.newer", slurp("$http/layer-1.tar.xz") . 'x');

my %keyed = (root => 'keyed');
my $sign  = 'Publish it again with `tarboot netboot --stream --sign KEYFILE`.';
two_at_once(
	up('signed layers', [ url('layer-1'), url('layer-2') ], [ qr{^tarboot: http://\S+/layer-1\.tar\.xz\.manifest is signed: }m,
		qr{^tarboot: find layers: \d+\.\d+ s, 2, }m ], %keyed),
	up('one that is signed, with the digest on the line, and the first server has a longer one', url('layer-1', 'newer') . ',' . pinned('layer-1'), [
		qr{^tarboot: http://\S+/newer/layer-1\.tar\.xz: this layer is larger than its manifest says, }m, qr{^tarboot: find layers: \d+\.\d+ s, 1, }m ], %keyed),
	down('one that is signed, and the line says another digest', url('layer-1') . "#$none", %keyed, what => url('layer-1'),
		why => qr/^this layer's digest is @{[ substr digest('layer-1.tar.xz'), 0, 16 ]}\.\.\., and must be d{16}\.\.\.$/, do => qr/^Publish it again/),
	down('one that is not signed', pinned('unsigned'), %keyed, what => url('unsigned') . '.manifest.minisig', do => $sign,
		why => qr/^no server has it, and the boot part takes/),
	down('one of another name', url('renamed'), %keyed, what => url('renamed'), do => qr/^Publish it with/,
		why => 'the signed manifest beside this layer is about tarboot/layers/layer-1.tar.xz, not tarboot/layers/renamed.tar.xz'),
	down('one of a name that is the same for all', url('${mac}/layer-1'), %keyed, what => url('${mac}/layer-1'),
		why => 'it has a variable in a directory or query, but a signature is for the name of the file',
		do => qr/^Write the variable into the name of the file, as in /),
	rarely(up('one that may be missing', url('none') . '?', qr{^tarboot: there is no layer }m, %keyed)),
	sub { fetching('keyed', ++$n, urls => url('layer-1'), netwait => 25) }, sub { fail_with('one as a root', $_[0], what => url('layer-1'),
		why => 'it was signed as a layer, tarboot/layers/layer-1.tar.xz', do => 'Give the URL or the file of a root.') },
	down('one in the initramfs that is not signed', '/etc/initrd-release', %keyed, what => '/etc/initrd-release.manifest',
		why => qr/^it is not in the initramfs, and the boot part takes no payload but its own without a signed manifest$/, do => qr/\S/),
	down('tarboot.verify=root', url('good'), %keyed, append => 'tarboot.verify=root', what => url('good') . '.manifest',
		why => qr/^no server has it, and the boot part takes/, do => $sign));
note($web->text, $dhcp->text) unless Test::More->builder->is_passing;
done_testing();
