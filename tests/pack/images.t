#!/usr/bin/perl
# Container images of every form, from a file or a pipe or through skopeo: which of several is packed, and that what is damaged
# is refused. What layers mean on top of each other is in layers.t and layer_rules.t.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine", $FindBin::RealBin;
use Containers;
use Digest::SHA qw(sha256_hex sha512_hex);
use Engine;
use File::Path qw(make_path remove_tree);
use Test::More;

need_programs(qw(gzip zstd xz));
my $TARBOOT = build_path('tarboot');
my $MACHINE = machine();
my $OTHER   = $MACHINE eq 'amd64' ? 'arm64' : 'amd64';
my @PACK    = qw(--kernel=none --no-shell --level=fast --threads=1 --force --no-scrub);
my $IMAGE   = scratch('image');

# An image whose root says which one it is, in two layers.
sub image {
	my ($says, %more) = @_;
	return { layers => [ tar_of(tar_member(name => 'who', data => 'covered'), tar_member(name => 'base', data => 'b')),
		tar_of(tar_member(name => 'who', data => $says)) ], %more };
}

sub pack_with { my ($how, $source, @options) = @_; unlink $IMAGE; return try($how, $TARBOOT, 'pack', $source, '-o', $IMAGE, @PACK, @options) }

# Which image it is that was packed, with this result.
sub is_who {
	my ($r, $want, $name) = @_;
	my $dir = new_dir();

	return fail($name) || diag("exit $r->{exit}: $r->{err}") if $r->{exit};
	run($TARBOOT, 'unpack', $IMAGE, $dir);
	is(join(' ', map { -e "$dir/$_" ? slurp("$dir/$_") : 'missing' } qw(who base)), "$want b", $name);
	remove_tree($dir);
	return;
}

sub takes { my ($source, $options, $want, $name) = @_; return is_who(pack_with({}, $source, @$options), $want, $name) }

# The same from a file as standard input, and from a command's output.
sub takes_stdin { my ($path, $want, $name) = @_; return is_who(pack_with({ stdin => $path }, '-'), $want, $name) }

sub takes_pipe {
	my ($command, $want, $name) = @_;
	unlink $IMAGE;
	return is_who(try('sh', '-c', "$command | '$TARBOOT' pack - -o '$IMAGE' @PACK"), $want, $name);
}

# Fails with exactly this text, and writes nothing.
sub refuses {
	my ($source, $options, $text, $name, $exit) = @_;
	my $r = pack_with({}, $source, @$options);

	is($r->{err}, $text, $name);
	is($r->{exit}, $exit // 1, "$name: exit code");
	ok(!-e $IMAGE, "$name: nothing is written");
	return;
}

my %by = (gzip => sub { my ($data) = @_; spew(scratch('plain'), $data); return scalar `gzip -nc @{[ scratch('plain') ]}` });
my $n = 0;
sub layout { my (@images) = @_; my $dir = scratch('layout-' . $n++); return oci_layout($dir, map { ref $_ eq 'CODE' ? $_->($dir) : oci_image($dir, $_) } @images) }
sub archive { my ($bytes, $name) = @_; return spew(scratch($name // 'archive-' . $n++ . '.tar'), $bytes) }

# ---- of several images ----

my $two = layout(image('own', name => 'a:1'), image('foreign', arch => $OTHER, name => 'a:2'));
takes($two, [], 'own', 'the one for this machine');
takes($two, ['--platform', "linux/$OTHER"], 'foreign', '--platform');
takes($two, ['--platform', 'linux/' . ($OTHER eq 'arm64' ? 'aarch64' : 'x86_64')], 'foreign', '--platform in the words of uname');
takes($two, ['--tag', 'a:2'], 'foreign', '--tag alone decides');
refuses($two, ['--platform', 'linux/riscv64'],
	"tarboot: $two: it has no image for linux/riscv64, only for linux/$MACHINE, linux/$OTHER\n  Choose one of these with --platform.\n",
	'a platform that is not there');
refuses($two, ['--tag', 'b'], "tarboot: $two: it has no image called b, only a:1, a:2\n  Choose one of these with --tag.\n",
	'a name that is not there');
refuses($two, ['--tag', 'a:1', '--platform', "linux/$OTHER"],
	"tarboot: $two: it has no image for linux/$OTHER, only for linux/$MACHINE\n  Choose one of these with --platform.\n",
	'the name of an image for another platform');
for my $wrong (qw(arm64 linux/ /arm64 linux/arm/v7/x), 'x' x 40 . '/arm64') {
	my $r = pack_with({}, $two, '--platform', $wrong);
	is($r->{exit}, 2, "--platform $wrong");
	like($r->{err}, qr{\Atarboot: pack: --platform \Q$wrong\E: it must be OS/ARCH or OS/ARCH/VARIANT, as linux/arm64\n}, "--platform $wrong: the message");
}

takes(layout(image('foreign', arch => $OTHER)), [], 'foreign', 'the only one, for another machine');
takes(layout(image('foreign', arch => $OTHER, platform => 0)), [], 'foreign', 'the only one, and the index does not say what it is for');
takes(layout(image('own', platform => 0), image('foreign', arch => $OTHER, platform => 0)), [], 'own', 'the configurations tell what they are for');

# Docker's own list of platforms, as `docker save` writes it with containerd: it is there whole, of the manifests only what was pulled.
{
	my $type = 'application/vnd.docker.distribution.manifest';
	my $without = sub {
		my ($missing) = @_;
		return layout(sub {
			my ($dir) = @_;
			my @all = map { { %{ oci_image($dir, $_) }, mediaType => "$type.v2+json" } } image('own'), image('foreign', arch => $OTHER);
			unlink "$dir/blobs/" . $all[$missing]{digest} =~ s{:}{/}r or die "unlink: $!";
			return blob($dir, JSON::PP->new->encode({ schemaVersion => 2, mediaType => "$type.list.v2+json", manifests => [ reverse @all ] }), "$type.list.v2+json");
		});
	};
	takes($without->(1), [], 'own', 'a list of Docker\'s with one platform of two');
	my $foreign = $without->(0);
	takes($foreign, [], 'foreign', 'with the other one only');
	refuses($foreign, ['--platform', "linux/$MACHINE"],
		"tarboot: $foreign: it has no image for linux/$MACHINE, only for linux/$OTHER\n  Choose one of these with --platform.\n",
		'the one that was not pulled');
}

my $windows = layout(image('w', os => 'windows'));
refuses($windows, [], "tarboot: $windows: it has no image for linux/$MACHINE, only for windows/$MACHINE\n  Choose one of these with --platform.\n",
	'one that is not for Linux');

# Those for newer processors: the image boots on other machines than this one.
my $variants = layout(image('three', arch => 'amd64', variant => 'v3'), image('one', arch => 'amd64'), image('two', arch => 'amd64', variant => 'v2'));
takes($variants, ['--platform', 'linux/amd64'],    'one',   'the oldest variant');
takes($variants, ['--platform', 'linux/amd64/v2'], 'two',   'a variant');
takes($variants, ['--platform', 'linux/amd64/v1'], 'one',   'none is v1');
my $arm = layout(image('nine', arch => 'arm64', variant => 'v9'), image('eight', arch => 'arm64', variant => 'v8'), image('seven', arch => 'arm', variant => 'v7'));
takes($arm, ['--platform', 'linux/arm64'],  'eight', 'arm64 is v8');
takes($arm, ['--platform', 'linux/arm64/v9'], 'nine', 'or v9');
takes($arm, ['--platform', 'linux/arm'],    'seven', 'arm');

# What is beside images.
my $attested = layout(image('own'), sub {
	my ($dir) = @_;
	my $d = oci_image($dir, image('attestation', arch => 'unknown', os => 'unknown'));
	return { %$d, annotations => { 'vnd.docker.reference.type' => 'attestation-manifest' } };
}, sub { my ($dir) = @_; return { %{ blob($dir, '{}', 'application/vnd.oci.image.manifest.v1+json') }, artifactType => 'application/x' } });
takes($attested, [], 'own', 'attestations and artifacts are no images');
takes($attested, ['--platform', "linux/$MACHINE"], 'own', 'nor with --platform');

# Signatures as cosign saves them beside an image: nothing in the index tells them apart.
{
	my $signature = { layers => ['{}'], types => ['application/vnd.dev.cosign.simplesigning.v1+json'], diff_ids => ['sha256:' . sha256_hex('{}')], platform => 0 };
	my $signed = layout(image('own', platform => 0), $signature);
	takes($signed, [], 'own', 'a signature beside an image');
	my ($digest) = slurp("$signed/index.json") =~ /.*(sha256:[0-9a-f]{64})/;
	like(pack_with({}, $signed, '--tag', $digest)->{err}, qr{it is not a container image: it contains application/vnd\.dev\.cosign}, 'the signature by its digest');
	my $alone = layout($signature);
	like(pack_with({}, $alone)->{err}, qr{it is not a container image: it contains application/vnd\.dev\.cosign}, 'a signature alone');
}

# An index in an index, and one image with two names.
takes(layout(sub {
	my ($dir) = @_;
	my $index = JSON::PP->new->encode({ manifests => [ oci_image($dir, image('foreign', arch => $OTHER)), oci_image($dir, image('own')) ] });
	return { %{ blob($dir, $index, 'application/vnd.oci.image.index.v1+json') }, annotations => { 'org.opencontainers.image.ref.name' => 'multi' } };
}), ['--tag', 'multi'], 'own', 'an index in the index, by its name');
my $same = image('same', name => 'x:1');
takes(layout($same, { %$same, name => 'x:2' }), [], 'same', 'one image with two names');

my $named = layout(image('one', name => 'host/library/debian:12'), image('two', name => 'localhost/debian:latest'), image('three', name => 'other/app:13'));
refuses($named, [], "tarboot: $named: it has several images: host/library/debian:12, localhost/debian:latest, other/app:13\n"
	. "  Choose one of them with --tag.\n", 'several for this machine');
takes($named, ['--tag', $_->[0]], $_->[1], "--tag $_->[0]")
	for (['debian:12', 'one'], ['host/library/debian:12', 'one'], ['12', 'one'], ['debian', 'two'], ['localhost/debian', 'two'], ['app:13', 'three'], ['13', 'three']);
refuses($named, ['--tag', 'ebian:12'], "tarboot: $named: it has no image called ebian:12, only host/library/debian:12, "
	. "localhost/debian:latest, other/app:13\n  Choose one of these with --tag.\n", 'a part of a name is none');
my $nameless = layout(image('one'), image('two'));
like(pack_with({}, $nameless)->{err}, qr/it has several images: sha256:[0-9a-f]{64}, sha256:[0-9a-f]{64}\n  Choose one of them with --tag/, 'several without names');
my ($digest) = slurp("$nameless/index.json") =~ /(sha256:[0-9a-f]{64})/;
takes($nameless, ['--tag', $digest], 'one', '--tag with a digest');
refuses(layout(), [], 'tarboot: ' . scratch('layout-' . ($n - 1)) . ": its list of images is empty or damaged\n  Save the image again.\n", 'none');

# ---- docker save of every age ----

my @images = (image('one', tags => ['app:1', 'app:latest']), image('two', tags => ['app:2']));
my $docker = docker_archive([ $images[0] ]);
my $old = old_docker_archive([ $images[0] ]);
for my $form ([ 'docker 1.10 to 24', $docker ], [ 'docker before 1.10', $old ]) {
	my ($name, $bytes) = @$form;
	my $path = archive($bytes);
	takes($path, [], 'one', $name);
	my $gz = scratch('archive.gz');
	run("gzip -c '$path' >'$gz'");
	takes($gz, [], 'one', "$name, by gzip");
	takes_stdin($path, 'one', "$name, from a file as stdin");
	takes_pipe("$_ '$path'", 'one', "$name, from a pipe by $_") for 'cat', 'gzip -c', 'zstd -qc', 'xz -0 -c';
}
for my $many (archive(docker_archive(\@images)), archive(old_docker_archive(\@images))) {
	my ($what) = $many =~ m{([^/]*)\z};
	refuses($many, [], "tarboot: $many: it has several images: app:1, app:latest, app:2\n  Choose one of them with --tag.\n", "$what: several images");
	takes($many, ['--tag', 'app'],   'one', "$what: --tag of a name");
	takes($many, ['--tag', 'app:2'], 'two', "$what: --tag of a name and a version");
}

# Layers without members, and such as a writer that was never closed left them: their digests say that nothing is missing.
{
	my ($low, $high) = @{ image('short')->{layers} };
	my $padded = substr $high, 0, 1024; # a header and a block of data
	my $bare   = substr $high, 0, 512 + length 'short';
	for my $case ([ 'a layer of no bytes', '' ], [ 'without an end', $padded ], [ 'without what pads the last file', $bare ]) {
		my ($name, $layer) = @$case;
		my @layers = length $layer ? ($low, $layer) : ($low, $high, $layer);
		takes(layout({ layers => \@layers }), [], 'short', "OCI: $name");
		takes(layout({ layers => \@layers, compress => $by{gzip} }), [], 'short', "OCI: $name, by gzip");
		takes(archive(docker_archive([ { layers => \@layers } ])), [], 'short', "docker: $name");
	}
	my $cut = layout({ layers => [ $low, substr $high, 0, 514 ] });
	like(pack_with({}, $cut)->{err}, qr{it ends in the middle of who}, 'a layer that ends within a file');
	my $old = archive(old_docker_archive([ { layers => [ $low, $padded ], tags => ['a:1'] } ]));
	like(pack_with({}, $old)->{err}, qr{it has no end marker}, 'docker before 1.10, without digests');
}

# Docker 25 and later: an OCI layout with a manifest.json beside it.
{
	my $dir = layout({ %{ image('new') }, name => '2' });
	my ($manifest) = slurp("$dir/index.json") =~ /sha256:([0-9a-f]{64})/;
	my $text = slurp("$dir/blobs/sha256/$manifest");
	my ($config, @layers) = map { "blobs/sha256/$_" } $text =~ /sha256:([0-9a-f]{64})/g;
	my $list = JSON::PP->new->encode([ { Config => $config, RepoTags => ['new:2'], Layers => \@layers } ]);
	spew("$dir/manifest.json", $list);
	run('tar', '-C', $dir, '-cf', "$dir.tar", 'blobs', 'index.json', 'manifest.json', 'oci-layout');
	takes("$dir.tar", ['--tag', '2'], 'new', 'docker 25');
	takes($dir, [], 'new', 'docker 25, unpacked');
	run('tar', '-C', $dir, '-cf', "$dir.without.tar", 'blobs', 'manifest.json');
	takes("$dir.without.tar", ['--tag', 'new:2'], 'new', 'the same without an index');
	takes_pipe("tar -C '$dir' -c .", 'new', 'docker 25, from a pipe, with dots before the names');
	run('tar', '-C', $dir, '--format=pax', "--owner=J\xc3\xbcrgen:0", '-cf', "$dir.owner.tar", 'blobs', 'index.json', 'manifest.json', 'oci-layout');
	takes("$dir.owner.tar", [], 'new', 'with an owner whose name is not ASCII');
	takes_pipe("cat '$dir.owner.tar'", 'new', 'the same from a pipe');
}
takes(skopeo_directory(scratch('skopeo'), image('dir')), [], 'dir', 'a directory of skopeo');
{
	my $dir = skopeo_directory(scratch('skopeo-all'), image('all'));
	my $digest = sha256_hex(slurp("$dir/manifest.json"));
	rename "$dir/manifest.json", "$dir/$digest.manifest.json" or die "rename: $!";
	spew("$dir/manifest.json", JSON::PP->new->encode({ schemaVersion => 2, manifests => [ { digest => "sha256:$digest" } ] }));
	refuses($dir, [], "tarboot: $dir: it has images for several platforms\n  Copy one of them: `skopeo copy` without --all.\n",
		'a directory of skopeo with all platforms');
}
{
	my $dir = new_dir();
	run('tar', '-C', $dir, '-xf', archive($docker));
	takes($dir, [], 'one', 'docker save, unpacked');
}

{
	my $dir = new_dir();
	run('tar', '-C', $dir, '-xf', archive(docker_archive([ { layers => [ tar_of(tar_member(name => 'who', data => "\0" x 1_000_000)) ] } ])));
	my ($layer) = glob "$dir/*/layer.tar";
	run('cp', '--sparse=always', $layer, "$layer.holes");
	rename "$layer.holes", $layer or die "rename: $!";
	for my $format (qw(gnu pax)) {
		my $sparse = scratch("sparse-$format.tar");
		run('tar', '-C', $dir, "--format=$format", '--hole-detection=raw', '-cSf', $sparse, '.');
		refuses($sparse, [], "tarboot: $sparse: one of the files of this image is stored with holes\n  Archive it again without --sparse.\n",
			"layers with holes ($format)");
	}
}

# A root is no image, even when it begins like one.
{
	my $root = archive(tar_of(tar_member(name => 'blobs/', type => '5', mode => 0755), tar_member(name => 'who', data => 'root'), tar_member(name => 'base', data => 'b')));
	takes_stdin($root, 'root', 'a root with a directory called blobs, from a file as stdin');
	takes_pipe("cat '$root'", 'root', 'and from a pipe');
	for my $text ('{"name": "an app"}', '{"manifests": ["app.json"]}') {
		my $dir = new_dir();
		spew("$dir/manifest.json", $text);
		spew("$dir/who", 'root'); spew("$dir/base", 'b');
		takes($dir, [], 'root', "a root with a file manifest.json: $text");
	}
}


# ---- damage ----

# Changes a byte of a file.
sub flip {
	my ($path, $at) = @_;
	my $bytes = slurp($path);
	substr($bytes, $at, 1) ^= "\1";
	spew($path, $bytes);
	return sha256_hex($bytes);
}

# A layout of one image, changed by code that is given the layout and its blobs' digests: manifest, configuration, layers.
sub damaged {
	my ($change, %image) = @_;
	my $dir = layout(image('one', %image));
	my ($manifest) = slurp("$dir/index.json") =~ /sha256:([0-9a-f]{64})/;
	my @parts = ($manifest, slurp("$dir/blobs/sha256/$manifest") =~ /sha256:([0-9a-f]{64})/g);
	return ($dir, $change->($dir, @parts), @parts);
}

# Directories that lack the file by which they are known.
{
	my $looks = sub {
		my ($dir, $file) = @_;
		return refuses($dir, [], "tarboot: $dir: it looks like a container image, but $file is missing or damaged\n  Copy it again, as with `skopeo copy`.\n",
			"a directory without a right $file");
	};
	my $oci = layout(image('one'));
	unlink "$oci/oci-layout" or die;
	$looks->($oci, 'oci-layout');
	unlink "$oci/index.json" or die;
	$looks->($oci, 'oci-layout');
	my $bare = layout(image('one'));
	unlink "$bare/index.json" or die;
	remove_tree("$bare/blobs");
	$looks->($bare, 'index.json');
	my $dir = skopeo_directory(scratch('skopeo-damaged'), image('dir'));
	spew("$dir/manifest.json", 'junk');
	$looks->($dir, 'manifest.json');
	unlink "$dir/manifest.json" or die;
	$looks->($dir, 'manifest.json');
	my $list = layout(image('one'));
	run('tar', '-C', $list, '-cf', "$list.tar", 'blobs', 'oci-layout');
	refuses("$list.tar", [], "tarboot: $list.tar: it looks like a container image, but has neither index.json nor manifest.json\n  Save or copy the image again.\n", 'an archive without its index');
	my $SAYS = qr/^tarboot: stdin: it looks like a container image, but has neither index\.json nor manifest\.json\n  Save or copy the image again\.\n\z/;
	like(pack_with({ stdin => "$list.tar" }, '-')->{err}, $SAYS, 'the same as standard input');
	like(try('sh', '-c', "cat '$list.tar' | '$TARBOOT' pack - -o '$IMAGE' @PACK")->{err}, $SAYS, 'the same from a pipe');
	my $hash = new_dir();
	my $name = 'ab' x 32;
	spew("$hash/$_", 'b') for $name, 'base';
	spew("$hash/who", 'hash');
	takes($hash, [], 'hash', 'a directory with one file that has the name of a digest');
	run('tar', '-C', $hash, '-cf', "$hash.tar", $name, 'who', 'base');
	takes("$hash.tar", [], 'hash', 'an archive of it');
	takes_stdin("$hash.tar", 'hash', 'as standard input');
	spew("$hash/" . 'cd' x 32, '');
	$looks->($hash, 'manifest.json');
	make_path("$dir/etc");
	spew("$dir/who", 'root');
	spew("$dir/base", 'b');
	takes($dir, [], 'root', 'a root that has such files, too');
}

my $SAVE = "\n  Save or copy the image again.\n";
for my $part ([ 0, 'its manifest (blobs/sha256/%s)' ], [ 1, 'its configuration (blobs/sha256/%s)' ], [ 2, 'layer 1 of 2 (blobs/sha256/%s)' ],
	[ 3, 'layer 2 of 2 (blobs/sha256/%s)' ]) {
	my ($i, $text) = @$part;
	my ($dir, $is, @parts) = damaged(sub { my ($d, @parts) = @_; return flip("$d/blobs/sha256/$parts[$i]", 100) });
	my $what = sprintf $text, $parts[$i];
	my $message = "$what is damaged: its digest is sha256:$is, not sha256:$parts[$i]$SAVE";
	refuses($dir, [], "tarboot: $dir: $message", "a byte of $what");
	run('tar', '-C', $dir, '-cf', "$dir.tar", 'blobs', 'index.json', 'oci-layout');
	refuses("$dir.tar", [], "tarboot: $dir.tar: $message", "in an archive: a byte of $what");
	my ($cut, $size, @names) = damaged(sub { my ($d, @parts) = @_; my $p = "$d/blobs/sha256/$parts[$i]"; my $s = -s $p; truncate $p, $s - 1; return $s });
	$what = sprintf $text, $names[$i];
	refuses($cut, [], "tarboot: $cut: $what is damaged: it has @{[ $size - 1 ]} bytes, not $size$SAVE", "cut: $what");
}
{
	my ($dir, $is, @parts) = damaged(sub { my ($d, @parts) = @_; return flip("$d/blobs/sha256/$parts[3]", 20) }, compress => $by{gzip});
	refuses($dir, [], "tarboot: $dir: layer 2 of 2 (blobs/sha256/$parts[3]) is damaged: its digest is sha256:$is, not sha256:$parts[3]$SAVE",
		'a byte of a compressed layer');
}
{
	my $path = archive(docker_archive([ image('one') ]));
	my $bytes = slurp($path);
	my $at = index $bytes, 'covered';
	flip($path, $at);
	my ($layer) = $bytes =~ m{([0-9a-f]{64}/layer\.tar)};
	my $whole = tar_of(tar_member(name => 'who', data => 'covered'), tar_member(name => 'base', data => 'b'));
	my $is = $whole; substr($is, index($is, 'covered'), 1) ^= "\1";
	refuses($path, [], "tarboot: $path: layer 1 of 2 ($layer) is damaged: its digest is sha256:" . sha256_hex($is) . ', not sha256:' . sha256_hex($whole) . $SAVE,
		"docker: a byte of a layer");
	my ($config) = $bytes =~ m{([0-9a-f]{64})\.json};
	spew($path, $bytes =~ s/"created_by":"test"/"created_by":"tesu"/r);
	like(pack_with({}, $path)->{err}, qr{^tarboot: \Q$path\E: its configuration \($config\.json\) is damaged: its digest is sha256:[0-9a-f]{64}, not sha256:$config\n  Save or copy the image again\.\n\z},
		'docker: a byte of the configuration');
}

# Layers that are compressed in an archive of docker's: the configuration has the digests of what is in them.
{
	my $image = image('zipped');
	my $whole = $image->{layers};
	my @ids = map { 'sha256:' . sha256_hex($_) } @$whole;
	my $good = archive(docker_archive([ { %$image, diff_ids => \@ids, layers => [ map { $by{gzip}->($_) } @$whole ] } ]));
	takes($good, [], 'zipped', 'docker: compressed layers');
	my $bad = archive(docker_archive([ { %$image, diff_ids => [ @ids[1, 0] ], layers => [ map { $by{gzip}->($_) } @$whole ] } ]));
	my ($layer) = slurp($bad) =~ m{([0-9a-f]{64}/layer\.tar)};
	refuses($bad, [], "tarboot: $bad: layer 1 of 2 ($layer) is damaged: its digest is $ids[0], not $ids[1]$SAVE", 'docker: compressed layers that are others');
	my $few = archive(docker_archive([ { %$image, diff_ids => [ $ids[0] ] } ]));
	refuses($few, [], "tarboot: $few: its configuration and its manifest disagree: they have different numbers of layers\n"
		. "  Give what `docker save` or `skopeo copy` wrote for an image.\n", 'docker: another number of layers');
	my $others = layout({ %$image, diff_ids => [ @ids[1, 0] ] });
	my ($blob) = map { sha256_hex($_) } $whole->[0];
	refuses($others, [], "tarboot: $others: layer 1 of 2 (blobs/sha256/$blob) is damaged: its digest is $ids[0], not $ids[1]$SAVE",
		'OCI: a layer that is not the one of the configuration');
}

# Other digests, and what is no layer.
{
	my $dir = layout(image('one'));
	my $index = slurp("$dir/index.json");
	my ($manifest) = $index =~ /sha256:([0-9a-f]{64})/;
	my $sha512 = sha512_hex(slurp("$dir/blobs/sha256/$manifest"));
	make_path("$dir/blobs/sha512");
	rename "$dir/blobs/sha256/$manifest", "$dir/blobs/sha512/$sha512" or die "rename: $!";
	spew("$dir/index.json", $index =~ s/sha256:$manifest/sha512:$sha512/r);
	takes($dir, [], 'one', 'a manifest by SHA-512');
	flip("$dir/blobs/sha512/$sha512", 50);
	like(pack_with({}, $dir)->{err}, qr{its digest is sha512:[0-9a-f]{20}}, 'a byte of it');
	for my $wrong ([ 'blake3:' . 'a' x 64, 'a digest of an unknown type' ], [ 'sha256:abc', 'not a digest' ], [ 'sha256:' . 'A' x 64, 'not a digest' ], [ '../../etc', 'not a digest' ]) {
		spew("$dir/index.json", $index =~ s/sha256:$manifest/$wrong->[0]/r);
		refuses($dir, [], "tarboot: $dir: $wrong->[0] in its manifest or its index is $wrong->[1]\n  Copy it with `skopeo copy`.\n", "a digest like $wrong->[0]");
	}
	my $encrypted = layout(image('one', types => [ ('application/vnd.oci.image.layer.v1.tar+gzip+encrypted') x 2 ]));
	refuses($encrypted, [], "tarboot: $encrypted: its layers are encrypted\n  Decrypt it with `skopeo copy --decryption-key`.\n", 'encrypted layers');
	my $chart = layout(image('one', types => [ ('application/vnd.cncf.helm.chart.content.v1.tar+gzip') x 2 ]));
	refuses($chart, [], "tarboot: $chart: it is not a container image: it contains application/vnd.cncf.helm.chart.content.v1.tar+gzip\n  Choose an image with --tag.\n",
		'something else');
}

# ---- through skopeo ----

my $bin = scratch('bin');
make_path($bin);
{
	local $ENV{PATH} = $bin;
	refuses('docker://debian:12', [], "tarboot: docker://debian:12: skopeo, which fetches it, is not installed\n"
		. "  Install skopeo, or give what `docker save` or `podman save` wrote.\n", 'skopeo is not installed') if symlink('/usr/bin/timeout', "$bin/timeout");
}
spew("$bin/skopeo", <<"SKOPEO", 0755);
#!/bin/sh
echo "\$*" >'@{[ scratch('asked') ]}'
case \$* in *broken*) echo 'time="now" level=fatal msg="no such image"' >&2; exit 1 ;; *killed*) kill -9 \$\$ ;; esac
echo 'Copying blob' # for people
for target; do :; done
cat '@{[ archive($docker, 'skopeo.tar') ]}' >"\${target#docker-archive:}"
SKOPEO
{
	local $ENV{PATH} = "$bin:$ENV{PATH}";
	for my $case ([ 'docker://debian:12', [] ], [ 'containers-storage:localhost/a', [] ], [ 'docker-daemon:a:latest', [] ], [ 'oci:/nowhere/x:tag', [] ],
		[ 'docker://debian:12', [ '--platform', 'linux/arm64' ], '--override-os linux --override-arch arm64 ' ],
		[ 'docker://debian:12', [ '--platform', 'linux/arm/v7' ], '--override-os linux --override-arch arm --override-variant v7 ' ]) {
		my ($reference, $options, $asked) = @$case;
		takes($reference, $options, 'one', "$reference @$options");
		like(slurp(scratch('asked')), qr{\A@{[ $asked // '' ]}copy \Q$reference\E docker-archive:/dev/fd/\d+\n\z}, "$reference: skopeo's arguments");
	}
	my $project = spew(scratch('project'), "root = docker://debian:12\nplatform = linux/arm64\noutput = $IMAGE\n");
	unlink $IMAGE;
	is_who(try($TARBOOT, 'pack', '--project', $project, @PACK), 'one', 'a reference in a project file');
	like(slurp(scratch('asked')), qr{\A--override-os linux --override-arch arm64 copy docker://debian:12 }, 'with a platform');
	refuses('docker://broken', [], qq{time="now" level=fatal msg="no such image"\ntarboot: docker://broken: skopeo could not fetch it into @{[ $ENV{TMPDIR} || "/var/tmp" ]} (exit status 1)\n  See its message above. It needs room for the image in TMPDIR.\n},
		'skopeo fails');
	refuses('docker://killed', [], "tarboot: docker://killed: skopeo was killed by signal 9\n  Free memory and room in TMPDIR, then try again.\n", 'skopeo is killed');
	refuses('docker://a', ['--tag', 'b'], "tarboot: docker://a: --tag is only for archives of several images\n  Add the tag to the reference instead, as in docker://NAME:TAG.\n", '--tag with a reference');
	unlink scratch('asked');
	my $odd = scratch('dir:') . $n;
	spew($odd, slurp(scratch('skopeo.tar')));
	chdir scratch();
	takes("dir:$n", [], 'one', 'a file that is called like a reference');
	ok(!-e scratch('asked'), 'is not fetched');
	chdir '/';
}

SKIP: {
	need(2, 'skopeo');
	my $dir = layout(image('one', name => 'one', compress => $by{gzip}));
	takes("oci:$dir:one", [], 'one', 'skopeo itself, oci:');
	takes('dir:' . skopeo_directory(scratch('skopeo-2'), image('two')), [], 'two', 'skopeo itself, dir:');
}

done_testing();
