// What rules do to a path that a person types, asked of the engine as they type. The newest question counts: answers that
// come late are not shown.

import { asFault, type Backend } from '../backend/backend';
import type { Fault, FolderRules } from '../backend/bindings';

/** How long typing rests before the engine is asked, in milliseconds. */
const REST = 150;

/** Asked where no path is typed: then only the rules themselves can be wrong. */
const ANY = 'a';

/** What is known about a path. */
export interface Verdict {
	/** The rule that leaves it out; `null` when it is uploaded. */
	rule: string | null;
}

/** The live test of rules. */
export class RuleTest {
	/** The path that is typed. */
	path = $state('');
	/** What happens to it; nothing while there is none. */
	verdict: Verdict | null = $state.raw(null);
	/** What is wrong with the rules themselves. */
	fault: Fault | null = $state.raw(null);

	#newest = 0;
	#resting: ReturnType<typeof setTimeout> | undefined;

	constructor(private backend: Pick<Backend, 'testRules'>) {}

	/** Takes what was typed. */
	type(path: string, rules: FolderRules): void {
		this.path = path;
		this.again(rules);
	}

	/** Asks again, such as after the rules changed. */
	again(rules: FolderRules): void {
		this.#newest += 1;
		const asked = this.#newest;
		clearTimeout(this.#resting);
		if (this.path.trim() === '') this.verdict = null;
		this.#resting = setTimeout(() => void this.#ask(rules, asked), REST);
	}

	/** Asks no more. */
	stop(): void {
		this.#newest += 1;
		clearTimeout(this.#resting);
	}

	async #ask(rules: FolderRules, asked: number): Promise<void> {
		const path = this.path.trim();
		let verdict: Verdict | null = null;
		let fault: Fault | null = null;
		try {
			const rule = await this.backend.testRules(rules, path || ANY);
			verdict = path === '' ? null : { rule };
		} catch (thrown) {
			fault = asFault(thrown);
		}
		if (asked !== this.#newest) return;
		this.verdict = verdict;
		this.fault = fault;
	}
}
