// Watched folders as the engine tells them, and what a person does with them. Asks the engine again when they changed, at
// most twice a second; asks the person before a folder is forgotten.

import type { Backend } from '../backend/backend';
import type { FolderId, FolderView } from '../backend/bindings';
import { nameOf } from '../folder-standing';
import { sentence } from '../format';
import { folderWords } from '../words';
import { Calm } from './calm';
import type { Notices } from './notices.svelte';

/** The least time between two questions, in milliseconds. */
const PAUSE = 500;

/** What a person can have done to a folder at once. */
export type FolderVerb = 'pause' | 'resume' | 'scan';

const DEEDS = { pause: 'pauseFolder', resume: 'resumeFolder', scan: 'scanFolder' } as const;
const SAID = { pause: folderWords.said.paused, resume: folderWords.said.resumed, scan: folderWords.said.scanning } as const;

/** Every watched folder. */
export class Folders {
	/** All of them. */
	list: readonly FolderView[] = $state.raw([]);
	/** Whether the engine told them once. */
	ready = $state(false);
	/** The folder a person asked to remove and has not confirmed yet. */
	doubt: FolderView | null = $state.raw(null);

	#calm = new Calm(PAUSE, () => void this.#load());

	constructor(
		private backend: Pick<Backend, 'folders' | 'pauseFolder' | 'resumeFolder' | 'scanFolder' | 'removeFolder'>,
		private notices: Pick<Notices, 'say' | 'tell' | 'fail'>,
	) {}

	/** The folder with this number. */
	get(id: FolderId): FolderView | undefined {
		return this.list.find((folder) => folder.id === id);
	}

	/** Says that folders changed. */
	touch(): void {
		this.#calm.touch();
	}

	/** Takes a folder as the engine just told it. */
	put(told: FolderView): void {
		const known = this.get(told.id) !== undefined;
		this.list = known ? this.list.map((folder) => (folder.id === told.id ? told : folder)) : [...this.list, told];
	}

	/** Does something with a folder. */
	async apply(verb: FolderVerb, folder: FolderView): Promise<void> {
		try {
			const changed = await this.backend[DEEDS[verb]](folder.id);
			this.put(changed);
			this.notices.say(SAID[verb](nameOf(folder)));
		} catch (thrown) {
			this.notices.fail(thrown);
		}
	}

	/** Says yes or no to the removal. */
	async settle(yes: boolean): Promise<void> {
		const folder = this.doubt;
		this.doubt = null;
		if (!yes || !folder) return;
		try {
			await this.backend.removeFolder(folder.id);
			this.list = this.list.filter(({ id }) => id !== folder.id);
			this.notices.tell(folderWords.remove.done(nameOf(folder)));
		} catch (thrown) {
			this.notices.fail(thrown);
		}
	}

	async #load(): Promise<void> {
		try {
			const list = await this.backend.folders();
			if (this.ready) this.#sayTrouble(list);
			this.list = list;
			this.ready = true;
		} catch (thrown) {
			this.notices.fail(thrown);
		}
	}

	/** Who cannot see the dots hears of folders that are watched no longer. */
	#sayTrouble(list: readonly FolderView[]): void {
		for (const folder of list) {
			const { id, state, reason } = folder;
			if ((state !== 'gone' && state !== 'stopped') || this.get(id)?.state === state) continue;
			this.notices.say(folderWords.said.trouble(nameOf(folder), folderWords.state[state], sentence(reason ?? '')));
		}
	}
}
