#!/usr/bin/perl
# Debian's GRUB in the place of iPXE, with the entry of docs/netboot.md: it loads kernel and boot part of a version by HTTP, and /init asks by
# DHCP and fetches the root.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../boot";
use Test::More;
use Image qw(tiny_root);
use Net;

need_programs(qw(qemu-system-x86_64 busybox dnsmasq ip));
enter_network();

my $image = scratch('lab.img');
my $site  = public('site');

# The modules of a kernel go into the boot part only from a root that has them.
my $root = tiny_root('root', sub {
	run('tar', '-xf', demo_root(), '-C', $_[0], '--wildcards', './usr/lib/modules/*', './boot/vmlinuz-*', '--transform=s,^./usr/lib,./lib,');
});
tarboot('pack', $root, '-o', $image, qw(--level=fast --stream --modules virtio_net --no-shell));
tarboot('netboot', $image, '-o', $site, '--stream', '--server', $SERVER, '--subnet', $SUBNET);
my $version = readlink "$site/http/images/lab/current";
my ($entry) = slurp("$FindBin::RealBin/../../docs/netboot.md") =~ /^    menuentry "[^"]+" \{\n((?:        .*\n)+)    \}\n/m;
ok($entry, 'the page has an entry for GRUB') or BAIL_OUT('no entry');
$entry =~ s/192\.168\.7\.1/$SERVER/g;
$entry =~ s{/images/lab/\d+-\d+}{/images/lab/$version};
$entry =~ s/^(\s+linux .*)/$1 console=ttyS0/m;
my $tftp = public('tftp');
run('mkdir', '-p', "$tftp/grub");
spew("$tftp/grub/grub.cfg", "$entry\tboot\n");
my $grub = servers() . '/usr/lib/grub';
run('cp', "$grub/x86_64-efi-signed/grubnetx64.efi.signed", "$tftp/grub.efi");
run('cp', '-r', "$grub/x86_64-efi", "$tftp/grub");
my $dhcp = serve('dnsmasq', qw(dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --port=0 --interface=br0 --bind-interfaces --no-ping
	--enable-tftp --dhcp-boot=grub.efi), '--dhcp-range=192.168.77.100,192.168.77.120', "--tftp-root=$tftp", '--dhcp-leasefile=' . scratch('leases'));
my $web   = serve('httpd', 'busybox', 'httpd', '-f', '-p', "$SERVER:80", '-h', "$site/http");
my $guest = machine(name => 'grub', mac => mac(1), uefi('uefi'));
ok($guest->wait_for(qr/^TINY-INIT-RAN|grub>/m, 240), 'it comes to the new init') or $guest->show_end(60);
like($guest->text, qr{Kernel command line: .*tarboot\.rootfs=http://\Q$SERVER\E/images/lab/$version/root\.tar\.xz BOOTIF=52:54:00:00:00:01 }, 'with what the entry says');
like($guest->text, qr/^tarboot: eth0: address 192\.168\.77\.\d+\/24 from /m, 'and an address by DHCP');
$guest->stop;
done_testing();
