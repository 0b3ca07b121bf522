import { describe, expect, it, vi } from 'vitest';
import type { Backend } from '../../src/backend/backend';
import type { Row, Selection } from '../../src/backend/bindings';
import { Deeds } from '../../src/state/deeds.svelte';
import type { Notices } from '../../src/state/notices.svelte';
import { words } from '../../src/words';
import { row } from './rows';

function deeds() {
	const run = () => vi.fn(async (of: Selection) => ({ ids: of === 'all' ? [] : of.ids, refused: [] }));
	const backend = { cancel: run(), remove: run(), retry: run() };
	const notices = { say: vi.fn(), tell: vi.fn(), fail: vi.fn() };
	return { deeds: new Deeds(backend as unknown as Backend, notices as unknown as Notices), backend };
}

const done = row('done', { phase: 'completed' });
const failed = row('failed', { phase: 'failed' });
const begun = row('begun', { phase: 'failed', acknowledged: 400 });

describe('an upload', () => {
	it('is canceled only after a yes', async () => {
		const { deeds: asked, backend } = deeds();
		await asked.apply('cancel', [row('a'), done]);
		expect(asked.doubt).toMatchObject({ verb: 'cancel', rows: [{ id: 'a' }] });
		expect(backend.cancel).not.toHaveBeenCalled();
		await asked.settle(true);
		expect(backend.cancel).toHaveBeenCalledWith({ ids: ['a'] });
	});

	it('is removed at once when nothing that was sent goes with it', async () => {
		const { deeds: asked, backend } = deeds();
		await asked.drop([done, failed]);
		expect(asked.doubt).toBeNull();
		expect(backend.remove).toHaveBeenCalledWith({ ids: ['done', 'failed'] });
	});

	it('that failed half way is removed only after a yes, together with the others', async () => {
		const { deeds: asked, backend } = deeds();
		await asked.apply('remove', [done, begun]);
		await asked.settle(false);
		expect(backend.remove).not.toHaveBeenCalled();
		await asked.drop([done, begun]);
		await asked.settle(true);
		expect(backend.remove).toHaveBeenCalledWith({ ids: ['done', 'begun'] });
		expect(backend.cancel).not.toHaveBeenCalled();
	});

	it('that may have arrived is sent again only after a yes, together with the others', async () => {
		const { deeds: asked, backend } = deeds();
		const fault = {
			kind: 'unknown_outcome',
			verdict: 'reject',
			message: '',
			hint: '',
			status: null,
			service_code: null,
			retry_after_ms: null,
		};
		const unknown = row('unknown', { phase: 'failed', fault: fault as Row['fault'] });
		await asked.apply('retry', [failed]);
		expect(backend.retry).toHaveBeenCalledTimes(1);
		await asked.apply('retry', [failed, unknown]);
		expect(backend.retry).toHaveBeenCalledTimes(1);
		await asked.settle(true);
		expect(backend.retry).toHaveBeenLastCalledWith({ ids: ['failed', 'unknown'] });
	});

	it('of several is told by how many go on no more', () => {
		expect(words.remove.title(3)).toBe('Remove 3 uploads from the list?');
		expect(words.remove.about(3, 2)).toContain('What was sent of 2 uploads that failed is deleted');
	});
});
