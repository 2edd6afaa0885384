#!/usr/bin/perl
# A root of which nothing in the image says what it must be: taken as it comes with tarboot.verify=no, by the manifest that
# lies beside it, by its end, or when all of it is there.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../boot";
use Test::More;
use Stream;

need_programs(qw(qemu-system-x86_64 busybox dnsmasq ip));
enter_network();

my $http = public('http');
publish_root('small', 0);
newc_write("$http/small.boot", grep { $_->{name} !~ m{^/?tarboot/manifest$} } newc_read("$http/small.boot"));
my $dhcp = dhcp('br0', '--port=0', '--dhcp-range=192.168.77.20,192.168.77.90,255.255.255.0,1h');
my $web  = web('web');

sub unpinned {
	my ($n, $how, $what, $all, @requests) = @_;
	my $url = "http://$SERVER:$WEB$how/small.tar.xz";

	return (sub { fetching('small', $n, urls => $url, append => 'tarboot.verify=no') }, sub {
		my ($guest) = @_;
		come_up($what, $guest, 'small', qr{^tarboot: tarboot\.verify=no: whoever can write to the network decides what this machine boots from \Q$url\E$}m);
		my $said = $guest->text =~ m{^tarboot: all of \Q$url\E is fetched before it is unpacked, since nothing tells where its Blocks are$}m;
		is($said ? 1 : 0, $all, $all ? 'it is fetched as a whole' : 'it is unpacked while it arrives');
		my @asked = $web->text =~ m{^(\Q$how\E/small\S* .*)$}mg;
		s{^\Q$how\E/small\.tar\.xz}{} for @asked;
		is_deeply([ map { s/\d{6,}/N/gr } @asked ], \@requests, 'what is asked for');
	});
}

two_at_once(
	unpinned(1, '/a=1',             'a manifest beside it', 0, '.manifest 200', ' 200'),
	unpinned(2, '/b=1/alone',       'its end',              0, '.manifest 404', ' 206 bytes=0-65535', ' 206 bytes=N-N', ' 200'),
	unpinned(3, '/c=1/alone/whole', 'a server without Range', 1, '.manifest 404', (' 200') x 3));
note($web->text);
done_testing();
