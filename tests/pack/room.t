#!/usr/bin/perl
# What `tarboot netboot` publishes for a room whose machines differ: --layer, --machine-layer, --hosts. tests/netboot/37-layers.t boots it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine", "$FindBin::RealBin/../netboot", $FindBin::RealBin;
use Engine;
use RawTar qw(file tar_end tar_pax);
use File::Path qw(make_path);
use Net ();
use Netboot;
use Test::More;

need_programs(qw(busybox dnsmasq b2sum cpio minisign setfattr setpriv));
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

sub current { return "$site/http/images/$_[0]/current" }
sub menu    { return slurp("$site/http/menu.ipxe") }
sub digest  { my ($file) = @_; return run("b2sum -l 256 <'$file'") =~ s/\s.*//sr }

# ---- a layer has all that is in its directory ----

make_path(map { scratch($_) } qw(meta/etc moved/new));
spew(scratch('meta/etc/passwd'), "\0" x 100);
SKIP: {
	skip('attributes of overlayfs cannot be set here', 4) if system('sh', '-c', 'setfattr -n trusted.overlay.metacopy "$0" 2>/dev/null', scratch('meta/etc/passwd'));
	run('setfattr', '-n', 'trusted.overlay.redirect', '-v', 'old', scratch('moved/new'));
	for (['meta', 'etc/passwd'], ['moved', 'new']) {
		refuses($site, "an upper directory whose data is elsewhere: $_->[1]", 1, qr{^tarboot: \S+/$_->[0]: $_->[1] in it is an overlayfs redirect or metacopy, whose data is in another layer\n  Mount},
			$stream, @NET, '--stream', '--layer', scratch($_->[0]));
	}
}
{
	my ($closed, $theirs, $pub) = (public('closed'), public('theirs'), public('stream.img'));
	make_path("$closed/etc/ssl/private", $theirs);
	chmod 0700, "$closed/etc/ssl/private" or die;
	run('cp', $stream, $pub);
	run('cp', "$stream.vmlinuz", "$pub.vmlinuz");
	run('chown', '65534:65534', $theirs, $pub, "$pub.vmlinuz");
	my @netboot = (qw(setpriv --reuid=65534 --regid=65534 --clear-groups), public_tarboot(), 'netboot', $pub, '-o', $theirs, @NET, '--stream', '--layer');
	my $r = try(@netboot, $closed);
	is($r->{exit}, 1, 'a directory that may not be read: refused');
	is($r->{err} =~ s/^tarboot: warning: .*\n//mgr, "tarboot: $closed/etc/ssl/private: cannot read it: Permission denied\n  Run it as root (sudo tarboot ...), or as a user who has access.\n", 'and why');
	# The attributes of root's overlayfs are hidden from others, what it makes of files is not.
	for (['gone', qw(mknod FILE c 0 0)], ['passwd', qw(truncate -s 100 FILE)]) {
		my ($name, @make) = @$_;
		my $upper = public("upper-$name");
		make_path($upper);
		run(map { s/^FILE$/$upper\/$name/r } @make);
		$r = try(@netboot, $upper);
		is($r->{exit}, 1, "an upper directory of root's, $name in it: refused");
		is($r->{err} =~ s/^tarboot: warning: .*\n//mgr, "tarboot: $upper: $name in it may be an overlayfs whiteout or metacopy, whose attributes only root can see\n"
				. "  Run it as root (sudo tarboot ...).\n", 'and why');
		run('chown', '65534:65534', "$upper/$name");
		$r = try(@netboot, $upper);
		is($r->{exit}, 0, 'but not one of their own') or diag($r->{err});
	}
	my $mounted = scratch('mounted');
	make_path("$mounted/etc/conf");
	$r = try(Net::private_machine(), 'sh', '-c', 'mount -t tmpfs none "$0/etc/conf" && exec "$@"', $mounted, $TARBOOT, 'netboot', $stream, '-o', $site, @NET, '--stream', '--layer', $mounted);
	is($r->{exit}, 0, 'something mounted in it') or diag($r->{err});
	is($r->{err}, "tarboot: warning: /etc/conf is packed empty, since it is a mount point or a subvolume in $mounted: give a copy of the whole\n", 'it warns');
}

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

works_quietly($site, 'an image with two layers', $stream, @NET, '--stream', '--layer', scratch('common'), '--layer', scratch('one.tar'));
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
is(works_quietly($site, 'the same again', $stream, '--stream', '--layer', scratch('common'), '--layer', scratch('one.tar')) =~ /^(.*) stream$/m ? $1 : '', 'unchanged', 'is no new version');
like(works_quietly($site, 'one fewer', $stream, '--stream', '--layer', scratch('common')), qr/^published stream$/m, 'is one');
ok(!-e current('stream') . '/layer-2.tar', 'without that layer');
like(works_quietly($site, 'the one before', '--rollback', 'stream'), qr/^image +stream: .*current $version /m, 'comes back');
like(menu(), qr/layer-2\.tar#$two/, 'with its layers');

works_quietly($site, 'for a loader', $whole, '--layer', scratch('upper'));
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
	works_quietly($site, 'layers of one tree', $whole, map { ('--layer', scratch("$_.tar")) } qw(a b));
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

works_quietly($site, 'a layer for one', '--machine-layer', "$mac[1]=" . scratch('one.tar'));
my ($file) = script($mac[1]) =~ m{^set layer tarboot\.layer=http://10\.7\.0\.1/layers/(machine-52-54-00-00-00-01-[0-9a-f]{16}\.tar)\#$two$}m;
ok($file && slurp("$site/http/layers/$file") eq slurp(scratch('one.tar')), 'its script names it');
my $initrd = ($file // '') =~ s/\.tar$/.img/r;
like(script($mac[1]), qr/^set layerimg \Q$initrd\E\nset layerinitrd initrd=machine\.img\nclear own \|\|\n\z/m, 'in both forms');
like(menu(), qr{^kernel \$\{from\}/vmlinuz initrd=boot\.img .*\#$two \$\{layer\} |^kernel \$\{from\}/vmlinuz initrd=boot\.img .*\$\{layer\} }m, 'the menu has a place for it');
like(menu(), qr{^isset \$\{layerimg\} \|\| goto whole\.boot\ninitrd --name machine\.img \$\{base\}/layers/\$\{layerimg\} \|\| goto failed\n:whole\.boot\nboot}m, 'also for a loader');
works_quietly($site, 'another one', '--machine-layer', "$mac[1]=" . scratch('two'));
my ($other) = script($mac[1]) =~ /^set layer \S+-01-([0-9a-f]{16})\.tar\.xz#/m;
ok($other && $other ne substr($two, 0, 16), 'takes its place');
ok(-e "$site/http/layers/$file", 'and the one before stays for machines that boot');
works_quietly($site, 'a third one', '--machine-layer', "$mac[1]=" . scratch('common'));
ok(!-e "$site/http/layers/$file", 'but not for ever');
works_quietly($site, 'none any more', '--machine-layer', "$mac[1]=none");
ok(!-e "$site/http/mac-52-54-00-00-00-01.ipxe", 'takes its script away');
is(join(' ', glob "$site/http/layers/machine-52-54-00-00-00-01*"), '', 'and its files, which may hold secrets');
unlike(menu(), qr/\$\{layer/, 'and its place in the menu');

# ---- a file of machines ----

my $hosts = spew(scratch('room.csv'), "mac,address,name,entry,layer\r\n$mac[1],10.7.0.21,pc1,whole,two\r\n$mac[2],,pc2\r\n\n# the last\n$mac[3] pc3\n");
works_quietly($site, 'a room', '--hosts', $hosts);
is(slurp("$site/config/dnsmasq.hosts") =~ s/^#.*\n//mr, "$mac[1],id:*,10.7.0.21,pc1\n$mac[2],id:*,pc2\n$mac[3],id:*,pc3\n", 'addresses and names for dnsmasq');
like(slurp("$site/config/dnsmasq.conf"), qr{^dhcp-hostsfile=\Q$site\E/config/dnsmasq\.hosts$}m, 'which reads them again while it runs');
like(run('dnsmasq', '--test', '-C', "$site/config/dnsmasq.conf"), qr/syntax check OK/, 'which takes them');
like(script($mac[1]), qr/^set entry whole\nset layer tarboot\.layer=/m, 'entry and layer, which lies beside the file');
like(menu(), qr/ ip=::::\$\{host:uristring\}::dhcp /, 'the menu passes the name on');
my $conf = slurp("$site/netboot.conf");
like($conf, qr/^host = $mac[2]=,pc2\n/m, 'it is kept');
works_quietly($site, 'nothing new');
is(slurp("$site/netboot.conf"), $conf, 'nothing is lost');
works_quietly($site, 'only one of them', '--hosts', spew(scratch('room.csv'), "$mac[2],10.7.0.22,\n"));
like(slurp("$site/netboot.conf"), qr/^host = $mac[2]=10\.7\.0\.22,pc2\n/m, 'what is said is changed, the rest stays');

refuses($site, 'a wrong line', 1, qr{^tarboot: \Q$hosts\E: line 2: its second column must be an IPv4 address, or empty\n  Correct that line\.\n\z},
	'--hosts', spew($hosts, "$mac[1] pc1\n$mac[2],10.7.0,pc2\n"));
refuses($site, 'a machine twice', 1, qr{: line 2: this MAC address is in an earlier line, too\n}, '--hosts', spew($hosts, "$mac[4] a\n$mac[4] b\n"));
refuses($site, 'a name twice', 1, qr/^tarboot: $mac[4]: $mac[1] has the same name, pc1\n  Give one of them another, or take that machine away with --forget MAC\.\n\z/, '--hosts', spew($hosts, "$mac[4] pc1\n"));
refuses($site, 'no such file', 1, qr/^tarboot: \S+none: cannot read this file of machines: No such file/, '--hosts', scratch('none'));
refuses($site, 'bytes', 1, qr/it is no text/, '--hosts', spew($hosts, "\0"));
refuses($site, 'an entry that is not there', 1, qr/the menu has no such entry/, '--hosts', spew($hosts, "$mac[4],,,none\n"));
refuses($site, 'a layer that is not there', 1, qr{^tarboot: \S+/nowhere: cannot find this layer: No such file or directory\n  Correct its path\. In a file of machines it is relative to the directory of that file\.\n\z}, '--hosts', spew($hosts, "$mac[4],,,,nowhere\n"));
is(slurp("$site/netboot.conf") =~ /$mac[4]/ ? 1 : 0, 0, 'nothing of that is kept');

# What the file says counts more than options beside it.
works_quietly($site, 'a file and an option', '--host', "$mac[3]=10.7.0.24,other", '--hosts', spew($hosts, "$mac[3] pc3\n"));
like(slurp("$site/netboot.conf"), qr/^host = $mac[3]=10\.7\.0\.24,pc3\n/m, 'the name is that of the file');

# A machine in the place of another one.
works_quietly($site, 'a new machine', '--forget', $mac[1], '--hosts', spew($hosts, "$mac[4],10.7.0.21,pc1\n"));
unlike(slurp("$site/netboot.conf"), qr/$mac[1]/, 'the old one is forgotten');
like(slurp("$site/netboot.conf"), qr/^host = $mac[4]=10\.7\.0\.21,pc1\n/m, 'the new one has its address and name');
is(join(' ', glob("$site/http/mac-52-54-00-00-00-01* $site/http/layers/machine-52-54-00-00-00-01*")), '', 'and nothing of the old one is served');
refuses($site, 'one that is not known', 1, qr/^tarboot: $mac[1]: no machine with this MAC address is known in \Q$site\E\n  See netboot\.conf there, which has those that are known\.\n\z/,
	'--forget', $mac[1]);
works_quietly($site, 'without it again', '--forget', $mac[4]);

# ---- layers with variables on the kernel line ----

refuses($site, 'a layer of which nothing is known', 1, qr/^tarboot: --append: the machines would refuse the layer http:\S+, because it has no digest, and the boot part no keys\n  Write #DIGEST/,
	$stream, '--stream', '--append', 'tarboot.layer=http://10.7.0.1/l/${mac}.tar?');
works_quietly($site, 'variables', $stream, '--stream', '--layer', scratch('common'), '--append', 'panic=60 tarboot.layer=http://10.7.0.1/l/${mac}-${serial}.tar? tarboot.verify=root');
like(menu(), qr{^kernel .* panic=60 tarboot\.layer=http://10\.7\.0\.1/l/\$\{netX/mac\}-\$\{serial:uristring\}\.tar\? tarboot\.verify=root \|\| goto failed$}m, 'iPXE fills them in');
like(works_quietly($site, 'the same', $stream, '--stream', '--layer', scratch('common')), qr/^unchanged stream$/m, 'is kept as it was given');
for my $wrong ([ '${x}', qr/--append: .*"\$\{x\}" is no variable of a layer/, 2 ], [ '/ console=${mac}', qr/and those that begin with #, and \$\{ only in tarboot\.layer=/, 1 ]) {
	my $r = netboot($site, $stream, '--stream', '--append', "tarboot.layer=/$wrong->[0]");
	is($r->{exit}, $wrong->[2], "$wrong->[0] is refused");
	like($r->{err}, $wrong->[1], 'and why');
}

# What takes long is seen on a terminal, and what can be said at once does not wait for it.
SKIP: {
	need(3, 'script');
	local $site = public('progress');
	my @layer    = ('--layer', scratch('common'));
	my $terminal = sub { return run('script', '-qec', join(' ', "env TERM=vt100 '$TARBOOT' netboot -o '$site'", map({ "'$_'" } @_), '2>&1 || :'), '/dev/null') };
	my $by_hand = spew(scratch('by-hand.img'), cpio_of('newc', grep { $_->{name} eq 'init' || $_->{name} eq 'rootfs.tar.xz' } newc_read($whole)));
	run('cp', "$whole.vmlinuz", "$by_hand.vmlinuz");
	run(qw(minisign -G -W -f -p), scratch('early.pub'), '-s', scratch('early.key'));
	for (['a default that is none', qr/nowhere/, $whole, @layer, '--default', 'nowhere'],
		['a second layer that is the running system', qr{/: this is the running system}, $whole, @layer, '--layer', '/'],
		['one that is no archive', qr{/etc/passwd: it is neither a tar archive nor an xz or zstd file}, $whole, @layer, '--layer', '/etc/passwd'],
		['an image that cannot be split', qr/it cannot be split/, $by_hand, @layer, '--split'],
		['one that must be signed', qr/$mac[1]: its layer must be signed/, make_image('early', '--trust', scratch('early.pub')), '--machine-layer', "$mac[1]=" . scratch('common')])
	{
		my ($what, $says, @arguments) = @$_;
		my $said = $terminal->(@arguments, @NET);
		like($said, $says, "$what: it is said");
		unlike($said, qr/packing/, 'before a layer is packed');
	}
	like($terminal->($whole, @NET, @layer), qr/\rpacking a layer: \S+ \S+ of \S+ \S+, \d+ s left \e\[K/, 'a layer that is packed');
	unlike($terminal->($whole, @NET, @layer, '-q'), qr/packing/, 'nothing of it with -q');
}

# Where another DHCP server gives the addresses, the menu says the names.
{
	local $site = public('proxy');
	works_quietly($site, 'names by the menu', $whole, @NET, '--proxy', '--hosts', spew($hosts, "$mac[4],,pc4\n"));
	is(script($mac[4]) =~ s/^#(?!!).*\n//mr, "#!ipxe\nisset \${netX/hostname} || set netX/hostname pc4 ||\nclear own ||\n", 'in its script, where that server has given none');
}

# ---- keys ----

{
	local $site = public('keys');
	run(qw(minisign -G -W -f -p), scratch('room.pub'), '-s', scratch('room.key'));
	my $keyed = make_image('keyed', '--trust', scratch('room.pub'));
	my @layer = ('--machine-layer', "$mac[1]=" . scratch('two'));
	{
		local $site = public('refused');
		my @refused = ($site, 'an image with keys, and a layer that is not signed', 1, qr/^tarboot: $mac[1]: its layer must be signed: keyed, which it may boot, has keys or is signed\n  Give the secret key with --sign\.\n\z/,
			$keyed, @NET, @layer);
		refuses(@refused);
		ok(!-e $site, 'no directory is left');
		mkdir $site or die;
		refuses(@refused);
		is(join(' ', glob "$site/*"), '', 'and one that was there is empty');
	}
	works_quietly($site, 'a layer, and no image with keys', $whole, @NET, @layer);
	my $r = netboot($site, $keyed);
	like($r->{err}, qr/^tarboot: warning: the layer of $mac[1] has no signature, and the boot part of keyed takes none without: that machine does not boot it\. Give/m,
		'an image with keys: it warns');
	refuses($site, 'another layer, not signed', 1, qr/^tarboot: $mac[2]: its layer must be signed: keyed, which it may boot, has keys or is signed\n  Give the secret key with --sign\.\n\z/,
		'--machine-layer', "$mac[2]=" . scratch('two'));
	$r = netboot($site, @layer, '--sign', scratch('room.key'));
	is($r->{exit}, 0, 'given again, and signed') or diag($r->{err});
	unlike($r->{err}, qr/warning/, 'it warns no more');

	# A key that no boot part trusts is of no use, and one that the boot part of another image trusts is for that.
	run(qw(minisign -G -W -f -p), scratch("$_.pub"), '-s', scratch("$_.key")) for qw(stranger second);
	my ($ROOM, $STRANGER) = map { my ($id) = slurp(scratch("$_.pub")) =~ /public key (\w+)$/m; '0' x (16 - length $id) . $id } qw(room stranger);
	my $conf  = slurp("$site/netboot.conf");
	my $files = join ' ', glob "$site/http/layers/*";
	refuses($site, 'a key that nobody trusts', 1, qr/^tarboot: machine-52-54-00-00-00-02-[0-9a-f]{16}\.tar\.xz\.manifest: it is signed with key $STRANGER, which is not trusted: it must be key $ROOM\n  Sign it with a key that is trusted/,
		'--machine-layer', "$mac[2]=" . scratch('two'), '--sign', scratch('stranger.key'));
	is(slurp("$site/netboot.conf"), $conf, 'and nothing is kept');
	is(join(' ', glob "$site/http/layers/*"), $files, 'nor a file of it');
	ok(!-e "$site/http/layers/.new", 'not even aside');
	my $other = make_image('another', '--trust', scratch('second.pub'));
	works_quietly($site, 'another image with another key', $other);
	works_quietly($site, 'a layer for its machine', '--machine-layer', "$mac[3]=" . scratch('two'), '--boot', "$mac[3]=another", '--sign', scratch('second.key'));
	refuses($site, 'for a machine that boots the first', 1, qr/ it is signed with key \w+, which is not trusted: it must be key $ROOM\n/,
		'--machine-layer', "$mac[2]=" . scratch('two'), '--boot', "$mac[2]=keyed", '--sign', scratch('second.key'));

	# One that is signed, but is another machine's: init does not take it under this name.
	my ($theirs) = glob "$site/http/layers/machine-52-54-00-00-00-01-*.tar.xz";
	my $swapped = scratch('machine-52-54-00-00-00-09.tar.xz');
	run('cp', "$theirs$_", "$swapped$_") for '', '.manifest', '.manifest.minisig';
	is(tarboot('verify', '-q', $theirs, '--trust', scratch('room.pub')), '', 'verify takes a layer by its signature');
	fails_well(try($TARBOOT, 'verify', $swapped, '--trust', scratch('room.pub')), 1,
		qr{^tarboot: \Q$swapped\E: the signed manifest beside this layer is about \S+-01-\w+\.tar\.xz, not tarboot/layers/machine-52-54-00-00-00-09\.tar\.xz}, 'and no other in its place');

	# A new key: what is signed with the old one is told of, until it is signed again.
	my $rotated = make_image('keyed', '--trust', scratch('stranger.pub'));
	$r = netboot($site, $rotated);
	is($r->{exit}, 0, 'an image that trusts another key');
	my $SECOND = slurp(scratch('second.pub')) =~ /public key (\w+)$/m ? '0' x (16 - length $1) . $1 : '';
	is($r->{err}, join('', map { "tarboot: warning: the boot part of $_->[0] does not take the layer of $mac[1]: it is signed with key $ROOM, which is not trusted: it must be key $_->[1]. "
		. "That machine does not boot it: give the layer again, with --sign KEYFILE.\n" } [ another => $SECOND ], [ keyed => $STRANGER ]), 'the layer that has the old one, which no boot part trusts any more');
	is(netboot($site)->{err}, $r->{err}, 'is told each time');
	works_quietly($site, 'signed with the new one', @layer, '--sign', scratch('stranger.key'));

	# An image and a layer at once: whom it will trust counts, not whom the one before did.
	works_quietly($site, 'both with the key of before', make_image('keyed', '--trust', scratch('room.pub')), @layer, '--sign', scratch('room.key'));

	# What is wrong with one image does not keep another from being published.
	my $lost = current('keyed') . '/initrd.img';
	unlink $lost or die;
	$r = netboot($site, $whole, '--title', 'New');
	is($r->{exit}, 0, 'an image is gone, and another is published');
	like($r->{err}, qr/^tarboot: warning: whose signatures it takes is not known: \S+initrd\.img: cannot open it: No such file or directory: give its image again$/m, 'it is told');
	refuses($site, 'a layer, whose keys are not known', 1, qr/initrd\.img: cannot open it/, @layer, '--sign', scratch('room.key'));
}

# ---- the same image is signed again, with the layers that a boot loader loads ----

{
	local $site = public('again');
	my $keyed = make_image('again', '--trust', scratch('room.pub'), '--trust', scratch('second.pub'));
	my @all   = ($keyed, '--layer', scratch('two'), '--layer', scratch('one.tar'));
	my $signer = sub {
		my %have = map { $_->{name} => $_->{data} } newc_read(current('again') . "/layer-$_[0].img");
		my ($signature) = map { $have{$_} } grep { /\.minisig$/ } sort keys %have;
		my ($manifest)  = map { $have{$_} } grep { /\.manifest$/ } sort keys %have;
		spew(scratch('signed'), $manifest);
		spew(scratch('signed.minisig'), $signature);
		return join ' ', grep { try('minisign', '-V', '-p', scratch("$_.pub"), '-m', scratch('signed'))->{exit} == 0 } qw(room second);
	};
	like(works_quietly($site, 'published', @all, @NET, '--sign', scratch('room.key')), qr/^published again$/m, 'with layers');
	my $version = readlink current('again');
	is($signer->(1) . $signer->(2), 'roomroom', 'that are signed');
	like(works_quietly($site, 'again, with the other key', @all, '--sign', scratch('second.key')), qr/^signed again$/m, 'is signed');
	is(readlink current('again'), $version, 'which is no new version');
	is($signer->(1) . $signer->(2), 'secondsecond', 'its layers have the new signatures');
	is(join(' ', sort map { s{.*/}{}r } glob "$site/http/images/again/{*,.new*}"), "$version current", 'nothing else is there');
	refuses($site, 'a key that it does not trust', 1, qr/^tarboot: layer-1\.tar\.xz\.manifest: it is signed with key \w+, which is not trusted/, @all, '--sign', scratch('stranger.key'));
	is($signer->(1), 'second', 'what was there stays');
	is(tarboot('verify', '-q', current('again') . '/layer-1.img', '--trust', scratch('second.pub')), '', 'verify takes the initrd');
	fails_well(try($TARBOOT, 'verify', current('again') . '/layer-1.img', '--trust', scratch('room.pub')), 1,
		qr{^tarboot: /tarboot/layers/layer-1\.tar\.xz\.manifest: it is signed with key \w+, which is not trusted}, 'and asks who signed it');
}

# ---- all or nothing ----

{
	local $site = public('whole-or-not');
	works_quietly($site, 'an image', $whole, @NET);
	my $menu = menu();
	for my $case (['a layer of one machine that is damaged', qr/bad\.tar/, '--machine-layer', "$mac[1]=" . spew(scratch('bad.tar'), 'x' x 1024)],
		['one that makes the kernel line too long', qr/the kernel command line may take \d+ characters, with the URLs and digests of the layers/,
			'--machine-layer', "$mac[1]=" . scratch('two'), map { ('--mirror', "http://10.7.0.1/" . 'm' x 200 . $_) } 1 .. 3]) {
		my ($name, $says, @layer) = @$case;
		refuses($site, $name, 1, $says, $stream, '--stream', @layer);
		ok(!-e "$site/http/images/stream" && !-e "$site/http/layers", "$name: nothing is published");
		is(menu(), $menu, "$name: nothing is changed");
	}
}

# ---- what is missing ----

{
	local $site = public('missing');
	works_quietly($site, 'a layer', $whole, @NET, '--machine-layer', "$mac[1]=" . scratch('one.tar'));
	my ($tar, $img) = map { glob "$site/http/layers/*.$_" } qw(tar img);
	for my $file ($tar, "$tar.manifest", $img) {
		rename $file, "$file.away" or die;
		my $name = $file =~ s{.*/}{}r;
		is(netboot($site)->{err}, "tarboot: warning: http/layers/$name of $mac[1] is not there: that machine does not boot: give its layer again with --machine-layer $mac[1]=DIR, or take it away with $mac[1]=none.\n",
			"$name is missing");
		rename "$file.away", $file or die;
	}
	my %damage = (cut => sub { substr $_[0], 0, length($_[0]) / 2 }, changed => sub { my ($bytes) = @_; substr($bytes, length($bytes) / 2, 1) ^= "\1"; $bytes });
	for my $file ($tar, "$tar.manifest", $img) {
		my ($name, $bytes) = ($file =~ s{.*/}{}r, slurp($file));
		for my $how (sort keys %damage) {
			spew($file, $damage{$how}->($bytes));
			my @all = $how eq 'cut' || $file =~ /manifest/ ? () : ('--machine-layer', "$mac[3]=" . scratch('two'));
			is(netboot($site, @all)->{err}, "tarboot: warning: http/layers/$name of $mac[1] is damaged: that machine does not boot: give its layer again with --machine-layer $mac[1]=DIR, or take it away with $mac[1]=none.\n",
				"$name is $how");
			is(netboot($site)->{err}, '', 'whose bytes are read only when something is published') if @all;
		}
		works_quietly($site, 'given again', '--machine-layer', "$mac[1]=" . scratch('one.tar'));
		ok(slurp($file) eq $bytes, "$name is whole again");
	}
	works_quietly($site, 'all is there');
	my $r = netboot($site, '--machine-layer', "$mac[2]=none");
	is($r->{exit}, 0, 'none, where there was none');
	is($r->{err}, "tarboot: warning: --machine-layer $mac[2]=none: there was none; if another machine was meant, whose layer stays: give its MAC address\n", 'is told');
	unlike($r->{out}, qr/any more/, 'and not as if there had been one');
	works_quietly($site, 'in a file it is usual', '--hosts', spew($hosts, "$mac[2],,,,none\n"));
	for my $mac ('01:00:5e:00:00:01', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff') {
		for my $option ("--machine-layer=$mac=" . scratch('two'), "--host=$mac=10.7.0.30", "--boot=$mac=whole") {
			my $r = netboot($site, $option);
			is($r->{exit}, 2, "$option: refused");
			like($r->{err}, qr/: its MAC address is that of a group, or all zeros, and no machine's$/m, 'says why');
		}
		refuses($site, "$mac in a file", 1, qr/(?:line 1: .*(?:group|MAC)|MAC)/, '--hosts', spew($hosts, "$mac,,,,two\n"));
	}
	unlike(slurp("$site/netboot.conf"), qr/01:00:5e|00:00:00:00:00:00|ff:ff/, 'none is kept');
}

# What is published again is not taken for the same if the disk has it no more.
for (['streamed', $stream, '--stream'], ['loaded', $whole], ['split', $whole, '--split']) {
	my ($name, $image, @how) = @$_;
	local $site = public('damaged');
	my @publish = ($image, @NET, '--name', $name, @how, '--layer', scratch('one.tar'), '--layer', scratch('two'));
	my @names   = works_quietly($site, $name, @publish) && grep { $_ ne 'entry.conf' } map { s{.*/}{}r } glob current($name) . '/*';
	cmp_ok(scalar @names, '>', 3, "$name: @names");
	for my $file (@names) {
		my ($path, $bytes) = (current($name) . "/$file", slurp(current($name) . "/$file"));
		substr($bytes, length($bytes) / 2, 1) ^= "\1";
		spew($path, $bytes);
		my $r = netboot($site, @publish);
		is($r->{err}, "tarboot: warning: $name: files of the version before were missing or damaged in $site: this is a new one of the same\n",
			"$name: $file was changed");
		like($r->{out}, qr/^published \Q$name\E$/m, 'and is published again');
		like(works_quietly($site, "$name, the same again", @publish), qr/^unchanged \Q$name\E$/m, 'it is whole now');
	}
	unlink current($name) . '/vmlinuz' or die;
	like(netboot($site, @publish)->{err}, qr/^tarboot: warning: \Q$name\E: files of the version before were missing/, "$name: the kernel is gone");
	ok(!-e "$site/http/images/$name/previous", "$name: there is no version before that could be rolled back to");
}

# ---- memory ----

{
	local $site = public('memory');
	make_path(scratch('big'));
	run('truncate', '-s', '1M', scratch('big/hole'));
	run('sh', '-c', 'head -c 20M /dev/urandom >"$0"', scratch('big/data'));
	works_quietly($site, 'a large layer for one', $stream, @NET, '--stream', '--machine-layer', "$mac[1]=" . scratch('big'), '--machine-layer', "$mac[2]=" . scratch('two'));
	like(menu(), qr/^# loads \d+ MiB, then fetches \d+ MiB; the machine needs about \d+ MiB of RAM.*; a layer of its own takes up to 21 MiB more$/m, 'the menu counts it');
	my ($tar) = glob "$site/http/layers/machine-52-54-00-00-00-01-*.tar.xz";
	my $shown = tarboot('inspect', $tar);
	like($shown, qr/^memory   20\.0 MiB more than its root takes: it is a layer$/m, 'inspect tells what it takes');
	unlike($shown, qr/^machine/m, 'and not what a machine needs, as if it were a root');
	my ($img) = glob "$site/http/layers/machine-52-54-00-00-00-01-*.img";
	like(tarboot('inspect', $img), qr{^layer    /tarboot/layers/machine-\S+\.tar\.xz, 20\.\d MiB\nmemory   20\.0 MiB more than the root takes$}m, 'also of an initrd');
	is(tarboot('verify', '-q', $img), '', 'which verify takes');
	like(tarboot('verify', $img), qr{\Alayer: /tarboot/layers/machine-\S+\.tar\.xz\n\z}, 'and says what is in it');
	for my $how ([qw(inspect --json)], ['unpack'], ['kernel-check', spew(scratch('config'), "CONFIG_X86_64=y\n"), '--image']) {
		fails_well(try($TARBOOT, @$how, $img, $how->[0] eq 'unpack' ? scratch('never') : ()), 1, qr/layers|rootfs/, "@$how: there is no root in it");
	}
	fails_well(netboot($site, $img), 1, qr/it cannot boot: there is no \/init in it/, 'nor is it an image');
	my $bytes = slurp($img);
	substr($bytes, -3000, 1) ^= "\1";
	fails_well(try($TARBOOT, 'verify', spew(scratch('changed.img'), $bytes)), 1,
		qr{^tarboot: /tarboot/layers/machine-\S+: this layer's digest is [0-9a-f]{16}\.\.\., and must be }, 'a changed byte');
	like(tarboot('verify', current('stream') . '/boot.img'), qr/^not checked: the root, which is not in it/m, 'a boot part alone can be looked at, too');
}

# ---- a machine twice ----

{
	local $site = public('twice');
	works_quietly($site, 'the last one counts', $whole, @NET, '--machine-layer', "$mac[1]=" . scratch('two'), '--machine-layer', "$mac[1]=" . scratch('one.tar'));
	like(script($mac[1]), qr/#$two$/m, 'is in its script');
	is(scalar(() = glob "$site/http/layers/*.img"), 1, 'the other is not there');
}

# ---- layers in an image, by the rules of init ----

{
	my $keyed = make_image('rules', '--trust', scratch('room.pub'));
	my $free  = make_image('free');
	my $tar   = slurp(scratch('one.tar'));
	my $n     = 0;
	# An initrd with these files in tarboot/layers.
	my $initrd = sub {
		my (%files) = @_;
		my $dir = new_dir();
		make_path("$dir/tarboot/layers");
		for (sort keys %files) {
			make_path("$dir/tarboot/layers/$_" =~ s{/[^/]*\z}{}r);
			spew("$dir/tarboot/layers/$_", $files{$_});
		}
		return run("cd '$dir' && find . -mindepth 1 | sort | cpio -o -H newc --quiet");
	};
	my $image_with = sub { my ($image, @rest) = @_; return spew(scratch('with' . ++$n . '.img'), join '', slurp($image), map { $initrd->(%$_) } @rest) };
	my $both = sub {
		my ($name, $says, @image) = @_;
		my $image = $image_with->(@image);
		for my $how ('verify', 'unpack') {
			my $r = try($TARBOOT, $how, $image, $how eq 'unpack' ? new_dir() : ());
			if (defined $says) { fails_well($r, 1, $says, "$how: $name") }
			else               { is($r->{exit}, 0, "$how: $name") or diag($r->{err}) }
		}
	};
	local $site = public('signed-layers');
	works_quietly($site, 'signed layers', $stream, @NET, '--stream', '--layer', scratch('two'), '--sign', scratch('room.key'));
	my %signed = map { ("layer-1.tar.xz$_" => slurp(current('stream') . "/layer-1.tar.xz$_")) } '', '.manifest', '.manifest.minisig';
	$both->('one without a manifest', undef, $free, { 'a.tar' => $tar });
	$both->('one that is signed', undef, $keyed, \%signed);
	$both->('not signed, where the boot part has keys', qr{^tarboot: /tarboot/layers/layer-1\.tar\.xz\.manifest\.minisig: it is not in the initramfs, and the boot part takes no payload but its own without a signed manifest$}m,
		$keyed, { map { $_ => $signed{$_} } qw(layer-1.tar.xz layer-1.tar.xz.manifest) });
	$both->('no manifest, where the boot part has keys', qr{^tarboot: /tarboot/layers/a\.tar\.manifest: it is not in the initramfs}m, $keyed, { 'a.tar' => $tar });
	$both->('signed for another name', qr{^tarboot: /tarboot/layers/other\.tar\.xz: the signed manifest beside this layer is about tarboot/layers/layer-1\.tar\.xz, not tarboot/layers/other\.tar\.xz$}m,
		$keyed, { map { (s/layer-1/other/r => $signed{$_}) } keys %signed });
	my $changed = $signed{'layer-1.tar.xz'};
	substr($changed, length($changed) / 2, 1) ^= "\1";
	$both->('a changed byte', qr{^tarboot: /tarboot/layers/layer-1\.tar\.xz: this layer's digest is \S+, and must be }m, $free, { %signed, 'layer-1.tar.xz' => $changed });
	$both->('another size', qr{^tarboot: /tarboot/layers/layer-1\.tar\.xz\.manifest: the layer beside it has another size than it says$}m, $free, { %signed, 'layer-1.tar.xz' => $tar });
	$both->('a later one of the same name', undef, $free, { %signed, 'layer-1.tar.xz' => $tar }, \%signed);
	$both->('what is no layer', qr{^tarboot: /tarboot/layers/readme: it is among the layers, but is no \.tar, \.tar\.xz or \.tar\.zst$}m, $free, { readme => 'x' });
	$both->('a signature of nothing known', qr{^tarboot: /tarboot/layers/a\.minisig: it is among the layers}m, $free, { 'a.minisig' => 'x' });
	$both->('a directory', qr{^tarboot: /tarboot/layers/sub: it is among the layers}m, $free, { 'sub/a.tar' => $tar });
	$both->('a whiteout without a name', qr{^tarboot: \.wh\.: it has a whiteout without a name \(layer /tarboot/layers/a\.tar, }m, $free, { 'a.tar' => file('.wh.', '') . tar_end() });
	my $long = 'l' x 200;
	$both->('one with a long name', undef, $free, { "$long.tar" => $tar });
	my %long = ("$long.tar.xz" => $signed{'layer-1.tar.xz'}, "$long.tar.xz.manifest" => $signed{'layer-1.tar.xz.manifest'});
	$both->('one with a long name and its manifest', undef, $free, \%long);
	$both->('one with a long name, a changed byte', qr{^tarboot: /tarboot/layers/l+(?:\.\.\.)?: this layer's digest is \S+, and must be }m, $free, { %long, "$long.tar.xz" => $changed });
	$both->('one with a long name, no layer', qr{^tarboot: /tarboot/layers/l+(?:\.\.\.)?: it is among the layers, but is no \.tar}m, $free, { $long => 'x' });
	$both->('one with a long name, signed for another', qr{^tarboot: /tarboot/layers/l+(?:\.\.\.)?: the signed manifest beside this layer is about tarboot/layers/layer-1\.tar\.xz}m,
		$keyed, { %long, "$long.tar.xz.manifest.minisig" => $signed{'layer-1.tar.xz.manifest.minisig'} });
	fails_well(try($TARBOOT, 'verify', spew(scratch('manifest.img'), $initrd->('a.tar.manifest' => $signed{'layer-1.tar.xz.manifest'}))), 1, qr/there is no \/rootfs/, 'a manifest without a layer is no image of layers');
	for my $alone ('a.tar.manifest', 'a.tar.manifest.minisig', 'l' x 200 . '.tar.xz.manifest') {
		my $shown = $alone =~ s/(l{100})l.*/$1/r;
		$both->("$alone alone", qr{^tarboot: /tarboot/layers/\Q$shown\E\S*: the layer that it is about is not there\n  Make the initrd again with both, or take this file out of it too\.\n\z}, $_->[0], @$_[ 1 .. $#$_ ])
			for [ $free, { $alone => 'x' } ], [ $free, { 'b.tar' => $tar, $alone => 'x' } ];
	}
	$both->('a manifest before its layer', undef, $free, { map { $_ => $signed{$_} } 'layer-1.tar.xz.manifest' }, { map { $_ => $signed{$_} } 'layer-1.tar.xz' });
	$both->('a damaged one', qr/./, $free, { 'a.tar' => 'x' x 1024 });

	# What it does to the root is only known with the root.
	my $verify = sub { my ($name, $says, @members) = @_;
		my $r = try($TARBOOT, 'verify', $image_with->($free, { 'a.tar' => join('', @members) . tar_end() }));
		if (defined $says) { fails_well($r, 1, $says, "verify: $name") } else { is($r->{exit}, 0, "verify: $name") or diag($r->{err}) } };
	my $publish = sub { my ($name, $says, @members) = @_;
		local $site = public('init' . ++$n);
		my @layer = ($free, @NET, '--layer', spew(scratch('over.tar'), join('', @members) . tar_end()));
		if (defined $says) { refuses($site, "netboot: $name", 1, $says, @layer); ok(!-e "$site/http", 'nothing is published') } else { works_quietly($site, "netboot: $name", @layer) } };
	for my $how ($verify, $publish) {
		$how->('one that deletes the init', qr{^tarboot: /sbin/init: the layers leave nothing of the init program, with which the image was packed\n  Take out of the layers}, file('sbin/.wh.init', ''));
		$how->('one that deletes its directory', qr{^tarboot: /sbin/init: the layers leave nothing}, file('.wh.sbin', ''));
		$how->('one that empties the root', qr{^tarboot: /sbin/init: the layers leave nothing}, file('.wh..wh..opq', ''));
		$how->('a directory in its place', qr{^tarboot: /sbin/init: the layers leave nothing}, RawTar::dir('sbin'), file('sbin/.wh.init', ''), file('sbin/init/x', ''));
		$how->('a link to nothing', qr{^tarboot: /sbin/init: the layers leave nothing}, RawTar::symlink_to('sbin/init', 'nowhere'));
		$how->('an empty file', qr{^tarboot: /sbin/init: a layer puts an empty file in the place of the init program\n}, file('sbin/init', '', mode => 0755));
		$how->('a file that is no program', qr{^tarboot: /sbin/init: a layer puts a file that is not executable \(mode 0644\) in the place}, file('sbin/init', 'x', mode => 0644));
		$how->('another init', undef, file('sbin/init', "#!/bin/sh\n", mode => 0755));
		$how->('a link to another', undef, RawTar::symlink_to('sbin/init', '/bin/other'), file('bin/other', "#!/bin/sh\n", mode => 0755));
		for my $link (RawTar::symlink_to('sbin/init', '/bin/x'), RawTar::hardlink('sbin/init', 'bin/x')) {
			my $init = qr{^tarboot: /sbin/init: a layer puts};
			$how->('a link to a file that is no program', qr{$init a file that is not executable \(mode 0644\) in the place}, file('bin/x', 'x', mode => 0644), $link);
			$how->('a link to an empty file', qr{$init an empty file in the place}, file('bin/x', '', mode => 0755), $link);
			$how->('a link to a program', undef, file('bin/x', 'x', mode => 0644), file('bin/x', 'x', mode => 0755), $link);
		}
		$how->('a hard link into the root', undef, RawTar::hardlink('sbin/init2', 'sbin/init'));
		$how->('a file where the root has no directory', qr{^tarboot: sbin/init/x: cannot reach its directory: Not a directory}, file('sbin/init/x', ''));
	}
}

# ---- limits of init ----

{
	local $site = public('limits');
	run('truncate', '-s', '4G', scratch('huge.tar'));
	refuses($site, '4 GiB', 1, qr/^tarboot: \S+huge\.tar: it has 4 GiB or more, and no file of an initramfs can be so large\n  Compress it, or split it into several layers\.\n\z/, $whole, @NET, '--layer', scratch('huge.tar'));
	unlink scratch('huge.tar');
	my $many = scratch('many.tar.xz');
	open my $xz, '|-', "xz -0 -T0 >'$many'" or die "xz: $!";
	print {$xz} file('x', ''), map({ RawTar::hardlink($_, 'x') } 0 .. 524287), tar_end();
	close $xz or die "xz: $?";
	refuses($site, '524,289 names', 1, qr/^tarboot: 524287: it is one name more than the 524288 that a layer can have \(.*\)\n  Split the layer into several, or pack its files into the root\.\n\z/, $whole, @NET, '--layer', $many);
	my $deep = 'd/' x 257;
	my $root = tiny_root('deep', sub { make_path("$_[0]/$deep") });
	tarboot('pack', $root, '-o', scratch('deep.img'), qw(--level=fast --kernel=none --no-shell));
	spew(scratch('deep.img.vmlinuz'), bzimage('6.1', 'kernel'));
	refuses($site, '257 levels', 1, qr/^tarboot: \.wh\.d: what it deletes has directories in more than 256 levels \(.*\)\n  Delete it from the root that is packed\.\n\z/,
		scratch('deep.img'), @NET, '--layer', spew(scratch('deep.tar'), file('.wh.d', '') . tar_end()));
	works_quietly($site, '256 levels', scratch('deep.img'), @NET, '--layer', spew(scratch('deep.tar'), file('d/.wh.d', '') . tar_end()));
}

# ---- what is no layer ----

my $bad = slurp(current('stream') . '/layer-1.tar.xz');
substr($bad, 60, 1) ^= "\1";
refuses($site, 'a damaged one', 1, qr/damaged/, $stream, '--stream', '--layer', spew(scratch('bad.tar.xz'), $bad));
run('tar', '-C', scratch('one'), '-cPf', scratch('out.tar'), '../one.tar');
refuses($site, 'one that leaves the root', 1, qr/leads out of the root/, $stream, '--stream', '--layer', scratch('out.tar'));
run("gzip -c <'" . scratch('one.tar') . "' >'" . scratch('one.tgz') . "'");
refuses($site, 'a whiteout without a name', 1, qr/^tarboot: \.wh\.: it has a whiteout without a name \(.*\)\n  Build the layer again\.\n\z/, $stream, '--stream', '--layer', spew(scratch('nameless.tar'), file('.wh.', '') . tar_end()));
refuses($site, 'a gzip', 1, qr/\bgzip|neither/, $stream, '--stream', '--layer', scratch('one.tgz'));
refuses($site, 'a device', 1, qr/^tarboot: \/dev\/null: a layer is one of these, and this is neither\n  Give a directory, or a \.tar, \.tar\.xz or \.tar\.zst\.\n\z/, $stream, '--stream', '--layer', '/dev/null');
done_testing();
