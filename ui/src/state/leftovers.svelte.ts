// What was begun on services and never completed, as the engine tells it. Asks only while somebody looks, and when there
// may be news; asks the person before what could still go on is dropped.

import type { Backend } from '../backend/backend';
import type { Leftover, UploadId } from '../backend/bindings';
import { sentence } from '../format';
import { did, words } from '../words';
import { Calm } from './calm';
import type { Notices } from './notices.svelte';

/** The least time between two questions, in milliseconds. */
const PAUSE = 500;

/** Everything that is left on services. */
export class Leftovers {
	/** All of it, the oldest first. One upload may have left several. */
	list: readonly Leftover[] = $state.raw([]);
	/** When the engine told it, in milliseconds since 1970; ages are counted up to then. */
	toldAt = $state(0);
	/** Whether the engine told it once. */
	ready = $state(false);
	/** What a person asked to drop and has not confirmed yet. */
	doubt: readonly Leftover[] | null = $state.raw(null);

	#calm = new Calm(PAUSE, () => void this.#load());
	#shown = false;

	constructor(
		private backend: Pick<Backend, 'leftovers' | 'dropLeftovers' | 'retry'>,
		private notices: Pick<Notices, 'say' | 'tell' | 'fail'>,
	) {}

	/** Somebody looks from now on; answers how to look away. */
	show(): () => void {
		this.#shown = true;
		this.touch();
		return () => {
			this.#shown = false;
		};
	}

	/** Says that there may be news. */
	touch(): void {
		if (this.#shown) this.#calm.touch();
	}

	/** Has a failed upload go on. */
	async retry(id: UploadId): Promise<void> {
		try {
			const { ids, refused } = await this.backend.retry({ ids: [id] });
			if (ids.length > 0) this.notices.say(did.retry(ids.length));
			for (const { reason } of refused) this.notices.tell(sentence(reason), true);
		} catch (thrown) {
			this.notices.fail(thrown);
		}
		this.touch();
	}

	/** Drops everything that some uploads left: at once, unless one of them could still go on. */
	async drop(ids: readonly UploadId[]): Promise<void> {
		const wanted = new Set(ids);
		const dropped = this.list.filter(({ id }) => wanted.has(id));
		if (dropped.some(({ may_go_on }) => may_go_on)) this.doubt = dropped;
		else await this.#drop(dropped);
	}

	/** Says yes or no to dropping. */
	async settle(yes: boolean): Promise<void> {
		const { doubt } = this;
		this.doubt = null;
		if (yes && doubt) await this.#drop(doubt);
	}

	async #drop(dropped: readonly Leftover[]): Promise<void> {
		try {
			// What is refused is there no longer, which is what the person wanted.
			const { ids } = await this.backend.dropLeftovers({ ids: [...new Set(dropped.map(({ id }) => id))] });
			if (ids.length > 0) this.notices.say(words.left.dropping(new Set(ids).size));
		} catch (thrown) {
			this.notices.fail(thrown);
		}
		this.touch();
	}

	async #load(): Promise<void> {
		try {
			this.list = await this.backend.leftovers();
			this.toldAt = Date.now();
			this.ready = true;
		} catch (thrown) {
			this.notices.fail(thrown);
		}
	}
}
