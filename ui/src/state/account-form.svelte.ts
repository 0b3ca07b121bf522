// An account being added: what is filled in, what the test said. Forgets the key when it is thrown away.

import { asFault, type Backend } from '../backend/backend';
import type { Fault, ServiceView, TestReport } from '../backend/bindings';
import { type AccountDraft, accountMistakes, blankAccount, type Mistakes, newAccount } from '../forms';

/** The form behind the add-account dialog. */
export class AccountForm {
	/** The chosen definition. */
	service: ServiceView;
	/** What is filled in. */
	draft: AccountDraft = $state.raw({ service: '', name: '', baseUrl: '', options: {}, key: '' });
	/** What is under way. */
	busy: 'test' | 'save' | null = $state(null);
	/** What the last test found. */
	report: TestReport | null = $state.raw(null);
	/** Why the last test or save failed. */
	fault: Fault | null = $state.raw(null);
	/** Mistakes to show; nothing before the first try. */
	readonly mistakes: Mistakes = $derived.by(() => (this.#tried ? accountMistakes(this.draft, this.service, this.taken) : {}));

	#tried = $state(false);

	constructor(
		private backend: Pick<Backend, 'tryAccount' | 'addAccount'>,
		private services: readonly ServiceView[],
		private taken: readonly string[],
		first: ServiceView,
	) {
		this.service = $state.raw(first);
		this.draft = blankAccount(first, taken);
	}

	/** Chooses another definition; keeps the key that was typed. */
	choose(id: string): void {
		const service = this.services.find((known) => known.id === id);
		if (!service) return;
		this.service = service;
		this.change({ ...blankAccount(service, this.taken), key: this.draft.key });
		this.#tried = false;
	}

	/** Takes what was typed; what a test said is no longer about it. */
	change(draft: AccountDraft): void {
		this.draft = draft;
		this.report = null;
		this.fault = null;
	}

	/** Asks the service and keeps nothing. An answer about what is no longer filled in is not shown. */
	async test(): Promise<void> {
		const { draft } = this;
		await this.#ask('test', async () => {
			const report = await this.backend.tryAccount(newAccount(draft, true));
			if (this.draft === draft) this.report = report;
		});
	}

	/** Adds the account; answers whether it was added. A test that just passed is not repeated. */
	async save(): Promise<boolean> {
		return this.#ask('save', async () => {
			await this.backend.addAccount(newAccount(this.draft, this.report === null));
		});
	}

	async #ask(what: 'test' | 'save', question: () => Promise<void>): Promise<boolean> {
		this.#tried = true;
		if (this.busy !== null || Object.keys(this.mistakes).length > 0) return false;
		const { draft } = this;
		this.busy = what;
		this.fault = null;
		try {
			await question();
			return true;
		} catch (thrown) {
			if (what === 'save' || this.draft === draft) this.fault = asFault(thrown);
			return false;
		} finally {
			this.busy = null;
		}
	}
}
