import { describe, expect, it } from 'vitest';
import {
	AGES,
	amountOf,
	amountValue,
	blankFolder,
	choicesOf,
	draftOf,
	type FolderDraft,
	folderMistakes,
	listOf,
	rulesOf,
	SIZES,
} from '../../src/folder-draft';
import { rulesLine } from '../../src/folder-line';
import { isBad, nameOf } from '../../src/folder-standing';
import { splitPath } from '../../src/format';
import { folder } from './rows';

const draft = (more: Partial<FolderDraft> = {}): FolderDraft => ({ ...blankFolder({ pick: 7, path: '/a/b' }, 'lab', {}), ...more });

describe('an amount', () => {
	it.each([
		[0, SIZES, { count: '', unit: 1_000_000 }],
		[1_500, SIZES, { count: '1500', unit: 1 }],
		[2_000_000, SIZES, { count: '2', unit: 1_000_000 }],
		[5_400, AGES, { count: '90', unit: 60 }],
	] as const)('%d is said in the largest unit that fits', (value, units, amount) => {
		expect(amountOf(value, units, 1_000_000)).toEqual(amount);
		expect(amountValue(amount)).toBe(value);
	});

	it.each([
		['1.5', 1_500],
		['1,5', 1_500],
		[' ', 0],
		['x', null],
		['-1', null],
		['9'.repeat(20), null],
	])('“%s” thousand is %s', (count, value) => {
		expect(amountValue({ count, unit: 1_000 })).toBe(value);
	});
});

describe('a folder that is filled in', () => {
	it('becomes rules without empty lines', () => {
		expect(rulesOf(draft({ include: ' *.mov \n\n*.mp4', exclude: 'raw/\r\n', minAge: { count: '2', unit: 60 } }))).toEqual({
			include: ['*.mov', '*.mp4'],
			exclude: ['raw/'],
			min_size: 0,
			min_age: 120,
			subfolders: true,
			links: 'skip',
		});
	});

	it('never names a path', () => {
		const moved = draft({ after: 'move', target: { pick: 9, path: '/x' } });
		expect(choicesOf(moved).after).toEqual({ move: 9 });
		expect(JSON.stringify(choicesOf(moved))).not.toContain('/');
		expect(choicesOf(draft({ after: 'trash' })).after).toBe('trash');
	});

	it('leaves where files go as it is, unless another folder was picked', () => {
		const view = folder(3, { after: 'move', move_to: '/sent' });
		expect(choicesOf(draftOf(view)).after).toBeNull();
		expect(choicesOf({ ...draftOf(view), target: { pick: 4, path: '/else' } }).after).toEqual({ move: 4 });
		expect(choicesOf({ ...draftOf(view), after: 'keep' }).after).toBe('keep');
	});

	it('comes back as it was', () => {
		const view = folder(3, {
			rules: { include: ['*.mov'], exclude: ['a', 'b'], min_size: 2_000, min_age: 60, subfolders: false, links: 'follow' },
			options: { directory: '{path}' },
			scan_every: 30,
		});
		expect(choicesOf(draftOf(view))).toEqual({
			account: 'lab',
			options: { directory: '{path}' },
			rules: view.rules,
			after: 'keep',
			scan_every: 30,
		});
	});

	it.each([
		[{}, []],
		[{ folder: null }, ['folder']],
		[{ after: 'move' }, ['target']],
		[{ minSize: { count: 'x', unit: 1 }, minAge: { count: 'y', unit: 1 } }, ['minSize', 'minAge']],
		[{ scanEvery: { count: '0', unit: 60 } }, ['scanEvery']],
		[{ scanEvery: { count: 'often', unit: 60 } }, ['scanEvery']],
	] as const)('with %j has mistakes in %j', (more, fields) => {
		expect(Object.keys(folderMistakes(draft(more), [], true))).toEqual(fields);
	});

	it.each([
		['', null],
		['30', 1_800],
		['0.5', 30],
	])('is looked through every “%s” minutes, which is %s seconds', (count, seconds) => {
		expect(choicesOf(draft({ scanEvery: { count, unit: 60 } })).scan_every).toBe(seconds);
	});

	it('is there already when it is changed', () => {
		expect(folderMistakes(draft({ folder: null }), [], false)).toEqual({});
	});

	it('tells a fault about a pattern to the list that holds it', () => {
		const fault = (message: string) => ({
			kind: 'setup' as const,
			verdict: 'reject' as const,
			message,
			hint: '',
			status: null,
			service_code: null,
			retry_after_ms: null,
		});
		const filled = draft({ include: '*.mov', exclude: 'a\n[z-a]' });
		expect(listOf(fault('the pattern "[z-a]" cannot be read'), filled)).toBe('exclude');
		expect(listOf(fault('the pattern "*.mov" cannot be read'), filled)).toBe('include');
		expect(listOf(fault('the folder is not there'), filled)).toBeNull();
	});
});

describe('a watched folder', () => {
	it.each([
		['/home/ada/Scans', ['/home/ada/', 'Scans']],
		['C:\\Users\\ada\\Scans', ['C:\\Users\\ada\\', 'Scans']],
		['\\\\server\\share\\a\\u{202e}b', ['\\\\server\\share\\', 'a\\u{202e}b']],
		['/home/a\\b', ['/home/', 'a\\b']],
		['a.txt', ['', 'a.txt']],
		['/', ['', '/']],
	])('at %s is called by the end of its path', (path, [place, name]) => {
		expect(splitPath(path)).toEqual([place, name]);
		expect(nameOf({ path })).toBe(name);
	});

	it('is told in one line', () => {
		expect(rulesLine(folder(1))).toBe('All files · files stay where they are');
		const rules = { include: ['*.mov'], exclude: ['raw/'], min_size: 1_000_000, min_age: 60, subfolders: false, links: 'follow' as const };
		expect(rulesLine(folder(1, { rules, after: 'trash', scan_every: 300 }))).toBe(
			'Only *.mov, not raw/, from 1.0 MB, unchanged for 1 minute, no subfolders, follows links · uploaded files go to the trash · looked through every 5 minutes',
		);
	});

	it('wants to be looked at for what failed, not for what was left out', () => {
		const view = folder(1, { excluded: 9, failed: 1 });
		expect([isBad('excluded', view), isBad('failed', view), isBad('problems', view)]).toEqual([false, true, false]);
	});
});
