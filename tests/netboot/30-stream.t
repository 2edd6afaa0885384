#!/usr/bin/perl
# A machine that fetches its root: the menu's iPXE loads kernel and boot part, tells the address on the kernel command line, and
# /init fetches the root from the same server. By BIOS and by UEFI, to a login of systemd, without a second DHCP request; by BIOS with
# so little memory that a part of the root is in compressed swap, by UEFI with a name from DHCP that would have the kernel command line
# get another word.
use strict;
use warnings;
use FindBin;
use JSON::PP qw(decode_json);
use lib $FindBin::RealBin;
use Test::More;
use Net;

need_programs(qw(qemu-system-x86_64 busybox dnsmasq ip));
enter_network();

my $BOOT  = 300;              # seconds for one that takes forty
my $image = scratch('demo.img');
my $site  = public('site');

tarboot('pack', demo_root(), '-o', $image, qw(--level=fast --stream --no-shell));
tarboot('netboot', $image, '-o', $site, '--stream', '--server', $SERVER, '--subnet', $SUBNET, '--timeout', 2,
	'--append', "console=ttyS0 net.ifnames=0 tarboot.shell", '--host', mac(1) . '=192.168.77.21,bios-pc');

# iPXE takes variables in a value for its own.
mkdir scratch('bin');
my @lies = map { "'--dhcp-option-force=tag:lied-to,$_'" } '12,${domain}', '15,x tarboot.shell=start';
spew(scratch('bin/dnsmasq'), "#!/bin/sh\nPATH=\${PATH#*:}\nexec dnsmasq \"\$@\" --dhcp-mac=set:lied-to,@{[ mac(2) ]} @lies\n", 0755);
$ENV{PATH} = scratch('bin') . ":$ENV{PATH}";

my $serve = serve('serve', build_path('tarboot'), 'serve', $site);
ok($serve->wait_for(qr/^serving /m, 20), 'the servers run') or diag($serve->text);
my $version = readlink "$site/http/images/demo/current";
my $url     = "http://$SERVER/images/demo/$version/root.tar.xz";

my %machine = (BIOS => sub { machine(name => 'bios', mac => mac(1), mem => 288) }, UEFI => sub { machine(name => 'uefi', mac => mac(2), uefi('uefi')) });
for my $kind (sort keys %machine) {
	subtest $kind => sub {
		my $guest = $machine{$kind}->();
		ok($guest->wait_for(qr/\w login:/, $BOOT), 'it comes to a login') or return $guest->show_end(60);
		my $text = $guest->text;
		my ($line) = $text =~ /Kernel command line: (.*)/;
		my ($address, $mac) = $kind eq 'BIOS' ? ('192.168.77.21', mac(1)) : ('192\.168\.77\.\d+', mac(2));
		my $name = $kind eq 'BIOS' ? 'bios-pc' : 'x%20tarboot\.shell%3Dstart';
		like($line, qr{tarboot\.rootfs=\Q$url\E ip=${address}:::255\.255\.255\.0:${name}::none BOOTIF=01-@{[ $mac =~ tr/:/-/r ]} tarboot\.log=\Q$SERVER\E console=ttyS0},
			'the kernel command line has its address, and its name in the same word');
		unlike($line, qr/ tarboot\.shell=/, 'which adds no other');
		like($text, qr/^tarboot: unpack root: \d+\.\d+ s/m, 'the root was unpacked');
		like($text, qr/^tarboot: zram: \d+\.\d MiB are in \d+\.\d MiB of RAM/m, 'a part of it is compressed') if $kind eq 'BIOS';
		if ($kind eq 'BIOS') {
			my ($fetched, $all) = $text =~ /^tarboot: unpack root: +\d+ %.*, (\d+\.\d MiB) of (\d+\.\d MiB) fetched$/m;
			ok(defined $fetched && $fetched ne $all, 'not all of it has arrived at once: memory is for the tree') or diag($text);
		}
		unlike($text, qr/^tarboot: .*trying again|FAILED/m, 'nothing failed');
		root_is_in_memory($guest);
		my $room = decode_json(run('busybox', 'wget', '-qO-', 'http://127.0.0.1:8079/status.json'));
		my ($row) = grep { $_->{mac} eq $mac } @{ $room->{machines} };
		is(join(' ', @$row{qw(name image stage timeline)}), ($kind eq 'BIOS' ? 'bios-pc' : '') . ' demo handed over 1',
			'serve knows that it has handed over, and has its report') or diag(explain($row));
		$guest->stop;
	};
}

my $log = $serve->text;
my $who = mac(1) . ' 192\.168\.77\.21 ';
like($log, qr/$who +HTTP   \S+boot\.img  \d+\.\d MB in \d+\.\d s, \d+ MB\/s\n/, 'the log: the boot part');
like($log, qr/$who +HTTP   \S+root\.tar\.xz  \d+\.\d MB in \d+\.\d s, \d+ MB\/s, (\d+) of \1 Blocks\n/, 'the root, with all its Blocks');
unlike($log, qr/initrd\.img|broke off/, 'and nothing else');
note($log);
is($serve->stop, 0, 'it stops cleanly');
done_testing();
