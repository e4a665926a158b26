/* Threads that allocate as fast as they can, with some of it living on, beside threads that sleep, wait and spin: the
 * collector has to bring all to a safepoint again and again. Soft and weak references, finalisation by Cleaner. */
import java.lang.ref.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;

public class Garbage {
	public static void main(String[] args) throws Exception {
		int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 300;
		AtomicBoolean stop = new AtomicBoolean();
		AtomicLong spun = new AtomicLong();
		List<Thread> busy = new ArrayList<>(), idle = new ArrayList<>();
		for (int i = 0; i < 100; i++)
			idle.add(new Thread(() -> { try { while (!stop.get()) Thread.sleep(3); } catch (InterruptedException e) { } }));
		idle.add(new Thread(() -> { long n = 0; while (!stop.get()) n++; spun.set(n); }));
		ConcurrentHashMap<Integer, int[]> kept = new ConcurrentHashMap<>();
		long[] sums = new long[8];
		for (int i = 0; i < 8; i++) {
			int n = i;
			busy.add(new Thread(() -> {
				Random r = new Random(n);
				for (int k = 0; k < rounds; k++) {
					List<int[]> young = new ArrayList<>();
					for (int j = 0; j < 200; j++) {
						int[] a = new int[r.nextInt(1000)];
						Arrays.fill(a, j);
						young.add(a);
					}
					for (int[] a : young)
						for (int v : a)
							sums[n] += v;
					kept.put(n * 1000 + k % 100, young.get(k % 200));
				}
			}));
		}
		for (Thread t : idle)
			t.start();
		for (Thread t : busy)
			t.start();
		for (Thread t : busy)
			t.join();
		Object big = new byte[1 << 20];
		WeakReference<Object> weak = new WeakReference<>(big);
		CountDownLatch cleaned = new CountDownLatch(1);
		Cleaner.create().register(big, cleaned::countDown);
		big = null;
		for (int i = 0; i < 100 && weak.get() != null; i++)
			System.gc();
		boolean c = cleaned.await(20, TimeUnit.SECONDS);
		stop.set(true);
		for (Thread t : idle)
			t.join();
		long sum = 0;
		for (long s : sums)
			sum += s;
		System.out.println("sum " + sum + ", kept " + kept.size() + ", weak reference gone " + (weak.get() == null) + ", cleaned " + c + ", spun " + (spun.get() > 0));
	}
}
