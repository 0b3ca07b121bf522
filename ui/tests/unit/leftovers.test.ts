import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Leftover } from '../../src/backend/bindings';
import { Leftovers } from '../../src/state/leftovers.svelte';
import { leftover } from './rows';

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

/** What is left, with answers in order; the last one stays true. */
function told(...lists: Leftover[][]) {
	const notices = { say: vi.fn(), tell: vi.fn(), fail: vi.fn() };
	const backend = {
		leftovers: vi.fn(async () => (lists.length > 1 ? lists.shift() : lists[0]) ?? []),
		dropLeftovers: vi.fn(async (selection) => ({ ids: selection.ids, refused: [] })),
		retry: vi.fn(async (selection) => ({ ids: selection.ids, refused: [] })),
	};
	return { leftovers: new Leftovers(backend, notices), backend, notices };
}

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

describe('what is left on services', () => {
	it('is asked for when somebody looks, and not before or after', async () => {
		const { leftovers, backend } = told([leftover('a')]);
		leftovers.touch();
		await pass(5_000);
		expect(backend.leftovers).not.toHaveBeenCalled();
		const lookAway = leftovers.show();
		await pass(0);
		expect([leftovers.ready, leftovers.list.length, leftovers.toldAt]).toEqual([true, 1, 1_005_000]);
		lookAway();
		leftovers.touch();
		await pass(5_000);
		expect(backend.leftovers).toHaveBeenCalledTimes(1);
	});

	it('is asked for twice a second at most, however often it changes', async () => {
		const { leftovers, backend } = told([]);
		leftovers.show();
		for (let n = 0; n < 40; n += 1) {
			leftovers.touch();
			await pass(25);
		}
		expect(backend.leftovers.mock.calls.length).toBeLessThanOrEqual(3);
	});

	it('is dropped at once when nothing of it could go on', async () => {
		const { leftovers, backend, notices } = told([leftover('a'), leftover('a'), leftover('b')], []);
		leftovers.show();
		await pass(1_000);
		await leftovers.drop(['a', 'a', 'b']);
		expect(leftovers.doubt).toBeNull();
		expect(backend.dropLeftovers).toHaveBeenCalledWith({ ids: ['a', 'b'] });
		expect(notices.say).toHaveBeenCalledWith('Dropping 2 uploads');
		await pass(0);
		expect(leftovers.list).toEqual([]);
	});

	it('is dropped only after a yes when the same upload could go on from something else it left', async () => {
		const { leftovers, backend } = told([leftover('a'), leftover('a', { may_go_on: true })]);
		leftovers.show();
		await pass(0);
		await leftovers.drop(['a']);
		await leftovers.settle(false);
		expect(backend.dropLeftovers).not.toHaveBeenCalled();
		await leftovers.drop(['a']);
		await leftovers.settle(true);
		expect(backend.dropLeftovers).toHaveBeenCalledWith({ ids: ['a'] });
	});

	it('says nothing bad when it went by itself before it was dropped', async () => {
		const { leftovers, backend, notices } = told([leftover('a')], []);
		backend.dropLeftovers.mockResolvedValueOnce({ ids: [], refused: [{ id: 'a', reason: 'nothing of it is left on a service' }] as never });
		leftovers.show();
		await pass(1_000);
		await leftovers.drop(['a']);
		await pass(0);
		expect(leftovers.list).toEqual([]);
		expect(notices.tell).not.toHaveBeenCalled();
	});

	it('goes on when the upload is tried again, or says why not', async () => {
		const { leftovers, backend, notices } = told([leftover('a', { may_go_on: true })], []);
		leftovers.show();
		await pass(1_000);
		await leftovers.retry('a');
		await pass(0);
		expect(leftovers.list).toEqual([]);
		expect(notices.say).toHaveBeenCalledWith('Trying 1 upload again');
		backend.retry.mockResolvedValueOnce({ ids: [], refused: [{ id: 'a', reason: 'it is not in the list' }] as never });
		await leftovers.retry('a');
		expect(notices.tell).toHaveBeenCalledWith('It is not in the list.', true);
	});
});
