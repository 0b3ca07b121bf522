// Which rows are chosen and which one the keyboard is on. Works on the rows that are shown; refuses to act on them.

import type { Row, UploadId } from '../backend/bindings';
import type { Gesture } from '../gesture';

/** The chosen rows. */
export class Selection {
	/** The row the keyboard is on. */
	current: UploadId | null = $state(null);

	#source: { readonly shown: readonly Row[] };
	#ids: ReadonlySet<UploadId> = $state.raw(new Set());
	#anchor: UploadId | null = null;
	#place = 0;

	/** The chosen rows that are shown, in their order. */
	readonly rows: readonly Row[] = $derived.by(() => {
		const ids = this.#ids;
		return ids.size === 0 ? [] : this.#source.shown.filter((row) => ids.has(row.id));
	});

	/** Where the keyboard is, among the rows that are shown; when its row is gone, where it was. */
	readonly index: number = $derived.by(() => {
		const { shown } = this.#source;
		const found = shown.findIndex((row) => row.id === this.current);
		if (found >= 0) this.#place = found;
		return Math.max(0, Math.min(this.#place, shown.length - 1));
	});

	constructor(source: { readonly shown: readonly Row[] }) {
		this.#source = source;
	}

	/** Whether a row is chosen. */
	has(id: UploadId): boolean {
		return this.#ids.has(id);
	}

	/** Chooses a row. */
	choose(id: UploadId, gesture: Gesture): void {
		this.current = id;
		if (gesture === 'range') {
			this.#ids = new Set(this.#between(this.#anchor ?? id, id));
			return;
		}
		this.#anchor = id;
		if (gesture === 'one') {
			this.#ids = new Set([id]);
			return;
		}
		const ids = new Set(this.#ids);
		if (!ids.delete(id)) ids.add(id);
		this.#ids = ids;
	}

	/** Goes to another place in the list and chooses it, or everything on the way. */
	go(index: number, extend: boolean): void {
		const row = this.#source.shown[Math.min(Math.max(index, 0), this.#source.shown.length - 1)];
		if (row) this.choose(row.id, extend ? 'range' : 'one');
	}

	/** Chooses every row that is shown. */
	all(): void {
		this.#ids = new Set(this.#source.shown.map((row) => row.id));
	}

	/** Chooses nothing. */
	clear(): void {
		this.#ids = new Set();
		this.#anchor = null;
	}

	#between(from: UploadId, to: UploadId): UploadId[] {
		const ids = this.#source.shown.map((row) => row.id);
		const ends = [ids.indexOf(from), ids.indexOf(to)].filter((index) => index >= 0);
		return ids.slice(Math.min(...ends), Math.max(...ends) + 1);
	}
}
