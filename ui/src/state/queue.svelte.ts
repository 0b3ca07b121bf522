// The rows as the engine tells them. Owns the order and the newest bytes; refuses to change a row by itself: every verb
// goes to the engine and comes back as a message.

import type { Backend, Unsubscribe } from '../backend/backend';
import type { Feed, Notice, Row, Totals, UploadId } from '../backend/bindings';
import type { Motion } from '../standing';
import { Pace } from './pace';

/** A row before and after a message. */
export interface Change {
	/** How it was; nothing when it is new. */
	before: Row | undefined;
	/** How it is. */
	after: Row;
}

/** What others learn from a message. */
export interface Listener {
	/** Rows changed, outside the first telling. */
	changed?: (changes: Change[]) => void;
	/** Rows are gone. */
	removed?: (ids: readonly UploadId[]) => void;
	/** Every row was forgotten and is told anew. */
	reset?: () => void;
	/** Bytes moved. */
	moved?: (moving: ReadonlyMap<UploadId, Motion>) => void;
	/** Accounts or definitions changed. */
	setupChanged?: () => void;
	/** Watched folders changed. */
	foldersChanged?: () => void;
	/** What is left on services changed. */
	leftoversChanged?: () => void;
	/** Something to read. */
	noticed?: (notices: Notice[]) => void;
}

const NO_TOTALS: Totals = {
	all: 0,
	active: 0,
	waiting: 0,
	paused: 0,
	needs_you: 0,
	failed: 0,
	completed: 0,
	canceled: 0,
	bytes_left: 0,
	rate: 0,
};

const inOrder = (a: Row, b: Row): number => a.rank - b.rank || (a.id < b.id ? -1 : 1);

/** The queue as the page knows it. */
export class Queue {
	/** Every row in the order of the queue. Replaced at most once for each message, and not for bytes alone. */
	rows: readonly Row[] = $state.raw([]);
	/** The bytes of rows that move: few, replaced with each message that has some. */
	moving: ReadonlyMap<UploadId, Motion> = $state.raw(new Map());
	/** The engine's sums. */
	totals: Totals = $state.raw(NO_TOTALS);
	/** Whether the first message has come. */
	ready = $state(false);

	#byId = new Map<UploadId, Row>();
	#pace = new Pace();
	#rev: number | null = null;
	#unsubscribe: Unsubscribe | null = null;
	#backend: Pick<Backend, 'subscribe'>;
	#listener: Listener;
	#now: () => number;

	constructor(backend: Pick<Backend, 'subscribe'>, listener: Listener = {}, now: () => number = Date.now) {
		this.#backend = backend;
		this.#listener = listener;
		this.#now = now;
	}

	/** Begins to listen, from the first message on. */
	connect(): void {
		this.disconnect();
		this.#unsubscribe = this.#backend.subscribe((feed) => this.apply(feed));
	}

	/** Listens no longer. */
	disconnect(): void {
		this.#unsubscribe?.();
		this.#unsubscribe = null;
		this.#rev = null;
	}

	/** The row of this identity. */
	get(id: UploadId): Row | undefined {
		return this.#byId.get(id);
	}

	/** Takes one message in; asks for everything again when one is missing. */
	apply(feed: Feed): void {
		if (!feed.reset && this.#rev !== null && feed.rev !== this.#rev + 1) {
			this.connect();
			return;
		}
		this.#rev = feed.rev;
		const changes = this.#applyRows(feed);
		this.#applyProgress(feed);
		if (feed.totals) this.totals = feed.totals;
		if (feed.reset) this.#listener.reset?.();
		if (feed.removed.length > 0) this.#listener.removed?.(feed.removed);
		if (changes.length > 0) this.#listener.changed?.(changes);
		if (feed.progress.length > 0) this.#listener.moved?.(this.moving);
		if (feed.setup_changed) this.#listener.setupChanged?.();
		if (feed.folders_changed) this.#listener.foldersChanged?.();
		if (feed.leftovers_changed) this.#listener.leftoversChanged?.();
		if (feed.notices.length > 0) this.#listener.noticed?.(feed.notices);
		this.ready = true;
	}

	#applyRows(feed: Feed): Change[] {
		const changes: Change[] = [];
		if (feed.reset) {
			this.#byId.clear();
			this.#pace.clear();
			this.moving = new Map();
		}
		let sorted = !feed.reset;
		for (const after of feed.rows) {
			const before = this.#byId.get(after.id);
			if (before?.rank !== after.rank) sorted = false;
			this.#byId.set(after.id, after);
			changes.push({ before, after });
		}
		for (const id of feed.removed) this.#byId.delete(id);
		if (feed.reset || feed.rows.length > 0 || feed.removed.length > 0) this.#rebuild(sorted);
		this.#settle(feed);
		return feed.reset || !this.ready ? [] : changes;
	}

	#rebuild(sorted: boolean): void {
		if (!sorted) {
			this.rows = [...this.#byId.values()].sort(inOrder);
			return;
		}
		const kept = this.#byId.size < this.rows.length ? this.rows.filter((row) => this.#byId.has(row.id)) : this.rows;
		this.rows = kept.map((row) => this.#byId.get(row.id) ?? row);
	}

	/** Rows that came whole or went carry newer bytes than what was kept for them. */
	#settle(feed: Feed): void {
		const stale = [...feed.rows.filter((row) => !row.active).map((row) => row.id), ...feed.removed];
		for (const id of stale) this.#pace.stop(id);
		const known = [...feed.rows.map((row) => row.id), ...feed.removed].filter((id) => this.moving.has(id));
		if (known.length === 0) return;
		const moving = new Map(this.moving);
		for (const id of known) {
			const row = this.#byId.get(id);
			const old = moving.get(id);
			if (row?.active && old) moving.set(id, { id, acknowledged: row.acknowledged, sent: row.sent, rate: row.rate, left: old.left });
			else moving.delete(id);
		}
		this.moving = moving;
	}

	#applyProgress(feed: Feed): void {
		if (feed.progress.length === 0) return;
		const now = this.#now();
		const moving = new Map(this.moving);
		for (const step of feed.progress) {
			const row = this.#byId.get(step.id);
			if (!row) continue;
			const left = row.size > 0 ? this.#pace.measure(step.id, row.size - step.sent, step.rate, now) : null;
			moving.set(step.id, { ...step, left });
		}
		this.moving = moving;
	}
}
