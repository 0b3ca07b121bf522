// Turns changes of rows into a few spoken sentences: start, each quarter of a lone upload, end, errors at once.

import type { UploadId } from '../backend/bindings';
import { underway } from '../format';
import { groupOf, type Motion } from '../standing';
import { words } from '../words';
import type { Change } from './queue.svelte';

type One = (name: string, why: string) => string;

/** Speaks for the queue. */
export class Announcer {
	#say: (text: string) => void;
	#nameOf: (id: UploadId) => string | undefined;
	#sizeOf: (id: UploadId) => number;
	#quarters = new Map<UploadId, number>();

	constructor(say: (text: string) => void, row: (id: UploadId) => { name: string; size: number } | undefined) {
		this.#say = say;
		this.#nameOf = (id) => row(id)?.name;
		this.#sizeOf = (id) => row(id)?.size ?? 0;
	}

	/** Says what changed. */
	changed(changes: readonly Change[]): void {
		const { said } = words;
		this.#tell(changes, 'active', (name) => said.started(name), said.startedMany);
		this.#tell(changes, 'done', (name) => said.done(name), said.doneMany);
		this.#tell(changes, 'failed', said.failed, said.failedMany);
		this.#tell(changes, 'needs_you', said.needsYou, said.needsYouMany);
	}

	/** Says each quarter of an upload that moves alone. */
	moved(moving: ReadonlyMap<UploadId, Motion>): void {
		const [only] = moving.values();
		if (moving.size !== 1 || !only) return;
		const quarter = Math.floor(underway(only.sent, this.#sizeOf(only.id)) / 25);
		const before = this.#quarters.get(only.id) ?? 0;
		this.#quarters = new Map([[only.id, quarter]]);
		const name = this.#nameOf(only.id);
		if (name !== undefined && quarter > before && quarter < 4) this.#say(words.said.share(name, quarter * 25));
	}

	#tell(changes: readonly Change[], group: 'active' | 'done' | 'failed' | 'needs_you', one: One, many: (n: number) => string): void {
		const entered = changes.filter(({ before, after }) => groupOf(after) === group && before !== undefined && groupOf(before) !== group);
		const [first] = entered;
		if (entered.length > 1) this.#say(many(entered.length));
		else if (first) this.#say(one(first.after.name, first.after.reason ?? ''));
	}
}
