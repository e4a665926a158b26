/* 1,000 threads: each sleeps, counts, hands its result on; interrupt, join with a time limit, an exception that nobody
 * catches, daemon threads, thread-local variables, an executor and parallel streams. Prints the same on every run. */
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.LongStream;

public class Threads {
	static final ThreadLocal<Integer> own = ThreadLocal.withInitial(() -> -1);

	static void many() throws Exception {
		AtomicLong sum = new AtomicLong();
		CountDownLatch all = new CountDownLatch(1000);
		AtomicInteger wrong = new AtomicInteger();
		List<Thread> threads = new ArrayList<>();
		for (int i = 0; i < 1000; i++) {
			int n = i;
			Thread t = new Thread(() -> {
				own.set(n);
				all.countDown();
				try {
					all.await(); // all 1,000 live at a time
					Thread.sleep(n % 10);
				} catch (InterruptedException e) {
					wrong.incrementAndGet();
				}
				if (own.get() != n)
					wrong.incrementAndGet();
				sum.addAndGet(n);
			}, "worker-" + i);
			threads.add(t);
			t.start();
		}
		for (Thread t : threads)
			t.join();
		System.out.println("1000 threads: sum " + sum.get() + ", wrong " + wrong.get());
	}

	static void interrupts() throws Exception {
		AtomicInteger interrupted = new AtomicInteger();
		Object lock = new Object();
		Thread[] t = {
			new Thread(() -> { try { Thread.sleep(60000); } catch (InterruptedException e) { interrupted.incrementAndGet(); } }),
			new Thread(() -> { synchronized (lock) { try { lock.wait(); } catch (InterruptedException e) { interrupted.incrementAndGet(); } } }),
			new Thread(() -> { java.util.concurrent.locks.LockSupport.park(); if (Thread.interrupted()) interrupted.incrementAndGet(); }),
			new Thread(() -> { while (!Thread.interrupted()) Thread.onSpinWait(); interrupted.incrementAndGet(); }),
		};
		for (Thread x : t)
			x.start();
		for (Thread x : t) {
			x.join(20);
			x.interrupt();
			x.join();
		}
		System.out.println("interrupted " + interrupted.get());
	}

	static void uncaught() throws Exception {
		Thread t = new Thread(() -> { throw new IllegalStateException("on purpose"); });
		BlockingQueue<String> said = new LinkedBlockingQueue<>();
		t.setUncaughtExceptionHandler((x, e) -> said.add(e.toString()));
		t.start();
		System.out.println("uncaught: " + said.take());
	}

	static int deep(int n) { return n == 0 ? 0 : 1 + deep(n - 1); }

	static void overflow() throws Exception {
		AtomicInteger caught = new AtomicInteger();
		Thread[] t = new Thread[20];
		for (int i = 0; i < t.length; i++) {
			t[i] = new Thread(null, () -> {
				try {
					deep(100_000_000);
				} catch (StackOverflowError e) {
					caught.incrementAndGet();
				}
			}, "deep", 256 << 10);
			t[i].start();
		}
		for (Thread x : t)
			x.join();
		try {
			deep(100_000_000);
		} catch (StackOverflowError e) {
			caught.incrementAndGet();
		}
		System.out.println("stack overflows caught: " + caught.get());
	}

	static void nulls() throws Exception {
		AtomicInteger caught = new AtomicInteger();
		Thread[] t = new Thread[8];
		for (int i = 0; i < t.length; i++) {
			t[i] = new Thread(() -> {
				int[] none = null, some = new int[1];
				for (int k = 0; k < 100_000; k++)
					try {
						some[0] += (k % 100 == 0 ? none : some)[0] + 1;
					} catch (NullPointerException e) {
						caught.incrementAndGet();
					}
			});
			t[i].start();
		}
		for (Thread x : t)
			x.join();
		System.out.println("null pointers caught: " + caught.get());
	}

	static void pools() throws Exception {
		ExecutorService pool = Executors.newFixedThreadPool(50);
		List<Future<Integer>> results = new ArrayList<>();
		for (int i = 0; i < 2000; i++) {
			int n = i;
			results.add(pool.submit(() -> { if (n % 100 == 0) Thread.sleep(5); return n; }));
		}
		long sum = 0;
		for (Future<Integer> f : results)
			sum += f.get();
		pool.shutdown();
		System.out.println("pool: " + sum + " " + pool.awaitTermination(30, TimeUnit.SECONDS));
		System.out.println("stream: " + LongStream.range(0, 2_000_000).parallel().map(x -> x * x % 7).sum());
		System.out.println("fork and join: " + new ForkJoinPool(8).invoke(new Fib(22)));
		ScheduledExecutorService clock = Executors.newScheduledThreadPool(3);
		CountDownLatch ticks = new CountDownLatch(20);
		clock.scheduleAtFixedRate(ticks::countDown, 1, 3, TimeUnit.MILLISECONDS);
		System.out.println("ticks: " + ticks.await(20, TimeUnit.SECONDS));
		clock.shutdownNow();
		System.out.println("future: " + CompletableFuture.supplyAsync(() -> 20).thenApplyAsync(x -> x + 1).thenCombineAsync(CompletableFuture.supplyAsync(() -> 2), (x, y) -> x * y).get());
	}

	static class Fib extends RecursiveTask<Integer> {
		final int n;
		Fib(int n) { this.n = n; }
		protected Integer compute() {
			if (n < 2)
				return n;
			Fib a = new Fib(n - 1);
			a.fork();
			return new Fib(n - 2).compute() + a.join();
		}
	}

	public static void main(String[] args) throws Exception {
		many();
		interrupts();
		uncaught();
		overflow();
		nulls();
		pools();
		Thread d = new Thread(() -> { while (true) try { Thread.sleep(1000); } catch (InterruptedException e) { } });
		d.setDaemon(true);
		d.start();
		Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("shutdown hook")));
		System.out.println("end of main");
		if (args.length > 0)
			System.exit(Integer.parseInt(args[0]));
	}
}
