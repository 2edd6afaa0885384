# Boots that must fail, and must say so: a tiny root, and images with one fault each. Every failure is a
# block with the step, the object, the reason and what comes then, within seconds; nothing of the root
# is started; the kernel does not panic; and nobody gets a shell who was not given one.
#
# The kernel is Debian 12's; with TARBOOT_TEST_ALL=1 every boot is done with the newest one, too.
package Fault;

use strict;
use warnings;

use Exporter qw(import);
use FindBin;
use lib "$FindBin::RealBin/../boot";
use Test::More;
use Guest;
use Image;
use Modules;

our @EXPORT = (@Image::EXPORT, @Modules::EXPORT, qw(is_payload is_manifest image no_payload no_manifest
	change_manifest payload_is change_payload root_is with_members big_root fails boots start shell_at type_and_see $BOOT));

our $BOOT = 90;    # seconds for a boot that takes about five
my $TO_INIT = 45;  # seconds to /init, for a kernel that takes two
my $PATIENCE = 30; # seconds to a failure that should be seen at once

my @good_members;

sub is_payload  { return $_[0]{name} =~ m{^/?rootfs\.tar\.(?:xz|zst)$} }
sub is_manifest { return $_[0]{name} =~ m{^/?tarboot/manifest$} }

# ---- images: members of a good one, payload last, and changes to them ----

sub _good_members {
	if (!@good_members) {
		my $image = scratch('tiny.img');
		tarboot('pack', '--kernel', 'none', tiny_root('tiny'), '-o', $image);
		@good_members = newc_read($image);
		is_payload($good_members[-1]) or BAIL_OUT('the payload is not the last member');
	}
	return map { {%$_} } @good_members;
}

# Each change gets the members and returns others.
sub image {
	my ($name, @changes) = @_;
	my @members = _good_members();

	@members = $_->(@members) for @changes;
	return newc_write(scratch("$name.img"), @members);
}

sub no_payload  { return grep { !is_payload($_) } @_ }
sub no_manifest { return grep { !is_manifest($_) } @_ }

# The manifest's text goes through a function, as $_. Its digest of itself would tell: without it, unless asked.
sub change_manifest {
	my ($change, $keep_digest) = @_;
	return sub {
		my (@members) = @_;
		for my $m (grep { is_manifest($_) } @members) {
			local $_ = $keep_digest ? $m->{data} : $m->{data} =~ s/^text-digest=.*\n//mr;
			my $text = $change->();
			$text ne $_ or BAIL_OUT("nothing to change in the manifest: $_");
			$m->{data} = $text;
		}
		return @members;
	};
}

# The payload's bytes go through a function. The manifest would tell, so without it, unless asked.
sub change_payload {
	my ($change) = @_;
	return sub {
		my (@members) = @_;
		$_->{data} = $change->($_->{data}) for grep { is_payload($_) } @members;
		return @members;
	};
}

sub payload_is {
	my ($bytes) = @_;
	return change_payload(sub { $bytes });
}

# A root that tarboot would not pack: the callback changes the directory of the tiny one.
sub root_is {
	my ($change) = @_;
	return sub {
		my @members = no_manifest(@_);
		$members[-1]{data} = pack_payload(tiny_root('other', $change));
		run('rm', '-rf', scratch('other'));
		return @members;
	};
}

sub with_members {
	my (@more) = @_;
	return sub { my $payload = pop @_; return (@_, @more, $payload) };
}

# A good image of the tiny root with one more file: so many MiB of what the command prints. Each is packed once.
my %big;

sub _pack_big {
	my ($megabytes, $command) = @_;
	my $image = scratch('big-' . keys(%big) . '.img');
	my $root  = tiny_root('big');

	run("$command | head -c ${megabytes}M >'$root/data'");
	tarboot('pack', '--kernel', 'none', '--level', 'fast', $root, '-o', $image);
	run('rm', '-rf', $root);
	return $image;
}

sub big_root {
	my (@what) = @_;
	return sub { return newc_read($big{"@what"} //= _pack_big(@what)) };
}

# ---- boots ----

sub _kernels {
	return ('demo', $ENV{TARBOOT_TEST_ALL} && newest_kernel() ? 'sid' : ());
}

sub _booting { return $_[0] eq 'demo' ? (kernel => demo_kernel()) : booting($_[0]) }

# image or change (one, or a list) say what is booted; the rest is for the guest.
sub start {
	my (%arg) = @_;
	my @changes = ref $arg{change} eq 'ARRAY' ? @{ $arg{change} } : $arg{change} // ();

	return Guest->start(
		dir => scratch(), _booting('demo'), mem => 512, %arg,
		initrd => $arg{initrd} // image($arg{name}, @changes));
}

# The same, once more when QEMU or the kernel stopped before /init, which is nothing that is tested here.
sub _start_to_init {
	my (%arg) = @_;
	my $guest = start(%arg);

	return $guest if $guest->wait_for(qr{Run /init as init|^tarboot: |TINY-INIT-RAN}m, $TO_INIT);
	diag("$arg{name}: it did not come to /init, which is QEMU's or the kernel's fault; tried again");
	$guest->stop;
	return start(%arg);
}

# Boots what must fail. step: a pattern. about: what the block must mention.
sub fails {
	my ($what, %arg) = @_;

	$arg{name} //= $what =~ s/\W+/-/gr;
	for my $kernel (_kernels()) {
		subtest "$what ($kernel kernel)" => sub { _check_failure(_start_to_init(%arg, _booting($kernel)), %arg) };
	}
	unlink scratch("$arg{name}.img");
	return;
}

sub _check_failure {
	my ($guest, %arg) = @_;
	my $failed = $guest->wait_for(qr/^tarboot: FAILED: .*^  then: [^\n]+\n/ms, $BOOT);
	my $at     = $guest->elapsed_unstalled;
	my $text   = $guest->text;

	ok($failed, sprintf 'the failure is on the console, after %.1f s', $at);
	check_block($text, %arg);
	ok($guest->wait_end(20), 'panic=-1 reboots');
	cmp_ok($guest->elapsed_unstalled - $at, '<', 5, 'at once');
	cmp_ok($at, '<', $PATIENCE, 'within seconds');
	unlike($guest->text, qr/TINY-INIT-RAN/, 'nothing of the root was started');
	unlike($guest->text, qr/BusyBox v|a shell|Enter|# $/, 'no shell was offered');
	unlike($guest->text, qr/Kernel panic/, 'the kernel did not panic');
	$guest->show_end unless Test::More->builder->is_passing;
	return;
}

sub check_block {
	my ($text, %arg) = @_;
	my ($block) = $text =~ /^(tarboot: FAILED: .*?^  then: [^\n]+)/ms;
	is_deeply([ grep { length > 79 } split /\n/, $block // '' ], [], 'it fits a screen of 80 columns');
	$block =~ s/\n {8}/ /g if $block;    # lines that were broken
	my %line = ($block // '') =~ /^  (what|why|do|then): +(\S.*)$/mg;

	$block //= '';
	note($block);
	ok($line{$_}, "it says $_") for qw(what why do then);
	like($block, qr/^tarboot: FAILED: $arg{step}$/m, 'the step is named');
	like($block, $_, "it mentions $_") for @{ $arg{about} };
	like($line{then} // '', qr/^rebooting now \(panic=-1\)$/, 'and the action');
	return;
}

# Boots what must come to the tiny root's init and end there. like: patterns for the whole text.
sub boots {
	my ($what, %arg) = @_;

	$arg{name} //= $what =~ s/\W+/-/gr;
	for my $kernel (_kernels()) {
		subtest "$what ($kernel kernel)" => sub {
			my $guest = _start_to_init(%arg, _booting($kernel));

			ok($guest->wait_end($BOOT), 'it boots and powers off');
			like($guest->text, qr/^TINY-INIT-RAN pid=1/m, 'its own init ran, as PID 1');
			unlike($guest->text, qr/tarboot: FAILED|Kernel panic/, 'without a failure');
			like($guest->text, $_, "it says $_") for @{ $arg{like} // [] };
			$arg{also}->($guest) if $arg{also};
			$guest->show_end unless Test::More->builder->is_passing;
		};
	}
	unlink scratch("$arg{name}.img");
	return;
}

# ---- shells ----

# Starts a guest that gives a shell; the guest, at its prompt.
sub shell_at {
	my (%arg) = @_;
	my $guest = start(%arg);

	if ($arg{enter}) {
		ok($guest->wait_for(qr/Enter/, $BOOT), 'Enter is offered') or $guest->show_end;
		$guest->type("\n");
	}
	ok($guest->wait_for(qr/^tarboot:\S*# $/m, $BOOT), 'there is a prompt') or $guest->show_end;
	return $guest;
}

# What a command typed into the shell prints: waits for the pattern in it.
sub type_and_see {
	my ($guest, $command, $pattern, $limit) = @_;
	$guest->type("$command\n");
	$guest->wait_for($pattern, $limit // 15);
	return $guest->answer;
}

1;
