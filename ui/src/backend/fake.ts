// A scripted engine for tests and for working on the page in a browser. Options come from the page's address:
// ?rows=10000&accounts=2&folders=6&leftovers=3&hostile=1&busy=50&slow=9000&theme=dark. Refuses to be part of the desktop program.

import type { Backend } from './backend';
import type { AccountView, NewAccount, TestReport, UploadId } from './bindings';
import { details, receipt } from './fake/details';
import { Drops } from './fake/drops';
import { Engine } from './fake/engine';
import { Folders } from './fake/folders';
import { Leftovers } from './fake/leftovers';
import { FAULTS, fault, HOSTILE_NAMES } from './fake/rows';
import { ruleFor } from './fake/rules';
import { ACCOUNTS, ADDED_SERVICE, SERVICES } from './fake/services';

const later = <T>(value: T, after = 250): Promise<T> => new Promise((resolve) => setTimeout(() => resolve(structuredClone(value)), after));

/** What a script begins with. */
export interface Script {
	/** How many rows there are. */
	rows?: number;
	/** How many accounts there are. */
	accounts?: number;
	/** How many folders are watched. */
	folders?: number;
	/** How many uploads left something on their service. */
	leftovers?: number;
	/** Whether rows with hostile names are added. */
	hostile?: boolean;
	/** How many rows change ten times a second. */
	busy?: number;
	/** How long it takes to add files, in milliseconds. */
	slow?: number;
}

/** The script that an address asks for. */
export function scriptOf(query: URLSearchParams): Script {
	const number = (name: string, usual: number): number => Number(query.get(name) ?? usual);
	return {
		rows: number('rows', 11),
		accounts: number('accounts', 3),
		folders: number('folders', 0),
		leftovers: number('leftovers', 0),
		hostile: query.has('hostile'),
		busy: number('busy', 0),
		slow: number('slow', 60),
	};
}

/** A scripted engine. A key that holds the word "bad" is refused. */
export function fake({
	rows = 11,
	accounts = 3,
	folders: watched = 0,
	leftovers: left = 0,
	hostile = false,
	busy = 0,
	slow = 60,
}: Script = {}): Backend {
	const services = [...SERVICES];
	const engine = new Engine(
		rows,
		ACCOUNTS.slice(0, accounts).map((account) => ({ ...account, needs_key: rows > 4 && account.name === 'billing' })),
		busy,
	);
	const drops = new Drops();
	const folders = new Folders(watched, engine.accounts, drops, () => {
		engine.foldersChanged = true;
	});
	const leftovers = new Leftovers(left, engine);
	const [first] = engine.accounts;
	if (hostile && first) engine.add(HOSTILE_NAMES, first, 40_000_000);

	const view = ({ name, service, base_url, options }: NewAccount): AccountView => {
		const of = services.find((known) => known.id === service) ?? ADDED_SERVICE;
		return { name, service, service_name: of.name, base_url: base_url ?? of.base_url, options, needs_key: false };
	};
	const tested = async (account: AccountView, key: string | null): Promise<TestReport> => {
		await later(null, 600);
		if (key?.includes('bad')) throw FAULTS.signIn;
		return {
			account,
			asked: account.service !== 'archetype',
			findings: [`The key belongs to “${account.service_name} robot”.`, 'It may write files.', 'Plan: files up to 5 GB.'],
		};
	};
	const found = (name: string): AccountView => {
		const account = engine.accounts.find((known) => known.name === name);
		if (!account) throw fault('setup', 'reject', `There is no account called ${name}.`, 'Choose one of the accounts in the list.');
		return account;
	};
	const told = (): void => {
		engine.setupChanged = true;
	};
	const one = (id: UploadId) => {
		const row = engine.rows.get(id);
		if (!row) throw fault('setup', 'reject', 'This upload is no longer in the list.', '');
		return row;
	};

	return {
		subscribe: (onFeed) => engine.subscribe(onFeed),
		onDrop: (onDrop) => drops.follow(onDrop),

		services: () => later(services, 20),
		addServiceFromFile: async () => {
			if (!services.includes(ADDED_SERVICE)) services.push(ADDED_SERVICE);
			told();
			return later(ADDED_SERVICE);
		},
		accounts: () => later(engine.accounts, 20),
		addAccount: async (account) => {
			const report = account.test ? await tested(view(account), account.key) : { account: view(account), asked: false, findings: [] };
			engine.accounts.push(report.account);
			told();
			return report;
		},
		tryAccount: (account) => tested(view(account), account.key),
		testAccount: async (name) => tested(found(name), found(name).needs_key ? 'bad' : null),
		setKey: async (name, key) => {
			await tested(found(name), key);
			found(name).needs_key = false;
			engine.wake(name);
			told();
		},
		removeAccount: async (name) => {
			engine.accounts.splice(engine.accounts.indexOf(found(name)), 1);
			told();
		},

		pickFiles: () => later(drops.hold(['Contract.pdf', 'Scan 12.tiff'], 24_000_000)),
		pickFolder: () => later(drops.hold(['Shoot 2026-11'], 60_000_000, 1)),
		paste: () => later(drops.hold(['Pasted image.png'], 2_400_000), 30),
		add: async ({ drop, account }) => {
			const held = drops.release(drop);
			if (!held) throw fault('setup', 'reject', 'These files were already added or dismissed.', 'Drop them again.');
			const small = held.names.filter((name) => !name.startsWith('empty'));
			const added = engine.add(small, found(account), held.size).map(({ id, path, name, size }) => ({ id, path, name, size }));
			const skipped = held.names
				.filter((name) => name.startsWith('empty'))
				.map((path) => ({ path, reason: 'The file is empty and this service takes none. Leave it out.' }));
			return later({ added, skipped }, slow);
		},
		dismissDrop: async (drop) => void drops.release(drop),
		importUrl: async ({ url, account, name }) => {
			const added = engine.add([name ?? new URL(url).pathname.split('/').at(-1) ?? url], found(account), 30_000_000);
			return later({ added: added.map(({ id, path, name, size }) => ({ id, path, name, size })), skipped: [] });
		},

		folders: () => later(folders.list, 20),
		chooseFolder: async () => later(folders.pick(), 60),
		previewFolder: async (of) => later(folders.preview(of), 400),
		addFolder: async (pick, choices, onlyNew) => later(folders.add(pick, choices, onlyNew), 60),
		changeFolder: async (id, choices) => later(folders.change(id, choices), 60),
		removeFolder: async (id) => later(folders.remove(id), 60),
		pauseFolder: async (id) => later(folders.apply('pause', id), 30),
		resumeFolder: async (id) => later(folders.apply('resume', id), 30),
		scanFolder: async (id) => later(folders.apply('scan', id), 30),
		testRules: async (rules, name) => later(ruleFor(rules, name), 20),

		pause: (selection) => later(engine.verb('pause', selection), 30),
		resume: (selection) => later(engine.verb('resume', selection), 30),
		retry: (selection) => later(engine.verb('retry', selection), 30),
		cancel: (selection) => later(engine.verb('cancel', selection), 30),
		remove: (selection) => later(engine.verb('remove', selection), 30),
		next: (selection) => later(engine.verb('next', selection), 30),

		leftovers: () => later(leftovers.list(), 20),
		dropLeftovers: (selection) => later(leftovers.drop(selection), 30),

		details: async (id) => later(details(one(id)), 40),
		receipts: async (selection) => {
			const ids = selection === 'all' ? [...engine.rows.keys()] : selection.ids;
			return later(ids.flatMap((id) => receipt(one(id)) ?? []));
		},
		saveReceipt: () => later(true),
		copy: async (text) => {
			await navigator.clipboard?.writeText(text).catch(() => undefined);
		},

		settings: () => later(engine.settings, 20),
		changeSettings: async (settings) => void Object.assign(engine.settings, settings),
		doctor: () =>
			later([
				{ what: 'Keychain', works: true, finding: 'Keys are kept in the keychain of the system.' },
				{ what: 'Queue', works: true, finding: 'The database can be written; 212 GB are free.' },
				{ what: 'Watch limit', works: true, finding: 'Up to 524,288 folders may be watched (max_user_watches).' },
				{ what: 'Watch limit', works: true, finding: 'Up to 128 programs may watch folders (max_user_instances).' },
				{ what: 'Network', works: false, finding: 'A proxy is set but does not answer. Check the proxy settings of the system.' },
			]),
	};
}
