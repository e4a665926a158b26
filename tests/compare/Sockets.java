/* A server with a thread for each connection and 200 client threads; then the same over NIO with a selector, over
 * asynchronous channels and over a unix socket; time limits, closing a socket under a blocked reader, datagrams, names,
 * an HTTP server and HttpClient, a child process. */
import java.io.*;
import java.net.*;
import java.net.http.*;
import java.nio.ByteBuffer;
import java.nio.channels.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;

public class Sockets {
	static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();

	static void serve(Socket s) {
		try (s; BufferedReader in = new BufferedReader(new InputStreamReader(s.getInputStream())); PrintWriter out = new PrintWriter(s.getOutputStream(), true)) {
			for (String line; (line = in.readLine()) != null;)
				out.println(new StringBuilder(line).reverse());
		} catch (IOException e) {
			System.out.println("server: " + e);
		}
	}

	static int ask(SocketAddress where, int rounds) throws Exception {
		int right = 0;
		try (SocketChannel c = SocketChannel.open(where)) {
			BufferedReader in = new BufferedReader(Channels.newReader(c, StandardCharsets.UTF_8));
			for (int i = 0; i < rounds; i++) {
				String line = "hello " + i;
				c.write(ByteBuffer.wrap((line + "\n").getBytes()));
				if (in.readLine().equals(new StringBuilder(line).reverse().toString()))
					right++;
			}
		}
		return right;
	}

	static int clients(SocketAddress where, int n, int rounds) throws Exception {
		ExecutorService pool = Executors.newFixedThreadPool(n);
		List<Future<Integer>> all = new ArrayList<>();
		for (int i = 0; i < n; i++)
			all.add(pool.submit(() -> ask(where, rounds)));
		int right = 0;
		for (Future<Integer> f : all)
			right += f.get();
		pool.shutdown();
		return right;
	}

	static void threads() throws Exception {
		ServerSocket server = new ServerSocket(0, 500, LOOPBACK);
		Thread acceptor = new Thread(() -> {
			try {
				for (;;) {
					Socket s = server.accept();
					new Thread(() -> serve(s)).start();
				}
			} catch (IOException e) {
				System.out.println("acceptor: " + e.getMessage());
			}
		});
		acceptor.start();
		System.out.println("thread each: " + clients(server.getLocalSocketAddress(), 200, 50));
		server.close(); // wakes the acceptor
		acceptor.join();
	}

	static void selector() throws Exception {
		Selector sel = Selector.open();
		ServerSocketChannel server = ServerSocketChannel.open().bind(new InetSocketAddress(LOOPBACK, 0), 500);
		server.configureBlocking(false);
		server.register(sel, SelectionKey.OP_ACCEPT);
		AtomicBoolean stop = new AtomicBoolean();
		Thread loop = new Thread(() -> {
			try {
				while (!stop.get()) {
					sel.select();
					for (Iterator<SelectionKey> it = sel.selectedKeys().iterator(); it.hasNext(); it.remove())
						step(sel, it.next());
				}
			} catch (ClosedSelectorException | IOException e) {
				System.out.println("selector: " + e);
			} finally {
				it_closes(sel, server);
			}
		});
		SelectionKey dummy = null;
		loop.start();
		System.out.println("selector: " + clients(server.getLocalAddress(), 100, 50));
		stop.set(true);
		sel.wakeup();
		loop.join();
	}

	static void it_closes(Selector sel, Channel c) {
		try {
			c.close();
			sel.close();
		} catch (IOException e) {
			System.out.println(e);
		}
	}

	static void step(Selector sel, SelectionKey key) throws IOException {
		if (key.isAcceptable()) {
			SocketChannel c = ((ServerSocketChannel)key.channel()).accept();
			c.configureBlocking(false);
			c.register(sel, SelectionKey.OP_READ);
			return;
		}
		SocketChannel c = (SocketChannel)key.channel();
		ByteBuffer b = ByteBuffer.allocate(512);
		int n = c.read(b);
		if (n < 0) {
			c.close();
			return;
		}
		String line = new String(b.array(), 0, n).strip();
		c.write(ByteBuffer.wrap((new StringBuilder(line).reverse() + "\n").getBytes()));
	}

	static void asynchronous() throws Exception {
		AsynchronousServerSocketChannel server = AsynchronousServerSocketChannel.open().bind(new InetSocketAddress(LOOPBACK, 0), 500);
		server.accept(null, new CompletionHandler<AsynchronousSocketChannel, Void>() {
			public void completed(AsynchronousSocketChannel c, Void v) {
				server.accept(null, this);
				serve_async(c);
			}
			public void failed(Throwable e, Void v) { }
		});
		System.out.println("asynchronous: " + clients(server.getLocalAddress(), 50, 50));
		server.close();
	}

	static void serve_async(AsynchronousSocketChannel c) {
		ByteBuffer b = ByteBuffer.allocate(512);
		c.read(b, null, new CompletionHandler<Integer, Void>() {
			public void completed(Integer n, Void v) {
				if (n < 0) {
					try { c.close(); } catch (IOException e) { }
					return;
				}
				String line = new String(b.array(), 0, n).strip();
				c.write(ByteBuffer.wrap((new StringBuilder(line).reverse() + "\n").getBytes()), null, new CompletionHandler<Integer, Void>() {
					public void completed(Integer n, Void v) { serve_async(c); }
					public void failed(Throwable e, Void v) { }
				});
			}
			public void failed(Throwable e, Void v) { }
		});
	}

	static void unix(Path dir) throws Exception {
		SocketAddress at = UnixDomainSocketAddress.of(dir.resolve("socket"));
		try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(at, 100)) {
			Thread t = new Thread(() -> {
				try {
					for (;;) {
						SocketChannel c = server.accept();
						new Thread(() -> {
							try (c) {
								ByteBuffer b = ByteBuffer.allocate(512);
								for (int n; (n = c.read(b)) > 0; b.clear())
									c.write(ByteBuffer.wrap((new StringBuilder(new String(b.array(), 0, n).strip()).reverse() + "\n").getBytes()));
							} catch (IOException e) {
								System.out.println("unix: " + e);
							}
						}).start();
					}
				} catch (AsynchronousCloseException e) {
					System.out.println("unix: closed under accept");
				} catch (IOException e) {
					System.out.println("unix: " + e);
				}
			});
			t.start();
			System.out.println("unix: " + clients(at, 50, 20));
			server.close();
			t.join();
		}
	}

	static void edges() throws Exception {
		ServerSocket server = new ServerSocket(0, 50, LOOPBACK);
		Socket c = new Socket(LOOPBACK, server.getLocalPort()), s = server.accept();
		c.setSoTimeout(30);
		try {
			c.getInputStream().read();
		} catch (SocketTimeoutException e) {
			System.out.println("read: " + e.getMessage());
		}
		server.setSoTimeout(30);
		try {
			server.accept();
		} catch (SocketTimeoutException e) {
			System.out.println("accept: " + e.getMessage());
		}
		c.setSoTimeout(0);
		Thread reader = new Thread(() -> {
			try {
				System.out.println("read " + c.getInputStream().read());
			} catch (IOException e) {
				System.out.println("blocked reader: " + e.getMessage());
			}
		});
		reader.start();
		reader.join(50);
		c.close();
		reader.join();
		Thread end = new Thread(() -> {
			try {
				System.out.println("peer reads " + s.getInputStream().read());
			} catch (IOException e) {
				System.out.println("peer: " + e.getMessage());
			}
		});
		end.start();
		end.join();
		server.close();
		try {
			new Socket(LOOPBACK, server.getLocalPort());
		} catch (ConnectException e) {
			System.out.println("connect: " + e.getMessage());
		}
		SocketChannel blocked = SocketChannel.open();
		ServerSocketChannel again = ServerSocketChannel.open().bind(new InetSocketAddress(LOOPBACK, 0));
		blocked.connect(again.getLocalAddress());
		Thread t = new Thread(() -> {
			try {
				blocked.read(ByteBuffer.allocate(1));
			} catch (ClosedByInterruptException e) {
				System.out.println("interrupted reader: closed " + !blocked.isOpen());
			} catch (IOException e) {
				System.out.println(e);
			}
		});
		t.start();
		t.join(50);
		t.interrupt();
		t.join();
		again.close();
		DatagramSocket a = new DatagramSocket(0, LOOPBACK), b = new DatagramSocket(0, LOOPBACK);
		int[] got = { 0 };
		Thread r = new Thread(() -> {
			try {
				DatagramPacket p = new DatagramPacket(new byte[100], 100);
				for (int i = 0; i < 100; i++) {
					b.receive(p);
					got[0] += p.getLength();
					b.send(new DatagramPacket(new byte[1], 1, p.getSocketAddress()));
				}
			} catch (IOException e) {
				System.out.println(e);
			}
		});
		r.start();
		for (int i = 0; i < 100; i++) {
			a.send(new DatagramPacket(new byte[i], i, b.getLocalSocketAddress()));
			a.receive(new DatagramPacket(new byte[1], 1));
		}
		r.join();
		System.out.println("datagrams: " + got[0]);
		System.out.println("name: " + InetAddress.getByName("localhost").isLoopbackAddress());
	}

	static void pipes(Path dir) throws Exception {
		Pipe p = Pipe.open();
		Thread w = new Thread(() -> {
			try (var sink = p.sink()) {
				for (int i = 0; i < 200; i++)
					sink.write(ByteBuffer.allocate(10000));
			} catch (IOException e) {
				System.out.println(e);
			}
		});
		w.start();
		long sum = 0;
		for (int n; (n = p.source().read(ByteBuffer.allocate(3000))) > 0;)
			sum += n;
		System.out.println("pipe: " + sum);
		Path file = dir.resolve("file");
		Files.write(file, new byte[1 << 20]);
		try (FileChannel f = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
			FileLock lock = f.lock();
			f.map(FileChannel.MapMode.READ_WRITE, 0, 1 << 20).put(5, (byte)7);
			f.force(true);
			lock.release();
		}
		System.out.println("file: " + Files.readAllBytes(file)[5] + " " + Files.size(file));
		AsynchronousFileChannel f = AsynchronousFileChannel.open(file, StandardOpenOption.READ);
		System.out.println("asynchronous file: " + f.read(ByteBuffer.allocate(1 << 20), 0).get());
		List<Future<String>> all = new ArrayList<>();
		ExecutorService pool = Executors.newFixedThreadPool(5);
		for (int i = 0; i < 10; i++) {
			int n = i;
			all.add(pool.submit(() -> {
				Process c = new ProcessBuilder("sh", "-c", "read line; echo got $line; exit " + n).redirectErrorStream(true).start();
				try (Writer out = c.outputWriter()) { out.write("number " + n + "\n"); }
				return new String(c.getInputStream().readAllBytes()).strip() + " status " + c.waitFor();
			}));
		}
		for (Future<String> x : all)
			System.out.println("child: " + x.get());
		pool.shutdown();
		Process c = new ProcessBuilder("sleep", "60").start();
		System.out.println("child ends in time: " + c.waitFor(50, TimeUnit.MILLISECONDS));
		c.destroy();
		System.out.println("destroyed: " + c.waitFor());
	}

	static void http() throws Exception {
		var server = com.sun.net.httpserver.HttpServer.create(new InetSocketAddress(LOOPBACK, 0), 100);
		server.setExecutor(Executors.newFixedThreadPool(20));
		server.createContext("/", x -> {
			byte[] body = ("you asked for " + x.getRequestURI()).getBytes();
			x.sendResponseHeaders(200, body.length);
			x.getResponseBody().write(body);
			x.close();
		});
		server.start();
		HttpClient client = HttpClient.newHttpClient();
		List<CompletableFuture<String>> all = new ArrayList<>();
		for (int i = 0; i < 200; i++)
			all.add(client.sendAsync(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/" + i)).build(), HttpResponse.BodyHandlers.ofString()).thenApply(HttpResponse::body));
		int right = 0;
		for (int i = 0; i < 200; i++)
			if (all.get(i).get().equals("you asked for /" + i))
				right++;
		System.out.println("http: " + right);
		server.stop(0);
		((ExecutorService)server.getExecutor()).shutdown();
	}

	public static void main(String[] args) throws Exception {
		Path dir = Files.createTempDirectory("sockets");
		threads();
		selector();
		asynchronous();
		unix(dir);
		edges();
		pipes(dir);
		http();
		for (File f : dir.toFile().listFiles())
			f.delete();
		dir.toFile().delete();
		System.exit(0);
	}
}
