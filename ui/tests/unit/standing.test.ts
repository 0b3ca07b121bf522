import { describe, expect, it } from 'vitest';
import { fits, groupOf, stateOf, VERBS } from '../../src/standing';
import { Announcer } from '../../src/state/announcer';
import { Listing } from '../../src/state/listing.svelte';
import { Selection } from '../../src/state/selection.svelte';
import { rowName, size, state } from '../../src/words';
import { row } from './rows';

describe('a row', () => {
	it.each([
		[{}, 'Waiting', 'waiting'],
		[{ active: true }, 'Preparing', 'active'],
		[{ phase: 'uploading', active: true }, 'Uploading', 'active'],
		[{ phase: 'completing', active: true }, 'Finishing', 'active'],
		[{ phase: 'uploading', hold: 'paused' }, 'Paused', 'waiting'],
		[{ phase: 'uploading', hold: 'offline' }, 'Waiting for network', 'waiting'],
		[{ phase: 'uploading', hold: 'backoff', until: new Date(2026, 0, 1, 14, 32, 10).getTime() }, 'Retrying at 14:32:10', 'waiting'],
		[{ hold: 'sign_in' }, 'Needs you', 'needs_you'],
		[{ hold: 'source_missing' }, 'File missing', 'needs_you'],
		[{ phase: 'failed' }, 'Failed', 'failed'],
		[{ phase: 'canceled' }, 'Canceled', 'canceled'],
		[{ phase: 'completed' }, 'Done', 'done'],
	] as const)('%j is %s', (more, word, group) => {
		const it = row('a', more);
		expect(state(stateOf(it), it.until)).toBe(word);
		expect(groupOf(it)).toBe(group);
	});

	it.each([
		[{ size: 0 }, '0 bytes'],
		[{ size: 0, phase: 'completed' }, '0 bytes'],
		[{ size: 2_000, path: 'https://example.com/a' }, '2.0 KB'],
		[{ size: 0, path: 'HTTP://example.com/a' }, 'size not known yet'],
		[{ size: 0, path: 'https://example.com/a', phase: 'failed' }, 'size not known'],
	] as const)('of %j says "%s"', (more, text) => expect(size(row('a', more))).toBe(text));

	it('always has a verb that fits, and never both cancel and remove', () => {
		for (const phase of ['queued', 'uploading', 'completing', 'completed', 'failed', 'canceled'] as const) {
			for (const hold of ['none', 'paused', 'backoff', 'offline', 'sign_in', 'source_missing'] as const) {
				const of = row('a', { phase, hold });
				expect(VERBS.some((verb) => fits(verb, of))).toBe(true);
				expect(fits('cancel', of)).not.toBe(fits('remove', of));
			}
		}
	});

	it('is read aloud in one sentence', () => {
		expect(rowName('a.mp4', 'Uploading', 42, 180)).toBe('a.mp4, Uploading, 42 percent, 3 minutes left');
	});
});

describe('the list', () => {
	const rows = [row('a.pdf'), row('b.pdf', { phase: 'failed' }), row('c.mp4', { account: 'lab', active: true })];

	it('counts and shows by tab, account and text', () => {
		const listing = new Listing({ rows });
		expect(listing.counts).toMatchObject({ all: 3, failed: 1, active: 1, waiting: 1 });
		listing.tab = 'failed';
		expect(listing.shown.map(({ id }) => id)).toEqual(['b.pdf']);
		listing.tab = 'all';
		listing.text = ' PDF ';
		expect(listing.shown).toHaveLength(2);
		listing.account = 'lab';
		expect(listing.shown).toHaveLength(0);
		expect(listing.counts.all).toBe(1);
		expect(listing.dots.get('lab')).toBe('active');
	});

	it('chooses one, several and ranges', () => {
		const selection = new Selection({ shown: rows });
		const chosen = (): string[] => selection.rows.map(({ id }) => id);
		selection.choose('a.pdf', 'one');
		selection.choose('c.mp4', 'range');
		expect(chosen()).toEqual(['a.pdf', 'b.pdf', 'c.mp4']);
		selection.choose('b.pdf', 'toggle');
		expect(chosen()).toEqual(['a.pdf', 'c.mp4']);
		selection.go(99, false);
		expect([chosen(), selection.index]).toEqual([['c.mp4'], 2]);
	});
});

describe('the announcer', () => {
	it('says one name, or how many, and quarters of a lone upload', () => {
		const said: string[] = [];
		const announcer = new Announcer(
			(text) => said.push(text),
			(id) => row(id),
		);
		const started = (id: string) => ({ before: row(id), after: row(id, { active: true }) });
		announcer.changed([started('a')]);
		announcer.changed([started('a'), started('b')]);
		for (const sent of [100, 260, 300, 510]) announcer.moved(new Map([['a', { id: 'a', acknowledged: 0, sent, rate: 1, left: null }]]));
		expect(said).toEqual(['a: uploading', '2 uploads started', 'a: 25 percent', 'a: 50 percent']);
	});
});
