#!/usr/bin/perl
# The menu, on machines that boot three at a time: its default, a key, a machine with an entry of its own, the image in
# two files, debug, a file that is not there, the previous version, HTTP boot; then beside another DHCP server.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../boot";
use Test::More;
use Modules;
use Net;

need_programs(qw(qemu-system-x86_64 busybox dnsmasq ip nsenter));
enter_network();

my $BOOT   = 120;                             # seconds for one that takes fifteen
my $site   = public('site');
my $kernel = kernel_of('bookworm') . '/vmlinuz';
my @SITE   = ('-o', $site);

# Publishes a root that says its word on the console, and ends.
sub publish {
	my ($name, $word, @options) = @_;
	my $root = tiny_root("$name-$word", sub { spew("$_[0]/sbin/init", <<"END", 0755) });
#!/bin/sh
echo "ROOT $word" >/dev/console
exec /bin/busybox poweroff -f
END
	my $image = scratch("$name.img");
	tarboot('pack', $root, '-o', $image, '--level=fast', '--kernel', $kernel);
	tarboot('netboot', $image, @SITE, @options, '--append', 'console=ttyS0 panic=60 ip=dhcp');
	return $image;
}

sub start_serve {
	my ($name) = @_;
	my $serve = serve($name, build_path('tarboot'), 'serve', $site);
	ok($serve->wait_for(qr/^serving /m, 20), "$name: the servers run") or diag($serve->text);
	return $serve;
}

# Each machine shall print its pattern.
sub see {
	my (%want) = @_;
	for my $name (sort keys %want) {
		my ($guest, $pattern) = @{ $want{$name} };
		ok($guest->wait_for($pattern, $BOOT), $name) or $guest->show_end;
	}
	return;
}

sub in_menu {
	my ($guest, @keys) = @_;
	for my $i (0 .. $#keys) {
		$guest->wait_for($i == 0 ? qr/Reboot/ : qr/Back/, $BOOT) or $guest->show_end;
		select undef, undef, undef, 0.5;    # the menu waits for keys after it is drawn
		$guest->type($keys[$i]);
	}
	return $guest;
}

publish('good', 'one', '--server', $SERVER, '--subnet', $SUBNET, '--default', 'good', '--timeout', 5);
publish('good',  'two');
publish('parts', 'three', '--split', '--boot', mac(2) . '=parts');
publish($_, 'never') for qw(broken lost);

# The image itself is damaged, behind the middle of its payload, and one file is gone.
my ($damaged) = glob "$site/http/images/broken/2*/initrd.img";
my $bytes = slurp($damaged);
substr($bytes, int(length($bytes) * 0.9), 4) ^= "\xff" x 4;
spew($damaged, $bytes);
unlink glob "$site/http/images/lost/2*/initrd.img";

my $serve = start_serve('serve');
{
	my $own = machine(name => 'own', mac => mac(2));
	my $key = machine(name => 'key', mac => mac(3));
	my $all = machine(name => 'all', mac => mac(1));
	in_menu($key, '4');
	see('the default of the menu' => [ $all, qr/ROOT two/ ], 'a key' => [ $key, qr/ROOT three/ ],
		'an entry for one machine, an image in two files' => [ $own, qr/ROOT three/ ]);
}
like($serve->text, qr{\Q${\mac(2)}\E \S+ +HTTP   /images/parts/[-\d]+/root\.img}, 'it loads the second file');

tarboot('netboot', @SITE, '--rollback', 'good');
my ($script) = glob "$site/http/mac-*.ipxe";
rename $script, "$script.away" or die "$script: $!";
{
	my $late  = machine(name => 'late',  mac => mac(2));
	my $back  = machine(name => 'back',  mac => mac(4));
	my $lost  = machine(name => 'lost',  mac => mac(5));
	my $debug = machine(name => 'debug', mac => mac(6));
	my %web   = uefi('web');    # its firmware must not try PXE first
	push @{ $web{args} }, map { (-fw_cfg => "name=opt/org.tianocore/${_}PXESupport,string=n") } qw(IPv4 IPv6);
	my $web = machine(name => 'web', mac => mac(9), %web);
	in_menu($lost, '3');
	in_menu($debug, 'd', 'd');
	see('a file that is not there' => [ $lost, qr/FAILED: lost does not boot; .*Press s for a shell/s ]);
	$lost->type('s');    # before the menu comes back by itself
	ok($lost->wait_for(qr/iPXE>/, 30), 'and s gives the shell of iPXE') or $lost->show_end;
	see('the previous version after a rollback' => [ $back, qr/ROOT one/ ],
		'HTTP boot of UEFI' => [ $web, qr/ROOT one/ ],
		'a damaged image' => [ $debug, qr/tarboot: FAILED: unpack root.*Enter/s ]);
	$debug->type("\n");    # before it reboots
	ok($debug->wait_for(qr/# $/, 30), 'debug gives a shell') or $debug->show_end;
	$debug->type("echo step=\$TARBOOT_FAILED\n");
	ok($debug->wait_for(qr/step=unpack root/, 30), 'that knows the step') or $debug->show_end;
	see('a script of its own that is not there' => [ $late, qr/FAILED: this machine's own script, mac-52-54-00-00-00-02\.ipxe, .*it tries again/s ]);
	unlike($late->text, qr/vmlinuz/, 'nothing else is booted');
	rename "$script.away", $script or die "$script: $!";
	see('and when it is' => [ $late, qr/ROOT three/ ]);
}
like($serve->text, qr{\Q${\mac(9)}\E \S+ +HTTP   /ipxe\.efi\n}, 'UEFI loads iPXE by HTTP');
like($serve->text, qr{\Q${\mac(5)}\E \S+ +HTTP   /images/lost/[-\d]+/initrd\.img: error 404}, 'the log has the missing file');
is($serve->stop, 0, 'it stops cleanly');

# ---- beside another DHCP server, which has an address and a network namespace of its own ----

run(qw(ip link add veth0 type veth peer name veth1));
run(qw(ip link set veth0 master br0 up));
my $other = serve('other', 'unshare', '-n', 'sh', '-c', <<'END');
until ip link show veth1 >/dev/null 2>&1; do sleep 0.1; done
ip link set lo up
ip address add 192.168.77.2/24 dev veth1
ip link set veth1 up
exec dnsmasq -k --port=0 --log-facility=- --interface=veth1 --bind-interfaces --dhcp-leasefile=/dev/null \
	--dhcp-range=192.168.77.50,192.168.77.60,255.255.255.0,1h \
	--dhcp-host=52:54:00:00:00:07,192.168.77.67,other7 --dhcp-host=52:54:00:00:00:08,192.168.77.68
END
select undef, undef, undef, 0.5;
run('ip', 'link', 'set', 'veth1', 'netns', $other->{pid});
ok($other->wait_for(qr/DHCP, IP range/, 20), 'another DHCP server runs') or diag($other->text);

my $refused = serve('refused', build_path('tarboot'), 'serve', $site);
ok($refused->wait_for(qr/^tarboot: br0: another DHCP server assigns addresses on this network\n.*--proxy/m, 20),
	'tarboot serve refuses to give addresses, too') or diag($refused->text);
is($refused->stop, 1 << 8, 'and ends');

tarboot('netboot', @SITE, '--proxy', map { ('--host', mac($_) . "=,site$_") } 7, 8);
$serve = start_serve('proxy');
unlike($serve->text, qr/warning/, 'it sees the other server');
{
	my $bios = machine(name => 'proxy-bios', mac => mac(7));
	my $uefi = machine(name => 'proxy-uefi', mac => mac(8), uefi('proxy-uefi'));
	see('BIOS beside another DHCP server' => [ $bios, qr/ROOT one/ ], 'UEFI beside it' => [ $uefi, qr/ROOT one/ ]);
	like($bios->text, qr/192\.168\.77\.67/, 'the address is from the other server');
	like($bios->text, qr/ ip=::::other7::dhcp\b/, 'so is the name');
	like($uefi->text, qr/ ip=::::site8::dhcp\b/, 'and where that has none, from the menu');
}
note($serve->text);
is($serve->stop, 0, 'it stops cleanly');
done_testing();
