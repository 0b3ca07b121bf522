// What a script left on services: failed uploads that may go on, and what could not be dropped yet.

import type { Changed, Leftover, Selection } from '../bindings';
import type { Engine } from './engine';
import { FAULTS, HOSTILE_NAMES, row, START } from './rows';

const DAY = 86_400_000;

/** How long a service takes to drop something. */
const TAKES = 300;

const NAMES = ['conference-keynote-4k.mov', 'backup 2026-11-18.tar.zst', HOSTILE_NAMES[3]];

const WHY = [
	{ reason: `${FAULTS.rateLimited.message} ${FAULTS.rateLimited.hint}`, until: START + 10 * 60_000 },
	{ reason: `${FAULTS.signIn.message} Enter a valid key for this account, then drop it.`, until: null },
];

/** Scripted leftovers. */
export class Leftovers {
	#toDrop: Leftover[] = [];

	constructor(
		count: number,
		private engine: Engine,
	) {
		for (let n = 0; n < count; n += 1) this.#leave(n);
	}

	/** All of them, the oldest first. */
	list(): Leftover[] {
		const failed = [...this.engine.rows.values()].filter((at) => at.phase === 'failed' && at.acknowledged > 0);
		const mayGoOn = failed.map(({ id, name, account, size, acknowledged, added_at }) => ({
			id,
			name,
			account,
			size,
			acknowledged,
			begun_at: added_at,
			expires_at: added_at + 7 * DAY,
			may_go_on: true,
			reason: 'The upload failed. Retry it, or drop it.',
			until: null,
		}));
		return [...mayGoOn, ...this.#toDrop].sort((a, b) => (a.begun_at ?? 0) - (b.begun_at ?? 0));
	}

	/** Drops some; the service takes a moment. */
	drop(selection: Selection): Changed {
		const wanted = this.list().filter(({ id }) => selection === 'all' || selection.ids.includes(id));
		const ids = wanted.map(({ id }) => id);
		for (const id of ids) {
			const at = this.engine.rows.get(id);
			if (at?.phase === 'failed') this.engine.giveUp(at);
		}
		const others = this.#toDrop.filter(({ id }) => !ids.includes(id));
		this.#toDrop = [
			...others,
			...wanted.map((left) => ({ ...left, may_go_on: false, reason: 'It is about to be dropped.', until: Date.now() })),
		];
		setTimeout(() => {
			this.#toDrop = this.#toDrop.filter(({ id }) => !ids.includes(id));
			this.engine.leftoversChanged = true;
		}, TAKES);
		const known = new Set(ids);
		const unknown = selection === 'all' ? [] : selection.ids.filter((id) => !known.has(id));
		return { ids, refused: unknown.map((id) => ({ id, reason: 'nothing of it is left on a service' })) };
	}

	/** Every third upload failed and may go on; the others are gone from the list. */
	#leave(n: number): void {
		const begun = START - 3 * DAY + n * 5_400_000;
		const named = row(900_000 + n, { size: 1_000_000 * (480 + ((n * 37) % 900)), added_at: begun, name: NAMES[n] ?? `take-${n + 1}.wav` });
		const at = { ...named, acknowledged: Math.floor(named.size * ((n * 0.31 + 0.25) % 0.9)) };
		const why = WHY[(n + 1) % 2];
		if (n % 3 === 0 || !why) {
			const { message } = FAULTS.network;
			this.engine.rows.set(at.id, { ...at, phase: 'failed', reason: message, fault: FAULTS.network, attempts: 5, finished_at: START });
			return;
		}
		const { id, name, size, acknowledged } = at;
		this.#toDrop.push({
			id,
			name,
			account: n % 2 === 0 ? 'lab' : 'team-wiki',
			size,
			acknowledged,
			begun_at: begun,
			expires_at: null,
			may_go_on: false,
			...why,
		});
	}
}
