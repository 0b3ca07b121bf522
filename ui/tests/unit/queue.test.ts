import { describe, expect, it, vi } from 'vitest';
import type { Feed } from '../../src/backend/bindings';
import { Queue } from '../../src/state/queue.svelte';
import { feed, row } from './rows';

function connected(listener = {}, now?: () => number) {
	let send: (message: Feed) => void = () => undefined;
	const subscribe = vi.fn((onFeed: (message: Feed) => void) => {
		send = onFeed;
		return () => undefined;
	});
	const queue = new Queue({ subscribe }, listener, now);
	queue.connect();
	return { queue, subscribe, send: (message: Feed) => send(message) };
}

const ids = (queue: Queue): string[] => queue.rows.map(({ id }) => id);

describe('the queue', () => {
	it('takes rows that come in several messages, in the order of their rank', () => {
		const { queue, send } = connected();
		send(feed(1, { reset: true, rows: [row('b', { rank: 2 }), row('a', { rank: 1 })] }));
		send(feed(2, { rows: [row('d', { rank: 4 }), row('c', { rank: 3 })] }));
		expect(ids(queue)).toEqual(['a', 'b', 'c', 'd']);
	});

	it('forgets every row at a reset', () => {
		const { queue, send } = connected();
		send(feed(1, { reset: true, rows: [row('a')] }));
		send(feed(2, { reset: true, rows: [row('b')] }));
		expect(ids(queue)).toEqual(['b']);
	});

	it('replaces changed rows in place, moves re-ranked ones, drops removed ones', () => {
		const { queue, send } = connected();
		send(feed(1, { reset: true, rows: [row('a', { rank: 1 }), row('b', { rank: 2 }), row('c', { rank: 3 })] }));
		send(feed(2, { rows: [row('b', { rank: 2, name: 'new' })] }));
		expect(queue.rows[1]?.name).toBe('new');
		send(feed(3, { rows: [row('c', { rank: 0 })], removed: ['a'] }));
		expect(ids(queue)).toEqual(['c', 'b']);
	});

	it('asks for everything again when a message is missing', () => {
		const { queue, subscribe, send } = connected();
		send(feed(1, { reset: true, rows: [row('a')] }));
		send(feed(3, { removed: ['a'] }));
		expect(subscribe).toHaveBeenCalledTimes(2);
		expect(ids(queue)).toEqual(['a']);
		send(feed(1, { reset: true, rows: [row('b')] }));
		expect(ids(queue)).toEqual(['b']);
	});

	it('leaves the rows alone when only bytes move', () => {
		const { queue, send } = connected();
		send(feed(1, { reset: true, rows: [row('a', { active: true })] }));
		const before = queue.rows;
		send(feed(2, { progress: [{ id: 'a', acknowledged: 100, sent: 300, rate: 50 }] }));
		expect(queue.rows).toBe(before);
		expect(queue.moving.get('a')).toMatchObject({ acknowledged: 100, sent: 300, rate: 50 });
	});

	it('believes a row that comes after its bytes', () => {
		const { queue, send } = connected();
		send(feed(1, { reset: true, rows: [row('a', { active: true })] }));
		send(feed(2, { progress: [{ id: 'a', acknowledged: 100, sent: 300, rate: 50 }] }));
		send(feed(3, { rows: [row('a', { hold: 'paused', acknowledged: 100, sent: 100 })] }));
		expect(queue.moving.has('a')).toBe(false);
	});

	it('names no time left in the first five seconds', () => {
		let now = 0;
		const { queue, send } = connected({}, () => now);
		const step = (rev: number): number | null | undefined => {
			send(feed(rev, { progress: [{ id: 'a', acknowledged: 0, sent: 200, rate: 80 }] }));
			return queue.moving.get('a')?.left;
		};
		send(feed(1, { reset: true, rows: [row('a', { active: true })] }));
		expect(step(2)).toBeNull();
		now = 4_900;
		expect(step(3)).toBeNull();
		now = 5_100;
		expect(step(4)).toBeGreaterThan(4);
	});

	it('tells changes, but not the first telling', () => {
		const changed = vi.fn();
		const { send } = connected({ changed });
		send(feed(1, { reset: true, rows: [row('a')] }));
		expect(changed).not.toHaveBeenCalled();
		send(feed(2, { rows: [row('a', { active: true })] }));
		expect(changed.mock.calls[0]?.[0]).toMatchObject([{ before: { active: false }, after: { active: true } }]);
	});

	it('tells what is gone, and when everything is told anew', () => {
		const [removed, reset] = [vi.fn(), vi.fn()];
		const { send } = connected({ removed, reset });
		send(feed(1, { reset: true, rows: [row('a'), row('b')] }));
		send(feed(2, { removed: ['a'] }));
		expect(removed.mock.calls).toEqual([[['a']]]);
		expect(reset).toHaveBeenCalledTimes(1);
		send(feed(3, { reset: true, rows: [] }));
		expect(reset).toHaveBeenCalledTimes(2);
	});

	it('takes 10,000 rows and 100 changes of them in little time', () => {
		const { queue, send } = connected();
		const rows = Array.from({ length: 10_000 }, (_, n) => row(`r${n}`, { rank: n }));
		const begin = performance.now();
		for (let from = 0; from < rows.length; from += 500)
			send(feed(from / 500 + 1, { reset: from === 0, rows: rows.slice(from, from + 500) }));
		for (let n = 0; n < 100; n += 1) send(feed(21 + n, { rows: [row(`r${n}`, { rank: n, active: true })] }));
		const passed = performance.now() - begin;
		console.info(`10,000 rows and 100 changes: ${passed.toFixed(0)} ms`);
		expect(queue.rows).toHaveLength(10_000);
		expect(passed).toBeLessThan(10_000);
	});
});
