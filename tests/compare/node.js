// worker_threads, Atomics.wait, fs, dns, child_process, cluster, http, net, crypto and zlib on the thread pool, timers,
// streams, signals, a unix socket, stdin: what libuv and V8 do with threads. Prints the same on every run.
'use strict';
const assert = require('assert');
const { Worker, isMainThread, parentPort, workerData, MessageChannel } = require('worker_threads');
const fs = require('fs');
const os = require('os');
const path = require('path');
const net = require('net');
const http = require('http');
const dgram = require('dgram');
const dns = require('dns');
const zlib = require('zlib');
const crypto = require('crypto');
const cp = require('child_process');
const { once } = require('events');

if (!isMainThread) {
	const view = new Int32Array(workerData.shared);
	if (workerData.what === 'count') {
		for (let i = 0; i < 10000; i++)
			Atomics.add(view, 0, 1);
		parentPort.postMessage({ n: workerData.n });
	} else if (workerData.what === 'wait') {
		parentPort.postMessage(Atomics.wait(view, 1, 0, 20000));
	} else if (workerData.what === 'spin') {
		for (;;)
			Atomics.add(view, 2, 1);
	} else {
		parentPort.on('message', (m) => parentPort.postMessage(m * 2));
	}
} else if (process.argv[2] === 'child') {
	process.on('message', (m) => process.send({ got: m }, () => process.disconnect()));
} else {
	main().then(() => console.log('end'), (e) => { console.log(e); process.exitCode = 1; });
}

function worker(what, shared, n = 0) {
	return new Worker(__filename, { workerData: { what, shared, n } });
}

async function workers() {
	const shared = new SharedArrayBuffer(64), view = new Int32Array(shared);
	const all = [];
	for (let n = 0; n < 8; n++)
		all.push(worker('count', shared, n));
	const got = await Promise.all(all.map((w) => once(w, 'message')));
	await Promise.all(all.map((w) => w.threadId < 0 ? null : once(w, 'exit')));
	console.log('workers', got.map((m) => m[0].n).join(), view[0]);
	const waiting = [1, 2, 3].map(() => worker('wait', shared));
	let woken = 0;
	const answers = Promise.all(waiting.map((w) => once(w, 'message')));
	while (woken < 3) {
		woken += Atomics.notify(view, 1);
		await new Promise((f) => setTimeout(f, 5));
	}
	console.log('Atomics.wait', (await answers).join());
	const spinner = worker('spin', shared);
	while (Atomics.load(view, 2) < 1000)
		await new Promise((f) => setTimeout(f, 5));
	console.log('terminated a spinner', await spinner.terminate());
	const echo = worker('double', shared);
	let sum = 0;
	for (let i = 0; i < 500; i++) {
		echo.postMessage(i);
		sum += (await once(echo, 'message'))[0];
	}
	console.log('messages', sum);
	await echo.terminate();
}

async function files(dir) {
	const big = Buffer.alloc(1 << 20, 'x'), names = [];
	for (let i = 0; i < 100; i++)
		names.push(path.join(dir, 'f' + i));
	await Promise.all(names.map((f) => fs.promises.writeFile(f, big)));
	const back = await Promise.all(names.map((f) => fs.promises.readFile(f)));
	console.log('files', back.filter((b) => b.equals(big)).length, (await fs.promises.readdir(dir)).length);
	const seen = new Promise((f) => { const w = fs.watch(dir, () => { w.close(); f('changed'); }); });
	fs.writeFileSync(path.join(dir, 'new'), 'x');
	console.log('watch', await seen);
	await new Promise((f, bad) => fs.createReadStream(names[0]).pipe(zlib.createGzip()).pipe(fs.createWriteStream(names[1])).on('finish', f).on('error', bad));
	console.log('stream', zlib.gunzipSync(fs.readFileSync(names[1])).equals(big));
	await Promise.all(names.map((f) => fs.promises.unlink(f)));
}

async function pool() {
	const keys = await Promise.all([...Array(16).keys()].map((i) => new Promise((f) => crypto.pbkdf2('pw' + i, 'salt', 2000, 16, 'sha256', (e, k) => f(k.toString('hex'))))));
	console.log('pbkdf2', crypto.createHash('md5').update(keys.join()).digest('hex'));
	const packed = await Promise.all([...Array(16).keys()].map((i) => new Promise((f) => zlib.deflate(Buffer.alloc(100000, i), (e, b) => f(b.length)))));
	console.log('deflate', packed.join());
	const names = await Promise.all([...Array(10)].map(() => dns.promises.lookup('localhost', { family: 4 })));
	console.log('lookup', names.map((n) => n.address).filter((a) => a === '127.0.0.1').length);
	console.log('lookup fails', await dns.promises.lookup('no.such.name.invalid').catch((e) => e.syscall));
}

async function children() {
	const runs = await Promise.all([...Array(20).keys()].map((i) => new Promise((f) => cp.execFile('sh', ['-c', `echo ${i}; exit ${i}`], (e, out) => f(out.trim() + ':' + (e ? e.code : 0))))));
	console.log('children', runs.join());
	const cat = cp.spawn('cat');
	let n = 0;
	cat.stdout.on('data', (b) => { n += b.length; });
	cat.stdin.end(Buffer.alloc(3000000));
	console.log('cat', (await once(cat, 'close'))[0], n);
	console.log('spawnSync', cp.spawnSync('sh', ['-c', 'cat; exit 3'], { input: 'abc' }).status, cp.execSync('echo x').toString().trim());
	const c = cp.fork(__filename, ['child']);
	c.send({ hello: 1 });
	console.log('fork', JSON.stringify((await once(c, 'message'))[0]), (await once(c, 'exit'))[0]);
	const sleeper = cp.spawn('sleep', ['60']);
	sleeper.kill('SIGKILL');
	console.log('killed', (await once(sleeper, 'exit'))[1]);
	console.log('missing', (await once(cp.spawn('/no/such/program').on('error', () => {}), 'error').catch((e) => [e]))[0].code);
	const got = once(process, 'SIGUSR2');
	process.kill(process.pid, 'SIGUSR2');
	console.log('signal', (await got)[0]);
}

function get(options) {
	return new Promise((f, bad) => http.get(options, (r) => {
		let body = '';
		r.on('data', (d) => { body += d; });
		r.on('end', () => f(body));
	}).on('error', bad));
}

async function network(dir) {
	const server = http.createServer((q, r) => setTimeout(() => r.end('you asked for ' + q.url), 5)).listen(0, '127.0.0.1');
	await once(server, 'listening');
	const port = server.address().port;
	const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });
	const bodies = await Promise.all([...Array(500).keys()].map((i) => get({ host: '127.0.0.1', port, agent, path: '/' + i })));
	console.log('http', bodies.filter((b, i) => b === 'you asked for /' + i).length);
	agent.destroy();
	server.close();
	const where = path.join(dir, 's');
	const echo = net.createServer((c) => c.pipe(c)).listen(where);
	await once(echo, 'listening');
	const sums = await Promise.all([...Array(50)].map(() => new Promise((f) => {
		let n = 0;
		const c = net.connect(where).on('data', (b) => { n += b.length; }).on('close', () => f(n));
		c.end(Buffer.alloc(100000));
	})));
	console.log('unix echo', sums.reduce((a, b) => a + b));
	echo.close();
	console.log('refused', (await once(net.connect(1, '127.0.0.1').on('error', () => {}), 'error').catch((e) => [e]))[0].code);
	const a = dgram.createSocket('udp4'), b = dgram.createSocket('udp4');
	a.bind(0, '127.0.0.1');
	b.bind(0, '127.0.0.1');
	await Promise.all([once(a, 'listening'), once(b, 'listening')]);
	b.on('message', (m, from) => b.send(m + '!', from.port, from.address));
	for (let i = 0; i < 50; i++) {
		a.send('d' + i, b.address().port, '127.0.0.1');
		assert.strictEqual((await once(a, 'message'))[0].toString(), 'd' + i + '!');
	}
	console.log('datagrams 50');
	a.close();
	b.close();
}

async function main() {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'node-'));
	await workers();
	await files(dir);
	await pool();
	await children();
	await network(dir);
	const order = [];
	setTimeout(() => order.push('timeout'), 1);
	setImmediate(() => order.push('immediate'));
	process.nextTick(() => order.push('tick'));
	await new Promise((f) => setTimeout(f, 30));
	console.log('timers', order[0], order.length);
	const m = new MessageChannel();
	m.port1.postMessage('through a channel');
	console.log((await once(m.port2, 'message'))[0]);
	m.port1.close();
	fs.rmSync(dir, { recursive: true });
}
