// What happens to files between the drop and the queue. Holds drops until an account is known; refuses to lose one:
// each is added, dismissed or handed over.

import type { Backend, Drop, DropEvent } from '../backend/backend';
import type { Skipped, UploadId } from '../backend/bindings';
import { uploads, words } from '../words';
import type { Notices } from './notices.svelte';
import type { Setup } from './setup.svelte';

/** What a person answered for a drop. */
export interface Answer {
	/** Where it goes. */
	account: string;
	/** The upload options. */
	options: Record<string, string>;
	/** A mode, or automatic. */
	mode: string | null;
}

/** What was refused while adding. */
export interface Refusals {
	/** How many were taken. */
	added: number;
	/** Each refused file and why. */
	skipped: Skipped[];
}

/** Takes drops in, one after the other. */
export class Intake {
	/** What is dragged over the window: known, or not yet counted. */
	over: Drop | 'unknown' | null = $state.raw(null);
	/** The drop that waits for an answer. */
	asking: Drop | null = $state.raw(null);
	/** Whether it is being added as it was answered; until then nobody else decides about it. */
	adding = $state(false);
	/** What was refused, until it is read. */
	refusals: Refusals | null = $state.raw(null);
	/** The first upload of the newest addition, which the list brings into view. */
	newest: UploadId | null = $state(null);
	/** The account of the last answer. */
	lastAccount: string | null = null;

	#waiting: Drop[] = [];

	constructor(
		private backend: Backend,
		private setup: Setup,
		private notices: Notices,
		private target: () => string | null,
	) {}

	/** Follows the mouse. */
	follow(event: DropEvent): void {
		this.over = event.kind === 'enter' ? (event.drop ?? 'unknown') : null;
		if (event.kind === 'drop' && event.drop) this.take(event.drop);
	}

	/** Takes what a dialog or the clipboard gave; nothing when the person chose nothing. */
	async pick(from: 'pickFiles' | 'pickFolder' | 'paste'): Promise<void> {
		try {
			const drop = await this.backend[from]();
			if (drop) this.take(drop);
			else if (from === 'paste') this.notices.tell(words.add.emptyClipboard);
		} catch (thrown) {
			this.notices.fail(thrown);
		}
	}

	/** Takes a drop in: uploads at once when there is only one answer, else asks. */
	take(drop: Drop): void {
		if (this.asking) {
			this.#waiting.push(drop);
			return;
		}
		const account = this.onlyTarget();
		const open = account === null || this.setup.serviceOf(account)?.upload_options.some((option) => option.required);
		if (account === null || open) this.asking = drop;
		else void this.#add(drop, { account, options: {}, mode: null });
	}

	/** Where files go without asking: the account chosen in the rail, or the only one. */
	onlyTarget(): string | null {
		const { accounts } = this.setup;
		const chosen = this.target();
		if (chosen !== null && this.setup.account(chosen)) return chosen;
		return accounts.length === 1 && accounts[0] ? accounts[0].name : null;
	}

	/** Adds the drop that waits; stays open when the engine refuses the answer. */
	async answer(answer: Answer): Promise<void> {
		const drop = this.#undecided();
		if (!drop) return;
		this.adding = true;
		const added = await this.#add(drop, answer);
		this.adding = false;
		if (!added) return;
		this.lastAccount = answer.account;
		this.#nextDrop();
	}

	/** Looks again at the drop that waits, such as after an account was added. */
	reconsider(): void {
		const drop = this.#undecided();
		if (!drop) return;
		this.asking = null;
		this.take(drop);
		if (!this.asking) this.#nextDrop();
	}

	/** Lets the drop that waits go, unless it is being added. */
	dismiss(): void {
		const drop = this.#undecided();
		if (!drop) return;
		void this.backend.dismissDrop(drop.drop).catch(() => undefined);
		this.#nextDrop();
	}

	/** Hands the drop that waits over to whoever asked for it. */
	release(): Drop | null {
		const drop = this.#undecided();
		if (drop) this.#nextDrop();
		return drop;
	}

	#undecided(): Drop | null {
		return this.adding ? null : this.asking;
	}

	#nextDrop(): void {
		this.asking = null;
		const next = this.#waiting.shift();
		if (next) this.take(next);
	}

	async #add(drop: Drop, answer: Answer): Promise<boolean> {
		try {
			const { added, skipped } = await this.backend.add({ drop: drop.drop, ...answer });
			this.newest = added[0]?.id ?? null;
			if (skipped.length > 0) this.refusals = { added: added.length, skipped };
			else this.notices.say(words.said.added(uploads(added.length), answer.account));
			return true;
		} catch (thrown) {
			this.notices.fail(thrown);
			return false;
		}
	}
}
