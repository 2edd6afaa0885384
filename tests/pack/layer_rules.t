#!/usr/bin/perl
# What the layers of a container image mean when they are laid on top of each other: cases with the tree that comes
# out. The right values are those of umoci and of buildah (containers/storage); where both are installed, this test asks
# them again. Where the two disagree, the case says which one we follow, and why.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine", $FindBin::RealBin;
use Containers;
use File::Find qw(find);
use File::Path qw(remove_tree);
use RawTar;
use Test::More;

need_programs(qw(getfattr));
my $TARBOOT = build_path('tarboot');
my $TIME    = 1700000000;    # of every member that has no other

# ---- cases ----

# A tree is written as its paths with blanks between: d/ is a directory, a:data a file, l->target a symbolic link,
# b=a another name of a, p| a fifo, c% a device. In braces what is not as usual (mode 644 or 755, owner 0:0, no
# extended attributes, the time of all members): d/{700,5:6,user.x=1,@1600000000}. The root itself, ./, is only shown where
# that is asked for.

# Members: whiteouts, and what has extended attributes.
sub gone   { my ($path) = @_; return file($path =~ s{([^/]+)\z}{.wh.$1}r, '') }
sub opaque { my ($dir) = @_; return file("$dir/.wh..wh..opq", '') }
sub with_x { my ($member, @x) = @_; return tar_pax(map { /^(.*?)=(.*)/ ? ("SCHILY.xattr.$1" => $2) : () } @x) . $member }

sub long_name { my ($name) = @_; return tar_pax(path => $name) . file('long', '') }

sub merged_usr { return (dir('usr'), dir('usr/lib'), file('usr/lib/x', 'x'), file('usr/lib/y', 'y'), symlink_to('lib', 'usr/lib')) }
my $USR = 'usr/ usr/lib/';

# name, layers => [[members of the lowest]...], want => the tree, or fails => the message.
# umoci, buildah: what that one makes of it when it is not the same; then why says why we do as we do.
my @CASES = (
	# hard links
	{ name => 'another name of a file is deleted', layers => [ [ file('a', 'data'), hardlink('b', 'a'), hardlink('c', 'a') ], [ gone('b') ] ],
		want => 'a:data c=a' },
	{ name => 'the first name is deleted', layers => [ [ file('a', 'data'), hardlink('b', 'a'), hardlink('c', 'a') ], [ gone('a') ] ],
		want => 'b:data c=b' },
	{ name => 'all names but one are deleted', layers => [ [ file('a', 'data'), hardlink('b', 'a'), hardlink('c', 'a') ], [ gone('a'), gone('b') ] ],
		want => 'c:data' },
	{ name => 'all names but one are deleted one after the other',
		layers => [ [ file('a', 'data'), hardlink('b', 'a'), hardlink('c', 'a') ], [ gone('a') ], [ gone('b') ] ],
		want => 'c:data' },
	{ name => 'all names are deleted', layers => [ [ file('a', 'data'), hardlink('b', 'a') ], [ gone('b'), gone('a'), file('k', 'k') ] ],
		want => 'k:k' },
	{ name => 'a link into a lower layer', layers => [ [ file('a', 'data') ], [ hardlink('h', 'a') ] ], want => 'a:data h=a' },
	{ name => 'a link into the lowest of three', layers => [ [ file('a', 'data') ], [ file('m', 'm') ], [ hardlink('h', 'a') ] ],
		want => 'a:data h=a m:m' },
	{ name => 'a link to what a higher layer replaces', layers => [ [ file('a', 'old') ], [ hardlink('h', 'a') ], [ file('a', 'new') ] ],
		want => 'a:new h:old' },
	{ name => 'a link to what a higher layer deletes', layers => [ [ file('a', 'old') ], [ hardlink('h', 'a') ], [ gone('a') ] ],
		want => 'h:old' },
	{ name => 'a link to what the same layer replaces, before', layers => [ [ file('a', 'old') ], [ file('a', 'new'), hardlink('h', 'a') ] ],
		want => 'a:new h=a' },
	{ name => 'a link to what the same layer replaces, after', layers => [ [ file('a', 'old') ], [ hardlink('h', 'a'), file('a', 'new') ] ],
		want => 'a:new h:old' },
	{ name => 'one name of a file is replaced', layers => [ [ file('a', 'old'), hardlink('b', 'a') ], [ file('a', 'new') ] ],
		want => 'a:new b:old' },
	{ name => 'one name of a file gets another mode', layers => [ [ file('a', 'old'), hardlink('b', 'a') ], [ file('b', 'old', mode => 0600) ] ],
		want => 'a:old b:old{600}' },
	{ name => 'both names of a file are there anew', layers => [ [ file('a', 'old'), hardlink('b', 'a') ], [ file('a', 'new'), hardlink('b', 'a') ] ],
		want => 'a:new b=a' },
	{ name => 'a link through a link on the path', layers => [ [ merged_usr() ], [ hardlink('h', 'lib/x') ] ],
		want => "h:x lib->usr/lib $USR usr/lib/x=h usr/lib/y:y" },
	{ name => 'a link to a symbolic link', layers => [ [ file('a', 'data'), symlink_to('s', 'a') ], [ hardlink('h', 's') ] ],
		want => 'a:data h->a s=h' },
	{ name => 'a link to a device', layers => [ [ tar_member(name => 'null', type => '3', major => 1, minor => 3) ], [ hardlink('h', 'null') ] ],
		want => 'h%1:3 null=h' },
	{ name => 'a link in the place of a file', layers => [ [ file('a', 'a'), file('b', 'b') ], [ hardlink('b', 'a') ] ], want => 'a:a b=a' },
	{ name => 'a link in the place of a directory', layers => [ [ file('a', 'a'), dir('b'), file('b/x', 'x') ], [ hardlink('b', 'a') ] ],
		want => 'a:a b=a' },
	{ name => 'a link to itself', layers => [ [ file('a', 'a') ], [ hardlink('a', 'a') ] ], want => 'a:a',
		umoci => 'fails', buildah => 'fails', why => 'GNU tar leaves it as it is, and nothing is lost' },
	{ name => 'a link that is there already', layers => [ [ file('a', 'a'), hardlink('b', 'a') ], [ hardlink('b', 'a') ] ], want => 'a:a b=a' },
	{ name => 'the metadata of a link', layers => [ [ file('a', 'a') ], [ hardlink('h', 'a', mode => 0600, uid => 5) ] ], want => 'a:a h=a',
		buildah => 'a:a{600,5:0} h=a', why => 'the data is not said again, so neither is the rest; GNU tar does the same' },
	{ name => 'a link to nothing', layers => [ [ file('a', 'a') ], [ hardlink('h', 'b') ] ], fails => qr/\bh: / },
	{ name => 'a link to what a lower layer deleted', layers => [ [ file('a', 'a') ], [ gone('a') ], [ hardlink('h', 'a') ] ], fails => qr/\bh: / },
	{ name => 'a link to a directory', layers => [ [ dir('d') ], [ hardlink('h', 'd') ] ], fails => qr/\bh: / },
	{ name => 'a link, then its target is deleted in the same layer', layers => [ [ file('a', 'a') ], [ hardlink('h', 'a'), gone('a') ] ], want => 'h:a' },
	{ name => 'the target is deleted, then a link in the same layer', layers => [ [ file('a', 'a') ], [ gone('a'), hardlink('h', 'a') ] ], fails => qr/\bh: / },

	{ name => 'a deleted name comes back as a link', layers => [ [ file('a', 'data'), hardlink('b', 'a') ], [ gone('a') ], [ hardlink('a', 'b') ] ],
		want => 'a:data b=a' },
	{ name => 'links over three layers, the first two names deleted',
		layers => [ [ file('a', 'data') ], [ hardlink('b', 'a') ], [ hardlink('c', 'b') ], [ gone('a') ], [ gone('b') ] ],
		want => 'c:data' },
	{ name => 'a link to the other name of a file that was replaced', layers => [ [ file('a', 'old'), hardlink('b', 'a') ], [ file('a', 'new') ], [ hardlink('c', 'b') ] ],
		want => 'a:new b:old c=b' },
	{ name => 'one name of a file becomes a symbolic link', layers => [ [ file('a', 'data'), hardlink('b', 'a') ], [ symlink_to('a', 'b') ] ],
		want => 'a->b b:data' },
	{ name => 'one name of a file becomes a directory', layers => [ [ file('a', 'data'), hardlink('b', 'a') ], [ dir('a'), hardlink('a/c', 'b') ] ],
		want => 'a/ a/c:data b=a/c' },
	{ name => 'the directory of one name is deleted', layers => [ [ dir('d'), file('d/x', 'x'), hardlink('h', 'd/x') ], [ gone('d') ] ], want => 'h:x' },
	{ name => 'the directory of one name becomes a file', layers => [ [ dir('d'), file('d/x', 'x'), hardlink('h', 'd/x') ], [ file('d', 'f') ] ],
		want => 'd:f h:x' },
	{ name => 'a link whose target is written otherwise', layers => [ [ dir('d'), file('d/a', 'a') ], [ hardlink('h', './d/a'), hardlink('i', '/d/a'), hardlink('j', 'd/../d/a') ] ],
		want => 'd/ d/a:a h=d/a i=d/a j=d/a' },
	{ name => 'modes and owners of what has several names', layers => [ [ file('a', 'a', mode => 04755, uid => 8) ], [ hardlink('h', 'a') ], [ gone('a') ] ],
		want => 'h:a{4755,8:0}',
		buildah => 'h:a', why => 'see the metadata of a link' },

	# links on the path
	{ name => 'a deletion through a link', layers => [ [ merged_usr() ], [ gone('lib/x') ] ], want => "lib->usr/lib $USR usr/lib/y:y" },
	{ name => 'a file through a link', layers => [ [ merged_usr() ], [ file('lib/new', 'n') ] ],
		want => "lib->usr/lib $USR usr/lib/new:n usr/lib/x:x usr/lib/y:y" },
	{ name => 'a file in the place of one through a link', layers => [ [ merged_usr() ], [ file('lib/x', 'n') ] ],
		want => "lib->usr/lib $USR usr/lib/x:n usr/lib/y:y" },
	{ name => 'a file below a new directory through a link', layers => [ [ merged_usr() ], [ dir('lib/d'), file('lib/d/new', 'n') ] ],
		want => "lib->usr/lib $USR usr/lib/d/ usr/lib/d/new:n usr/lib/x:x usr/lib/y:y" },
	{ name => 'an opaque directory through a link', layers => [ [ merged_usr() ], [ opaque('lib'), file('lib/n', 'n') ] ],
		want => "lib->usr/lib $USR usr/lib/n:n",
		buildah => "lib->usr/lib $USR usr/lib/n:n usr/lib/x:x usr/lib/y:y",
		why => 'it forgets to follow the link, as it does for a deletion' },
	{ name => 'an opaque directory below a link', layers => [ [ merged_usr(), dir('usr/lib/d'), file('usr/lib/d/x', 'x') ], [ opaque('lib/d') ] ],
		want => "lib->usr/lib $USR usr/lib/d/ usr/lib/x:x usr/lib/y:y" },
	{ name => 'a directory in the place of a link', layers => [ [ merged_usr() ], [ dir('lib'), file('lib/new', 'n') ] ],
		want => "lib/ lib/new:n $USR usr/lib/x:x usr/lib/y:y" },
	{ name => 'a link is deleted', layers => [ [ merged_usr() ], [ gone('lib') ] ], want => "$USR usr/lib/x:x usr/lib/y:y" },
	{ name => 'an absolute link', layers => [ [ dir('usr'), dir('usr/lib'), symlink_to('lib', '/usr/lib') ], [ file('lib/new', 'n') ] ],
		want => "lib->/usr/lib $USR usr/lib/new:n" },
	{ name => 'a link out of the root stays in it', layers => [ [ dir('etc'), symlink_to('up', '../../../etc') ], [ file('up/new', 'n') ] ],
		want => 'etc/ etc/new:n up->../../../etc' },
	{ name => 'links to links', layers => [ [ dir('d'), symlink_to('a', 'b'), symlink_to('b', '/d') ], [ file('a/new', 'n') ], [ gone('b/new'), file('a/two', '2') ] ],
		want => 'a->b b->/d d/ d/two:2' },
	{ name => 'a link in the middle', layers => [ [ dir('a'), dir('a/b'), symlink_to('a/l', 'b'), dir('a/b/c'), file('a/b/c/x', 'x') ], [ gone('a/l/c/x'), file('a/l/c/y', 'y') ] ],
		want => 'a/ a/b/ a/b/c/ a/b/c/y:y a/l->b' },
	{ name => 'a link of this layer on the path', layers => [ [ dir('d'), file('d/x', 'x') ], [ symlink_to('l', 'd'), file('l/y', 'y') ] ],
		want => 'd/ d/x:x d/y:y l->d' },
	{ name => 'a link in the place of a directory, with what is below', layers => [ [ dir('d'), file('d/x', 'x'), dir('e'), file('e/y', 'y') ], [ symlink_to('d', 'e') ] ],
		want => 'd->e e/ e/y:y' },
	{ name => 'a link in the place of a directory, then a file through it', layers => [ [ dir('d'), file('d/x', 'x'), dir('e') ], [ symlink_to('d', 'e'), file('d/n', 'n') ] ],
		want => 'd->e e/ e/n:n' },
	{ name => 'merged /usr by a higher layer', layers => [ [ dir('lib'), file('lib/x', 'x'), dir('usr') ], [ dir('usr/lib'), file('usr/lib/x', 'x'), symlink_to('lib', 'usr/lib') ] ],
		want => "lib->usr/lib $USR usr/lib/x:x" },
	{ name => 'a link to a directory that is not there', layers => [ [ symlink_to('l', 'nowhere') ], [ file('l/x', 'x') ] ],
		want => 'l->nowhere nowhere/ nowhere/x:x',
		buildah => 'fails', why => 'so does tarboot unpack with a tar: the directory is made in the root' },
	{ name => 'a link in a circle on the path', layers => [ [ symlink_to('l', 'l') ], [ file('l/x', 'x') ] ], fails => qr/\bl\/x: / },
	{ name => 'a file is not written through a link', layers => [ [ file('a', 'a'), symlink_to('l', 'a') ], [ file('l', 'new') ] ], want => 'a:a l:new' },

	{ name => 'a link made through a link', layers => [ [ merged_usr() ], [ hardlink('lib/h', 'usr/lib/x') ] ],
		want => "lib->usr/lib $USR usr/lib/h:x usr/lib/x=usr/lib/h usr/lib/y:y" },
	{ name => 'what a link leads to is deleted', layers => [ [ merged_usr() ], [ gone('usr/lib') ] ], want => 'lib->usr/lib usr/' },
	{ name => 'a directory becomes a link, and then a deletion through it',
		layers => [ [ merged_usr(), dir('l'), file('l/x', 'old') ], [ symlink_to('l', 'usr/lib'), gone('l/x') ] ],
		want => "l->usr/lib lib->usr/lib $USR usr/lib/y:y" },
	{ name => 'a link becomes a directory, and then a deletion in it',
		layers => [ [ merged_usr() ], [ dir('lib'), gone('lib/x') ] ], want => "lib/ $USR usr/lib/x:x usr/lib/y:y" },
	{ name => 'a deletion through a link that is deleted before', layers => [ [ merged_usr() ], [ gone('lib') ], [ gone('lib/x') ] ],
		want => "$USR usr/lib/x:x usr/lib/y:y",
		buildah => "lib/ $USR usr/lib/x:x usr/lib/y:y", why => 'a deletion makes nothing' },
	{ name => 'a deletion below a file', layers => [ [ file('p', 'f') ], [ gone('p/x') ] ], want => 'p:f',
		buildah => 'fails', why => 'there is nothing to delete' },

	# whiteouts
	{ name => 'a directory with all below it', layers => [ [ dir('d'), file('d/x', 'x'), dir('d/e'), file('d/e/y', 'y'), file('k', 'k') ], [ gone('d') ] ],
		want => 'k:k' },
	{ name => 'what is not there', layers => [ [ file('k', 'k') ], [ gone('nothing') ] ], want => 'k:k' },
	{ name => 'what is not there, in a directory that is not there', layers => [ [ file('k', 'k') ], [ gone('no/thing') ] ], want => 'k:k',
		buildah => 'k:k no/', why => 'a deletion makes nothing' },
	{ name => 'names that begin alike', layers => [ [ file('a', 'a'), file('ab', 'b'), file('.a', 'h') ], [ gone('a') ] ], want => '.a:h ab:b' },
	{ name => 'before the new file of the same layer', layers => [ [ file('a', 'old') ], [ gone('a'), file('a', 'new') ] ], want => 'a:new' },
	{ name => 'behind the new file of the same layer', layers => [ [ file('a', 'old') ], [ file('a', 'new'), gone('a') ] ], want => 'a:new',
		buildah => '', why => 'OCI: a deletion is for lower layers only' },
	{ name => 'before the new directory of the same layer', layers => [ [ dir('d'), file('d/x', 'x') ], [ gone('d'), dir('d'), file('d/y', 'y') ] ],
		want => 'd/ d/y:y' },
	{ name => 'behind the new directory of the same layer', layers => [ [ dir('d'), file('d/x', 'x') ], [ dir('d'), file('d/y', 'y'), gone('d') ] ],
		want => 'd/ d/y:y',
		buildah => 'fails', why => 'OCI: a deletion is for lower layers only' },
	{ name => 'a deleted directory comes back in a higher layer', layers => [ [ dir('d', mode => 0700), file('d/x', 'x') ], [ gone('d') ], [ dir('d'), file('d/y', 'y') ] ],
		want => 'd/ d/y:y' },
	{ name => 'a deleted directory comes back unsaid', layers => [ [ dir('d', mode => 0700, uid => 5), file('d/x', 'x') ], [ gone('d') ], [ file('d/y', 'y') ] ],
		want => 'd/ d/y:y' },
	{ name => 'a deleted file comes back in a higher layer', layers => [ [ file('a', 'old') ], [ gone('a') ], [ file('a', 'new') ] ], want => 'a:new' },
	{ name => 'a file deleted in two layers', layers => [ [ file('a', 'old') ], [ gone('a') ], [ gone('a') ], [ file('k', 'k') ] ], want => 'k:k' },
	{ name => 'one in the lowest layer', layers => [ [ gone('a'), file('a', 'a') ] ], want => 'a:a' },
	{ name => 'a name with a dot before', layers => [ [ file('./a', 'a'), file('./b', 'b') ], [ file('./.wh.a', '') ] ], want => 'b:b' },
	{ name => 'an absolute name', layers => [ [ file('/a', 'a'), file('/b', 'b') ], [ file('/.wh.a', '') ] ], want => 'b:b' },
	{ name => 'of any type', layers => [ [ map({ file($_, $_) } qw(a b c d)) ], [ dir('.wh.a'), symlink_to('.wh.b', 'x'), hardlink('.wh.c', 'd') ] ],
		want => 'd:d' },
	{ name => 'of a name that begins with .wh', layers => [ [ file('.whale', 'w') ], [ file('.wha', 'x') ] ], want => '.wha:x .whale:w' },
	{ name => 'notes of AUFS', layers => [ [ file('k', 'k') ], [ dir('.wh..wh.plnk'), file('.wh..wh.plnk/1.2', ''), file('.wh..wh.aufs', ''), dir('.wh..wh.orph') ] ],
		want => 'k:k',
		umoci => '.wh..wh.plnk/ .wh..wh.plnk/1.2: k:k', buildah => '.wh..wh.plnk/ k:k',
		why => 'OCI: no file of a root begins with .wh.' },
	{ name => 'of nothing', layers => [ [ dir('d'), file('d/k', 'k') ], [ file('d/.wh.', '') ] ], fails => qr/d\/\.wh\.: /,
		buildah => '', why => 'it deletes the directory itself' },
	{ name => 'of .', layers => [ [ dir('d'), file('d/k', 'k') ], [ file('d/.wh..', '') ] ], fails => qr/d\/\.wh\.\.: /,
		buildah => '', why => 'it deletes the directory itself' },
	{ name => 'of ..', layers => [ [ dir('d'), file('d/k', 'k') ], [ file('d/.wh...', '') ] ], fails => qr/d\/\.wh\.\.\.: / },
	{ name => 'a directory that is one, with a file in it', layers => [ [ dir('d'), file('d/x', 'x') ], [ dir('.wh.d'), file('.wh.d/y', 'y') ] ], want => '',
		umoci => '.wh.d/ .wh.d/y:y', buildah => '.wh.d/ .wh.d/y:y',
		why => 'OCI: no file of a root begins with .wh.' },
	{ name => 'the other kind, of overlayfs, is a device', layers => [ [ file('a', 'a') ], [ tar_member(name => 'a', type => '3', major => 0, minor => 0) ] ],
		want => 'a%0:0' },

	{ name => 'of a name of 255 bytes', layers => [ [ file('k', 'k'), long_name('n' x 255) ], [ long_name('.wh.' . 'n' x 255) ] ], want => 'k:k' },
	{ name => 'of a name that is no text', layers => [ [ file('k', 'k'), file("\xe9\n", 'x') ], [ file(".wh.\xe9\n", '') ] ], want => 'k:k' },

	# opaque directories
	{ name => 'an opaque directory', layers => [ [ dir('d'), file('d/x', 'x'), dir('d/s'), file('d/s/y', 'y') ], [ dir('d'), opaque('d'), file('d/z', 'z') ] ],
		want => 'd/ d/z:z' },
	{ name => 'the mark comes behind the new files', layers => [ [ dir('d'), file('d/x', 'x') ], [ dir('d'), file('d/z', 'z'), opaque('d') ] ], want => 'd/ d/z:z' },
	{ name => 'the mark comes behind a new file of an old name', layers => [ [ dir('d'), file('d/x', 'old') ], [ dir('d'), file('d/x', 'new'), opaque('d') ] ],
		want => 'd/ d/x:new' },
	{ name => 'the mark comes behind new files below an old directory', layers => [ [ dir('d'), dir('d/s'), file('d/s/x', 'x') ], [ file('d/s/new', 'n'), opaque('d') ] ],
		want => 'd/ d/s/ d/s/new:n',
		buildah => 'd/', why => 'OCI: a deletion is for lower layers only' },
	{ name => 'the directory keeps its metadata', layers => [ [ dir('d', mode => 0700, uid => 5), file('d/x', 'x') ], [ opaque('d') ] ], want => 'd/{700,5:0}' },
	{ name => 'the root is opaque', layers => [ [ dir('d'), file('d/x', 'x'), file('a', 'a') ], [ file('.wh..wh..opq', ''), file('k', 'k') ] ], want => 'k:k' },
	{ name => 'an opaque directory that is not there', layers => [ [ file('k', 'k') ], [ dir('d'), opaque('d') ] ], want => 'd/ k:k' },
	{ name => 'opaque, and filled again by a higher layer', layers => [ [ dir('d'), file('d/x', 'x') ], [ dir('d'), opaque('d') ], [ file('d/y', 'y') ] ],
		want => 'd/ d/y:y' },
	{ name => 'a link from an opaque directory', layers => [ [ dir('d'), file('d/x', 'x'), hardlink('h', 'd/x') ], [ dir('d'), opaque('d') ] ], want => 'd/ h:x' },

	{ name => 'opaque in the middle, a link into what was below', layers => [ [ dir('d'), file('d/x', 'x') ], [ hardlink('h', 'd/x') ], [ opaque('d') ], [ dir('d'), hardlink('d/y', 'h') ] ],
		want => 'd/ d/y:x h=d/y' },
	{ name => 'a file that is opaque', layers => [ [ file('p', 'f') ], [ opaque('p') ] ], want => 'p:f' },
	{ name => 'opaque, in the place of a link', layers => [ [ merged_usr() ], [ dir('lib'), opaque('lib'), file('lib/n', 'n') ] ],
		want => "lib/ lib/n:n $USR usr/lib/x:x usr/lib/y:y" },
	{ name => 'a directory in an opaque one keeps nothing', layers => [ [ dir('d'), dir('d/s', mode => 0700), file('d/s/x', 'x') ], [ opaque('d'), file('d/s/y', 'y') ] ],
		want => 'd/ d/s/ d/s/y:y' },

	# types
	{ name => 'a file in the place of a directory', layers => [ [ dir('d'), file('d/x', 'x') ], [ file('d', 'f') ] ], want => 'd:f' },
	{ name => 'a directory in the place of a file', layers => [ [ file('d', 'f') ], [ dir('d'), file('d/x', 'x') ] ], want => 'd/ d/x:x' },
	{ name => 'directory, file, directory in three layers', layers => [ [ dir('d'), file('d/x', 'x') ], [ file('d', 'f') ], [ dir('d'), file('d/y', 'y') ] ],
		want => 'd/ d/y:y' },
	{ name => 'a file and a directory again in one layer', layers => [ [ dir('d'), file('d/x', 'x') ], [ file('d', 'f'), dir('d'), file('d/y', 'y') ] ],
		want => 'd/ d/y:y',
		buildah => 'fails', why => 'it takes no name twice' },
	{ name => 'a fifo in the place of a file', layers => [ [ file('a', 'a') ], [ fifo('a') ] ], want => 'a|' },
	{ name => 'a device in the place of a directory', layers => [ [ dir('a'), file('a/x', 'x') ], [ tar_member(name => 'a', type => '4', major => 7, minor => 1, mode => 0660) ] ],
		want => 'a#7:1{660}' },
	{ name => 'a symbolic link in the place of a file', layers => [ [ file('a', 'a') ], [ symlink_to('a', 'b') ] ], want => 'a->b' },
	{ name => 'a file below a file', layers => [ [ file('p', 'f') ], [ file('p/x', 'x') ] ], fails => qr/\bp\/x: / },
	{ name => 'a file below a file, with an entry for the directory', layers => [ [ file('p', 'f') ], [ dir('p'), file('p/x', 'x') ] ], want => 'p/ p/x:x' },
	{ name => 'two of one name in a layer', layers => [ [ file('a', '1'), file('a', '2') ], [ file('k', 'k') ] ], want => 'a:2 k:k',
		buildah => 'fails', why => 'it takes no name twice' },

	# metadata
	{ name => 'a directory of a higher layer keeps its children', layers => [ [ dir('d'), file('d/x', 'x') ], [ dir('d', mode => 0700, uid => 5, gid => 6, mtime => 1600000000) ] ],
		want => 'd/{700,5:6,@1600000000} d/x:x' },
	{ name => 'the attributes of a directory', layers => [ [ with_x(dir('d'), 'user.a=1', 'user.b=2'), file('d/x', 'x') ], [ with_x(dir('d'), 'user.b=3') ] ],
		want => 'd/{user.b=3} d/x:x',
		buildah => 'd/{user.a=1,user.b=3} d/x:x', why => 'a directory that is there anew is as it says, as overlayfs shows it' },
	{ name => 'a directory without attributes', layers => [ [ with_x(dir('d'), 'user.a=1'), file('d/x', 'x') ], [ dir('d') ] ], want => 'd/ d/x:x',
		buildah => 'd/{user.a=1} d/x:x', why => 'a directory that is there anew is as it says, as overlayfs shows it' },
	{ name => 'the attributes of a file', layers => [ [ with_x(file('a', 'a'), 'user.a=1') ], [ file('a', 'b') ] ], want => 'a:b' },
	{ name => 'the attributes of a directory that is only passed', layers => [ [ with_x(dir('d', mode => 0700), 'user.a=1') ], [ file('d/x', 'x') ] ],
		want => 'd/{700,user.a=1} d/x:x' },
	{ name => 'a directory that no layer says', layers => [ [ file('d/e/x', 'x') ], [ file('d/y', 'y') ] ], want => 'd/ d/e/ d/e/x:x d/y:y' },
	{ name => 'a directory that comes after its children', layers => [ [ file('d/x', 'x'), dir('d', mode => 0700, uid => 7, mtime => 1600000000) ] ],
		want => 'd/{700,7:0,@1600000000} d/x:x' },
	{ name => 'the root itself', root => 1, layers => [ [ dir('./', mode => 0700), file('k', 'k') ], [ dir('./', mode => 0751, gid => 4) ] ], want => './{751,0:4} k:k' },
	{ name => 'a time before 1970', layers => [ [ tar_pax(mtime => -5) . file('a', 'a') ] ], want => 'a:a{@-5}',
		buildah => 'a:a', why => 'it makes it the time of now or of 1970' },

	# names
	{ name => 'names written otherwise', layers => [ [ dir('./d/'), file('d//a', '1') ], [ file('/d/./a', '2'), file('./b', 'b') ] ], want => 'b:b d/ d/a:2' },
	{ name => 'a name that leads up and back', layers => [ [ dir('d'), file('d/../a', 'a') ] ], want => 'a:a d/' },
	{ name => 'a name that leads out', layers => [ [ file('k', 'k') ], [ file('../a', 'a') ] ], fails => qr/\.\.\/a: /,
		umoci => 'a:a k:k', buildah => 'a:a k:k', why => 'as in every other archive' },
	{ name => 'a layer without members', layers => [ [ file('k', 'k') ], [] ], want => 'k:k' },
);

# ---- an image of them ----

sub write_image {
	my ($dir, @layers) = @_;
	return oci_layout($dir, oci_image($dir, { layers => [ map { tar_of(@$_) } @layers ], name => 'test', platform => 0 }));
}

# ---- a tree as text ----

sub attributes_of {
	my ($path) = @_;
	my $text = $path eq '' ? '' : `getfattr -h -d -m '^(user|security\\.cap)' --absolute-names '$path' 2>/dev/null`;
	return map { /^(\S+?)="(.*)"/ ? "$1=$2" : () } split /\n/, $text;
}

my %LETTER = (0100000 => ':', 0040000 => '/', 0120000 => '->', 0010000 => '|', 0020000 => '%', 0060000 => '#');

sub token {
	my ($dir, $path, $seen, $started) = @_;
	my @st   = lstat "$dir/$path";
	my $type = $st[2] & 0170000;
	my $mode = $st[2] & 07777;
	my $own  = $seen->{"$st[0]:$st[1]"};

	return "$path=$own" if $own && $type != 0040000;
	$seen->{"$st[0]:$st[1]"} = $path;
	my @unusual;
	push @unusual, sprintf '%o', $mode if $type != 0120000 && $mode != ($type == 0040000 ? 0755 : 0644);
	push @unusual, "$st[4]:$st[5]" if "$st[4]:$st[5]" ne '0:0';
	push @unusual, attributes_of("$dir/$path");
	push @unusual, "\@$st[9]" if $st[9] != $TIME && $st[9] < $started && $st[9] != 0;
	my $detail = $type == 0100000 ? slurp("$dir/$path") : $type == 0120000 ? readlink("$dir/$path")
		: $type == 0020000 || $type == 0060000 ? join(':', $st[6] >> 8, $st[6] & 255) : '';
	return $path . $LETTER{$type} . $detail . (@unusual ? '{' . join(',', @unusual) . '}' : '');
}

sub tree {
	my ($dir, $root, $started) = @_;
	my %seen;
	my @paths;
	find({ no_chdir => 1, wanted => sub { push @paths, substr $_, 1 + length $dir if $_ ne $dir } }, $dir);
	my @tokens = map { token($dir, $_, \%seen, $started) } sort @paths;
	unshift @tokens, token($dir, '.', \%seen, $started) if $root;
	return join ' ', @tokens;
}

# ---- who makes it ----

my %MAKERS = (
	tarboot => sub {
		my ($image, $dir) = @_;
		my $r = try($TARBOOT, 'pack', $image, '-o', "$dir.img", qw(--kernel=none --no-shell --level=fast --threads=1 --force --no-scrub));
		return $r if $r->{exit};
		# what it made by itself, of which no layer is the cause
		my @made = $r->{out} =~ /^made +(.*): missing beside/m ? split /, /, $1 : ();
		$r = try($TARBOOT, 'unpack', "$dir.img", $dir);
		-l "$dir$_" ? unlink "$dir$_" : rmdir "$dir$_" for @made;
		unlink "$dir.img";
		return $r;
	},
	umoci => sub {
		my ($image, $dir) = @_;
		my $r = try('umoci', 'unpack', '--image', "$image:test", "$dir.bundle");
		run('sh', '-c', "rmdir '$dir' && mv '$dir.bundle/rootfs' '$dir'") if $r->{exit} == 0;
		run('rm', '-rf', "$dir.bundle");
		return $r;
	},
	# The driver that keeps each layer as a whole directory. A path with capitals is none to buildah.
	buildah => sub {
		my ($image, $dir) = @_;
		my $store = scratch('store');
		my @store = ('--storage-driver', 'vfs', '--root', $store, '--runroot', "$store.run");
		my ($in, $name) = $image =~ m{(.*)/(.*)};
		my $r = try({ limit => 60 }, 'sh', '-c', 'cd "$0" && exec "$@"', $in, 'buildah', @store, 'pull', '-q', "oci:$name:test");
		if ($r->{exit} == 0) {
			my ($top) = map { $_->{layer} } @{ decode_json(slurp("$store/vfs-images/images.json")) };
			run('sh', '-c', "rmdir '$dir' && mv '$store/vfs/dir/$top' '$dir'");
		}
		run('rm', '-rf', $store, "$store.run");
		return $r;
	});

# What one makes of a case: the tree, or "fails: why".
sub made_by {
	my ($maker, $case, $image) = @_;
	my $dir = new_dir();
	my $started = time;
	my $r = $MAKERS{$maker}->($image, $dir);
	my $tree = $r->{exit} ? "fails: $r->{err}" : tree($dir, $case->{root}, $started);

	remove_tree($dir);
	return $tree;
}

sub is_right {
	my ($maker, $case, $image) = @_;
	my $have = made_by($maker, $case, $image);
	my $want = $case->{$maker} // $case->{want} // ($maker eq 'tarboot' ? qr/^fails: .*$case->{fails}/s : 'fails');

	$have =~ s/^fails: .*/fails/s if $maker ne 'tarboot';
	ok(ref $want ? $have =~ $want : $have eq $want, "$maker: $case->{name}") or diag("have: $have\nwant: $want");
	return;
}

# The others are slow, and what they say changes only with Debian's packages.
my @others = grep { have_program($_) } qw(umoci buildah);
my $missing = !$ENV{TARBOOT_TEST_ALL} ? 'slow: set TARBOOT_TEST_ALL=1' : @others < 2 ? 'umoci and buildah not found' : undef;
for my $case (@CASES) {
	my $image = write_image(scratch('image'), @{ $case->{layers} });

	is_right($_, $case, $image) for 'tarboot', $missing ? () : @others;
	remove_tree($image);
}
SKIP: { skip "the answers of umoci and buildah: $missing", 1 if $missing }
done_testing();
