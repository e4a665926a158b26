/* synchronized, wait, notify, notifyAll, ReentrantLock, Condition, ReadWriteLock, Semaphore, CyclicBarrier, Exchanger,
 * blocking queues, volatile: with contention, and results that do not depend on the order. */
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.locks.*;

public class Monitors {
	static int count;

	interface Body { void run(int n) throws Exception; }

	static void together(int threads, Body body) throws Exception {
		List<Thread> all = new ArrayList<>();
		Queue<Throwable> failed = new ConcurrentLinkedQueue<>();
		for (int i = 0; i < threads; i++) {
			int n = i;
			Thread t = new Thread(() -> { try { body.run(n); } catch (Throwable e) { failed.add(e); } });
			all.add(t);
			t.start();
		}
		for (Thread t : all)
			t.join();
		if (!failed.isEmpty())
			throw new Exception(failed.peek());
	}

	public static void main(String[] args) throws Exception {
		Object lock = new Object();
		together(50, n -> { for (int i = 0; i < 20000; i++) synchronized (lock) { count++; } });
		System.out.println("synchronized: " + count);

		// A ring of 20 threads passes a token by wait and notifyAll.
		int[] turn = { 0 };
		together(20, n -> {
			for (int round = 0; round < 200; round++)
				synchronized (lock) {
					while (turn[0] % 20 != n)
						lock.wait();
					turn[0]++;
					lock.notifyAll();
				}
		});
		System.out.println("token passed " + turn[0] + " times");

		// One slot, producers and consumers, notify of the right one by two monitors' worth of conditions.
		ReentrantLock l = new ReentrantLock(true);
		Condition full = l.newCondition(), empty = l.newCondition();
		Integer[] slot = { null };
		long[] sum = { 0 };
		together(20, n -> {
			for (int i = 0; i < 500; i++) {
				l.lock();
				try {
					if (n < 10) {
						while (slot[0] != null)
							empty.await();
						slot[0] = i;
						full.signal();
					} else {
						while (slot[0] == null)
							full.await();
						sum[0] += slot[0];
						slot[0] = null;
						empty.signal();
					}
				} finally {
					l.unlock();
				}
			}
		});
		System.out.println("conditions: " + sum[0]);

		ReadWriteLock rw = new ReentrantReadWriteLock();
		int[] pair = { 0, 0 };
		together(20, n -> {
			for (int i = 0; i < 2000; i++)
				if (n < 4) {
					rw.writeLock().lock();
					pair[0]++;
					pair[1]++;
					rw.writeLock().unlock();
				} else {
					rw.readLock().lock();
					if (pair[0] != pair[1])
						throw new Exception("torn");
					rw.readLock().unlock();
				}
		});
		System.out.println("read-write lock: " + pair[0]);

		Semaphore s = new Semaphore(3);
		int[] inside = { 0, 0 };
		together(30, n -> {
			for (int i = 0; i < 100; i++) {
				s.acquire();
				synchronized (inside) { inside[0]++; inside[1] = Math.max(inside[1], inside[0]); }
				Thread.yield();
				synchronized (inside) { inside[0]--; }
				s.release();
			}
		});
		System.out.println("semaphore: at most three " + (inside[1] <= 3));

		int[] phases = { 0 };
		CyclicBarrier b = new CyclicBarrier(25, () -> phases[0]++);
		together(25, n -> { for (int i = 0; i < 100; i++) b.await(); });
		System.out.println("barrier: " + phases[0]);

		Exchanger<Integer> x = new Exchanger<>();
		int[] got = new int[2];
		together(2, n -> { for (int i = 0; i < 1000; i++) got[n] += x.exchange(n); });
		System.out.println("exchanger: " + got[0] + " " + got[1]);

		SynchronousQueue<Integer> q = new SynchronousQueue<>();
		long[] taken = new long[10];
		together(20, n -> { for (int i = 0; i < 500; i++) if (n < 10) q.put(i); else taken[n - 10] += q.take(); });
		System.out.println("synchronous queue: " + Arrays.stream(taken).sum());

		long began = System.nanoTime();
		synchronized (lock) { lock.wait(50); }
		boolean long_enough = System.nanoTime() - began >= 50_000_000L;
		System.out.println("wait with a limit: " + long_enough + ", tryLock " + l.tryLock(10, TimeUnit.MILLISECONDS) + ", poll " + q.poll(10, TimeUnit.MILLISECONDS));
		Spin.run();
	}

	static class Spin { // threads that spin on a volatile until another one, started later, writes it
		static volatile int go;
		static void run() throws Exception {
			together(4, n -> { if (n < 3) while (go == 0) { } else go = 1; });
			System.out.println("spin: " + go);
		}
	}
}
