// Watched folders of the scripted engine: one in each state, then many. A folder that is scanned counts up.

import type { Picked } from '../backend';
import type {
	AccountView,
	AfterChoice,
	Fate,
	FolderChoices,
	FolderId,
	FolderRules,
	FolderView,
	PickId,
	Preview,
	PreviewChoice,
	PreviewRow,
} from '../bindings';
import type { Drops } from './drops';
import { fault, START, spread } from './rows';
import { ruleFor } from './rules';

const TICK = 400;
const HOME = '/Users/ada';
/** Folders that the dialog of the system gives, in turn. */
const CHOSEN = [`${HOME}/Pictures/Shoots`, `${HOME}/Pictures/Sent`];
const DEEP = `${HOME}/Library/Application Support/Studio/Exports/2026/Clients/Northern Lights Observatory/Final masters for delivery`;
const RULES: FolderRules = { include: [], exclude: [], min_size: 0, min_age: 0, subfolders: true, links: 'skip' };

function view(id: FolderId, path: string, account: AccountView, more: Partial<FolderView> = {}): FolderView {
	return {
		id,
		path,
		account: account.name,
		service: account.service,
		options: {},
		rules: RULES,
		after: 'keep',
		move_to: null,
		scan_every: null,
		state: 'watching',
		reason: null,
		sent: 0,
		unfinished: 0,
		queued: 0,
		failed: 0,
		excluded: 0,
		problems: 0,
		first_problems: [],
		scanned_at: START - 120_000,
		sent_at: null,
		idle: true,
		...more,
	};
}

/** What tells the folders of a script apart, in order. */
const SCRIPT: readonly [path: string, more: Partial<FolderView>][] = [
	[
		`${HOME}/Pictures/Shoots`,
		{
			sent: 1284,
			queued: 3,
			unfinished: 2,
			excluded: 41,
			sent_at: START - 30_000,
			rules: { ...RULES, include: ['*.mov', '*.mp4'], exclude: ['raw/', '*.log'], min_size: 1_000_000 },
			after: 'move',
			move_to: `${HOME}/Pictures/Sent`,
		},
	],
	[
		`${HOME}/Documents/Scans`,
		{ state: 'scanning', sent: 57, queued: 12, excluded: 4, sent_at: START - 90_000, scanned_at: null, idle: false },
	],
	[
		'/Volumes/Recorder/Interviews',
		{
			state: 'gone',
			reason:
				'The folder is not there: it was moved, renamed or deleted, or its drive is not connected. Skylift goes on by itself when it is back.',
			sent: 310,
			queued: 1,
			sent_at: START - 86_400_000,
		},
	],
	[
		DEEP,
		{
			sent: 9,
			failed: 1,
			problems: 3,
			first_problems: [
				{ path: 'Cut 12/empty.mov', reason: 'The file is empty and this service takes none. Leave it out.' },
				{
					path: 'Cut 12/Notes and remarks of the whole crew about the second half of the second act/remarks, second version.docx',
					reason: 'The file may not be read. Allow your user to read it.',
				},
				{ path: 'master.iso', reason: 'The file is larger than the 5 GB this service takes. Make it smaller.' },
			],
			after: 'trash',
			sent_at: START - 3_600_000,
		},
	],
	[`${HOME}/Dropbox/Handover`, { state: 'paused', reason: 'Paused. Resume to go on.', sent: 20, queued: 5 }],
	[
		`${HOME}/Sites/archive`,
		{
			state: 'stopped',
			reason:
				'This account’s service has no option directory any more. Edit the folder and choose its options again; then it is watched at once.',
			sent: 2,
		},
	],
];

const FATES: readonly [fate: Fate, many: number, reason: string | null][] = [
	['new', 320, null],
	['changed', 4, null],
	['queued', 3, 'Waiting for its turn.'],
	['unfinished', 2, 'Uploaded as soon as it is finished: it changed 3 s ago.'],
	['sent', 1284, null],
	['before', 12, null],
	['canceled', 1, null],
	['excluded', 41, 'excluded by *.log'],
	['refused', 2, 'The file is larger than the 5 GB this service takes. Make it smaller.'],
	['unreadable', 1, 'this is a device, a pipe or a socket, not a file'],
];

function rowsOf(fate: Fate, many: number, reason: string | null, from: number): PreviewRow[] {
	return Array.from({ length: many }, (_, n) => ({
		path:
			n % 9 === 4
				? `Day ${n % 5}/Camera A/take ${n}/${fate}-clip-${String(n).padStart(4, '0')}.mov`
				: `${fate}-clip-${String(n).padStart(4, '0')}.mov`,
		size: fate === 'unreadable' ? 0 : 20_000 + Math.round(spread(from + n) * 90_000_000),
		fate,
		reason,
	}));
}

const ROWS: readonly PreviewRow[] = FATES.flatMap(([fate, many, reason], n) => rowsOf(fate, many, reason, n * 1000));

/** Counts rows, and lists them by fate. */
function told(rows: readonly PreviewRow[]): Preview {
	const fates = FATES.map(([fate]) => ({ fate, of: rows.filter((row) => row.fate === fate) })).filter(({ of }) => of.length > 0);
	const counts = fates.map(({ fate, of }) => ({ fate, files: of.length, bytes: of.reduce((sum, { size }) => sum + size, 0) }));
	return { counts, rows: fates.flatMap(({ of }) => of) };
}

/** What other rules, or a later start, make of a row. */
function judged(row: PreviewRow, rules: FolderRules, onlyNew: boolean): PreviewRow {
	const reason = row.fate === 'new' ? ruleFor(rules, row.path) : null;
	if (reason !== null) return { ...row, fate: 'excluded', reason };
	return onlyNew && row.fate === 'new' ? { ...row, fate: 'before' } : row;
}

/** Scripted folders. */
export class Folders {
	list: FolderView[] = [];

	#last: number;
	#chosen = 0;
	#paths = new Map<PickId, string>();

	constructor(
		count: number,
		private accounts: readonly AccountView[],
		private drops: Drops,
		private changed: () => void,
	) {
		for (let n = 0; n < count; n += 1) {
			const account = accounts[n % Math.max(1, accounts.length)];
			const [path, more] = SCRIPT[n] ?? [`${HOME}/Projects/Project ${String(n + 1).padStart(2, '0')}`, { sent: n * 7 }];
			if (account) this.list.push(view(n + 1, path, account, more));
		}
		this.#last = count;
		if (count > 1) setInterval(() => this.#count(), TICK);
	}

	/** What the dialog of the system gives. */
	pick(): Picked {
		const path = CHOSEN[this.#chosen++ % CHOSEN.length] ?? '';
		const { drop } = this.drops.hold([path], 0, 1);
		this.#paths.set(drop, path);
		return { pick: drop, path };
	}

	/** Watches a folder. */
	add(pick: PickId, choices: FolderChoices, onlyNew: boolean): FolderView {
		const path = this.#path(pick);
		const after = this.#after(choices.after);
		ruleFor(choices.rules, 'a');
		if (this.list.some((folder) => folder.path === path && folder.account === choices.account))
			throw fault('setup', 'reject', 'folder 1 watches this for the same account already', '');
		this.drops.release(pick);
		this.#last += 1;
		const added = view(this.#last, path, this.#account(choices.account), {
			...this.#said(choices),
			...after,
			state: 'scanning',
			scanned_at: null,
			queued: onlyNew ? 0 : 12,
		});
		this.list.push(added);
		this.changed();
		return added;
	}

	/** Other choices for a folder. */
	change(id: FolderId, choices: FolderChoices): FolderView {
		ruleFor(choices.rules, 'a');
		const account = this.#account(choices.account);
		return this.#put({
			...this.#one(id),
			...this.#said(choices),
			...(choices.after === null ? {} : this.#after(choices.after)),
			account: account.name,
			service: account.service,
			state: 'scanning',
			reason: null,
		});
	}

	/** Watches a folder no longer. */
	remove(id: FolderId): void {
		this.list = this.list.filter((folder) => folder !== this.#one(id));
		this.changed();
	}

	/** Does something with a folder. */
	apply(verb: 'pause' | 'resume' | 'scan', id: FolderId): FolderView {
		if (verb === 'pause') return this.#put({ ...this.#one(id), state: 'paused', reason: 'Paused. Resume to go on.' });
		const folder = this.#one(id);
		return folder.state === 'gone' ? folder : this.#put({ ...folder, state: 'scanning', reason: null });
	}

	/** What would happen to the files of a folder. */
	preview(of: PreviewChoice): Preview {
		if ('folder' in of) return told(this.#rows(of.folder));
		if ('changed' in of) {
			const { id, choices } = of.changed;
			this.#check(choices);
			return told(this.#rows(id).map((row) => judged(row, choices.rules, false)));
		}
		const { pick, choices, only_new } = of.picked;
		this.#path(pick);
		this.#check(choices);
		const rows = ROWS.filter(({ fate }) => ['new', 'excluded', 'refused', 'unreadable'].includes(fate));
		return told(rows.map((row) => judged(row, choices.rules, only_new)));
	}

	#rows(id: FolderId): readonly PreviewRow[] {
		const { state, reason } = this.#one(id);
		if (state === 'gone') throw fault('setup', 'reject', reason ?? '', '');
		return ROWS;
	}

	#check(choices: FolderChoices): void {
		ruleFor(choices.rules, 'a');
		this.#account(choices.account);
		this.#after(choices.after);
	}

	/** What is scanned finds more, and is through after a while. */
	#count(): void {
		for (const folder of this.list) {
			if (folder.state !== 'scanning') continue;
			const queued = folder.queued + 3;
			const through = queued > 40;
			this.#put({
				...folder,
				queued: through ? 12 : queued,
				state: through ? 'watching' : 'scanning',
				scanned_at: through ? Date.now() : null,
			});
		}
	}

	#said({ options, rules, scan_every }: FolderChoices): Partial<FolderView> {
		return { options, rules, scan_every };
	}

	#after(after: AfterChoice | null): Pick<FolderView, 'after' | 'move_to'> {
		return typeof after === 'object' && after !== null
			? { after: 'move', move_to: this.#path(after.move) }
			: { after: after ?? 'keep', move_to: null };
	}

	#path(pick: PickId): string {
		const [name] = this.drops.names(pick) ?? [];
		if (name === undefined) throw fault('setup', 'reject', 'the chosen folder is not known any more', 'Choose it again.');
		return this.#paths.get(pick) ?? `${HOME}/Desktop/${name}`;
	}

	#account(name: string): AccountView {
		const account = this.accounts.find((known) => known.name === name);
		if (!account) throw fault('setup', 'reject', `There is no account called ${name}.`, 'Choose one of the accounts in the list.');
		return account;
	}

	#one(id: FolderId): FolderView {
		const folder = this.list.find((known) => known.id === id);
		if (!folder) throw fault('setup', 'reject', `there is no watched folder ${id}`, '');
		return folder;
	}

	#put(next: FolderView): FolderView {
		this.list = this.list.map((folder) => (folder.id === next.id ? next : folder));
		this.changed();
		return next;
	}
}
