# Ruby: threads, mutexes, condition variables, queues, time limits, sockets, pipes and children in one process.
require 'io/wait'
require 'socket'
require 'timeout'

$stdout.sync = true

# A counter under a mutex, one value for each thread by join.
mutex = Mutex.new
count = 0
values = Array.new(20) { |i|
  Thread.new do
    50.times { mutex.synchronize { count += 1 } ; Thread.pass }
    sleep 0.01
    i * i
  end
}.map(&:value)
puts "count #{count}, values #{values.sum}"

# A bounded queue between producers and consumers.
queue = SizedQueue.new(3)
producers = Array.new(4) { |i| Thread.new { 25.times { |k| queue << i * 25 + k } } }
consumers = Array.new(3) { Thread.new { sum = 0; while (n = queue.pop) != :end; sum += n; end; sum } }
producers.each(&:join)
3.times { queue << :end }
puts "sum #{consumers.sum(&:value)}"

# A condition variable handed back and forth.
turn = 0
changed = ConditionVariable.new
players = Array.new(2) do |me|
  Thread.new do
    100.times do
      mutex.synchronize do
        changed.wait(mutex) until turn % 2 == me
        turn += 1
        changed.signal
      end
    end
  end
end
players.each(&:join)
puts "turns #{turn}"

# Time limits, exceptions that cross threads, and a thread that is killed in its sleep.
begin
  Timeout.timeout(0.05) { sleep }
rescue Timeout::Error
  puts 'timeout'
end
thread = Thread.new { Thread.current.report_on_exception = false; raise ArgumentError, 'from a thread' }
begin
  thread.join
rescue ArgumentError => e
  puts e.message
end
ensured = false
sleeper = Thread.new { begin sleep ensure ensured = true end }
Thread.pass until sleeper.stop?
sleeper.kill.join
puts "ensured #{ensured}"

# A server with a thread for each connection, and clients in threads.
server = TCPServer.new('127.0.0.1', 0)
accepting = Thread.new do
  loop do
    socket = server.accept
    Thread.new { while (line = socket.gets); socket.puts line.upcase; end; socket.close }
  end
end
answers = Array.new(12) { |i|
  Thread.new do
    TCPSocket.open('127.0.0.1', server.addr[1]) do |socket|
      10.times.map { |k| socket.puts "client #{i} line #{k}"; socket.gets }.last
    end
  end
}.map(&:value)
puts answers
accepting.kill

# Children, pipes and select, while another thread counts.
ticking = true
ticks = 0
ticker = Thread.new { while ticking; ticks += 1; sleep 0.002; end }
puts Array.new(4) { |i| Thread.new { IO.popen(['sh', '-c', "sleep 0.05; echo child #{i}"], &:read) } }.map(&:value)
pid = fork { exit!(7) }
Process.wait(pid)
puts "status #{$?.exitstatus}"
reader, writer = IO.pipe
late = Thread.new { sleep 0.03; writer.puts 'late'; writer.close }
puts "selected #{IO.select([reader], nil, nil, 5)[0].size}, read #{reader.read.inspect}"
late.join
puts `echo from backticks; exit 3`, $?.exitstatus
ticking = false
ticker.join
puts "the others ran: #{ticks > 5}"

# A handler runs in the main thread.
got = Queue.new
trap('USR1') { got << Thread.current == Thread.main }
Process.kill('USR1', Process.pid)
puts "signal #{!got.pop.nil?}"

# Threads that only compute: nobody may wait for ever.
done = false
spinner = Thread.new { nil until done }
sleep 0.02
done = true
spinner.join
puts 'done'
