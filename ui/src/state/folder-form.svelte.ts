// A folder being added to the watched ones, or changed: what is filled in, what the preview found, what was refused. Lets
// go of folders that were picked and not used.

import { asFault, type Backend, type Picked } from '../backend/backend';
import type { Fault, FolderView, Preview, PreviewChoice } from '../backend/bindings';
import { blankFolder, choicesOf, draftOf, type FolderDraft, folderMistakes, rulesOf } from '../folder-draft';
import { blankOptions, type Mistakes } from '../forms';
import { RuleTest } from './rule-test.svelte';
import type { Setup } from './setup.svelte';

/** What a form begins with: a folder that is watched, or one that was picked, or nothing. */
export type Beginning = { folder: FolderView } | { picked: Picked | null; account: string };

/** The form behind the dialog of a watched folder. */
export class FolderForm {
	/** The folder that is changed; `null` when one is added. */
	readonly folder: FolderView | null;
	/** What is filled in. */
	draft: FolderDraft = $state.raw(blankFolder(null, '', {}));
	/** What is under way. */
	busy: 'preview' | 'save' | null = $state(null);
	/** What would happen to each file; nothing while the form is filled in. */
	preview: Preview | null = $state.raw(null);
	/** Why the last preview or save failed. */
	fault: Fault | null = $state.raw(null);
	/** The live test of the rules. */
	readonly test: RuleTest;
	/** Mistakes to show; nothing before the first try. */
	readonly mistakes: Mistakes = $derived.by(() => (this.#tried ? this.#all() : {}));

	#tried = $state(false);
	#held = new Set<number>();

	constructor(
		private backend: Pick<Backend, 'chooseFolder' | 'dismissDrop' | 'previewFolder' | 'addFolder' | 'changeFolder' | 'testRules'>,
		private setup: Setup,
		beginning: Beginning,
	) {
		this.test = new RuleTest(backend);
		if ('folder' in beginning) {
			this.folder = beginning.folder;
			this.draft = draftOf(beginning.folder);
			return;
		}
		const { picked, account } = beginning;
		this.folder = null;
		this.draft = blankFolder(picked, account, this.#blank(account));
		if (picked) this.#held.add(picked.pick);
	}

	/** Takes what was filled in. */
	change(draft: FolderDraft): void {
		const before = rulesOf(this.draft);
		this.draft = draft;
		this.fault = null;
		const rules = rulesOf(draft);
		if (JSON.stringify(rules) !== JSON.stringify(before)) this.test.again(rules);
	}

	/** Takes a path to try. */
	try(path: string): void {
		this.test.type(path, rulesOf(this.draft));
	}

	/** Chooses another account; its service has other options. */
	chooseAccount(account: string): void {
		const same = this.setup.account(account)?.service === this.setup.account(this.draft.account)?.service;
		this.change({ ...this.draft, account, options: same ? this.draft.options : this.#blank(account) });
	}

	/** Lets the person choose the folder to watch. */
	async pickFolder(): Promise<void> {
		const picked = await this.#pick();
		if (!picked) return;
		this.#drop(this.draft.folder?.pick);
		this.change({ ...this.draft, folder: picked });
	}

	/** Lets the person choose the folder that files are moved to. */
	async pickTarget(): Promise<void> {
		const picked = await this.#pick();
		if (!picked) return;
		this.#drop(this.draft.target?.pick ?? undefined);
		this.change({ ...this.draft, target: picked });
	}

	/** Asks what would happen to each file with what is filled in. An answer about what is no longer filled in is not shown. */
	async look(): Promise<void> {
		const { draft } = this;
		await this.#ask('preview', async () => {
			const of = this.#previewed();
			const preview = of && (await this.backend.previewFolder(of));
			if (this.draft === draft) this.preview = preview;
		});
	}

	/** Goes back from the preview to the form. */
	hidePreview(): void {
		this.preview = null;
	}

	/** Watches the folder, or changes it; answers how it is then. */
	async save(): Promise<FolderView | null> {
		const { folder, onlyNew } = this.draft;
		let saved: FolderView | null = null;
		await this.#ask('save', async () => {
			const choices = choicesOf(this.draft);
			if (this.folder) saved = await this.backend.changeFolder(this.folder.id, choices);
			else if (folder) saved = await this.backend.addFolder(folder.pick, choices, onlyNew);
		});
		return saved;
	}

	/** Lets go of what was picked; what is watched now is not held any more and stays. */
	leave(): void {
		this.test.stop();
		for (const pick of this.#held) this.#drop(pick);
	}

	#blank(account: string): Record<string, string> {
		return blankOptions(this.setup.serviceOf(account)?.upload_options ?? []);
	}

	#all(): Mistakes {
		return folderMistakes(this.draft, this.setup.serviceOf(this.draft.account)?.upload_options ?? [], this.folder === null);
	}

	#previewed(): PreviewChoice | null {
		const { folder, onlyNew } = this.draft;
		const choices = choicesOf(this.draft);
		if (this.folder) return { changed: { id: this.folder.id, choices } };
		return folder && { picked: { pick: folder.pick, choices, only_new: onlyNew } };
	}

	async #pick(): Promise<Picked | null> {
		try {
			const picked = await this.backend.chooseFolder();
			if (picked) this.#held.add(picked.pick);
			return picked;
		} catch (thrown) {
			this.fault = asFault(thrown);
			return null;
		}
	}

	#drop(pick: number | undefined): void {
		if (pick === undefined || !this.#held.delete(pick)) return;
		void this.backend.dismissDrop(pick).catch(() => undefined);
	}

	async #ask(what: 'preview' | 'save', question: () => Promise<void>): Promise<void> {
		this.#tried = true;
		if (this.busy !== null || Object.keys(this.mistakes).length > 0) return;
		const { draft } = this;
		this.busy = what;
		this.fault = null;
		try {
			await question();
		} catch (thrown) {
			if (what === 'save' || this.draft === draft) this.fault = asFault(thrown);
		} finally {
			this.busy = null;
		}
	}
}
