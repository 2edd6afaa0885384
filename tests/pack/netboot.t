#!/usr/bin/perl
# What `tarboot netboot` writes: versions and their links, what is kept, what is refused, and configurations that the
# servers themselves accept. tests/netboot/ boots from it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine", "$FindBin::RealBin/../netboot";
use Engine;
use Fcntl qw(LOCK_EX);
use Net ();
use Test::More;

need_programs(qw(busybox dnsmasq));
plan skip_all => 'not root: the servers\' programs are extracted as root' if $> != 0;
my $TARBOOT = build_path('tarboot');
my $servers = Net::servers();
my $site    = scratch('site');
my @NET     = qw(--server 10.7.0.1 --subnet 10.7.0.0/24);

sub make_image {
	my ($name, $word) = @_;
	my $root = tiny_root("root-$name-$word", sub { spew("$_[0]/word", $word) });
	tarboot('pack', $root, '-o', scratch("$name.img"), qw(--level=fast --kernel=none --no-shell));
	spew(scratch("$name.img.vmlinuz"), "kernel of $word");
	return scratch("$name.img");
}

sub netboot { return try($TARBOOT, 'netboot', '-o', $site, @_) }

sub works {
	my ($name, @arguments) = @_;
	my $r = netboot(@arguments);
	is($r->{exit}, 0, $name) or diag($r->{err});
	return $r->{out};
}

sub refuses {
	my ($name, $exit, $like, @arguments) = @_;
	my $r = netboot(@arguments);
	is($r->{exit}, $exit, "$name: refused");
	like($r->{err}, $like, "$name: says why");
	return;
}

sub link_of { return readlink("$site/http/images/$_[0]") // '' }
sub menu    { return slurp("$site/http/menu.ipxe") }

my $lab = make_image('lab', 'one');
refuses('no server',  1, qr/address of the server is not known\n.*--server/, $lab);
refuses('no subnet',  1, qr/subnet of the machines is not known\n.*--subnet/, $lab, '--server', '10.7.0.1');
refuses('no kernel',  1, qr/none: cannot read the kernel.*\n.*--kernel/, $lab, @NET, '--kernel', scratch('none'));
refuses('no image',   1, qr/none\.img: cannot open/, scratch('none.img'), @NET, '--kernel', "$lab.vmlinuz");
refuses('two titles', 2, qr/for one IMAGE at a time/, $lab, $lab, @NET, '--title', 'x');
refuses('a bad value', 2, qr/--\S+ .*: (?:it|behind the =)(?: there)? must/, @NET, @$_)
	for [qw(--server 300.1.1.1)], [qw(--server 010.1.1.1)], [qw(--subnet 10.7.0.0/31)], [qw(--subnet 10.7.0.0)],
	[qw(--host 52:54:00:12:34=10.7.0.9)], [qw(--host 52:54:00:12:34:56=10.7.0)], ['--range', '10.7.0.5'],
	['--host', '52:54:00:12:34:56=10.7.0.9,a.b'], [qw(--timeout soon)], [qw(--timeout -1)], [qw(--http-port 70000)],
	[qw(--url ftp://x)], ['--url', 'http://${x}'], ['--default', 'a b'], [qw(--boot 525400123456=lab)];
refuses('a server elsewhere', 1, qr/server: its address is not in the subnet/, $lab, '--server', '10.8.0.1', '--subnet', '10.7.0.0/24');
refuses('a machine elsewhere', 1, qr/not in the subnet/, $lab, @NET, '--host', '52:54:00:12:34:56=10.8.0.9');
refuses('two with one address', 1, qr/the same fixed address/, $lab, @NET, map { ('--host', "52:54:00:12:34:0$_=10.7.0.9") } 1, 2);
refuses('the server\'s address', 1, qr/is the server's/, $lab, @NET, '--host', '52:54:00:12:34:56=10.7.0.1');
refuses('a range elsewhere', 1, qr/range: it must lie/, $lab, @NET, '--range', '10.7.0.9,10.7.0.2');
refuses('a fixed address by proxy', 1, qr/with proxy/, $lab, @NET, '--proxy', '--host', '52:54:00:12:34:56=10.7.0.9');
refuses('the menu\'s own name', 1, qr/local: the menu itself/, $lab, @NET, qw(--name local));
refuses("a title with " . s/\n/ /r, 1, qr/--title: a menu cannot show/, $lab, @NET, '--title', $_)
	for '${net0/mac}', "two\nlines", 'a && b', "\xc3\xa4", '-x', 'x' x 70;
refuses('a kernel line with ${', 1, qr/--append: an iPXE script cannot/, $lab, @NET, '--append', 'a ${b}');

# ---- versions ----

works('an image', $lab, @NET, '--title', 'Class room', '--host', '52-54-00-AB-34-56=10.7.0.20,pc20');
my $one = link_of('lab/current');
like($one, qr/^\d{8}-\d{6}\z/, 'the current version');
is(link_of('lab/previous'), '', 'there is no previous one');
is(slurp("$site/http/images/lab/current/vmlinuz"), 'kernel of one', 'its kernel');
is(slurp("$site/http/images/lab/current/initrd.img"), slurp($lab), 'its image');
like(menu(), qr/^item --key 1 lab \[1\] Class room \(.*\)\n/m, 'the menu has it');
like(menu(), qr{^set from \$\{base\}/images/lab/\Q$one\E\n}m, 'by its version');
like(menu(), qr/ rw panic=60 selinux=0 ip=dhcp biosdevname=0 net\.ifnames=0 ipv6\.disable=0 \|\|/, 'with the default line');
like(menu(), qr/ tarboot\.shell tarboot\.debug \|\|/, 'and for debug');
is(menu() =~ s/^set base .*\n//mr, menu() =~ s{^set base http://10\.7\.0\.1\n}{}mr, 'from the server');
unlike(menu(), qr/install/, 'there is no installer');

refuses('a default that is none', 1, qr/nothing: there is no such entry/, qw(--default nothing));
like(works('the same again', $lab), qr/^unchanged lab/m, 'changes nothing');
is(link_of('lab/current'), $one, 'it stays');
make_image('lab', 'two');
works('another', $lab, '--append', 'quiet');
my $two = link_of('lab/current');
isnt($two, $one, 'it becomes the current one');
is(link_of('lab/previous'), $one, 'the first is the previous');
like(menu(), qr/^:lab\.previous\n.*\n.*\Q$one\E\n(?:.*\n){2}kernel .* panic=60 /m, 'which keeps its kernel line');
like(menu(), qr/^:lab\n.*\n.*\Q$two\E\n(?:.*\n){2}kernel \S+ initrd=initrd\.img quiet \|\|/m, 'the new one has its own');
open my $slow, '<', "$site/http/images/lab/$one/initrd.img" or die;
works('back', '--rollback', 'lab');
is(link_of('lab/current') . link_of('lab/previous'), $one . $two, 'they are swapped');
works('and forth', '--rollback', 'lab');
for my $word (qw(three four five)) {
	make_image('lab', $word);
	works("version $word", $lab, '--versions', 2);
}
is(scalar(my @kept = glob "$site/http/images/lab/2*"), 2, 'two versions are kept');
is(length(do { local $/; <$slow> }), -s $slow, 'who reads an old one reads it to its end');
refuses('a rollback of nothing', 1, qr/it has no image nothing/, '--rollback', 'nothing');

works('in two files', make_image('parts', 'one'), '--split', '--installer', 'http://10.7.0.1/debian/');
like(menu(), qr{initrd=boot\.img initrd=root\.img .*\ninitrd \S+boot\.img .*\ninitrd \S+root\.img }, 'the menu has both');
like(menu(), qr{^kernel http://10\.7\.0\.1/debian/linux initrd=initrd\.gz}m, 'and an installer');
my $dir = "$site/http/images/parts/current";
my @members = newc_read(spew(scratch('both.img'), slurp("$dir/boot.img") . slurp("$dir/root.img")));
my ($manifest) = grep { $_->{name} eq 'tarboot/manifest' } @members;
is($members[-2]{data}, $manifest->{data}, 'the payload has its manifest with it');
is($members[-2]{name} . $members[-1]{name}, 'tarboot/manifestrootfs.tar.xz', 'in its file');
is(length slurp("$dir/root.img") > length $members[-1]{data}, 1, 'and all of it is there');
fails_well(try($TARBOOT, 'netboot', '-o', $site, '--split', '--name', 'bare', '--kernel', "$lab.vmlinuz", payload_of($lab)), 1,
	qr/cannot be split/, 'a bare payload in two files');
refuses('removing the default', 1, qr/parts: the menu or a machine boots it/, '--default', 'parts', '--remove', 'parts');
works('removed', '--remove', 'parts', '--default', 'lab');
ok(!-e "$site/http/images/parts", 'it is gone');
unlike(menu(), qr/parts/, 'from the menu, too');

# ---- interrupted, and other people's ----

run('mkdir', "$site/http/images/lab/.new-20200101-000000");
works('after an interruption', make_image('lab', 'six'));
ok(!-e "$site/http/images/lab/.new-20200101-000000", 'what it left is removed');
is(sprintf('%04o', (stat scratch('lab.img'))[2] & 07777), '0600', 'the image itself is its owner\'s');
is(run("umask 077; '$TARBOOT' netboot -o '$site' --timeout 7 >/dev/null; find '$site/http' '$site/tftp' ! -perm -a+r"), '',
	'all may read it, whatever the umask');
spew("$site/http/mac-52-54-00-00-00-09.ipxe", "#!ipxe\nmine\n");
refuses('a file of the admin', 1, qr/mac-52-54-00-00-00-09\.ipxe: it was not made by tarboot/, '--boot', '52:54:00:00:00:09=lab');
is(slurp("$site/http/mac-52-54-00-00-00-09.ipxe"), "#!ipxe\nmine\n", 'stays');
works('for another machine', '--boot', '52:54:00:00:00:08=shell');
like(slurp("$site/http/mac-52-54-00-00-00-08.ipxe"), qr/^set entry shell\n/m, 'its file');
spew("$site/netboot.conf", slurp("$site/netboot.conf") =~ s/^boot = 52:54:00:00:00:08.*\n//mr);
works('when its line is gone');
ok(!-e "$site/http/mac-52-54-00-00-00-08.ipxe", 'its file goes, too');
is(slurp("$site/http/mac-52-54-00-00-00-09.ipxe"), "#!ipxe\nmine\n", 'that of the admin stays');
my $foreign = scratch('foreign');
run('mkdir', $foreign);
spew("$foreign/precious", 'x');
fails_well(try($TARBOOT, 'netboot', $lab, '-o', $foreign, @NET), 1, qr/it was not made by tarboot netboot/, 'a directory of others');
is(join(' ', glob "$foreign/*"), "$foreign/precious", 'and nothing comes into it');
fails_well(try($TARBOOT, 'netboot', $lab, '-o', scratch('a b'), @NET), 1, qr/a b: its path has a blank/, 'a path with a blank');
fails_well(try($TARBOOT, 'serve', $foreign), 1, qr/it was not made by tarboot netboot/, 'serving it');
fails_well(try($TARBOOT, 'serve', $site), 1, qr/10\.7\.0\.1: no interface has the server's address/, 'serving without the address');
spew("$site/netboot.conf", slurp("$site/netboot.conf") . "servr = 1\n");
{
	open my $lock, '<', $site or die "$site: $!";
	flock $lock, LOCK_EX or die "flock: $!";
	refuses('while another one is at work', 1, qr/\Q$site\E: another tarboot netboot is at work there/, '--timeout', 5);
}
refuses('a wrong line', 1, qr/netboot\.conf: servr: there is no such setting/, '--timeout', 5);
spew("$site/netboot.conf", slurp("$site/netboot.conf") =~ s/servr.*\n//r);
fails_well(try($TARBOOT, 'netboot', $lab, '-o', scratch('bare'), @NET, '--ipxe', $foreign), 1,
	qr/undionly\.kpxe: there is no iPXE.*\n.*Install/, 'without iPXE');

# ---- the servers read their configurations ----

works('with all settings', qw(--router 10.7.0.254 --dns 10.7.0.253 --host 52:54:00:00:00:07=10.7.0.7));
my %config = map { m{([^/]+)\z} => $_ } glob "$site/config/*";
my $c = "$servers/commands";
# Debian's apache2 has its modules elsewhere here, and the address of the server is given to this network.
my $apache = spew(scratch('apache.conf'), slurp($config{'apache.conf'}) =~ s{(?=/usr/lib/apache2)|/etc/apache2(?=\n)}{$servers}gr);
my $address = 'busybox ip link set lo up; busybox ip address add 10.7.0.1/24 dev lo; exec "$0" "$@"';
my %check = (
	dnsmasq => ['dnsmasq', '--test', '-C', $config{'dnsmasq.conf'}],
	dhcpd => ["$c/dhcpd", '-t', '-cf', $config{'dhcpd.conf'}],
	Kea => ["$c/kea-dhcp4", '-t', $config{'kea-dhcp4.conf'}],
	Apache => ["$c/apache2", '-t', '-f', $apache],
	nginx => ["$c/nginx", '-e', 'stderr', '-t', '-c', $config{'nginx.conf'}],
	lighttpd => ["$c/lighttpd", '-t', '-f', $config{'lighttpd.conf'}]);
for my $server (sort keys %check) {
	my $r = try(Net::private_machine(), 'sh', '-c', $address, @{ $check{$server} });
	is($r->{exit}, 0, "$server takes its configuration") or diag($r->{out}, $r->{err});
}
for my $server (sort qw(dnsmasq dhcpd kea nginx apache lighttpd serve)) {
	my ($file) = slurp($config{"tarboot-$server.service"}) =~ m{^ExecStart=/\S+/(?:tarboot|dnsmasq|dhcpd|kea-dhcp4|nginx|apache2|lighttpd) .*?(\S+)$}m;
	ok($file && -e $file, "a unit of systemd starts $server with its file");
}
like(slurp($config{'dnsmasq.conf'}), qr/^dhcp-host=52:54:00:ab:34:56,10\.7\.0\.20,pc20$/m, 'a fixed address');
done_testing();
