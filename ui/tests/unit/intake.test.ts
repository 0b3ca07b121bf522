import { describe, expect, it, vi } from 'vitest';
import type { Backend, Drop } from '../../src/backend/backend';
import type { Added } from '../../src/backend/bindings';
import { fake } from '../../src/backend/fake';
import { Intake } from '../../src/state/intake.svelte';
import { Notices } from '../../src/state/notices.svelte';
import { Setup } from '../../src/state/setup.svelte';

const ANSWER = { account: 'lab', options: {}, mode: null };
const drop = (number: number): Drop => ({ drop: number, files: 1, folders: 0, names: ['a'], bytes: 1 });

/** An intake that asks about each drop, and the engine's answers to what is added, to be given by hand. */
async function asking() {
	const setup = new Setup(fake({ rows: 0 }));
	await setup.load();
	const adding: { resolve: (added: Added) => void; reject: (fault: unknown) => void }[] = [];
	const backend = {
		add: vi.fn(() => new Promise<Added>((resolve, reject) => adding.push({ resolve, reject }))),
		dismissDrop: vi.fn(async () => undefined),
	};
	const intake = new Intake(backend as unknown as Backend, setup, new Notices(), () => null);
	intake.take(drop(1));
	intake.take(drop(2));
	return { intake, backend, adding };
}

describe('a drop that is being added', () => {
	it('is neither added twice nor let go, and the next one waits', async () => {
		const { intake, backend, adding } = await asking();
		const answered = intake.answer(ANSWER);
		expect(intake.adding).toBe(true);
		void intake.answer(ANSWER);
		intake.dismiss();
		intake.reconsider();
		expect(intake.release()).toBeNull();
		expect([backend.add.mock.calls.length, backend.dismissDrop.mock.calls.length, intake.asking?.drop]).toEqual([1, 0, 1]);
		adding[0]?.resolve({ added: [], skipped: [] });
		await answered;
		expect([intake.adding, intake.asking?.drop]).toEqual([false, 2]);
	});

	it('stays and may be let go when it was refused', async () => {
		const { intake, backend, adding } = await asking();
		const answered = intake.answer(ANSWER);
		adding[0]?.reject(new Error('the disk is full'));
		await answered;
		expect([intake.adding, intake.asking?.drop]).toEqual([false, 1]);
		intake.dismiss();
		expect(backend.dismissDrop).toHaveBeenCalledWith(1);
		expect(intake.asking?.drop).toBe(2);
	});
});
