# Perl: ithreads, shared variables, queues, semaphores, sockets, pipes and children in one process.
use strict;
use warnings;
use threads;
use threads::shared;
use Thread::Queue;
use Thread::Semaphore;
use IO::Socket::INET;
use IO::Select;
use Time::HiRes qw(sleep);

$| = 1;

# A counter under a lock, results by join.
my $count : shared = 0;
my @threads = map {
    my $i = $_;
    threads->create(sub { for (1 .. 20) { lock $count; $count++ } sleep 0.01; return $i * $i })
} 1 .. 8;
my $sum = 0;
$sum += $_->join for @threads;
print "count $count, sum $sum\n";

# cond_wait and cond_signal, back and forth.
my $turn : shared = 0;
@threads = map {
    my $me = $_;
    threads->create(sub {
        for (1 .. 50) {
            lock $turn;
            cond_wait($turn) until $turn % 2 == $me;
            $turn++;
            cond_broadcast($turn);
        }
    })
} 0, 1;
$_->join for @threads;
print "turns $turn\n";

# A time limit.
{
    my $never : shared = 0;
    lock $never;
    print 'timed out ', (cond_timedwait($never, time + 1) ? 'no' : 'yes'), "\n";
}

# A queue between workers, with permits.
my $queue = Thread::Queue->new;
my $permits = Thread::Semaphore->new(2);
my @workers = map {
    threads->create(sub {
        my $sum = 0;
        while (defined(my $item = $queue->dequeue)) {
            $permits->down;
            $sum += $item;
            $permits->up;
        }
        return $sum;
    })
} 1 .. 4;
$queue->enqueue($_) for 1 .. 200;
$queue->end;
$sum = 0;
$sum += $_->join for @workers;
print "queue $sum\n";

# A server with a thread for each connection.
my $server = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "listen: $!";
my $port = $server->sockport;
my $accepting = threads->create(sub {
    for (1 .. 5) {
        my $socket = $server->accept or die "accept: $!";
        threads->create(sub { while (my $line = <$socket>) { print $socket uc $line } close $socket })->detach;
        close $socket;
    }
});
my @clients = map {
    my $i = $_;
    threads->create(sub {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp') or die "connect: $!";
        my $last;
        for (1 .. 10) { print $socket "client $i line $_\n"; $last = <$socket> }
        return $last;
    })
} 1 .. 5;
print $_->join for @clients;
$accepting->join;

# Children and pipes while another thread counts.
my $ticks : shared = 0;
my $ticking : shared = 1;
my $ticker = threads->create(sub { while ($ticking) { $ticks++; sleep 0.002 } });
my @children = map { my $i = $_; threads->create(sub { return scalar `sleep 0.05; echo child $i` }) } 1 .. 3;
print $_->join for @children;
print 'status ', system('sh', '-c', 'exit 5') >> 8, "\n";
my $pid = fork;
die "fork: $!" unless defined $pid;
if (!$pid) { sleep 0.02; require POSIX; POSIX::_exit(9) }
waitpid $pid, 0;
print 'child ', $? >> 8, "\n";
pipe my $reader, my $writer or die "pipe: $!";
my $late = threads->create(sub { sleep 0.03; syswrite $writer, "late\n" });
print 'selected ', scalar(IO::Select->new($reader)->can_read(5)), "\n";
sysread $reader, my $text, 100;
print "read $text";
$late->join;
$ticking = 0;
$ticker->join;
print 'the others ran: ', ($ticks > 5 ? 'yes' : 'no'), "\n";

# alarm interrupts a sleep.
my $rang = 0;
local $SIG{ALRM} = sub { $rang++ };
alarm 1;
select undef, undef, undef, 10;
print "alarm $rang\ndone\n";
