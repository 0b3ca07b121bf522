import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fake } from '../../src/backend/fake';
import { blankFolder, rulesOf } from '../../src/folder-draft';
import { FolderForm } from '../../src/state/folder-form.svelte';
import { Folders } from '../../src/state/folders.svelte';
import { RuleTest } from '../../src/state/rule-test.svelte';
import { Setup } from '../../src/state/setup.svelte';
import { folder } from './rows';

const RULES = rulesOf(blankFolder(null, 'lab', {}));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function told(lists: ReturnType<typeof folder>[][]) {
	const notices = { say: vi.fn(), tell: vi.fn(), fail: vi.fn() };
	const backend = {
		folders: vi.fn(async () => lists.shift() ?? []),
		pauseFolder: vi.fn(async () => folder(1, { state: 'paused' })),
		resumeFolder: vi.fn(),
		scanFolder: vi.fn(),
		removeFolder: vi.fn(async () => undefined),
	};
	return { folders: new Folders(backend, notices), backend, notices };
}

describe('the watched folders', () => {
	it('are asked for at most twice a second, and once more at the end', async () => {
		const { folders, backend } = told([[folder(1)], [folder(1), folder(2)]]);
		for (let n = 0; n < 40; n += 1) {
			folders.touch();
			await vi.advanceTimersByTimeAsync(25);
		}
		expect(backend.folders.mock.calls.length).toBeLessThanOrEqual(3);
		const asked = backend.folders.mock.calls.length;
		folders.touch();
		await vi.advanceTimersByTimeAsync(2_000);
		expect(backend.folders.mock.calls.length).toBe(asked + 1);
	});

	it('are heard of when they are watched no longer, once', async () => {
		const gone = folder(1, { state: 'gone', reason: 'the drive is not connected' });
		const { folders, notices } = told([[folder(1)], [gone], [gone]]);
		for (let n = 0; n < 3; n += 1) {
			folders.touch();
			await vi.advanceTimersByTimeAsync(600);
		}
		expect(notices.say.mock.calls).toEqual([['Watched folder F1: Not there. The drive is not connected.']]);
	});

	it('are paused at once, and removed only after a yes', async () => {
		const { folders, backend } = told([[folder(1)]]);
		folders.touch();
		await vi.advanceTimersByTimeAsync(0);
		await folders.apply('pause', folder(1));
		expect(folders.get(1)?.state).toBe('paused');
		folders.doubt = folder(1);
		await folders.settle(false);
		expect(backend.removeFolder).not.toHaveBeenCalled();
		folders.doubt = folder(1);
		await folders.settle(true);
		expect(folders.list).toEqual([]);
	});
});

describe('the test of rules', () => {
	it('asks when typing rests and shows the newest answer only', async () => {
		const waiting: ((rule: string | null) => void)[] = [];
		const testRules = vi.fn(() => new Promise<string | null>((resolve) => waiting.push(resolve)));
		const test = new RuleTest({ testRules });
		test.type('a', RULES);
		test.type('a.l', RULES);
		await vi.advanceTimersByTimeAsync(200);
		expect(testRules).toHaveBeenCalledTimes(1);
		test.type('a.log', RULES);
		await vi.advanceTimersByTimeAsync(200);
		waiting[1]?.('excluded by *.log');
		await vi.advanceTimersByTimeAsync(0);
		waiting[0]?.(null);
		await vi.advanceTimersByTimeAsync(0);
		expect(test.verdict).toEqual({ rule: 'excluded by *.log' });
	});

	it('tells what is wrong with the rules even before a path is typed', async () => {
		const test = new RuleTest({ testRules: async () => Promise.reject(new Error('the pattern "[" cannot be read')) });
		test.again({ ...RULES, exclude: ['['] });
		await vi.advanceTimersByTimeAsync(200);
		expect(test.fault?.message).toContain('cannot be read');
		expect(test.verdict).toBeNull();
	});
});

describe('the form of a folder', () => {
	async function form() {
		const backend = fake({ rows: 0, folders: 1 });
		const setup = new Setup(backend);
		const loaded = setup.load();
		await vi.advanceTimersByTimeAsync(100);
		await loaded;
		const dismissed = vi.spyOn(backend, 'dismissDrop');
		return { form: new FolderForm(backend, setup, { picked: null, account: 'lab' }), dismissed };
	}
	const soon = async <T>(promise: Promise<T>): Promise<T> => {
		await vi.advanceTimersByTimeAsync(1_000);
		return promise;
	};

	it('lets go of folders that were picked and not used', async () => {
		const { form: filled, dismissed } = await form();
		await soon(filled.pickFolder());
		const first = filled.draft.folder?.pick;
		await soon(filled.pickFolder());
		expect(dismissed.mock.calls).toEqual([[first]]);
		filled.leave();
		expect(dismissed).toHaveBeenCalledTimes(2);
	});

	it('shows mistakes from the first try on, and asks nothing before they are mended', async () => {
		const { form: filled } = await form();
		expect(filled.mistakes).toEqual({});
		expect(await soon(filled.save())).toBeNull();
		expect(Object.keys(filled.mistakes)).toEqual(['folder']);
		await soon(filled.pickFolder());
		await soon(filled.look());
		expect(filled.preview?.counts[0]).toMatchObject({ fate: 'new', files: 320 });
		expect(await soon(filled.save())).toMatchObject({ account: 'lab', state: 'scanning' });
	});

	it('of a watched folder asks about that folder, with what is filled in', async () => {
		const backend = fake({ rows: 0, folders: 1 });
		const asked = vi.spyOn(backend, 'previewFolder');
		const view = folder(1, { after: 'move', move_to: '/sent' });
		const filled = new FolderForm(backend, new Setup(backend), { folder: view });
		filled.change({ ...filled.draft, exclude: 'raw/' });
		await soon(filled.look());
		const [of] = asked.mock.calls[0] ?? [];
		expect(of).toMatchObject({ changed: { id: 1, choices: { after: null, rules: { exclude: ['raw/'] } } } });
		expect(filled.fault).toBeNull();
		expect(filled.preview).not.toBeNull();
	});

	it('shows no preview of what was filled in before', async () => {
		const { form: filled } = await form();
		await soon(filled.pickFolder());
		const asked = filled.look();
		filled.change({ ...filled.draft, exclude: 'raw/' });
		await soon(asked);
		expect([filled.busy, filled.preview]).toEqual([null, null]);
		await soon(filled.look());
		expect(filled.preview).not.toBeNull();
	});

	it('keeps what was refused and says why', async () => {
		const { form: filled } = await form();
		await soon(filled.pickFolder());
		filled.change({ ...filled.draft, exclude: '[z-a]' });
		expect(await soon(filled.save())).toBeNull();
		expect(filled.fault?.message).toContain('[z-a]');
		expect(filled.test.fault?.message).toContain('[z-a]');
		filled.chooseAccount('team-wiki');
		expect([filled.fault, filled.draft.folder?.path]).toEqual([null, '/Users/ada/Pictures/Shoots']);
	});
});
