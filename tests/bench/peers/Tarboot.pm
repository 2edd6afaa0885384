# tarboot: its image, packed by `tarboot pack ROOT -o image.img --stream`, published by `tarboot netboot`, whole ("embedded") and with
# --stream; with xz and zstd. The menu's entry is what iPXE runs, without the menu and its wait. docs/netboot.md.
package Tarboot;

use strict;
use warnings;

use Line;
use Make;
use Net;

sub peers {
	return map { _peer(@$_) } [ 'tarboot', 'xz' ], [ 'stream', 'xz' ], [ 'tarboot', 'zstd' ], [ 'stream', 'zstd' ];
}

sub _peer {
	my ($way, $compression) = @_;
	my $name = $compression eq 'xz' ? $way : "$way-zstd";
	return {
		name    => $name,
		label   => ($way eq 'stream' ? 'tarboot, fetched' : 'tarboot, embedded') . ", $compression",
		make    => sub { image($compression) },
		publish => sub { _publish($_[0], $way, image($compression)) },
	};
}

sub _publish {
	my ($peer, $way, $image) = @_;
	my $site = public("site-$peer->{name}");

	tarboot('netboot', $image, '-o', $site, '--server', $SERVER, '--subnet', $SUBNET, '--name', $peer->{name},
		'--append', $CONSOLE, $way eq 'stream' ? '--stream' : ());
	my ($version) = grep { !-l } glob "$site/http/images/$peer->{name}/2*";
	my ($files)   = $version =~ m{/http/(.*)};
	my ($entry)   = slurp("$site/http/menu.ipxe") =~ m{^:\Q$peer->{name}\E\n(.*?^boot.*?\n)}ms or die "$site: no entry\n";
	$peer->{payload} = (glob("$version/root.tar.*"))[0] // "$version/initrd.img";
	$entry =~ s{\Q/$files\E}{/$peer->{name}}g;    # where publish_file() puts the files
	publish_file($peer, $_->[0], $_->[1]) for map { m{([^/]+)\z} ? [ $1, $_ ] : () } glob "$version/*";
	boot_script($peer, text => "set base http://$SERVER\n$entry:other\n:not64\n:large\n");
	return;
}

1;
