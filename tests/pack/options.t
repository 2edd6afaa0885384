#!/usr/bin/perl
# The command line of every subcommand: help, wrong usage (exit 2), failures (exit 1), and the one form
# that messages have.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use Test::More;

my $TARBOOT  = build_path('tarboot');
my @COMMANDS = qw(pack inspect verify unpack run);

sub helps {
	my ($r, $pattern, $name) = @_;
	return ok($r->{exit} == 0 && $r->{out} =~ $pattern && $r->{err} eq '', $name)
		|| diag("exit $r->{exit}\n$r->{out}$r->{err}");
}

# ---- help ----

helps(try($TARBOOT, $_), qr/^Usage: tarboot COMMAND/m, "tarboot $_") for qw(--help help);
helps(try($TARBOOT, '--version'), qr/^tarboot \d+\.\d+\.\d+$/, 'tarboot --version');
for my $command (@COMMANDS) {
	my $r = try($TARBOOT, $command, '--help');

	helps($r, qr/^Usage: tarboot $command /, "$command --help");
	like(try($TARBOOT, '--help')->{out}, qr/^  $command /m, "$command is in the list");
}

# ---- wrong usage ----

# Every line on stderr is a message or the indented advice that goes with one.
sub is_usage {
	my ($name, @arguments) = @_;
	my $r = try($TARBOOT, @arguments);

	fails_well($r, 2, qr/tarboot .*--help/, $name);
	is((grep { !/^(tarboot: |  \S)/ } split /\n/, $r->{err})[0], undef, "$name: the form of every line");
	is($r->{out}, '', "$name: nothing on stdout");
	return;
}

{
	my $r = try($TARBOOT);
	ok($r->{exit} == 2 && $r->{err} =~ /^tarboot: .*--help/, 'no command') or diag($r->{err});
}
is_usage('an unknown command', 'pakc', 'x');
is_usage('an option before the command', '--force', 'pack');
for my $command (@COMMANDS) {
	is_usage("$command without arguments", $command);
	is_usage("$command with an unknown option", $command, '--no-such-option', 'x');
	is_usage("$command with an unknown letter", $command, '-Z', 'x');
	is_usage("$command with too many arguments", $command, 'a', 'b', 'c');
}
is_usage('pack without -o', 'pack', '/tmp');
is_usage('pack -o without a name', 'pack', '/tmp', '-o');
for my $n ('0', '-1', '1025', 'two', '2x', '', '99999999999999999999') {
	is_usage("pack --threads='$n'",   'pack', '/tmp', '-o', 'x', "--threads=$n");
	is_usage("verify --threads='$n'", 'verify', 'x', "--threads=$n");
}

# ---- failures ----

my $root = new_dir();
my $file = spew(scratch('file'), "just a text\n");
my $out  = new_dir();

sub fails {
	my ($name, $why, @arguments) = @_;
	my $r = try($TARBOOT, @arguments);

	fails_well($r, 1, $why, $name);
	is((grep { !/^(tarboot: |  \S)/ } split /\n/, $r->{err})[0], undef, "$name: the form of every line");
	return;
}

fails("$_ a file that is not there", qr{/no/such: .*No such file}, $_, '/no/such')
	for qw(inspect verify);
fails("$_ a text", qr/\Q$file\E/, $_, $file) for qw(inspect verify);
fails("$_ a directory", qr/\Q$root\E: .*regular file/, $_, $root) for qw(inspect verify);
fails("$_ /dev/null", qr{/dev/null}, $_, '/dev/null') for qw(inspect verify);
fails('unpack a text', qr/\Q$file\E/, 'unpack', $file, $root);
fails('unpack into a file', qr/\Q$file\E/, 'unpack', $file, $file);
fails('unpack into what cannot be made', qr{/no/such}, 'unpack', $file, '/no/such/directory');
fails('pack what is not there', qr{/no/such: .*No such file}, 'pack', '/no/such', '-o', "$out/x");
fails('pack a text', qr/\Q$file\E/, 'pack', $file, '-o', "$out/x");
fails('pack into a directory that is not there',
	qr{/no/such}, 'pack', '--force', $root, '-o', '/no/such/x');
fails('pack with a kernel that is not there', qr{/no/such},
	'pack', '--force', $root, '-o', "$out/x", '--kernel', '/no/such');
fails('pack with a shell that is not there', qr{/no/such},
	'pack', '--force', $root, '-o', "$out/x", '--shell', '/no/such');
fails('pack with a shell that is no program', qr/\Q$file\E: .*static/,
	'pack', '--force', $root, '-o', "$out/x", '--shell', $file);

# The running system, however it is spelled.
fails("pack $_", qr/running system/, 'pack', '--force', $_, '-o', "$out/x") for '/', '//', '/.', '/proc/../';
SKIP: {
	skip 'not root: /proc/1/root cannot be read', 2 if $> != 0;
	fails('pack /proc/self/root', qr/running system/, 'pack', '--force', '/proc/self/root', '-o', "$out/x");
}
is(join(' ', map { s{.*/}{}r } glob "$out/*"), '', 'no failure left a file behind');

# What cannot be written is a failure, too.
SKIP: {
	skip 'no /dev/full', 2 unless -c '/dev/full';
	my $image = "$out/good.img";
	is(try($TARBOOT, 'pack', '--force', '--no-shell', $root, '-o', $image)->{exit}, 0, 'an image');
	my $r = try('sh', '-c', '"$0" inspect "$1" >/dev/full', $TARBOOT, $image);
	is($r->{exit}, 1, 'inspect into a full device fails');
}

done_testing();
