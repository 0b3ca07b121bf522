import { tinykeys } from 'tinykeys';
import { describe, expect, it, vi } from 'vitest';
import { bindings, caps, KEYS } from '../../src/keys';

describe('the table of keys', () => {
	it('binds no key twice in one place', () => {
		for (const where of ['everywhere', 'list'] as const) {
			const keys = KEYS.filter((line) => line.where === where).flatMap((line) => line.keys);
			expect(new Set(keys).size).toBe(keys.length);
		}
	});

	it('names every line once', () => expect(new Set(KEYS.map(({ id }) => id)).size).toBe(KEYS.length));

	it.each([
		['$mod+Shift+o', ['Ctrl', 'Shift', 'O'], ['⌘', '⇧', 'O']],
		['$mod++', ['Ctrl', '+'], ['⌘', '+']],
		['ArrowUp', ['↑'], ['↑']],
		['Delete', ['Del'], ['Del']],
	])('shows %s as caps', (key, other, apple) => {
		expect(caps(key, false)).toEqual(other);
		expect(caps(key, true)).toEqual(apple);
	});

	it('does what is pressed', () => {
		const deeds = { addFiles: vi.fn(), help: vi.fn(), zoomIn: vi.fn() };
		const stop = tinykeys(window, bindings(deeds));
		const press = (key: string, more: KeyboardEventInit = {}) => window.dispatchEvent(new KeyboardEvent('keydown', { key, ...more }));
		press('o', { ctrlKey: true });
		press('o');
		press('?', { shiftKey: true });
		press('+', { ctrlKey: true });
		stop();
		expect(Object.values(deeds).map((deed) => deed.mock.calls.length)).toEqual([1, 1, 1]);
	});
});
