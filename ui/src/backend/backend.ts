// The one way from the page to the engine. Owns the words both sides agree on; refuses paths: the page never names one,
// it only approves what the shell already holds.

import type {
	AccountView,
	Added,
	Changed,
	Check,
	Details,
	Fault,
	Feed,
	FolderChoices,
	FolderId,
	FolderRules,
	FolderView,
	Leftover,
	NewAccount,
	PickId,
	Preview,
	PreviewChoice,
	Receipt,
	Selection,
	ServiceView,
	Settings,
	TestReport,
	UploadId,
} from './bindings';

/** Files and folders the shell holds until the page says what to do with them. */
export interface Drop {
	/** Its number, for {@link Backend.add} and {@link Backend.dismissDrop}. */
	drop: number;
	/** Plain files. */
	files: number;
	/** Folders, which are walked when added. */
	folders: number;
	/** The first few names, for people. */
	names: string[];
	/** Bytes of the plain files, when known. */
	bytes: number | null;
}

/** What the mouse does with files over the window. */
export interface DropEvent {
	/** Files came over the window, left it, or were let go. */
	kind: 'enter' | 'leave' | 'drop';
	/** What is dragged; always there for `drop`. */
	drop: Drop | null;
}

/** A folder that a person picked. The shell holds it until it is watched or dismissed like a drop. */
export interface Picked {
	/** Its number; that of a drop with one folder is as good. */
	pick: PickId;
	/** Where it is, for people. */
	path: string;
}

/** How files are added. */
export interface NewUploads {
	/** What to add. */
	drop: number;
	/** The account it goes to. */
	account: string;
	/** The definition's upload options. */
	options: Record<string, string>;
	/** A mode of the definition, instead of the first that fits. */
	mode: string | null;
}

/** An address that the service fetches by itself. */
export interface NewImport {
	/** What to fetch. */
	url: string;
	/** The account it goes to. */
	account: string;
	/** What the file shall be called; the last segment of the address otherwise. */
	name: string | null;
	/** The definition's upload options. */
	options: Record<string, string>;
}

/** Ends a subscription. */
export type Unsubscribe = () => void;

/** The engine as the page sees it. Every promise rejects with a {@link Fault}. */
export interface Backend {
	/** Tells what happens from now on, beginning with every row. */
	subscribe(onFeed: (feed: Feed) => void): Unsubscribe;
	/** Tells what is dragged over the window and dropped on it. */
	onDrop(onDrop: (event: DropEvent) => void): Unsubscribe;

	services(): Promise<ServiceView[]>;
	/** Lets the person choose a definition file; `null` when they chose none. */
	addServiceFromFile(): Promise<ServiceView | null>;
	accounts(): Promise<AccountView[]>;
	addAccount(account: NewAccount): Promise<TestReport>;
	/** Tests a new account and keeps nothing. */
	tryAccount(account: NewAccount): Promise<TestReport>;
	testAccount(name: string): Promise<TestReport>;
	setKey(account: string, key: string): Promise<void>;
	removeAccount(name: string): Promise<void>;

	/** Lets the person choose files; `null` when they chose none. */
	pickFiles(): Promise<Drop | null>;
	/** Lets the person choose a folder; `null` when they chose none. */
	pickFolder(): Promise<Drop | null>;
	/** Files on the clipboard; `null` when there are none. */
	paste(): Promise<Drop | null>;
	add(uploads: NewUploads): Promise<Added>;
	dismissDrop(drop: number): Promise<void>;
	importUrl(source: NewImport): Promise<Added>;

	folders(): Promise<FolderView[]>;
	/** Lets the person choose a folder to watch, or to move files to; `null` when they chose none. */
	chooseFolder(): Promise<Picked | null>;
	/** Says what would happen to each file of a folder; nothing is sent. */
	previewFolder(of: PreviewChoice): Promise<Preview>;
	addFolder(pick: PickId, choices: FolderChoices, onlyNew: boolean): Promise<FolderView>;
	changeFolder(id: FolderId, choices: FolderChoices): Promise<FolderView>;
	removeFolder(id: FolderId): Promise<void>;
	pauseFolder(id: FolderId): Promise<FolderView>;
	resumeFolder(id: FolderId): Promise<FolderView>;
	/** Has the whole folder looked through now. */
	scanFolder(id: FolderId): Promise<FolderView>;
	/** The rule that leaves a name below a folder out; `null` when it would be uploaded. No file is looked at. */
	testRules(rules: FolderRules, name: string): Promise<string | null>;

	pause(selection: Selection): Promise<Changed>;
	resume(selection: Selection): Promise<Changed>;
	retry(selection: Selection): Promise<Changed>;
	cancel(selection: Selection): Promise<Changed>;
	remove(selection: Selection): Promise<Changed>;
	next(selection: Selection): Promise<Changed>;

	/** What was begun on services and never completed, the oldest first. */
	leftovers(): Promise<Leftover[]>;
	/** Drops it there; failed uploads among it are canceled. */
	dropLeftovers(selection: Selection): Promise<Changed>;

	details(id: UploadId): Promise<Details>;
	receipts(selection: Selection): Promise<Receipt[]>;
	/** Lets the person choose where the receipt goes; `false` when they chose nothing. */
	saveReceipt(id: UploadId): Promise<boolean>;
	copy(text: string): Promise<void>;

	settings(): Promise<Settings>;
	changeSettings(settings: Settings): Promise<void>;
	doctor(): Promise<Check[]>;
}

/** Whatever was thrown, as a fault that can be shown. */
export function asFault(thrown: unknown): Fault {
	if (typeof thrown === 'object' && thrown !== null && 'message' in thrown && 'verdict' in thrown) return thrown as Fault;
	const message = thrown instanceof Error ? thrown.message : String(thrown);
	return { kind: 'setup', verdict: 'reject', message, hint: '', status: null, service_code: null, retry_after_ms: null };
}
