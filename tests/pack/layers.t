#!/usr/bin/perl
# Container images: docker's and OCI's, as archive and as directory, with layers that replace, delete and
# uncover; the result is the tree that a container of it would see.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine", $FindBin::RealBin;
use Containers;
use Digest::SHA qw(sha256_hex);
use Engine;
use JSON::PP;
use Test::More;

need_programs(qw(tar gzip zstd setcap getcap busybox));
my $TARBOOT = build_path('tarboot');
my $image   = scratch('image');

# One layer from a hash: path => content; undef: a directory; code: anything.
my $n = 0;
sub layer {
	my (%files) = @_;
	my $dir = scratch('layer-' . $n++);
	run('mkdir', '-p', $dir);
	for my $path (sort keys %files) {
		my $what = $files{$path};
		run('mkdir', '-p', "$dir/$path" =~ s{/[^/]*\z}{}r);
		if    (!defined $what)    { run('mkdir', '-p', "$dir/$path") }
		elsif (ref $what)         { $what->("$dir/$path", $dir) }
		else                      { spew("$dir/$path", $what) }
	}
	run('tar', '-C', $dir, '--sort=name', '--xattrs', '--xattrs-include=*', '-cf', "$dir.tar", '.');
	return "$dir.tar";
}

sub link_to { my ($to) = @_; return sub { link "$_[1]/$to", $_[0] or die "link: $!" } }

my @layers = (
	layer('sbin/init' => "#!/bin/sh\n", 'etc/a' => 'a', 'etc/deleted/x' => 'x', 'etc/deleted.not' => 'stays', 'etc/emptied/y' => 'y',
		'etc/emptied/deep/y' => 'y', 'etc/replaced/by/file' => 'f', 'etc/file' => 'by directory', 'srv/1' => 'data', 'srv/2' => link_to('srv/1'),
		'srv/3' => link_to('srv/1'), 'opt/1' => 'gone', 'opt/2' => link_to('opt/1'), 'again/x' => 'old', 'again/y' => 'old',
		'usr/bin/tool' => sub { spew($_[0], 'tool', 0755); run('setcap', 'cap_net_raw+ep', $_[0]); },
		'home/u' => sub { run('mkdir', '-p', $_[0]); run('chown', '1000:1001', $_[0]) }),
	layer('etc/.wh.deleted' => '', 'etc/emptied/.wh..wh..opq' => '', 'etc/emptied/z' => 'z', 'etc/replaced' => 'a file', 'etc/file/x' => 'x',
		'srv/1' => 'changed', 'opt/.wh.1' => '', 'opt/.wh.2' => '', '.wh.again' => '', 'middle' => 'm', '.wh..wh.plnk/1' => ''),
	layer('etc/a' => 'top', 'again/x' => 'new', 'etc/.wh.nothing' => '', '.wh.middle' => ''),
);
my %WANT = ('sbin/init' => "#!/bin/sh\n", 'etc/a' => 'top', 'etc/deleted.not' => 'stays', 'etc/emptied/z' => 'z', 'etc/replaced' => 'a file',
	'etc/file/x' => 'x', 'srv/1' => 'changed', 'srv/2' => 'data', 'srv/3' => 'data', 'again/x' => 'new', 'usr/bin/tool' => 'tool');

# ---- the three forms ----

sub write_docker {
	my ($name, %arg) = @_;
	my $dir = scratch($name);
	my @names;
	for my $i (0 .. $#layers) {
		run('mkdir', '-p', "$dir/layer$i");
		run('cp', $layers[$i], "$dir/layer$i/layer.tar");
		push @names, "layer$i/layer.tar";
	}
	# Docker before 25: a layer that is there already is a link to it.
	run('mkdir', "$dir/again");
	symlink '../layer2/layer.tar', "$dir/again/layer.tar" or die "symlink: $!";
	spew("$dir/c.json", encode_json({ rootfs => { diff_ids => [ map { 'sha256:' . sha256_hex(slurp($_)) } @layers, $layers[2] ] } }));
	spew("$dir/manifest.json", $arg{manifest} // encode_json([ { Config => 'c.json', RepoTags => undef, Layers => [ @names, 'again/layer.tar' ] } ]));
	run('tar', '-C', $dir, '-cf', "$dir.tar", (map { "layer$_" } 0 .. $#layers), 'again', 'manifest.json', 'c.json');
	return "$dir.tar";
}

sub write_oci {
	my ($name, $change) = @_;
	my $dir = scratch($name);
	my @how = ('gzip -c', 'zstd -qc', 'cat');
	my @descriptors = map { blob($dir, scalar `$how[$_] $layers[$_]`, 'application/vnd.oci.image.layer.v1.tar') } 0 .. $#layers;
	my $manifest = blob($dir, encode_json({ schemaVersion => 2, layers => \@descriptors }));
	my $other    = blob($dir, encode_json({ schemaVersion => 2, layers => [] }));
	oci_layout($dir, blob($dir, encode_json({ manifests => [
		{ %$other, platform => { architecture => 'riscv64', os => 'linux' } },
		{ %$manifest, platform => { architecture => machine(), os => 'linux' } },
		{ %$other, platform => { architecture => 'unknown', os => 'unknown' } } ] })));
	$change->($dir, $manifest) if $change;
	return $dir;
}

sub packs {
	my ($name, $source) = @_;
	my $r = try($TARBOOT, 'pack', $source, '-o', $image, qw(--kernel=none --no-shell --level=fast --force));
	is($r->{exit}, 0, $name) or diag($r->{err});
	my $dir = new_dir();
	run('tar', '-C', $dir, '--xattrs', '--xattrs-include=*', '-xpf', payload_of($image));
	my %is = map { $_ => slurp("$dir/$_") } map { s{^\./}{}r } split /\n/, run("cd '$dir' && find . -type f");
	is_deeply(\%is, \%WANT, "$name: the files");
	is((stat "$dir/srv/2")[1], (stat "$dir/srv/3")[1], "$name: what is left of a hard link");
	is(join(':', (stat "$dir/home/u")[4, 5]), '1000:1001', "$name: owners");
	like(run('getcap', "$dir/usr/bin/tool"), qr/cap_net_raw/, "$name: capabilities");
	return;
}

my $docker = write_docker('docker');
packs('docker save', $docker);
my $oci = write_oci('oci');
packs('an OCI directory', $oci);
run('tar', '-C', $oci, '-cf', "$oci.tar", 'blobs', 'index.json', 'oci-layout');
packs('an OCI archive', "$oci.tar");

# Whatever it was sent through: blobs are read where they lie, so it is unpacked first.
for my $program (qw(gzip zstd xz)) {
	run("$program -c '$docker' >'$docker.$program'");
	packs("docker save | $program", "$docker.$program");
	run("$program -c '$oci.tar' >'$oci.tar.$program'");
	packs("an OCI archive by $program", "$oci.tar.$program");
}

# ---- what is wrong with it ----

sub refuses {
	my ($name, $source, $why) = @_;
	unlink $image;
	fails_well(try($TARBOOT, 'pack', $source, '-o', $image, qw(--kernel=none --no-shell)), 1, $why, $name);
	ok(!-e $image, "$name: nothing is written");
	return;
}

refuses('one that is compressed and cut', spew(scratch('cut.tar.gz'), substr slurp("$docker.gzip"), 0, -20), qr/cut\.tar\.gz: its compressed data is cut short or damaged: /);
refuses('no layers', write_docker('none', manifest => '[{"Config":"c.json","Layers":[]}]'), qr/no layers/);
refuses('no configuration', write_docker('nothing', manifest => '[{"Layers":["layer0/layer.tar"]}]'), qr/its manifest\.json names no configuration/);
refuses('no JSON', write_docker('text', manifest => "hello\n"), qr/names no images/);
refuses('a layer outside', write_docker('outside', manifest => '[{"Config":"c.json","Layers":[' . join(',', ('"../layer0/layer.tar"') x 4) . ']}]'),
	qr{\.\./layer0/layer\.tar is missing});
refuses('a layer that is missing', write_docker('missing', manifest => '[{"Config":"c.json","Layers":[' . join(',', ('"layer9/layer.tar"') x 4) . ']}]'),
	qr{layer9/layer\.tar is missing});
refuses('a configuration that is missing', write_docker('missing-c', manifest => '[{"Config":"d.json","Layers":["layer0/layer.tar"]}]'), qr{d\.json is missing});
refuses('a blob that is missing', write_oci('hole', sub { my ($dir, $m) = @_; unlink "$dir/blobs/" . $m->{digest} =~ s{:}{/}r }), qr/is missing/);
refuses('an index in an index in an index', write_oci('deep', sub {
	my ($dir) = @_;
	my $blob = {};
	$blob = blob($dir, encode_json({ manifests => [$blob] })) for 1 .. 5;
	oci_layout($dir, $blob);
}), qr/its index is nested too deeply/);
done_testing();
