#!/usr/bin/perl
# What goes into an image and what does not: scrubbed, excluded, kept, laid over; told by --dry-run and
# --explain; asked for by options or by a project file. From a directory and from a tar the same.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use Test::More;

need_programs(qw(busybox tar));
my $TARBOOT = build_path('tarboot');
my $image   = scratch('image');
my @NO      = qw(--kernel=none --no-shell --level=fast);

sub write_files {
	my ($dir, %files) = @_;
	for my $path (sort keys %files) {
		run('mkdir', '-p', "$dir/$path" =~ s{/[^/]*\z}{}r);
		spew("$dir/$path", $files{$path}) unless $path =~ m{/\z};
	}
	return $dir;
}

my %LEFT_OUT = map { $_ => "x\n" } (
	qw(proc/cpuinfo sys/x dev/sda run/a/b tmp/a/b tmp/.hidden var/tmp/c var/cache/apt/archives/a.deb
	var/cache/apt/archives/partial/b.deb var/cache/apt/pkgcache.bin var/lib/apt/lists/list var/cache/dnf/x/y
	var/log/old.1 var/log/apt/history.log.1.gz var/log/messages-20240101 var/log/journal/0123/system.journal
	boot/vmlinuz-0-rescue-1 boot/initramfs-1.img boot/initrd.img-2 .snapshots/1/snapshot/etc/passwd timeshift/snapshots/1/x boot/0123/6.1/initrd efi/0123/6.1/initrd
	lib/modules/6.1/initramfs.img usr/lib/modules/6.2/initramfs.img boot/efi/EFI/Linux/a.efi efi/EFI/Linux/a.efi
	usr/lib/modules/6.2/vmlinuz-virt.efi etc/ssh/ssh_host_rsa_key
	etc/ssh/ssh_host_rsa_key.pub etc/udev/rules.d/70-persistent-net.rules var/lib/systemd/random-seed
	var/lib/dbus/machine-id home/lost+found/x .dockerenv .dockerinit .autorelabel etc/initrd-release etc/hostname etc/HOSTNAME etc/hostid
	etc/dropbear/dropbear_ed25519_host_key etc/dropbear/initramfs/dropbear_rsa_host_key etc/tinyssh/sshkeydir/ed25519.pk
	var/lib/seedrng/seed.credit etc/random-seed var/lib/misc/random-seed var/lib/urandom/random-seed var/lib/random-seed
	var/lib/dhclient/dhclient--eth0.lease var/lib/dhcp/dhclient.eth0.leases var/lib/dhcpcd/eth0.lease var/lib/dhcpcd/duid
	var/db/dhcpcd/duid etc/dhcpcd.duid var/lib/wicked/lease-eth0-dhcp-ipv4.xml var/lib/wicked/duid.xml
	var/lib/NetworkManager/internal-1-eth0.lease var/lib/NetworkManager/secret_key var/lib/NetworkManager/timestamps
	var/cache/xbps/a.xbps var/cache/distfiles/a.tar.xz var/cache/binpkgs/a.gpkg.tar usr/portage/distfiles/a
	var/cache/eopkg/packages/a.eopkg var/lib/swupd/pack-a.tar var/cache/apk/a.apk etc/apk/cache/a.apk
	etc/iscsi/initiatorname.iscsi etc/nvme/hostnqn etc/nvme/hostid etc/krb5.keytab etc/apache2/http.keytab
	var/lib/samba/private/secrets.tdb var/lib/cloud/instances/i-1/datasource var/lib/cloud/data/instance-id
	var/lib/cloud/sem/x etc/salt/pki/minion/minion.pem etc/salt/minion_id etc/puppetlabs/puppet/ssl/private_keys/a.pem
	etc/pki/consumer/key.pem etc/pki/entitlement/1.pem root/.bash_history home/u/.zsh_history
	root/.local/share/fish/fish_history etc/zfs/zpool.cache etc/lvm/devices/system.devices etc/multipath/wwids
	etc/passwd- etc/shadow- etc/subgid- var/backups/shadow.bak var/lib/sss/db/cache_a.ldb var/lib/sss/mc/passwd var/spool/mail/root
	var/spool/cron/atjobs/a00001 var/spool/at/a00001 var/lib/dovecot/ssl-parameters.dat var/account/pacct var/lib/wtmpdb/wtmp.db
	var/lib/lastlog/lastlog2.db var/lib/rpm/__db.001 etc/sysconfig/hw-uuid etc/smolt/hw-uuid var/lib/yum/uuid));
my $MAC = "HWADDR=52:54:00:12:34:56\n";
$LEFT_OUT{$_} = $MAC for qw(etc/NetworkManager/system-connections/a etc/sysconfig/network-scripts/ifcfg-eth0
	etc/sysconfig/network/ifcfg-eth0 etc/systemd/network/10-a.network etc/netplan/50-cloud-init.yaml);
# Files of swap: by the signature that mkswap makes for pages of 4, 16 and 64 KiB, or because etc/fstab or etc/crypttab
# calls them so.
sub swap { my ($page) = @_; return "\0" x ($page - 10) . 'SWAPSPACE2' . "\0" x 70000 }
my %SWAP = (swapfile => swap(4096), 'swap/16' => swap(16384), 'var/64' => swap(65536), 'z swap' => 'x' x 50000, 'var/crypt' => 'y' x 50000);
my %EMPTIED = map { $_ => "secret\n" } qw(etc/machine-id var/log/messages var/log/apt/history.log);
my %STAYS   = map { $_ => "as it is\n" }
	qw(etc/ssh/sshd_config etc/dropbear/banner etc/salt/minion etc/cloud/cloud.cfg etc/NetworkManager/system-connections/dhcp
	etc/systemd/network/80-dhcp.network etc/iscsi/iscsid.conf etc/sysconfig/network/ifcfg-lo var/lib/cloud/seed/x swap.img
	etc/passwd etc/shadow var/spool/at/spool/x var/spool/cron/crontabs/root var/lib/rpm/rpmdb.sqlite boot/config var/lib/apt/extended_states usr/tmp/x home/u/tmp/x opt/app/proc/x);
my $FSTAB = "# mine\nUUID=1 / ext4 defaults 0 1\nserver:/home /home nfs defaults 0 0\n/dev/sda2 none swap sw 0 0\n"
	. "LABEL=data /data xfs defaults,nofail 0 0\n/z\\040swap none swap sw\n";
my $CRYPTTAB = "# mine\nluks UUID=1 none luks\nbox /srv/box none\nc /var/crypt /dev/urandom swap\n";
my $BIG      = "\0" x 4086 . 'SWAPSPACE1' . 'x' x 3_000_000;    # no swap

my $root = tiny_root('root', sub {
	write_files($_[0], %LEFT_OUT, %EMPTIED, %STAYS, %SWAP, 'etc/fstab' => $FSTAB, 'etc/crypttab' => $CRYPTTAB, 'srv/big' => $BIG);
	link "$_[0]/swap/16", "$_[0]/swap/again" or die "link: $!";
	link "$_[0]/var/log/messages", "$_[0]/var/log/messages.link" or die "link: $!";
});
my $tar = scratch('root.tar');
run('tar', '-C', $root, '-cf', $tar, '.');

# The paths in the payload and their content, after a successful pack.
sub packed {
	my ($name, $from, @options) = @_;
	my $r = try($TARBOOT, 'pack', $from, '-o', $image, @NO, @options);
	is($r->{exit}, 0, $name) or diag($r->{err});
	my $dir = new_dir();
	run('tar', '-C', $dir, '-xf', payload_of($image));
	my %files = map { s{^\./}{}r => -d "$dir/$_" || -l "$dir/$_" ? undef : -f _ ? slurp("$dir/$_") : '' }
		split /\n/, run("cd '$dir' && find . -mindepth 1");
	run('rm', '-rf', $dir);
	return ($r->{out}, %files);
}

# The members of the payload as tar lists them: { path => "mode owner/group" }.
sub listed {
	my ($name, $from, @options) = @_;
	my $r = try($TARBOOT, 'pack', $from, '-o', $image, @NO, @options);
	is($r->{exit}, 0, $name) or diag($r->{err});
	my @lines = split /\n/, run('tar', '--numeric-owner', '-tvf', payload_of($image));
	return ($r, map { m{^(\S+) (\S+) +\S+ \S+ \S+ (?:\./)?(.*?)/?(?: -> .*| link to .*)?$} ? ($3 => "$1 $2") : () } @lines);
}

sub slurp_member { my ($path) = @_; return run('tar', '-xOf', payload_of($image), '--wildcards', "*$path") }

# ---- scrub ----

for my $from ($root, $tar) {
	my $what = $from eq $root ? 'a directory' : 'a tar';
	my ($said, %is) = packed("scrub $what", $from);
	is_deeply([ grep { exists $is{$_} } sort keys %LEFT_OUT, keys %SWAP, 'swap/again' ], [], "$what: left out");
	ok($is{'srv/big'} eq $BIG, "$what: a large file that is no swap is what it was");
	is_deeply([ grep { ($is{$_} // 'absent') ne '' } sort keys %EMPTIED ], [], "$what: emptied");
	is_deeply([ grep { ($is{$_} // '') ne $STAYS{$_} } sort keys %STAYS ], [], "$what: stays");
	ok(exists $is{$_}, "$what: the directory $_ stays") for qw(proc sys dev run tmp var/tmp var/cache/dnf var/lib/apt/lists var/log/apt);
	is($is{'etc/fstab'}, $FSTAB =~ s{^(?=UUID|/dev|/z)}{# no disk (tarboot pack): }mgr, "$what: fstab");
	is($is{'etc/crypttab'}, $CRYPTTAB =~ s{^(?=luks|c )}{# no disk (tarboot pack): }mgr, "$what: crypttab");
	like($said, qr{^changed  /etc/fstab: commented out 3 lines that need the disks or the host of another machine$}m, "$what: it says so");
	like($said, qr{^changed  /etc/crypttab: commented out 2 lines that need the disks or the host of another machine$}m, "$what: and of crypttab");
	like($said, qr{^left out /\*\*: 6 members, \d+ KiB \(swap, which would be in RAM\)$}m, "$what: swap is told with its size");
	like($said, qr{^left out /var/cache/apt/archives/\*\*/\*\.deb: 2 members, 4 B \(package cache\)$}m, "$what: with counts and reason");
	like($said, qr{^emptied +/etc/machine-id: 1 member, 7 B}m, "$what: emptied files, too");
}
my (undef, %all) = packed('--no-scrub', $root, '--no-scrub');
is_deeply([ grep { !defined $all{$_} } sort keys %LEFT_OUT, keys %EMPTIED, keys %SWAP ], [], '--no-scrub leaves all of it');
is($all{'etc/crypttab'}, $CRYPTTAB, 'crypttab, too');
is($all{'etc/fstab'}, $FSTAB, 'and fstab as it is');

# ---- exclude and keep ----

spew(scratch('patterns'), "# a list\n\n  opt/\n*.conf\n");
my ($said, %is) = packed('exclude', $root, '--exclude=/home/u', '-x', '/etc/passwd', '--exclude-from=' . scratch('patterns'));
is_deeply([ grep { m{^(?:home/u|opt|etc/passwd)} } sort keys %is ], [], 'excluded');
ok(exists $is{'usr/tmp/x'}, 'nothing else is');
like($said, qr{^left out /home/u: 4 members, 11 B \(excluded\)$}m, 'it is told');

($said, %is) = packed('keep', $root, '--keep=/etc/ssh/ssh_host_*', '--keep=/var/log/messages', '--exclude=/opt', '--keep=/opt/app/proc/x', '--keep=/swap/', '--keep=/etc/hostname', '--keep=/etc/netplan/*');
ok($is{'swap/16'} eq $SWAP{'swap/16'} && $is{'swap/again'} eq $SWAP{'swap/16'}, 'swap is kept, with all its names');
ok(defined $is{$_}, "$_ is kept") for qw(etc/hostname etc/netplan/50-cloud-init.yaml);
ok(defined $is{$_}, "$_ is kept") for qw(etc/ssh/ssh_host_rsa_key etc/ssh/ssh_host_rsa_key.pub opt/app/proc/x);
is($is{'var/log/messages'}, "secret\n", 'with its content');

# The first name of a file is excluded, the second is not.
write_files(scratch('links'), 'a/first' => 'data', 'sbin/init' => "#!/bin/sh\n");
link scratch('links') . '/a/first', scratch('links') . '/second' or die "link: $!";
(undef, %is) = packed('a hard link to what is excluded', scratch('links'), '--exclude=/a', '--force');
is($is{second}, 'data', 'gets the data, from a directory');
run('tar', '-C', scratch('links'), '-cf', scratch('links.tar'), 'a', 'second', 'sbin');
(undef, %is) = packed('from a tar', scratch('links.tar'), '--exclude=/a', '--force');
is($is{second}, 'data', 'from a tar, too');
run('gzip', '-kf', scratch('links.tar'));
my $r = try($TARBOOT, 'pack', scratch('links.tar.gz'), '-o', "$image.no", @NO, '--exclude=/a', '--force');
is($r->{err}, "tarboot: warning: /sbin/init: it is not executable (mode 0644)\ntarboot: second: its data is stored under another of its names, which is left out or emptied\n"
		. "  Leave out both or none (--exclude, --keep), or unpack the archive and pack the directory.\n", 'from a compressed tar it is refused');
ok(!-e "$image.no", 'and nothing is written');
write_files(scratch('logs'), 'sbin/init' => "#!/bin/sh\n", 'var/log/first' => 'data');
link scratch('logs') . '/var/log/first', scratch('logs') . '/second' or die "link: $!";
run('tar', '-C', scratch('logs'), '-czf', scratch('logs.tar.gz'), 'var', 'second', 'sbin');
$r = try($TARBOOT, 'pack', scratch('logs.tar.gz'), '-o', "$image.no", @NO, '--force');
like($r->{err}, qr/^tarboot: second: its data is stored under another of its names, which is left out or emptied$/m, 'so is one whose first name is emptied');

# What etc/crypttab and its kin make of a file of the root is there for etc/fstab, too.
{
	my %tables = (
		'etc/crypttab'  => "filec /srv/crypt.img none luks\nluks UUID=1 none luks\nmay UUID=2 none luks,nofail\n",
		'etc/veritytab' => "usr /usr.img /usr.hash 0123\nusr2 UUID=1 UUID=2 0123\n",
		'etc/fstab'     => join '', map { "/dev/mapper/$_ /m/$_ ext4 defaults 0 2\n" } qw(filec luks may usr usr2 file));
	my $mapped = tiny_root('mapped', sub { write_files($_[0], %tables) });
	my $tar    = sub { run('tar', '-C', $mapped, '-cf', "$mapped.tar", map({"etc/$_"} @_), 'sbin', 'bin'); "$mapped.tar" };
	my $want   = sub { my ($stays) = @_; $tables{'etc/fstab'} =~ s{^(?!/dev/mapper/(?:$stays) )}{# no disk (tarboot pack): }mgr };
	my (undef, %is) = packed('tables of a directory', $mapped);
	is($is{'etc/fstab'}, $want->('filec|usr'), 'devices of files stay');
	(undef, %is) = packed('tables of a tar', $tar->(qw(veritytab crypttab fstab)));
	is($is{'etc/fstab'}, $want->('filec|usr'), 'they stay');
	(undef, %is) = packed('a tar with fstab first', $tar->(qw(fstab crypttab veritytab)));
	is($is{'etc/fstab'}, $want->('filec|usr'), 'whatever the order');
}

# What etc/fstab calls swap may come before it.
{
	my $early = scratch('early');
	tiny_root('early', sub { write_files($_[0], 'Swap' => 'x' x 50000, 'etc/fstab' => "/Swap none swap sw 0 0\n") });
	run('tar', '-C', $early, '-cf', "$early.tar", 'Swap', 'etc', 'sbin', 'bin');
	for my $from ("$early.tar", $early) {
		is_quiet(try($TARBOOT, 'pack', $from, '-o', $image, @NO), 'swap before its fstab');
		ok(!grep({ m{Swap} } split /\n/, run('tar', '-tf', payload_of($image))), 'is left out');
	}
}

# The name servers of the builder stay, with a warning.
for my $case ([ "nameserver 192.168.7.1\n", '192.168.7.1' ], [ "# x\n\nsearch lab\nnameserver 127.0.0.53\n\tnameserver  fd00::1 \n", 'fd00::1' ],
	[ "nameserver 127.0.0.53\n" ], [ "# Generated by NetworkManager\nnameserver 192.168.7.1\n" ], [ "#nameserver 192.168.7.1\n" ]) {
	my ($text, $server) = @$case;
	my $from = write_files(tiny_root('resolving'), 'etc/resolv.conf' => $text);
	my $r = try($TARBOOT, 'pack', $from, '-n', '--kernel=none');
	is($r->{err}, $server ? "tarboot: warning: etc/resolv.conf names the DNS server $server, which every machine will use: "
			. "replace it with --overlay, or leave it out with --exclude\n" : '', 'resolv.conf: ' . quoted($text));
}

# So does the network of one machine, with two warnings: for names that cards have on no machine that netboot boots, and for addresses that all would
# have.
{
	my $NAME = sub { "tarboot: warning: $_[0] is for a card named $_[1], which the default kernel line of `tarboot netboot` names eth0: "
			. "give one for eth0 with --overlay, or boot without net.ifnames=0\n" };
	my $ADDRESS = sub { "tarboot: warning: $_[0] gives every machine the address $_[1]: replace it with --overlay, by one for DHCP, or leave it out with --exclude\n" };
	my $MAC_OF  = sub { "tarboot: warning: $_[0] gives every machine the MAC address $_[1], so that no two of them can be in one network: take that line out, or replace the file with --overlay\n" };
	my $PLACE   = sub { "tarboot: warning: $_[0] is for a card at $_[1], and nothing configures the network of a machine that has its card elsewhere: give one for eth0, too, with --overlay\n" };
	my $NONE    = "tarboot: warning: no configuration of the network is left, since what the root has is for the MAC address of another machine: give one with --overlay\n";
	my ($I, $P, $D, $K) = qw(etc/network/interfaces etc/netplan/50-a.yaml etc/systemd/network/10-a.network etc/NetworkManager/system-connections/a.nmconnection);
	my ($L, $PCI) = ('etc/systemd/network/10-a.link', "[Match]\nPath=pci-0000:00:1f.6\n[Link]\nName=lan0\n");
	my $lo    = "auto lo\niface lo inet loopback\n";
	my $given = write_files(scratch('network'), $P => "x\n");
	my @cases = (
		[ 'lo', { $I => $lo }, '' ], [ 'DHCP by ifupdown', { $I => $lo . "iface eth0 inet dhcp\n" }, '' ],
		[ 'DHCP for another name', { $I => $lo . "iface enp1s0 inet dhcp\n" }, $NAME->($I, 'enp1s0') ],
		[ 'a part of it', { $I => "source $I.d/*\n$lo", "$I.d/x" => "iface ens3 inet static\n address 192.0.2.7\n" },
			$NAME->("$I.d/x", 'ens3') . $ADDRESS->("$I.d/x", '192.0.2.7') ],
		[ 'netplan', { $P => "network:\n  ethernets:\n    ens3:\n      addresses:\n        - 192.0.2.7/24\n" }, $NAME->($P, 'ens3') . $ADDRESS->($P, '192.0.2.7') ],
		[ 'netplan that matches', { $P => "network:\n  ethernets:\n    ens3:\n      match: {driver: virtio_net}\n      dhcp4: true\n" }, '' ],
		[ 'an ifcfg file', { 'etc/sysconfig/network-scripts/ifcfg-a' => "DEVICE=eth0\nIPADDR=192.0.2.7\n" }, $ADDRESS->('etc/sysconfig/network-scripts/ifcfg-a', '192.0.2.7') ],
		[ 'NetworkManager', { $K => "[connection]\ntype=ethernet\ninterface-name=enp1s0\n" }, $NAME->($K, 'enp1s0') ],
		[ 'NetworkManager, which makes another', { $K => "[connection]\ntype=ethernet\ninterface-name=enp1s0\n", 'usr/sbin/NetworkManager' => 'x' }, '' ],
		[ 'NetworkManager of a server', { $K => "[connection]\ntype=ethernet\ninterface-name=enp1s0\n", 'usr/sbin/NetworkManager' => 'x',
			'usr/lib/NetworkManager/conf.d/00-server.conf' => 'x' }, $NAME->($K, 'enp1s0') ],
		[ 'systemd, with one name more', { $D => "[Match]\nName=eth*\nName=en*\n[Network]\nDHCP=yes\n" }, '' ],
		[ 'systemd', { $D => "[Match]\nName=en*\n[Network]\nAddress=192.0.2.7/24\n" }, $NAME->($D, 'en*') . $ADDRESS->($D, '192.0.2.7') ],
		[ 'one for each name', { $D => "[Match]\nName=en*\n[Network]\nDHCP=yes\n", $D =~ s/10/20/r => "[Match]\nName=eth0\n[Network]\nDHCP=yes\n" }, '' ],
		[ 'one MAC address for all', { $I => $lo . "auto eth0\niface eth0 inet dhcp\n  hwaddress ether 52:54:00:12:34:56\n" }, $MAC_OF->($I, '52:54:00:12:34:56') ],
		[ 'a bridge', { $I => "iface br0 inet static\n address 192.0.2.7\n bridge_ports enp1s0\n" }, $NAME->($I, 'enp1s0') . $ADDRESS->($I, '192.0.2.7') ],
		[ 'a bridge inside', { $I => "iface eth0 inet dhcp\niface br0 inet static\n address 192.0.2.7\n bridge_ports none\n" }, '' ],
		[ 'cards by pattern', { $I => "auto /en*=lan\niface lan inet dhcp\n" }, $NAME->($I, 'en*') ],
		[ 'netplan in braces', { $P => "network: {version: 2, ethernets: {ens3: {dhcp4: true}}}\n" }, $NAME->($P, 'ens3') ],
		[ 'an address in braces', { $P => "network: {version: 2, ethernets: {eth0: {addresses: [192.0.2.7/24]}}}\n" }, $ADDRESS->($P, '192.0.2.7') ],
		[ 'dhcpcd', { 'etc/dhcpcd.conf' => "interface eth0\nstatic ip_address=192.0.2.7/24\n", 'usr/sbin/dhcpcd' => 'x' }, $ADDRESS->('etc/dhcpcd.conf', '192.0.2.7') ],
		[ 'dhcpcd that is not there', { 'etc/dhcpcd.conf' => "interface eth0\nstatic ip_address=192.0.2.7/24\n" }, '' ],
		[ 'a name for a place', { $L => $PCI, $I => "iface lan0 inet dhcp\n" }, $PLACE->($L, 'pci-0000:00:1f.6') ],
		[ 'a name for a place, and eth0', { $L => $PCI, $I => "iface lan0 inet dhcp\niface eth0 inet dhcp\n" }, '' ],
		[ 'a name for a place, and all', { $L => $PCI, $D => "[Match]\nType=ether\n[Network]\nDHCP=yes\n" }, '' ],
		[ 'a name for a place alone', { $L => $PCI }, '' ], [ 'a name for a card', { $L => $MAC }, '' ],
		[ 'an overlay', { $I => "iface enp1s0 inet dhcp\n", $D => $MAC }, '', "--overlay=$given" ], [ '--keep', { $I => "iface enp1s0 inet dhcp\n" }, '', "--keep=$I" ],
		[ 'one card', { $D => $MAC }, $NONE ], [ 'one card, and lo', { $P => $MAC, $I => $lo }, $NONE ],
		[ 'one card, and others', { $P => $MAC, $I => "iface eth0 inet dhcp\n" }, '' ],
		[ 'one card, and one that is kept', { $P => $MAC, $D => $MAC }, '', "--keep=$D" ], [ 'one card, and an empty file', { $P => $MAC, $D => '' }, $NONE ],
		[ 'another name, and one that is kept', { $I => "iface enp1s0 inet dhcp\n", $D => "[Match]\nName=eth0\n" }, '', "--keep=$D" ],
		[ 'one card, and NetworkManager', { $P => $MAC, 'usr/sbin/NetworkManager' => 'x' }, '' ]);
	for my $case (@cases) {
		my ($what, $files, $warning, @options) = @$case;
		my $from = tiny_root('network-' . $what =~ s/\W+/-/gr, sub { write_files($_[0], %$files) });
		my $r    = try($TARBOOT, 'pack', $from, '-n', '--kernel=none', @options);
		is("$r->{exit} $r->{err}", "0 $warning", "network: $what");
	}
}

# A root with systemd and without a machine-id would boot as for the first time, each time.
for my $case ([ 'none', 1, sub { } ], [ 'a link', 1, sub { symlink '/var/lib/dbus/machine-id', "$_[0]/etc/machine-id" or die "symlink: $!" } ],
	[ 'one', 0, sub { spew("$_[0]/etc/machine-id", "0123\n") } ], [ 'an empty one', 0, sub { spew("$_[0]/etc/machine-id", '') } ]) {
	my ($what, $made, $change) = @$case;
	my $from = tiny_root("machine-id-$what", sub { write_files($_[0], 'usr/lib/systemd/systemd' => 'x'); $change->($_[0]) });
	run('tar', '-C', $from, '-cf', "$from.tar", '.');
	for my $from ($from, "$from.tar") {
		my ($r, %list) = listed("a root with $what", $from);
		like($list{'etc/machine-id'}, $made ? qr{^-r--r--r-- 0/0$} : qr{^-rw-r--r-- \d+/\d+$}, "$what: it is a file");
		is(slurp_member('etc/machine-id'), '', "$what: an empty one");
		is($r->{out} =~ m{^made     /etc/machine-id, empty: without one every boot would be a first boot$}m ? 1 : 0, $made, "$what: it is said");
	}
}
{
	my $from = tiny_root('machine-id-kept', sub { write_files($_[0], 'lib/systemd/systemd' => 'x') });
	my (undef, %list) = listed('--keep', $from, '--keep=/etc/machine-id');
	ok(!exists $list{'etc/machine-id'}, 'keeps a root without one as it is');
	(undef, %list) = listed('--no-scrub', $from, '--no-scrub');
	ok(!exists $list{'etc/machine-id'}, 'so does --no-scrub');
	(undef, %list) = listed('an overlay with one', $from, '--overlay=' . write_files(scratch('id'), 'etc/machine-id' => "0\n"));
	is(slurp_member('etc/machine-id'), "0\n", 'has the last word');
	is(try($TARBOOT, 'pack', $from, '--explain=/etc/machine-id')->{out},
		"/etc/machine-id: made, empty: else every boot would be a first one (each machine creates its own)\n", 'it is explained');
	(undef, %list) = listed('a root without systemd', tiny_root('no-systemd'));
	ok(!exists $list{'etc/machine-id'}, 'needs none');
}

# What nobody asks for is not even read.
SKIP: {
	skip 'not root: cannot become another user', 1 if $> != 0;
	my $dir = write_files(public('secret'), 'sbin/init' => "#!/bin/sh\n", 'secret/x' => '');
	chmod 0700, "$dir/secret" or die "chmod: $!";
	my $r = try('setpriv', '--reuid=65534', '--clear-groups', public_tarboot(), 'pack', $dir, '-n', '--force', '--exclude=/secret');
	is($r->{exit}, 0, 'an excluded directory need not be readable') or diag($r->{err});
}

# ---- overlays ----

my $base = tiny_root('base', sub {
	write_files($_[0], 'etc/motd' => 'old', 'etc/issue' => 'old', 'etc/conf.d/a' => 'a', 'usr/lib64/x' => 'x', 'srv/www/index' => 'i');
	symlink 'usr/lib64', "$_[0]/lib64" or die "symlink: $!";
});
my $one = write_files(scratch('one'), 'etc/motd' => 'one', 'etc/new/file' => 'new', 'lib64/y' => 'y', 'srv/www' => 'a file now');
my $two = write_files(scratch('two'), 'etc/motd' => 'two', 'tmp/stays' => 'not scrubbed');
run('tar', '-C', $base, '-cf', "$base.tar", '.');
for my $from ($base, "$base.tar") {
	my ($said, %is) = packed("overlays over $from", $from, "--overlay=$one", "--overlay=$two");
	is($is{'etc/motd'}, 'two', 'the last overlay wins');
	is($is{'etc/new/file'}, 'new', 'a new file in a new directory');
	is($is{'etc/conf.d/a'} . $is{'etc/issue'}, 'aold', 'the rest of a directory stays');
	is($is{'srv/www'}, 'a file now', 'a file in the place of a directory');
	ok(!defined $is{lib64} && $is{'usr/lib64/y'} eq 'y', 'a link that stands for a directory stays one');
	is($is{'tmp/stays'}, 'not scrubbed', 'an overlay is not scrubbed');
	like($said, qr/^overlaid \d+ members/m, 'it is told');
	my @names = map { s{^\./}{}r =~ s{/$}{}r } split /\n/, run('tar', '-tf', payload_of($image));
	is(scalar(grep { $_ eq 'etc/motd' } @names), 1, 'each path is there once');
	is(scalar(grep { $_ eq 'etc' } @names), 1, 'directories, too');
}
SKIP: {
	skip 'not root: nobody else can own files', 2 if $> != 0;
	run('chown', '-R', '1234:1235', $two);
	run('chown', '77:78', "$two/tmp/stays");
	packed('an overlay that a user keeps', $base, "--overlay=$two");
	my $list = run('tar', '--numeric-owner', '-tvf', payload_of($image));
	like($list, qr{ 0/0 .* \S*etc/motd$}m, 'the keeper is root in the image');
	like($list, qr{ 77/78 .* \S*tmp/stays$}m, 'others stay who they are');
}
# What is mktemp's own, 0700 and somebody's, says nothing about the root.
{
	my $private = write_files(scratch('private'), 'etc/motd' => 'private', 'etc/conf.d/b' => 'b');
	chmod 0700, $private, "$private/etc", "$private/etc/conf.d" or die "chmod: $!";
	run('chown', '1234:1235', $private) if $> == 0;
	utime 1, 1, $private;
	for my $from ($base, "$base.tar") {
		my ($r, %list) = listed("a private overlay over $from", $from, "--overlay=$private");
		is($list{$_}, 'drwxr-xr-x 0/0', "/$_ keeps its mode and owner") for '', 'etc', 'etc/conf.d';
		is($r->{err}, '', 'without a warning');
		($r, %list) = listed("over $from without a directory of it", $from, "--overlay=$private", '--exclude=/etc/conf.d/');
		is($list{'etc/conf.d'}, 'drwx------ 0/0', 'a directory that was excluded below has the mode of the overlay');
		is($list{'etc/conf.d/b'}, '-rw-r--r-- 0/0', 'and what is in it');
		ok(!exists $list{'etc/conf.d/a'}, 'and nothing else');
	}
}

# A directory over links: one to a directory stands for it, any other makes room.
{
	my $linked = tiny_root('linked', sub {
		write_files($_[0], 'data/file' => 'f', 'data/dir/x' => 'x');
		symlink 'file', "$_[0]/data/to-file" or die "symlink: $!";
		symlink '/data/dir', "$_[0]/data/to-dir" or die "symlink: $!";
		symlink 'to-dir', "$_[0]/data/to-link" or die "symlink: $!";
		symlink '/nowhere', "$_[0]/data/dangling" or die "symlink: $!";
	});
	my $over = write_files(scratch('over'), map { ("data/$_/y" => $_) } qw(to-file to-dir to-link dangling));
	run('rm', "$over/data/to-link/y");
	spew("$over/data/to-link/z", 'to-link');
	run('tar', '-C', $linked, '-cf', "$linked.tar", '.');
	for my $from ($linked, "$linked.tar") {
		is(try($TARBOOT, 'pack', $from, '-o', $image, @NO, "--overlay=$over")->{exit}, 0, "directories over links of $from");
		my $dir = new_dir();
		is_quiet(try($TARBOOT, 'unpack', $image, $dir), 'it can be unpacked');
		is(join(' ', map { -l "$dir/data/$_" ? 'link' : -d _ ? 'directory' : 'none' } qw(to-file to-dir to-link dangling)),
			'directory link link directory', 'links to directories stay, others make room');
		is(join(' ', map { slurp("$dir/data/$_") } qw(to-file/y dir/y dir/z dir/x dangling/y file)),
			'to-file to-dir to-link x dangling f', 'all files are where they belong');
	}
}

# The upper directory of an overlayfs: what it deletes is deleted, and nothing of overlayfs gets into the root.
SKIP: {
	skip 'not root: cannot make whiteouts', 1 if $> != 0;
	my $upper = write_files(scratch('upper'), 'etc/motd' => 'upper', 'etc/conf.d/b' => 'b');
	run('mknod', "$upper/etc/issue", 'c', 0, 0);
	run('mknod', "$upper/srv", 'c', 0, 0);
	chmod 0750, "$upper/etc/conf.d" or die "chmod: $!";
	run('setfattr', '-n', 'trusted.overlay.opaque', '-v', 'y', "$upper/etc/conf.d");
	run('setfattr', '-n', 'trusted.overlay.origin', '-v', 'x', "$upper/etc/motd");
	for my $from ($base, "$base.tar") {
		my ($r, %list) = listed("an upper directory over $from", $from, "--overlay=$upper");
		is_deeply([ grep { m{^(?:srv|etc/issue|etc/conf\.d/a)} } sort keys %list ], [], 'what has a whiteout is gone, and what an opaque directory hides');
		is($list{'etc/conf.d'}, 'drwxr-x--- 0/0', 'an opaque directory replaces the other');
		is(run('tar', '--xattrs', '--xattrs-include=*', '-tvvf', payload_of($image)) =~ /overlay\./ ? 'there' : 'gone', 'gone', 'its attributes are gone');
	}
	is(try($TARBOOT, 'pack', $base, '--explain=/etc/issue', "--overlay=$upper")->{out},
		"/etc/issue: the one of the root is left out: overlay $upper deletes it\n", 'a whiteout is explained');
	run('setfattr', '-n', 'trusted.overlay.redirect', '-v', '/old', "$upper/etc");
	my $r = try($TARBOOT, 'pack', $base, '-o', "$image.no", @NO, "--overlay=$upper");
	is($r->{err}, "tarboot: $upper: etc in it is an overlayfs redirect or metacopy, whose data is in another layer\n"
			. "  Mount the overlayfs, and give a copy of the mounted directory.\n", 'a redirect is refused');
	is($r->{exit}, 1, 'with 1');
}

# Whiteouts as layers have them, in an overlay that any user can make.
{
	my $over = write_files(scratch('whiteouts'), 'etc/.wh.issue' => '', 'etc/conf.d/.wh..wh..opq' => '', 'etc/conf.d/c' => 'c',
		'lib64/.wh.x' => '', '.wh.none' => '', '.wh..wh.plnk/1' => '', '.wh.srv' => '', 'srv/own' => 'own');
	for my $from ($base, "$base.tar") {
		my ($said, %is) = packed("whiteouts over $from", $from, "--overlay=$over");
		is(join(' ', grep { m{\.wh\.|^(?:srv|etc/issue|etc/conf\.d|usr/lib64)} } sort keys %is), 'etc/conf.d etc/conf.d/c srv srv/own usr/lib64', 'they delete, and are no files');
		is($is{'etc/motd'}, 'old', 'the rest stays');
	}
	is(try($TARBOOT, 'pack', $base, '--explain=/etc/issue', "--overlay=$over")->{out},
		"/etc/issue: the one of the root is left out: overlay $over deletes it\n", 'that is explained');
	my $nameless = write_files(scratch('nameless'), 'etc/.wh.' => '');
	is(try($TARBOOT, 'pack', $base, '-o', "$image.no", @NO, "--overlay=$nameless")->{err},
		"tarboot: etc/.wh.: it has a whiteout without a name\n  Build the layer again.\n", 'one without a name is refused');
}
fails_well(try($TARBOOT, 'pack', $base, '-o', $image, @NO, '--overlay=/no/such'), 1, qr{/no/such: .*overlay}, 'an overlay that is not there');
{
	my $todo = "\n  Give a directory with the files that shall be laid over the root.\n";
	my $twice = "the root that is packed is in it, and would be packed twice$todo";
	my $above = new_dir();
	run('cp', '-a', $base, "$above/root");
	run('tar', '-C', $base, '-cf', "$above/root.tar", '.');
	run('mkdir', "$above/beside");
	symlink $above, scratch('link') or die "symlink: $!";
	for (['the root itself', "$above/root", "$above/root/../root", "it is the root that is packed$todo"], ['one with the root in it', "$above/root", $above, $twice],
		['one with its archive', "$above/root.tar", $above, $twice], ['by a link', "$above/root", scratch('link'), $twice], ['by a link to the root', scratch('link/root'), $above, $twice])
	{
		my ($name, $root, $over, $says) = @$_;
		my @pack = ('pack', $root, @NO, "--overlay=$over");
		is(try($TARBOOT, @pack, @$_)->{err}, "tarboot: $over: $says", "$name: refused @$_") for ['-o', $image], ['-n'];
	}
	is(try($TARBOOT, 'pack', "$above/root", '-n', @NO, "--overlay=$_")->{exit}, 0, "not $_") for "$above/beside", "$above/root/etc";

	# What is mounted in it would not be packed with it.
	my $r = try('unshare', '-m', 'sh', '-c', 'mount --make-rprivate / && mount --bind "$1/root" "$1/beside" || exit 77; exec "$0" pack "$1/beside" -n --force --overlay="$1/beside/.."',
		$TARBOOT, $above);
SKIP: {
		skip 'cannot mount here', 1 if $r->{exit} == 77 || $r->{err} =~ /^unshare/;
		is($r->{exit}, 0, 'a root that is mounted there') or diag($r->{err});
	}
}
fails_well(try($TARBOOT, 'pack', $base, '-o', $image, @NO, "--overlay=$tar"), 1, qr{\Q$tar\E: an overlay must be a directory, and this is not one\n  Give a directory\.\n\z}, 'an overlay that is a file');

# ---- dry run and explain ----

sub explains {
	my ($path, $like, @options) = @_;
	my $r = try($TARBOOT, 'pack', $root, "--explain=$path", @options);
	is($r->{exit}, 0, "explain $path") or diag($r->{err});
	like($r->{out}, qr/^$like\n\z/, "$path: $like");
	return;
}

unlink $image;
$r = try($TARBOOT, 'pack', $root, '-n', '-o', $image);
is($r->{exit}, 0, 'a dry run') or diag($r->{err});
ok(!-e $image, 'writes nothing');
like($r->{out}, qr{^left out +@{[ length $LEFT_OUT{$_} ]} B  /\Q$_\E: \w}m, "it names $_") for sort keys %LEFT_OUT;
like($r->{out}, qr{^left out +[\d.]+ KiB  /\Q$_\E: swap, which}m, "it names $_") for sort keys %SWAP;
like($r->{out}, qr/^root .* members would be packed$/m, 'and sums up');
# What the pack would refuse, a dry run does.
my $NO_INIT = "tarboot: the new init: none of /sbin/init, /usr/lib/systemd/systemd, /lib/systemd/systemd, /etc/init, /bin/init is in the root, as a file or a link to one\n"
	. "  Install an init in the root (systemd-sysv or another one), or tell where it is: with `tarboot pack --init PATH`, or at boot with tarboot.init=PATH.\n";
my %NO_INIT = (
	'--exclude=/sbin/init' => $NO_INIT,
	'--exclude=**'         => $NO_INIT,
	'--exclude=/bin'       => "tarboot: /sbin/init: its interpreter /bin/sh: it is not in the root\n"
		. "  Pack a root that holds the interpreter or libraries too.\n",
	'--overlay=' . write_files(scratch('no-init'), 'sbin/init' => 'x') => "tarboot: /sbin/init: it is not executable (mode 0644)\n"
		. "  Make it executable in the root and pack it again.\n");
for my $option (sort keys %NO_INIT) {
	for my $from ($root, $tar) {
		my $name = "$option of " . ($from eq $tar ? 'a tar' : 'a directory');
		my ($packed, $dry) = map { try($TARBOOT, 'pack', $from, @$_, @NO, $option) } [ '-o', $image ], ['-n'];
		is("$packed->{exit} $packed->{err}", "1 $NO_INIT{$option}", "$name cannot boot");
		is("$dry->{exit} $dry->{err}", "1 $NO_INIT{$option}", 'and a dry run says the same');
		unlike($dry->{out}, qr/would be packed/, 'and sums nothing up');
		$dry = try($TARBOOT, 'pack', $from, '-n', '--force', @NO, $option);
		is("$dry->{exit} $dry->{err}", '0 ' . $NO_INIT{$option} =~ s/^tarboot: /tarboot: warning: /r =~ s/\n  .*//sr . "\n", 'with --force it warns');
	}
}
explains('/etc/passwd', qr{/etc/passwd: packed, from the root: no rule names it});
explains('etc/ssh/ssh_host_rsa_key', qr{/etc/ssh/ssh_host_rsa_key: left out: /etc/ssh/ssh_host_\* names it \(each machine .*\)});
explains('etc/ssh/ssh_host_rsa_key', qr{/etc/ssh/ssh_host_rsa_key: packed, from the root: --keep wins over /etc/ssh/ssh_host_\* \(.*\)}, '--keep=ssh_host_*');
explains('/swap/16', qr{/swap/16: left out: /\*\* names it \(swap, which would be in RAM\)});
explains('/swap/again', qr{/swap/again: left out: /\*\* names it \(swap, which would be in RAM\)});
explains('/swap/16', qr{/swap/16: packed, from the root: no rule names it}, '--keep=/swap/16');
explains('/srv/big', qr{/srv/big: packed, from the root: no rule names it});
explains('/etc/fstab', qr{/etc/fstab: changed: /etc/fstab names it \(lines that need the disks or the host of another machine\)});
explains('/etc/netplan/50-cloud-init.yaml', qr{/etc/netplan/50-cloud-init.yaml: left out: /etc/netplan/\* names it \(has the MAC address of another machine\)});
explains('/etc/NetworkManager/system-connections/dhcp', qr{/etc/NetworkManager/system-connections/dhcp: packed, from the root: no rule names it});
explains('/', qr{/: packed, from the root: no rule names it});
explains('/tmp/a/b', qr{/tmp/a/b: left out: /tmp/\* names it \(temporary\)});
explains('/etc/machine-id', qr{/etc/machine-id: emptied: .*});
explains('/etc/passwd', qr{/etc/passwd: the one of the root is left out: overlay \Q$two\E replaces it\n/etc/passwd: packed, from \Q$two\E: no rule names it},
	'--overlay=' . write_files($two, 'etc/passwd' => 'other'));
explains("/etc/\e[31m\302\233\303\251", qr{/etc/\\033\[31m\\302\\233\303\251: packed, from \Q$two\E: no rule names it},
	'--overlay=' . write_files($two, "etc/\e[31m\302\233\303\251" => 'x'));
fails_well(try($TARBOOT, 'pack', $root, '--explain=/no/such'), 1, qr{neither in the root nor}, 'explain what is not there');

# Kernels of the root are not packed: one goes beside the image.
{
	my %kernels = map { ("boot/vmlinuz-$_" => bzimage($_, "kernel $_" . 'x' x 50_000)) } qw(6.1.0-9 6.1.0-10);
	my $kernels = tiny_root('kernels', sub { write_files($_[0], %kernels, 'boot/vmlinuz-text' => "no kernel\n") });
	my %WHY     = (
		'boot/vmlinuz-6.1.0-10' => 'beside: the image is booted with it, as IMAGE.vmlinuz',
		'boot/vmlinuz-6.1.0-9'  => 'left out: the image is booted with /boot/vmlinuz-6.1.0-10',
		'boot/vmlinuz-text'     => 'packed, from the root: no rule names it');
	run('tar', '-C', $kernels, '-cf', "$kernels.tar", '.');
	for my $from ($kernels, "$kernels.tar") {
		my $list = try($TARBOOT, 'pack', $from, '-n');
		is("$list->{exit} $list->{err}", "0 tarboot: warning: the root has no modules for its kernel 6.1.0-10\n", 'a dry run with kernels');
		for my $path (sort keys %WHY) {
			my $r = try($TARBOOT, 'pack', $from, "--explain=/$path");
			is("$r->{exit} $r->{err}$r->{out}", "0 /$path: $WHY{$path}\n", "explain $path");
			my ($done, $why) = $WHY{$path} =~ /\A(beside|left out): (.*)/ or next;
			like($list->{out}, qr{^\Q$done\E +[\d.]+ KiB  /\Q$path: $why\E$}m, 'the list has it');
		}
		my $r = try($TARBOOT, 'pack', $from, '--explain=/boot/vmlinuz-6.1.0-9', '--kernel=none');
		is("$r->{exit} $r->{err}$r->{out}", "0 /boot/vmlinuz-6.1.0-9: packed, from the root: no rule names it\n", '--kernel=none packs them');
		$r = try($TARBOOT, 'pack', $from, '-o', $image, '--no-shell', '--level=fast');
		is(slurp("$image.vmlinuz"), $kernels{'boot/vmlinuz-6.1.0-10'}, 'and so it is packed');
		is(join(' ', sort map { m{boot/(v.*)} } split /\n/, run('tar', '-tf', payload_of($image))), 'vmlinuz-text', 'without them');
		my ($members) = $list->{out} =~ /(\d+) members would be packed/;
		is($members, $r->{out} =~ /^root .* (\d+) members,/m && $1, 'as many members as said');
		unlink "$image.vmlinuz";
	}
}

# ---- a project file ----

my $lab = write_files(scratch('lab'), 'overlay/etc/motd' => 'lab', 'no.list' => "/home\n", 'tarboot.conf' => <<"END");
# the image of a class room
root = ../base
output = room.img
overlay = overlay
exclude-from=no.list
exclude = /usr/lib64/x
kernel = none
no-shell = yes
no-scrub = no
level = fast
END
$r = try($TARBOOT, 'pack', '--project', "$lab/tarboot.conf", '-T', '1');
is($r->{exit}, 0, 'a project file alone') or diag($r->{err});
ok(-e "$lab/room.img", 'its paths are meant from where it is');
my @names = map { s{^\./}{}r } split /\n/, run('tar', '-tf', payload_of("$lab/room.img"));
is_deeply([ grep { m{^usr/lib64/x} } @names ], [], 'its patterns count');
$r = try('sh', '-c', "cd '$lab' && exec '$TARBOOT' pack -p tarboot.conf -o '$image' '$root'");
is($r->{exit}, 0, 'options and ROOT beside it') or diag($r->{err});
ok(-e $image, 'have the last word');

# Lines that are wrong, with what is said of them: the third of the file.
my %BAD = (
	'colour = red'         => 'colour: unknown option',
	'outptu = x'           => 'outptu: unknown option; did you mean output?',
	'rot = x'              => 'rot: unknown option; did you mean root?',
	'project = x'          => 'project: unknown option',
	'help'                 => 'help: unknown option',
	'level = slow'         => 'level slow: it must be fast, normal or best',
	'level = "slow" # x'   => 'level slow: it must be fast, normal or best',
	'threads = many'       => 'threads many: it must be a number from 1 to 1024',
	'report = x.png'       => "report @{[scratch()]}/x.png: the name must end in .svg or .json",
	'output ='             => 'output: this option needs a value',
	'output = # none'      => 'output: this option needs a value',
	'output'               => 'output: this option needs a value',
	'output x'             => 'output x: there is no =',
	'no-scrub no'          => 'no-scrub no: there is no =',
	'no-shell = maybe'     => 'no-shell = maybe: it must be yes or no',
	'exclude = "a'         => 'exclude: the closing quote is missing',
	q(exclude = 'a' 'b')   => 'exclude: there is text after the closing quote',
	'= x'                  => ': there is no name before the =',
	'exclude = {a,b}'      => 'exclude {a,b}: {a,b} is not understood: give each a pattern of its own (\{ is a name with it)',
	'keep = !a'            => 'keep !a: it begins with !, which is not understood: use --keep (\! is a name with it)');
for my $line (sort keys %BAD) {
	my $conf = spew(scratch('bad.conf'), "root = $root\noutput = x\n$line\n");
	my $r = try($TARBOOT, 'pack', '-p', $conf);
	is($r->{exit}, 2, "a project file with '$line'");
	is($r->{err}, "tarboot: pack: $conf: line 3: $BAD{$line}\n  Try `tarboot pack --help`.\n", 'is told with its line');
}
spew(scratch('bad.list'), "# x\n\n/a # why\n");
is(try($TARBOOT, 'pack', $root, '-o', $image, '--exclude-from=' . scratch('bad.list'))->{err},
	'tarboot: pack: ' . scratch('bad.list') . ": line 3: /a # why: a comment must have a line of its own (\\# is a name with it)\n"
		. "  Try `tarboot pack --help`.\n", 'a wrong pattern of a list');
is(try($TARBOOT, 'pack', $root, '-o', $image, '--exclude=+ /a')->{err}, 'tarboot: pack: --exclude + /a: it begins with + or -, which is '
		. "not understood: use --keep and --exclude (\\+ is a name with it)\n  Try `tarboot pack --help`.\n", 'a wrong pattern');
for ([ 'a project file', '-p', '/no/such' ], [ 'a list', $root, '-o', $image, '--exclude-from=/no/such' ]) {
	my ($name, @options) = @$_;
	my $r = try($TARBOOT, 'pack', @options);
	is("$r->{exit} $r->{err}", "1 tarboot: /no/such: cannot read it: No such file or directory\n  Check the path: nothing is there.\n",
		"$name that is not there");
}

# Quotes, comments, a kernel beside the file, `no`.
write_files($lab, vmlinuz => bzimage('6.1', 'a kernel'), 'second.conf' => <<"END");
root = "../base"          # where it is
output = 'second # image' # its name
kernel = vmlinuz
exclude = ./usr//lib64/   # tidied
level = fast
no-shell                  # yes
no-scrub = no
force = yes
END
$r = try('sh', '-c', "cd '$lab/overlay' && exec '$TARBOOT' pack -p ../second.conf");
is($r->{exit}, 0, 'a project file with quotes and comments') or diag($r->{err});
unlike($r->{err}, qr/exclude/, 'its pattern names something');
ok(-e "$lab/second # image", 'quotes are no part of a name');
is(slurp("$lab/second # image.vmlinuz"), bzimage('6.1', 'a kernel'), 'the kernel is meant from where the file is');
@names = map { s{^\./}{}r } split /\n/, run('tar', '-tf', payload_of("$lab/second # image"));
is_deeply([ grep { m{^usr/lib64} } @names ], [], 'a pattern is tidied');

# What names nothing is told, whatever it is from.
spew(scratch('patterns'), "/no/list\n./etc/issue\n");
for my $options ([ '-n' ], [ '-o', $image, @NO ]) {
	$r = try($TARBOOT, 'pack', $base, @$options, '--force', '--exclude=/no/exclude', '--exclude=/etc/motd', '--exclude=motd',
		'--keep=/no/keep', '--keep=*.txt', '--keep=/etc/issue', '--exclude-from=' . scratch('patterns'));
	is($r->{exit}, 0, "patterns that name nothing, @$options[0]");
	is_deeply([ grep { /exclude|keep/ } split /\n/, $r->{err} ], [
		(map { "tarboot: warning: --exclude $_: nothing in the root has this name, or another pattern leaves it out" }
			'/no/exclude', 'motd', '/no/list', '/etc/issue'),
		(map { "tarboot: warning: --keep $_: nothing in the root has this name" } '/no/keep', '*.txt') ], 'are told');
}

# The one that is shipped does what the manual recipe did.
my $host = tiny_root('host', sub {
	write_files($_[0], 'usr/lib/firmware/iwlwifi-1.ucode' => 'x', 'usr/lib/firmware/ath10k/a/b' => 'x', 'usr/lib/firmware/intel/i' => 'x',
		'etc/selinux/targeted/policy/policy.33' => 'x', 'etc/selinux/config' => 'x', 'boot/vmlinuz-0-rescue-2' => 'x',
		'boot/initramfs-5.img' => 'x', 'var/cache/dnf/a' => 'x', 'dev/null' => 'x', 'etc/fstab' => "UUID=1 / xfs defaults 0 0\n",
		'usr/share/doc/a/copyright' => 'x', 'usr/share/doc/a/changelog' => 'x', 'usr/share/locale/en/x' => 'x',
		'usr/share/locale/de/x' => 'x', 'usr/share/locale/locale.alias' => 'x');
});
($said, %is) = packed('docs/tarboot.conf', $host, '-p', repo_path('docs/tarboot.conf'));
is_deeply([ grep { defined $is{$_} && m{iwl|ath10k|policy|rescue|initramfs|dnf/|dev/|changelog|locale/de} } sort keys %is ], [], 'slims a root');
ok(defined $is{$_}, "and keeps $_") for qw(usr/lib/firmware/intel/i etc/selinux/config usr/share/doc/a/copyright
	usr/share/locale/en/x usr/share/locale/locale.alias);
is($is{'etc/fstab'}, "# no disk (tarboot pack): UUID=1 / xfs defaults 0 0\n", 'and empties fstab');
done_testing();
