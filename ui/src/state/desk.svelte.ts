// Everything behind the window, put together. Owns which view and dialog are open; refuses logic of its own.

import type { Backend, Picked, Unsubscribe } from '../backend/backend';
import type { FolderId } from '../backend/bindings';
import { AccountTests } from './account-tests.svelte';
import { Announcer } from './announcer';
import { Deeds } from './deeds.svelte';
import { Folders } from './folders.svelte';
import { Inspector } from './inspector.svelte';
import { Intake } from './intake.svelte';
import { Leftovers } from './leftovers.svelte';
import { Listing } from './listing.svelte';
import { Look } from './look.svelte';
import { Notices } from './notices.svelte';
import { Queue } from './queue.svelte';
import { Selection } from './selection.svelte';
import { Setup } from './setup.svelte';

/** A dialog that a person opened. */
export type Dialog =
	| { kind: 'account' }
	| { kind: 'key'; account: string }
	| { kind: 'import' }
	| { kind: 'watch'; picked: Picked | null }
	| { kind: 'folder'; id: FolderId }
	| { kind: 'preview'; id: FolderId }
	| { kind: 'settings' }
	| { kind: 'keys' };

/** The window's state. */
export class Desk {
	/** What fills the window. */
	view: 'queue' | 'folders' | 'accounts' = $state('queue');
	/** The watched folder that the view of folders brings into view. */
	folder: { id: FolderId } | null = $state.raw(null);
	/** The dialog that is open. */
	dialog: Dialog | null = $state.raw(null);

	readonly backend: Backend;
	readonly notices = new Notices();
	readonly look = new Look();
	readonly setup: Setup;
	readonly tests: AccountTests;
	readonly folders: Folders;
	readonly leftovers: Leftovers;
	readonly queue: Queue;
	readonly listing: Listing;
	readonly selection: Selection;
	readonly deeds: Deeds;
	readonly intake: Intake;
	readonly inspector: Inspector;

	constructor(backend: Backend) {
		const announcer = new Announcer(
			(text) => this.notices.say(text),
			(id) => this.queue.get(id),
		);
		this.backend = backend;
		this.setup = new Setup(backend);
		this.tests = new AccountTests(backend);
		this.folders = new Folders(backend, this.notices);
		this.leftovers = new Leftovers(backend, this.notices);
		this.inspector = new Inspector(backend, (thrown) => this.notices.fail(thrown));
		this.queue = new Queue(backend, {
			changed: (changes) => {
				announcer.changed(changes);
				for (const { after } of changes) this.inspector.touch(after.id);
			},
			removed: (ids) => this.inspector.gone(ids),
			reset: () => this.inspector.anew(),
			moved: (moving) => {
				announcer.moved(moving);
				if (this.inspector.id !== null && moving.has(this.inspector.id)) this.inspector.touch(this.inspector.id);
			},
			setupChanged: () => void this.load(),
			foldersChanged: () => this.folders.touch(),
			leftoversChanged: () => this.leftovers.touch(),
			noticed: (notices) => {
				for (const notice of notices) this.notices.tell(notice.text, notice.bad);
			},
		});
		this.listing = new Listing(this.queue);
		this.selection = new Selection(this.listing);
		this.deeds = new Deeds(backend, this.notices);
		this.intake = new Intake(backend, this.setup, this.notices, () => this.listing.account);
	}

	/** Connects to the engine; answers how to leave. */
	start(): Unsubscribe {
		void this.load();
		this.queue.connect();
		const endDrops = this.backend.onDrop((event) => this.intake.follow(event));
		return () => {
			endDrops();
			this.queue.disconnect();
		};
	}

	/** Shows the watched folders, and one of them. */
	showFolder(id: FolderId | null): void {
		this.folder = id === null ? null : { id };
		this.view = 'folders';
	}

	/** Closes the dialog. */
	closeDialog(): void {
		this.dialog = null;
	}

	/** Asks for accounts and definitions again; a drop that waited for a first account goes on. */
	async load(): Promise<void> {
		const first = this.setup.accounts.length === 0;
		try {
			await this.setup.load();
			if (first && this.setup.accounts.length > 0) this.intake.reconsider();
			if (this.listing.account !== null && !this.setup.account(this.listing.account)) this.listing.account = null;
		} catch (thrown) {
			this.notices.fail(thrown);
		}
	}
}
