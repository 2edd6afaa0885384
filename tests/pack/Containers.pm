# Container images made to measure: OCI layouts, what `docker save` of every age writes, and skopeo's directories.
package Containers;

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Engine;
use Exporter qw(import);
use File::Path qw(make_path);
use JSON::PP;

our @EXPORT = qw(machine blob oci_image oci_layout docker_archive old_docker_archive skopeo_directory tar_of);

my $OCI  = 'application/vnd.oci.image';
my $JSON = JSON::PP->new->canonical;

# This machine, as images name it.
sub machine { return `uname -m` =~ /aarch64/ ? 'arm64' : 'amd64' }

# A tar of these members.
sub tar_of { return join '', @_, tar_end() }

# Writes a blob of a layout and returns what a descriptor says of it.
sub blob {
	my ($dir, $data, $type) = @_;
	my $digest = sha256_hex($data);
	make_path("$dir/blobs/sha256");
	spew("$dir/blobs/sha256/$digest", $data);
	return { digest => "sha256:$digest", size => length $data, $type ? (mediaType => $type) : () };
}

# The configuration of an image: what it is for, and its tars.
sub _config {
	my ($image) = @_;
	return $JSON->encode({
		os => $image->{os} // 'linux', architecture => $image->{arch} // machine(), $image->{variant} ? (variant => $image->{variant}) : (),
		config => {}, rootfs => { type => 'layers', diff_ids => $image->{diff_ids} // [ map { 'sha256:' . sha256_hex($_) } @{ $image->{layers} } ] },
		history => [ map { { created_by => 'test' } } @{ $image->{layers} } ] });
}

# Writes an image { layers => [tars], os, arch, variant, compress => code, types => [media types], name, platform => 0: not in
# the index, diff_ids } into a layout, and returns its descriptor for the index.
sub oci_image {
	my ($dir, $image) = @_;
	my @types  = @{ $image->{types} // [ map { "$OCI.layer.v1.tar" } @{ $image->{layers} } ] };
	my @layers = map { blob($dir, $image->{compress} ? $image->{compress}->($_) : $_, shift @types) } @{ $image->{layers} };
	my $config = blob($dir, _config($image), "$OCI.config.v1+json");
	my $manifest = blob($dir, $JSON->encode({ schemaVersion => 2, mediaType => "$OCI.manifest.v1+json", config => $config, layers => \@layers }),
		"$OCI.manifest.v1+json");
	$manifest->{platform} = { os => $image->{os} // 'linux', architecture => $image->{arch} // machine(),
		$image->{variant} ? (variant => $image->{variant}) : () } if $image->{platform} // 1;
	$manifest->{annotations} = { 'org.opencontainers.image.ref.name' => $image->{name} } if $image->{name};
	return $manifest;
}

# The index of a layout, and what makes it one.
sub oci_layout {
	my ($dir, @descriptors) = @_;
	make_path($dir);
	spew("$dir/oci-layout", '{"imageLayoutVersion":"1.0.0"}');
	spew("$dir/index.json", $JSON->encode({ schemaVersion => 2, manifests => \@descriptors }));
	return $dir;
}

# An archive as docker 1.10 to 24 write it, of images { layers, tags => [names], os, arch, variant }: returns its bytes.
# change: code that may change the list of manifest.json.
sub docker_archive {
	my ($images, $change) = @_;
	my ($bytes, @list) = ('');
	my $n = 0;
	for my $image (@$images) {
		my $config = _config($image);
		my $name = sha256_hex($config) . '.json';
		my @layers = map { sha256_hex('layer' . $n++) . '/layer.tar' } @{ $image->{layers} };
		for my $i (0 .. $#layers) {
			$bytes .= tar_member(name => $layers[$i] =~ s{/.*}{/}r, type => '5', mode => 0755);
			$bytes .= tar_member(name => $layers[$i], data => $image->{layers}[$i]);
		}
		$bytes .= tar_member(name => $name, data => $config);
		push @list, { Config => $name, RepoTags => $image->{tags}, Layers => \@layers };
	}
	$change->(\@list) if $change;
	return tar_of($bytes, tar_member(name => 'manifest.json', data => $JSON->encode(\@list)));
}

# The same before docker 1.10: each layer names the one below it.
sub old_docker_archive {
	my ($images) = @_;
	my ($bytes, %repositories) = ('');
	my $n = 0;
	for my $image (@$images) {
		my $parent;
		for my $layer (@{ $image->{layers} }) {
			my $id = sha256_hex('old' . $n++);
			$bytes .= tar_member(name => "$id/", type => '5', mode => 0755) . tar_member(name => "$id/VERSION", data => '1.0')
				. tar_member(name => "$id/json", data => $JSON->encode({ id => $id, $parent ? (parent => $parent) : (),
					os => $image->{os} // 'linux', architecture => $image->{arch} // machine() }))
				. tar_member(name => "$id/layer.tar", data => $layer);
			$parent = $id;
		}
		for my $tag (@{ $image->{tags} }) {
			my ($name, $version) = $tag =~ /(.*):(.*)/;
			$repositories{$name}{$version} = $parent;
		}
	}
	return tar_of($bytes, tar_member(name => 'repositories', data => $JSON->encode(\%repositories)));
}

# What `skopeo copy SOURCE dir:DIR` writes.
sub skopeo_directory {
	my ($dir, $image) = @_;
	my $manifest = oci_image($dir, $image)->{digest} =~ s{:}{/}r;
	rename "$dir/blobs/$manifest", "$dir/manifest.json" or die "rename: $!";
	rename $_, $dir . '/' . s{.*/}{}r or die "rename: $!" for glob "$dir/blobs/sha256/*";
	rmdir "$dir/blobs/sha256" and rmdir "$dir/blobs";
	spew("$dir/version", "Directory Transport Version: 1.1\n");
	return $dir;
}

1;
