// What the last test of each account said, until the account is another one. The newest question counts: answers that come
// late are not shown.

import { asFault, type Backend } from '../backend/backend';
import type { Fault, TestReport } from '../backend/bindings';

/** What is known of a test. */
export type Outcome = 'asking' | TestReport | Fault;

/** The tests of accounts that are there. */
export class AccountTests {
	/** How they went, by the name of the account. */
	outcomes: ReadonlyMap<string, Outcome> = $state.raw(new Map());

	#newest = 0;
	#asked = new Map<string, number>();

	constructor(private backend: Pick<Backend, 'testAccount'>) {}

	/** Asks the service of an account. */
	async run(account: string): Promise<void> {
		this.#newest += 1;
		const asked = this.#newest;
		this.#asked.set(account, asked);
		this.#put(account, 'asking');
		const outcome = await this.backend.testAccount(account).catch(asFault);
		if (this.#asked.get(account) === asked) this.#put(account, outcome);
	}

	/** Forgets what was said of an account, such as after its key was changed. */
	forget(account: string): void {
		this.#asked.delete(account);
		this.outcomes = new Map([...this.outcomes].filter(([name]) => name !== account));
	}

	/** Forgets everything. */
	clear(): void {
		this.#asked.clear();
		this.outcomes = new Map();
	}

	#put(account: string, outcome: Outcome): void {
		this.outcomes = new Map(this.outcomes).set(account, outcome);
	}
}
