// Verbs for one, several or all uploads. Asks before anything is lost that was sent, or sent twice; says what was done and
// what was refused.

import type { Backend } from '../backend/backend';
import type { Changed, Row, Selection } from '../backend/bindings';
import { fits, mayGoOn, mayHaveArrived, type Verb } from '../standing';
import { did, words } from '../words';
import type { Notices } from './notices.svelte';

/** What a person asked for and has not confirmed yet. */
export interface Doubt {
	/** What to do. */
	verb: 'cancel' | 'remove' | 'retry';
	/** With which uploads. */
	rows: readonly Row[];
}

/** Does what a person asks for. */
export class Deeds {
	/** What waits for a yes. */
	doubt: Doubt | null = $state.raw(null);

	constructor(
		private backend: Backend,
		private notices: Notices,
	) {}

	/** Applies a verb to the rows it fits. */
	async apply(verb: Verb, rows: readonly Row[]): Promise<void> {
		const fitting = rows.filter((row) => fits(verb, row));
		if (fitting.length === 0) return;
		const asks = verb === 'cancel' || (verb === 'remove' && fitting.some(mayGoOn)) || (verb === 'retry' && fitting.some(mayHaveArrived));
		if (asks) this.doubt = { verb, rows: fitting };
		else await this.#run(verb, { ids: fitting.map((row) => row.id) });
	}

	/** Applies a verb to every upload that it fits. */
	async applyToAll(verb: 'pause' | 'resume'): Promise<void> {
		await this.#run(verb, 'all');
	}

	/** Says yes or no to what waits. */
	async settle(yes: boolean): Promise<void> {
		const doubt = this.doubt;
		this.doubt = null;
		if (yes && doubt) await this.#run(doubt.verb, { ids: doubt.rows.map((row) => row.id) });
	}

	/** Pauses what moves or, when nothing does, resumes what is paused. */
	async toggle(rows: readonly Row[]): Promise<void> {
		await this.apply(rows.some((row) => fits('pause', row)) ? 'pause' : 'resume', rows);
	}

	/** Removes ended uploads from the list, or cancels live ones; never both at once. */
	async drop(rows: readonly Row[]): Promise<void> {
		await this.apply(rows.some((row) => fits('cancel', row)) ? 'cancel' : 'remove', rows);
	}

	/** Copies the link of an upload, or the service's identity for it. */
	async copy(row: Row): Promise<void> {
		const text = row.remote_url ?? row.remote_id;
		if (text !== null) await this.copyText(text);
	}

	/** Copies a text. */
	async copyText(text: string): Promise<void> {
		try {
			await this.backend.copy(text);
			this.notices.tell(words.notice.copied);
		} catch (thrown) {
			this.notices.fail(thrown);
		}
	}

	/** Saves the receipt of an upload where the person wants it. */
	async saveReceipt(row: Row): Promise<void> {
		try {
			if (await this.backend.saveReceipt(row.id)) this.notices.tell(words.notice.receiptSaved);
		} catch (thrown) {
			this.notices.fail(thrown);
		}
	}

	async #run(verb: Verb, selection: Selection): Promise<void> {
		try {
			const changed: Changed = await this.backend[verb](selection);
			if (changed.ids.length > 0) this.notices.say(did[verb](changed.ids.length));
			const [refused] = selection === 'all' ? [] : changed.refused;
			if (refused) this.notices.tell(refused.reason, true);
		} catch (thrown) {
			this.notices.fail(thrown);
		}
	}
}
