import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Details } from '../../src/backend/bindings';
import { Inspector } from '../../src/state/inspector.svelte';
import { row } from './rows';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function opened() {
	const backend = {
		details: vi.fn(
			async (id: string): Promise<Details> => ({
				row: row(id),
				mode: 'parts',
				part_size: 0,
				parts: [],
				attempts: [],
				remote: {},
				receipt: null,
			}),
		),
	};
	const onFault = vi.fn();
	const inspector = new Inspector(backend, onFault);
	inspector.open('a');
	return { inspector, backend, onFault };
}

describe('the details', () => {
	it('close with their upload, and not with others', async () => {
		const { inspector } = opened();
		await vi.advanceTimersByTimeAsync(0);
		inspector.gone(['b']);
		expect(inspector.details?.row.id).toBe('a');
		inspector.gone(['b', 'a']);
		expect([inspector.id, inspector.details]).toEqual([null, null]);
	});

	it('stay closed when an answer comes after their upload went', async () => {
		const { inspector, onFault } = opened();
		inspector.gone(['a']);
		await vi.advanceTimersByTimeAsync(0);
		expect([inspector.id, inspector.details]).toEqual([null, null]);
		expect(onFault).not.toHaveBeenCalled();
	});

	it('are asked for anew after a reset, and close when their upload is there no longer', async () => {
		const { inspector, backend, onFault } = opened();
		await vi.advanceTimersByTimeAsync(0);
		backend.details.mockRejectedValueOnce(new Error('there is no such upload'));
		inspector.anew();
		await vi.advanceTimersByTimeAsync(0);
		expect(backend.details).toHaveBeenCalledTimes(2);
		expect(inspector.id).toBeNull();
		expect(onFault).toHaveBeenCalledTimes(1);
		inspector.anew();
		await vi.advanceTimersByTimeAsync(2_000);
		expect(backend.details).toHaveBeenCalledTimes(2);
	});
});
