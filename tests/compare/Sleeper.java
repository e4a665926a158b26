/* Ten threads that sleep until they are ended from outside. */
public class Sleeper {
	public static void main(String[] args) throws Exception {
		for (int i = 0; i < 10; i++)
			new Thread(() -> { try { Thread.sleep(60000); } catch (InterruptedException e) { } }, "sleeper-" + i).start();
		System.out.println("ready");
	}
}
