#!/usr/bin/perl
# Images that fetch their root: what `pack --stream` puts into the boot part, what `netboot --stream` publishes, what they
# refuse.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine", $FindBin::RealBin;
use Engine;
use File::Path qw(make_path);
use Netboot;
use Test::More;

need_programs(qw(busybox xz b2sum));
my $M  = 'lib/modules/6.1.0-7-test';
my $image = scratch('lab.img');
my ($busybox) = grep { -x } map { "$_/busybox" } split /:/, $ENV{PATH};

# The command as installed in one directory, with a program that stands for the fetcher.
my $bin = new_dir();
run('cp', build_path('tarboot'), build_path('init'), $bin);
my $TARBOOT = "$bin/tarboot";
$Netboot::TARBOOT = $TARBOOT;

sub write_file {
	my ($path, $data) = @_;
	make_path($path =~ s{/[^/]*\z}{}r);
	return spew($path, $data);
}

sub module { return "\x7fELF$_[0]\0license=GPL\0" . join('', map { "firmware=$_\0" } @_[1 .. $#_]) . 'x' x 5000 }

my %modules = (
	'drivers/net/ethernet/fast.ko' => module('fast', 'fast.fw'), 'drivers/net/ethernet/slow.ko.xz' => module('slow'),
	'drivers/net/ethernet/old.ko.gz' => module('old'), 'drivers/input/keyboard/atkbd.ko' => module('atkbd'),
	'net/8021q/8021q.ko' => module('8021q'), 'net/packet/af_packet.ko' => module('af_packet'),
	'net/ipv6/ipv6.ko' => module('ipv6'), 'drivers/ata/ahci.ko' => module('ahci'));
my $root = tiny_root('root', sub {
	my ($dir) = @_;
	for my $path (keys %modules) {
		my $file = write_file("$dir/$M/kernel/$path", $modules{$path});
		run('xz', '--check=crc32', $file =~ s/\.xz\z//r) if $path =~ /\.xz\z/ && rename $file, $file =~ s/\.xz\z//r;
		run('gzip', '-n', $file =~ s/\.gz\z//r) if $path =~ /\.gz\z/ && rename $file, $file =~ s/\.gz\z//r;
	}
	write_file("$dir/$M/modules.dep", join '', map { "kernel/$_:" . (/fast/ ? " kernel/net/packet/af_packet.ko" : '') . "\n" } sort keys %modules);
	write_file("$dir/$M/modules.alias",   "alias pci:1* fast\nalias pci:2* ahci\n");
	write_file("$dir/$M/modules.softdep", '');
	write_file("$dir/lib/firmware/fast.fw", 'FIRMWARE');
	write_file("$dir/boot/vmlinuz-6.1.0-7-test", bzimage('6.1.0-7-test'));
});

sub pack_it { return try($TARBOOT, 'pack', $root, '-o', $image, '--level=fast', @_) }

sub boot_part {
	my ($name, @options) = @_;
	my $r = pack_it(@options);
	is($r->{exit}, 0, $name) or diag($r->{err});
	my @members = newc_read($image);
	return ($r, map { $_->{name} => $_ } @members);
}

sub modules_of { my (%have) = @_; return join ' ', sort map { m{([^/]+\.ko(?:\.\w+)?)\z} } keys %have }

# ---- what is missing ----

my $machine = run('uname', '-m') =~ s/\n//r;
{
	my $r = pack_it('--stream');
	is($r->{exit}, 1, 'without a fetcher: refused');
	is($r->{err}, "tarboot: the fetcher for @{[ $machine =~ s/_/-/r ]}: nothing can be fetched without it, but it is not installed\n"
		. "  In tarboot's source: make ARCH=$machine install\n", 'and what to do');
	ok(!-e $image, 'nothing is written');
	is(pack_it()->{exit}, 0, 'without --stream it is not needed');
}
run('cp', build_path('init'), "$bin/fetch");
{
	my $r = pack_it('--stream', '--shell', build_path('init'));
	is($r->{exit}, 1, 'a busybox that is none: refused');
	is($r->{err}, "tarboot: @{[ build_path('init') ]}: this busybox has no udhcpc, with which a machine that fetches its root gets an address\n"
		. "  Give another with --shell=PATH (Debian: busybox-static).\n", 'and what to do');
}

# ---- what is in it ----

subtest 'all network drivers' => sub {
	my ($r, %have) = boot_part('packed', '--stream', '--shell', $busybox);
	is($have{'tarboot/fetch'}{data}, slurp("$bin/fetch"), 'the fetcher');
	is(sprintf('%o', $have{'tarboot/fetch'}{mode}), '100755', 'with its mode');
	is($have{'bin/busybox'}{data}, slurp($busybox), 'busybox');
	is($have{'tarboot/no-shell'}, undef, 'which is for shells, too');
	is(modules_of(%have), '8021q.ko.xz af_packet.ko.xz atkbd.ko.xz fast.ko.xz ipv6.ko.xz old.ko.xz slow.ko.xz', 'the modules');
	for my $path (grep { !/ahci/ } keys %modules) {
		my $name = $path =~ s/\.ko\K.*/.xz/r;
		is(run('xz', '-dc', spew(scratch('module.xz'), $have{"$M/kernel/$name"}{data})), $modules{$path}, "$path, by xz");
	}
	is($have{"$M/kernel/drivers/net/ethernet/slow.ko.xz"}{data}, slurp("$root/$M/kernel/drivers/net/ethernet/slow.ko.xz"), 'what was compressed stays');
	is($have{'lib/firmware/fast.fw'}{data}, 'FIRMWARE', 'firmware');
	is($have{"$M/modules.dep"}{data}, join('', map { "kernel/$_:" . (/fast/ ? " kernel/net/packet/af_packet.ko.xz" : '') . "\n" }
		map { s/\.ko\K.*/.xz/r } grep { !/ahci/ } sort keys %modules), 'the index has their names');
	is($have{'rootfs.tar.xz'}{data} ne '', 1, 'the payload is there, too');
	like($r->{out}, qr/^modules  7, \d+ KiB, and 1 file of firmware, 8 B$/m, 'pack tells the sizes');
	like($r->{out}, qr/^machine  needs about \S+ MiB of RAM to boot; the rest is free\n         about \S+ MiB where it loads the boot part of \S+ MiB and fetches the root$/m,
		'and the memory');
	is($r->{err}, '', 'no warning');
	like(run($TARBOOT, 'verify', $image), qr/^digests: right: manifest, boot part, each Block and the whole payload$/m, 'its digests are right');
};
subtest 'without a shell' => sub {
	my ($r, %have) = boot_part('packed', '--stream', '--no-shell');
	ok($have{'bin/busybox'}, 'there is a busybox for DHCP');
	is($have{'tarboot/no-shell'}{data}, '', 'which init does not use as a shell');
};
subtest 'drivers by name' => sub {
	my ($r, %have) = boot_part('packed', '--stream', '--modules=slow');
	is(modules_of(%have), '8021q.ko.xz af_packet.ko.xz atkbd.ko.xz ipv6.ko.xz slow.ko.xz', 'these and no others');
	is($r->{err}, '', 'no warning');
};
subtest 'a driver that was not built with the kernel' => sub {
	my $dep = slurp("$root/$M/modules.dep");
	write_file("$root/$M/updates/dkms/r8125.ko", module('r8125') . "\0unregister_netdev\0");
	spew("$root/$M/modules.dep", "${dep}updates/dkms/r8125.ko:\n");
	my ($r, %have) = boot_part('packed', '--stream', '--modules=none,r8125');
	is(modules_of(%have), '8021q.ko.xz af_packet.ko.xz ipv6.ko.xz r8125.ko.xz', 'it is there');
	is($r->{err}, '', 'and is one for the network');
	spew("$root/$M/modules.dep", $dep);
};
subtest 'a kernel with all drivers built in' => sub {
	my ($r, %have) = boot_part('packed', '--stream', '--modules=none');
	is(modules_of(%have), '', 'no modules');
	is($r->{err}, "tarboot: warning: there is no network driver in the boot part: a machine can fetch its root only with what the kernel has built in\n", 'a warning');
};
subtest 'by a project file' => sub {
	spew(scratch('tarboot.conf'), "root = root\noutput = lab.img\nlevel = fast\nstream = yes\nno-shell\n");
	my $r = try($TARBOOT, 'pack', '--project', scratch('tarboot.conf'));
	is($r->{exit}, 0, 'packed') or diag($r->{err});
	ok((grep { $_->{name} eq 'tarboot/fetch' } newc_read($image)), 'with a fetcher');
};
subtest 'without --stream' => sub {
	my ($r, %have) = boot_part('packed', '--no-shell', '--modules=net');
	is(join(' ', grep { $have{$_} } qw(tarboot/fetch tarboot/no-shell bin/busybox)), '', 'nothing of that');
	is(modules_of(%have), 'af_packet.ko atkbd.ko fast.ko old.ko slow.ko.xz', 'modules are not compressed');
	unlike($r->{out}, qr/fetches the root/, 'nothing about fetching');
};
# ---- publishing ----

my $site = scratch('site');
my @NET  = qw(--server 10.7.0.1 --subnet 10.7.0.0/24);
my $ipxe = new_dir();
spew("$ipxe/$_", "a program\n") for qw(undionly.kpxe ipxe.efi snponly.efi);

sub menu_line { return slurp("$site/http/menu.ipxe") =~ /^:\Q$_[0]\E\n(?:.+\n)*?(kernel .*)\n/m ? $1 : '' }
sub b2sum { return (split ' ', run('b2sum', '-l', '256', $_[0]))[0] }

# iPXE's words, as the documentation of the menu has them.
my $OF_IPXE = 'ip=${netX/ip}::${netX/gateway}:${netX/netmask}:${host:uristring}::none${nameserver} BOOTIF=01-${netX/mac:hexhyp} tarboot.log=10.7.0.1';
my $DEFAULT = 'devfs=nomount rw panic=60 selinux=0 biosdevname=0 net.ifnames=0 ipv6.disable=0';

is(pack_it('--no-shell')->{exit}, 0, 'an image without a fetcher');
refuses($site, 'it', 1, "tarboot: $image: it cannot fetch its root: there is no /tarboot/fetch in it\n"
	. "  Pack it with `tarboot pack --stream`, or publish it without --stream.\n", $image, @NET, '--ipxe', $ipxe, '--stream');
ok(!-e $site, 'and leaves nothing');
refuses($site, 'two ways at once', 2, "tarboot: netboot: --split and --stream cannot be combined\n  Try `tarboot netboot --help`.\n",
	$image, @NET, '--split', '--stream');
refuses($site, "the mirror $_->[0]", 2, "tarboot: netboot: --mirror $_->[0]: it must $_->[1]\n  Try `tarboot netboot --help`.\n", @NET, '--mirror', $_->[0])
	for [ 'https://mirror/x', 'begin with http://: the machine fetches without TLS, and checks what comes' ],
	[ 'http://${next-server}/x', 'not have ${: the machine fetches from it as it stands' ],
	[ 'mirror', 'begin with http://: the machine fetches without TLS, and checks what comes' ],
	[ 'http://mirror/x?y', 'not have ?: names of files are added to its path' ];
refuses($site, "the mirror $_->[0]", 2, "tarboot: netboot: --mirror $_->[0]: $_->[1]\n  Try `tarboot netboot --help`.\n", @NET, '--mirror', $_->[0])
	for [ 'http://', 'it names no server' ], [ 'http://me@mirror/', 'user names and passwords are not supported' ],
	[ 'http://mirror:99999/', '":99999" is not a port: ":" and a number from 1 to 65535' ], [ 'http://10.7/', '"10.7" is not an IPv4 address' ];

is(pack_it('--stream', '--shell', $busybox)->{exit}, 0, 'one with a fetcher');
my %have  = map { $_->{name} => $_ } newc_read($image);
my $whole = slurp($image);
my $said  = works($site, 'is published', $image, @NET, '--ipxe', $ipxe, '--stream', '--host', '52:54:00:ab:34:56=10.7.0.20,pc20');
my $one   = readlink "$site/http/images/lab/current";
my $dir   = "$site/http/images/lab/$one";
is(join(' ', sort map { s{.*/}{}r } glob "$dir/*"), 'boot.img entry.conf root.tar.xz root.tar.xz.manifest vmlinuz', 'its files');
is(slurp("$dir/root.tar.xz"), $have{'rootfs.tar.xz'}{data}, 'the root');
is(slurp("$dir/root.tar.xz.manifest"), $have{'tarboot/manifest'}{data}, 'its manifest, as in the boot part');
like(slurp("$dir/root.tar.xz.manifest"), qr{^payload-digest=@{[ b2sum("$dir/root.tar.xz") ]}$}m, 'which knows it');
is(join(' ', map { $_->{name} } newc_read("$dir/boot.img")), join(' ', grep { $_ ne 'rootfs.tar.xz' } map { $_->{name} } newc_read($image)), 'the boot part');
is((-s "$dir/boot.img") % 512, 0, 'padded as an archive is');
is(slurp("$dir/boot.img"), substr($whole, 0, -s "$dir/boot.img"), 'byte for byte');
like(run($TARBOOT, 'verify', "$dir/root.tar.xz"), qr/^whole: /m, 'the root is whole');
is(sprintf('%04o', (stat "$dir/root.tar.xz")[2] & 07777), '0644', 'for everybody');
is(menu_line('lab'), "kernel \${from}/vmlinuz initrd=boot.img tarboot.rootfs=http://10.7.0.1/images/lab/$one/root.tar.xz $OF_IPXE $DEFAULT || goto failed", 'the menu\'s line');
is(menu_line('lab.debug'), menu_line('lab') =~ s/ \|\|/ tarboot.shell tarboot.debug ||/r, 'that for debug');
like(slurp("$site/http/menu.ipxe"), qr/^:lab\n.*\n.*\n# loads \d+ MiB, then fetches \d MiB; the machine needs about \d+ MiB of RAM\n(?:.*\n)*?initrd \$\{from\}\/boot\.img \|\| goto failed\nboot \|\| goto failed\n/m, 'what is loaded');
like($said, qr{^image    lab: lab, current $one \(\S+ MiB to load, \S+ KiB to fetch\), the default\nroot     http://10\.7\.0\.1/images/lab/$one/root\.tar\.xz\nmenu }m,
	'netboot tells the sizes, and where the root is');
like(slurp("$dir/entry.conf"), qr{^payload = root\.tar\.xz\nfetched = @{[ -s "$dir/root.tar.xz" ]}$}m, 'so does entry.conf');
like(works($site, 'the same again', $image, '--stream'), qr/^unchanged lab$/m, 'changes nothing');

works($site, 'with mirrors', qw(--mirror http://10.7.0.2/tarboot/ --mirror http://mirror.example:8080));
is(menu_line('lab'), "kernel \${from}/vmlinuz initrd=boot.img tarboot.rootfs=http://10.7.0.1/images/lab/$one/root.tar.xz,http://10.7.0.2/tarboot/images/lab/$one/root.tar.xz,"
	. "http://mirror.example:8080/images/lab/$one/root.tar.xz $OF_IPXE $DEFAULT || goto failed", 'the menu has them');
like(slurp("$site/netboot.conf"), qr{^mirror = http://10\.7\.0\.2/tarboot\nmirror = http://mirror\.example:8080$}m, 'they are kept');
works($site, 'one of them again', qw(--mirror http://10.7.0.2/tarboot));
is(scalar(my @mirrors = slurp("$site/netboot.conf") =~ /^mirror = /mg), 2, 'is no other');
{
	my $before = slurp("$site/http/menu.ipxe");
	my @long   = map { ('--mirror', "http://mirror$_.example/" . 'x' x 200) } 1 .. 4;
	my ($length) = menu_line('lab') =~ /rootfs=(\S+)/;
	my $n = length($length) + 4 * length(",http://mirror1.example/" . 'x' x 200 . "/images/lab/$one/root.tar.xz");
	refuses($site, 'too many', 1, "tarboot: --mirror: the URLs of the root take $n characters, tarboot.rootfs= may have 1023\n  Use fewer or shorter ones, or a shorter --name.\n", @long);
	is(slurp("$site/http/menu.ipxe"), $before, 'the menu stays');
	refuses($site, 'more than a machine can try', 2, "tarboot: netboot: --mirror http://m14/: there are as many already as a machine can try; --mirror none forgets them\n  Try `tarboot netboot --help`.\n",
		map { ('--mirror', "http://m$_/") } 1 .. 14);
	refuses($site, 'a site with https', 1, "tarboot: https://10.7.0.1/images/lab/$one/root.tar.xz: https: is not supported\n  Use http:. The digests in the manifest find every changed byte, so TLS would only hide what the file holds: keep secrets out of it.\n",
		'--url', 'https://10.7.0.1');
}

# ---- the next versions ----

sub inode { return (stat $_[0])[1] }

is(pack_it('--stream', '--shell', $busybox, '--modules=slow')->{exit}, 0, 'the same root with another boot part');
works($site, 'is published', $image, '--stream', '--append', 'ip=10.7.0.50::10.7.0.254:255.255.255.0::eth1:none tarboot.log=log.example quiet');
my $two = readlink "$site/http/images/lab/current";
isnt($two, $one, 'as a new version');
is(inode("$site/http/images/lab/$two/root.tar.xz"), inode("$dir/root.tar.xz"), 'which shares the root');
like(menu_line('lab'), qr{root\.tar\.xz BOOTIF=01-\$\{netX/mac:hexhyp\} ip=10\.7\.0\.50::10\.7\.0\.254:255\.255\.255\.0::eth1:none tarboot\.log=log\.example quiet \|\| goto failed\z},
	'an address on the line is the address, a log server the log server');
like(menu_line('lab.previous'), qr{/$one/root\.tar\.xz,.* \Q$OF_IPXE $DEFAULT\E \|\| goto failed\z}, 'the previous version has its own');
{
	# What is damaged on the disk is not shared.
	my $file = "$site/http/images/lab/$two/root.tar.xz";
	my $data = slurp($file);
	substr($data, 500, 1) ^= "\1";
	spew($file, $data);
	works($site, 'with another line', $image, '--stream', '--append', 'quiet');
	my $new = "$site/http/images/lab/" . readlink("$site/http/images/lab/current") . '/root.tar.xz';
	isnt(inode($new), inode($file), 'a damaged root is not shared');
	is(slurp($new), $have{'rootfs.tar.xz'}{data}, 'but written again');
}
works($site, 'without mirrors', qw(--mirror none));
unlike(slurp("$site/netboot.conf"), qr/mirror/, 'they are forgotten');
is(pack_it('--stream', '--shell', $busybox, '--compress=zstd')->{exit}, 0, 'with zstd');
works($site, 'is published', $image, '--stream');
my $three = "$site/http/images/lab/" . readlink "$site/http/images/lab/current";
%have = map { $_->{name} => $_ } newc_read($image);
is(slurp("$three/root.tar.zst"), $have{'rootfs.tar.zst'}{data}, 'the root');
is(slurp("$three/root.tar.zst.manifest"), $have{'tarboot/manifest'}{data}, 'and its manifest');
like(menu_line('lab'), qr{/root\.tar\.zst \Q$OF_IPXE\E quiet \|\|}, 'in the menu, with the line that was given');
{
	my $mirror = 'http://mirror.example/' . 'x' x 200;
	my $urls   = join ',', map { "$_/images/lab/20260101-000000/root.tar.zst" } 'http://10.7.0.1', map { "$mirror$_" } 1 .. 3;
	my $length = length("initrd=boot.img tarboot.rootfs=$urls ip=255.255.255.255::255.255.255.255:255.255.255.255:" . 'x' x 64
		. '::none:255.255.255.255 BOOTIF=01-52-54-00-12-34-56 tarboot.log=255.255.255.255 ' . 'x' x 1000 . ' tarboot.shell tarboot.debug');
	refuses($site, 'a line that is too long', 1, "tarboot: --append: the kernel command line may take $length characters, with the URLs of the root; a kernel reads 2047\n"
		. "  Use a shorter --append, or fewer --mirror.\n", $image, '--stream', '--append', 'x' x 1000, map { ('--mirror', "$mirror$_") } 1 .. 3);
	is("$site/http/images/lab/" . readlink("$site/http/images/lab/current"), $three, 'nothing is published');
}
{
	my $r = try($TARBOOT, 'netboot', $image, '-o', $site, '--append', '');
	# Below a directory of root's there is a second warning, of other users.
	is($r->{err} =~ s/^tarboot: warning: \Q$site\E: dnsmasq and nginx cannot read it: .*\n//mr,
		"tarboot: warning: lab: the boot loader loads this version whole; the one before was published with --stream: give it again to have this one fetched\n", 'as one file, with a hint');
	is($r->{exit}, 0, 'and succeeds');
}
unlike(menu_line('lab'), qr/rootfs|BOOTIF/, 'nothing is fetched then');
works($site, 'its default line', $image, '--name', 'second');
like(menu_line('second'), qr/ ip=::::\$\{host:uristring\}::dhcp /, 'is that of images that are loaded');
works($site, 'the other kind', $image, '--name', 'second', '--stream');
works($site, 'served elsewhere', '--url', 'http://boot.example/x');
like(menu_line('second'), qr{=http://boot\.example/x/images/second/}, 'the root is there, too');
works($site, 'and here again', '--url', 'none');
like(menu_line('second'), qr{=http://10\.7\.0\.1/images/second/}, 'the root is here');
is(menu_line('second') =~ s/.*\Q$OF_IPXE\E //r, "$DEFAULT || goto failed", 'gets its own');

# ---- an image behind another one: the kernel has the last file of a name ----

is(pack_it('--stream', '--no-shell')->{exit}, 0, 'an image without a shell');
works($site, 'behind one with a shell', spew(scratch('both.img'), $whole . slurp($image)), '--stream', '--name', 'both', '--kernel', scratch('root') . '/boot/vmlinuz-6.1.0-7-test');
my $second = slurp($image);
my ($start) = map { $_->{head} } grep { $_->{name} eq 'rootfs.tar.xz' } newc_read($image);
ok(slurp("$site/http/images/both/current/boot.img") eq $whole . substr($second, 0, $start), 'the boot part that the kernel has last goes with the root that it has last');
done_testing();
