#!/usr/bin/perl
# What `tarboot netboot` publishes for a room whose machines differ: --layer, --machine-layer, --hosts. tests/netboot/37-layers.t boots it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine", "$FindBin::RealBin/../netboot";
use Engine;
use RawTar qw(file tar_end tar_pax);
use File::Path qw(make_path);
use Net ();
use Test::More;

need_programs(qw(busybox dnsmasq b2sum cpio minisign));
plan skip_all => 'not root: owners of files in layers' if $> != 0;
my $TARBOOT = build_path('tarboot');
our $site   = public('site');
my @NET     = qw(--server 10.7.0.1 --subnet 10.7.0.0/24);
$ENV{PATH} = Net::servers() . "/commands:$ENV{PATH}";

sub make_image {
	my ($name, @options) = @_;
	my $root = tiny_root("root-$name");
	tarboot('pack', $root, '-o', scratch("$name.img"), qw(--level=fast --kernel=none --no-shell), @options);
	spew(scratch("$name.img.vmlinuz"), bzimage('6.1', 'kernel'));
	return scratch("$name.img");
}
my $stream = make_image('stream', '--stream', '--modules', 'none');
my $whole  = make_image('whole');

sub netboot { return try($TARBOOT, 'netboot', '-o', $site, @_) }

sub works {
	my ($name, @arguments) = @_;
	my $r = netboot(@arguments);
	is($r->{exit}, 0, $name) or diag($r->{err});
	is($r->{err}, '', "$name: without a warning");
	return $r->{out};
}

sub refuses {
	my ($name, $says, @arguments) = @_;
	my $r = netboot(@arguments);
	is($r->{exit}, 1, "$name: refused");
	like($r->{err}, $says, "$name: says why");
	return;
}

sub current { return "$site/http/images/$_[0]/current" }
sub menu    { return slurp("$site/http/menu.ipxe") }
sub digest  { my ($file) = @_; return run("b2sum -l 256 <'$file'") =~ s/\s.*//sr }

# ---- layers for all ----

make_path(map { scratch($_) } qw(common/etc/ssh common/var upper/opt one two));
spew(scratch('common/etc/motd'), "hello\n");
spew(scratch('common/etc/ssh/key'), "key\n");
chmod 0600, scratch('common/etc/ssh/key') or die;
spew(scratch('common/etc/.wh.issue'), '');
run('chown', '-R', '1234:1234', scratch('common'));
run('chown', '5:6', scratch('common/var'));
run('mknod', scratch('upper/gone'), qw(c 0 0));
my $has_attributes = system('sh', '-c', 'setfattr -n trusted.overlay.opaque -v y "$0" 2>/dev/null', scratch('upper/opt')) == 0;
spew(scratch('upper/opt/x'), 'x');
spew(scratch("$_/own"), $_) for qw(one two);
run('tar', '-C', scratch('one'), '-cf', scratch('one.tar'), '.');

works('an image with two layers', $stream, @NET, '--stream', '--layer', scratch('common'), '--layer', scratch('one.tar'));
my $dir = current('stream');
is(slurp("$dir/layer-2.tar"), slurp(scratch('one.tar')), 'an archive is published as it is');
like(slurp("$dir/layer-1.tar.xz.manifest"), qr{^payload=tarboot/layers/layer-1\.tar\.xz$}m, 'a manifest with the name of the layer');
is(tarboot('verify', '-q', "$dir/layer-1.tar.xz"), '', 'which is right');
like(run('tar', '--numeric-owner', '-tvf', "$dir/layer-1.tar.xz"), qr{
	^drwxr-xr-x\ 0/0\ .*\ \.?/?etc/ssh/$ .* ^-rw-------\ 0/0\ .*\ \.?/?etc/ssh/key$ .* ^drwxr-xr-x\ 5/6\ .*\ \.?/?var/$}msx, 'what is its keeper\'s is root\'s, modes stay');
like(run('tar', '-tf', "$dir/layer-1.tar.xz"), qr{etc/\.wh\.issue$}m, 'a whiteout');
my ($one, $two) = map { digest($_) } "$dir/layer-1.tar.xz", "$dir/layer-2.tar";
my $version = readlink $dir;
like(menu(), qr{ tarboot\.layer=http://10\.7\.0\.1/images/stream/$version/layer-1\.tar\.xz\#$one tarboot\.layer=http://10\.7\.0\.1/images/stream/$version/layer-2\.tar\#$two ip=},
	'the kernel line has both, with their digests');
unlike(menu(), qr/layerimg|\$\{layer/, 'and nothing for single machines');
is(works('the same again', $stream, '--stream', '--layer', scratch('common'), '--layer', scratch('one.tar')) =~ /^(.*) stream$/m ? $1 : '', 'unchanged', 'is no new version');
like(works('one fewer', $stream, '--stream', '--layer', scratch('common')), qr/^published stream$/m, 'is one');
ok(!-e current('stream') . '/layer-2.tar', 'without that layer');
like(works('the one before', '--rollback', 'stream'), qr/^image +stream: .*current $version /m, 'comes back');
like(menu(), qr/layer-2\.tar#$two/, 'with its layers');

works('for a loader', $whole, '--layer', scratch('upper'));
like(menu(), qr{^kernel \$\{from\}/vmlinuz initrd=initrd\.img initrd=layer-1\.img \w.*\n(?:.*\n)*?initrd \$\{from\}/initrd\.img \|\| goto failed\ninitrd \$\{from\}/layer-1\.img \|\| goto failed\n}m,
	'it loads the layer');
is(join(' ', sort map { m{/([^/]+)$} } glob(current('whole') . '/*')), 'entry.conf initrd.img layer-1.img vmlinuz', 'and that is all there is');
is(run("cpio -it --quiet <'" . current('whole') . "/layer-1.img' 2>/dev/null"), "tarboot\ntarboot/layers\ntarboot/layers/layer-1.tar.xz.manifest\ntarboot/layers/layer-1.tar.xz\n", 'an initrd');
run('sh', '-c', 'cd "$0" && cpio -id --quiet <"$1"', scratch('one'), current('whole') . '/layer-1.img');
my $names = run('tar', '-tf', scratch('one/tarboot/layers/layer-1.tar.xz'));
like($names, qr{^(?:\./)?\.wh\.gone$}m, "a whiteout of overlayfs' is one of layers");
like($names, qr{^(?:\./)?opt/\.wh\.\.wh\.\.opq$}m, 'an opaque directory, too') if $has_attributes;

# One tree with one end: an ACL that names a user is the number that a layer above gives him.
{
	my $acl = scratch('acl');
	spew(scratch('a.tar'), tar_pax('SCHILY.acl.access' => 'user::rw-,user:bob:r--,group::r--,mask::r--,other::---') . file('of-bob', 'x') . tar_end());
	spew(scratch('b.tar'), file('etc/passwd', "bob:x:4660:4660::/:/bin/sh\n") . tar_end());
	works('layers of one tree', $whole, map { ('--layer', scratch("$_.tar")) } qw(a b));
	spew(scratch('joined.img'), join '', map { slurp(current('whole') . "/$_.img") } qw(initrd layer-1 layer-2));
	tarboot('unpack', '-q', scratch('joined.img'), $acl);
	my $again = try($TARBOOT, 'unpack', '-q', scratch('joined.img'), $acl);
	is($again->{err}, "tarboot: $acl: it is not empty, and the layers of the image may delete what is there\n  Give an empty directory.\n",
		'whiteouts delete nothing that is not the image\'s');
	my $value = run("getfattr -e hex -n system.posix_acl_access '$acl/of-bob' 2>&1 || true");
	SKIP: {
		skip 'this file system keeps no ACLs', 1 if $value =~ /not supported/;
		like($value, qr/=0x02000000.*0200040034120000/, 'an ACL has the number of a user of a higher layer');
	}
}

# ---- for single machines ----

my @mac = map { "52:54:00:00:00:0$_" } 0 .. 5;
sub script { return slurp("$site/http/mac-" . ($_[0] =~ tr/:/-/r) . '.ipxe') }

works('a layer for one', '--machine-layer', "$mac[1]=" . scratch('one.tar'));
my ($file) = script($mac[1]) =~ m{^set layer tarboot\.layer=http://10\.7\.0\.1/layers/(machine-52-54-00-00-00-01-[0-9a-f]{16}\.tar)\#$two$}m;
ok($file && slurp("$site/http/layers/$file") eq slurp(scratch('one.tar')), 'its script names it');
my $initrd = ($file // '') =~ s/\.tar$/.img/r;
like(script($mac[1]), qr/^set layerimg \Q$initrd\E\nset layerinitrd initrd=machine\.img\n\z/m, 'in both forms');
like(menu(), qr{^kernel \$\{from\}/vmlinuz initrd=boot\.img .*\#$two \$\{layer\} |^kernel \$\{from\}/vmlinuz initrd=boot\.img .*\$\{layer\} }m, 'the menu has a place for it');
like(menu(), qr{^isset \$\{layerimg\} \|\| goto whole\.boot\ninitrd --name machine\.img \$\{base\}/layers/\$\{layerimg\} \|\| goto failed\n:whole\.boot\nboot}m, 'also for a loader');
works('another one', '--machine-layer', "$mac[1]=" . scratch('two'));
my ($other) = script($mac[1]) =~ /^set layer \S+-01-([0-9a-f]{16})\.tar\.xz#/m;
ok($other && $other ne substr($two, 0, 16), 'takes its place');
ok(-e "$site/http/layers/$file", 'and the one before stays for machines that boot');
works('a third one', '--machine-layer', "$mac[1]=" . scratch('common'));
ok(!-e "$site/http/layers/$file", 'but not for ever');
works('none any more', '--machine-layer', "$mac[1]=none");
ok(!-e "$site/http/mac-52-54-00-00-00-01.ipxe", 'takes its script away');
is(join(' ', glob "$site/http/layers/machine-52-54-00-00-00-01*"), '', 'and its files, which may hold secrets');
unlike(menu(), qr/\$\{layer/, 'and its place in the menu');

# ---- a file of machines ----

my $hosts = spew(scratch('room.csv'), "mac,address,name,entry,layer\r\n$mac[1],10.7.0.21,pc1,whole,two\r\n$mac[2],,pc2\r\n\n# the last\n$mac[3] pc3\n");
works('a room', '--hosts', $hosts);
is(slurp("$site/config/dnsmasq.hosts") =~ s/^#.*\n//mr, "$mac[1],10.7.0.21,pc1\n$mac[2],pc2\n$mac[3],pc3\n", 'addresses and names for dnsmasq');
like(slurp("$site/config/dnsmasq.conf"), qr{^dhcp-hostsfile=\Q$site\E/config/dnsmasq\.hosts$}m, 'which reads them again while it runs');
like(run('dnsmasq', '--test', '-C', "$site/config/dnsmasq.conf"), qr/syntax check OK/, 'which takes them');
like(script($mac[1]), qr/^set entry whole\nset layer tarboot\.layer=/m, 'entry and layer, which lies beside the file');
like(menu(), qr/ ip=::::\$\{netX\/hostname\}::dhcp /, 'the menu passes the name on');
my $conf = slurp("$site/netboot.conf");
like($conf, qr/^host = $mac[2]=,pc2\n/m, 'it is kept');
works('nothing new');
is(slurp("$site/netboot.conf"), $conf, 'nothing is lost');
works('only one of them', '--hosts', spew(scratch('room.csv'), "$mac[2],10.7.0.22,\n"));
like(slurp("$site/netboot.conf"), qr/^host = $mac[2]=10\.7\.0\.22,pc2\n/m, 'what is said is changed, the rest stays');

refuses('a wrong line', qr{^tarboot: \Q$hosts\E: line 2: its second column must be an IPv4 address, or empty\n  Correct that line\.\n\z},
	'--hosts', spew($hosts, "$mac[1] pc1\n$mac[2],10.7.0,pc2\n"));
refuses('a machine twice', qr{: line 2: this MAC address is in an earlier line, too\n}, '--hosts', spew($hosts, "$mac[4] a\n$mac[4] b\n"));
refuses('a name twice', qr/^tarboot: $mac[4]: $mac[1] has the same name, pc1\n  Give one of them another, or take that machine away with --forget MAC\.\n\z/, '--hosts', spew($hosts, "$mac[4] pc1\n"));
refuses('no such file', qr/^tarboot: \S+none: cannot read this file of machines: No such file/, '--hosts', scratch('none'));
refuses('bytes', qr/it is no text/, '--hosts', spew($hosts, "\0"));
refuses('an entry that is not there', qr/the menu has no such entry/, '--hosts', spew($hosts, "$mac[4],,,none\n"));
refuses('a layer that is not there', qr{^tarboot: \S+/nowhere: cannot find this layer: No such file}, '--hosts', spew($hosts, "$mac[4],,,,nowhere\n"));
is(slurp("$site/netboot.conf") =~ /$mac[4]/ ? 1 : 0, 0, 'nothing of that is kept');

# What the file says counts more than options beside it.
works('a file and an option', '--host', "$mac[3]=10.7.0.24,other", '--hosts', spew($hosts, "$mac[3] pc3\n"));
like(slurp("$site/netboot.conf"), qr/^host = $mac[3]=10\.7\.0\.24,pc3\n/m, 'the name is that of the file');

# A machine in the place of another one.
works('a new machine', '--forget', $mac[1], '--hosts', spew($hosts, "$mac[4],10.7.0.21,pc1\n"));
unlike(slurp("$site/netboot.conf"), qr/$mac[1]/, 'the old one is forgotten');
like(slurp("$site/netboot.conf"), qr/^host = $mac[4]=10\.7\.0\.21,pc1\n/m, 'the new one has its address and name');
is(join(' ', glob("$site/http/mac-52-54-00-00-00-01* $site/http/layers/machine-52-54-00-00-00-01*")), '', 'and nothing of the old one is served');
refuses('one that is not known', qr/^tarboot: $mac[1]: no machine with this MAC address is known in \Q$site\E\n  See netboot\.conf there, which has those that are known\.\n\z/,
	'--forget', $mac[1]);
works('without it again', '--forget', $mac[4]);

# ---- layers with variables on the kernel line ----

works('variables', $stream, '--stream', '--layer', scratch('common'), '--append', 'panic=60 tarboot.layer=http://10.7.0.1/l/${mac}-${serial}.tar? tarboot.verify=root');
like(menu(), qr{^kernel .* panic=60 tarboot\.layer=http://10\.7\.0\.1/l/\$\{netX/mac\}-\$\{serial:uristring\}\.tar\? tarboot\.verify=root \|\| goto failed$}m, 'iPXE fills them in');
like(works('the same', $stream, '--stream', '--layer', scratch('common')), qr/^unchanged stream$/m, 'is kept as it was given');
for my $wrong ([ '${x}', qr/--append: .*"\$\{x\}" is no variable of a layer/, 2 ], [ '/ console=${mac}', qr/without && and \|\|, and \$\{ only in tarboot\.layer=/, 1 ]) {
	my $r = netboot($stream, '--stream', '--append', "tarboot.layer=/$wrong->[0]");
	is($r->{exit}, $wrong->[2], "$wrong->[0] is refused");
	like($r->{err}, $wrong->[1], 'and why');
}

# Where another DHCP server gives the addresses, the menu says the names.
{
	local $site = public('proxy');
	works('names by the menu', $whole, @NET, '--proxy', '--hosts', spew($hosts, "$mac[4],,pc4\n"));
	is(script($mac[4]) =~ s/^#(?!!).*\n//mr, "#!ipxe\nisset \${netX/hostname} || set netX/hostname pc4 ||\n", 'in its script, where that server has given none');
}

# ---- keys ----

{
	local $site = public('keys');
	run(qw(minisign -G -W -f -p), scratch('room.pub'), '-s', scratch('room.key'));
	my $keyed = make_image('keyed', '--trust', scratch('room.pub'));
	my @layer = ('--machine-layer', "$mac[1]=" . scratch('two'));
	works('a layer, and no image with keys', $whole, @NET, @layer);
	my $r = netboot($keyed);
	like($r->{err}, qr/^tarboot: warning: the layer of $mac[1] has no signature, and the boot part of keyed takes none without: that machine does not boot it\. Give/m,
		'an image with keys: it warns');
	refuses('another layer, not signed', qr/^tarboot: $mac[2]: its layer must be signed: keyed, which it may boot, has keys or is signed\n  Give the secret key with --sign\.\n\z/,
		'--machine-layer', "$mac[2]=" . scratch('two'));
	$r = netboot(@layer, '--sign', scratch('room.key'));
	is($r->{exit}, 0, 'given again, and signed') or diag($r->{err});
	unlike($r->{err}, qr/warning/, 'it warns no more');
}

# ---- a machine twice ----

{
	local $site = public('twice');
	works('the last one counts', $whole, @NET, '--machine-layer', "$mac[1]=" . scratch('two'), '--machine-layer', "$mac[1]=" . scratch('one.tar'));
	like(script($mac[1]), qr/#$two$/m, 'is in its script');
	is(scalar(() = glob "$site/http/layers/*.img"), 1, 'the other is not there');
}

# ---- what is no layer ----

my $bad = slurp(current('stream') . '/layer-1.tar.xz');
substr($bad, 60, 1) ^= "\1";
refuses('a damaged one', qr/damaged/, $stream, '--stream', '--layer', spew(scratch('bad.tar.xz'), $bad));
run('tar', '-C', scratch('one'), '-cPf', scratch('out.tar'), '../one.tar');
refuses('one that leaves the root', qr/leads out of the root/, $stream, '--stream', '--layer', scratch('out.tar'));
run("gzip -c <'" . scratch('one.tar') . "' >'" . scratch('one.tgz') . "'");
refuses('a gzip', qr/\bgzip|neither/, $stream, '--stream', '--layer', scratch('one.tgz'));
refuses('a device', qr/^tarboot: \/dev\/null: a layer is one of these, and this is neither\n  Give a directory, or a \.tar, \.tar\.xz or \.tar\.zst\.\n\z/, $stream, '--stream', '--layer', '/dev/null');
done_testing();
