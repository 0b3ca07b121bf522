// A queue that moves by a script: eight uploads at once, parts, retries, a refused key. Owns time; sends feeds like the
// real engine: whole rows when they change, bytes beside them.

import { fits, groupOf, isLive, type Verb } from '../../standing';
import type { AccountView, Changed, Feed, Progress, Row, Selection, Settings, Totals, UploadId } from '../bindings';
import { beginning, done, FAULTS, row, spread } from './rows';

const TICK = 100;
const CHUNK = 500;
const RATE = 6_000_000;

/** A scripted queue. */
export class Engine {
	readonly rows = new Map<UploadId, Row>();
	readonly settings: Settings = { parallel_uploads: 8, parallel_parts: 8 };
	setupChanged = false;
	foldersChanged = false;
	leftoversChanged = false;

	#rev = 0;
	#tick = 0;
	#changed = new Set<UploadId>();
	#removed: UploadId[] = [];
	#notices: Feed['notices'] = [];
	#listener: ((feed: Feed) => void) | null = null;

	constructor(
		count: number,
		readonly accounts: AccountView[],
		readonly busy = 0,
	) {
		for (const first of beginning(count)) this.rows.set(first.id, first);
		setInterval(() => this.#step(), TICK);
	}

	/** Tells one listener everything, then every change. */
	subscribe(listener: (feed: Feed) => void): () => void {
		this.#listener = null;
		this.#rev = 0;
		this.#changed.clear();
		const all = [...this.rows.values()];
		queueMicrotask(() => {
			for (let from = 0; from === 0 || from < all.length; from += CHUNK) {
				listener(
					this.#feed({ reset: from === 0, rows: all.slice(from, from + CHUNK), totals: this.#totals(), folders_changed: from === 0 }),
				);
			}
			this.#listener = listener;
		});
		return () => {
			if (this.#listener === listener) this.#listener = null;
		};
	}

	/** Adds uploads at the end. */
	add(names: string[], account: AccountView, size?: number): Row[] {
		return names.map((name) => {
			const n = this.rows.size;
			const fresh = row(n, {
				name,
				account: account.name,
				service: account.service,
				added_at: Date.now(),
				...(size === undefined ? {} : { size }),
			});
			this.#put(fresh);
			return fresh;
		});
	}

	/** Applies a verb. */
	verb(verb: Verb, selection: Selection): Changed {
		const ids = selection === 'all' ? [...this.rows.keys()] : selection.ids;
		const changed: Changed = { ids: [], refused: [] };
		for (const id of ids) {
			const at = this.rows.get(id);
			if (!at || !fits(verb, at)) changed.refused.push({ id, reason: `This upload cannot be changed that way now.` });
			else {
				this.#apply(verb, at);
				changed.ids.push(id);
			}
		}
		return changed;
	}

	/** Wakes what waited for a key. */
	wake(account: string): void {
		for (const at of this.rows.values()) {
			if (at.account === account && at.hold === 'sign_in') this.#put({ ...at, hold: 'none', fault: null, reason: 'Waiting for its turn.' });
		}
	}

	/** Cancels a failed upload. */
	giveUp(at: Row): void {
		this.#apply('cancel', at);
	}

	/** Tells the person something. */
	notice(text: string, bad: boolean): void {
		this.#notices.push({ text, bad });
	}

	#apply(verb: Verb, at: Row): void {
		const still = { active: false, rate: 0 };
		const turn = { hold: 'none', fault: null, until: null, reason: 'Waiting for its turn.' } as const;
		if (verb === 'pause')
			this.#put({ ...at, ...still, hold: 'paused', until: null, fault: null, reason: 'You paused it.', sent: at.acknowledged });
		else if (verb === 'resume') this.#put({ ...at, ...turn });
		else if (verb === 'retry') this.#put({ ...at, ...turn, phase: at.acknowledged > 0 ? 'uploading' : 'queued', finished_at: null });
		else if (verb === 'cancel') this.#put({ ...at, ...still, ...turn, phase: 'canceled', reason: null, finished_at: Date.now() });
		else if (verb === 'next') this.#put({ ...at, rank: Math.min(...[...this.rows.values()].map((other) => other.rank)) - 1 });
		else {
			this.rows.delete(at.id);
			this.#removed.push(at.id);
		}
	}

	#put(next: Row): void {
		this.rows.set(next.id, next);
		this.#changed.add(next.id);
	}

	#step(): void {
		this.#tick += 1;
		const progress: Progress[] = [];
		let moving = 0;
		for (const at of this.rows.values()) {
			if (at.hold === 'backoff' && at.until !== null && at.until <= Date.now())
				this.#put({ ...at, hold: 'none', until: null, fault: null, reason: 'Waiting for its turn.' });
			else if (at.active && at.hold === 'none') {
				moving += 1;
				const step = this.#move(at);
				if (step) progress.push(step);
			}
		}
		if (moving < this.settings.parallel_uploads) this.#startNext();
		if (this.busy > 0) this.#changeSome();
		this.#send(progress);
	}

	/** The next rows of the list, as many as `busy` says, learn how many ticks there have been, unless they move. */
	#changeSome(): void {
		const ids = [...this.rows.keys()];
		for (let n = 0; n < this.busy; n += 1) {
			const at = this.rows.get(ids[(this.#tick * this.busy + n) % ids.length] ?? '');
			if (at && isLive(at) && !at.active) this.#put({ ...at, reason: `Tick ${this.#tick}.` });
		}
	}

	#startNext(): void {
		for (const at of this.rows.values()) {
			if (!isLive(at) || at.active || at.hold !== 'none') continue;
			this.#put({ ...at, active: true, reason: null, attempts: at.attempts + 1 });
			return;
		}
	}

	#move(at: Row): Progress | null {
		if (at.phase === 'queued') {
			if (this.#tick % 6 === 0) this.#put({ ...at, phase: 'uploading' });
			return null;
		}
		if (at.phase === 'completing') {
			if (this.#tick % 9 === 0) this.#put(done(at, Date.now()));
			return null;
		}
		const rate = Math.round(RATE * (0.6 + 0.5 * spread(at.rank) + 0.15 * Math.sin(this.#tick / 7 + at.rank)));
		const sent = Math.min(at.size, at.sent + (rate * TICK) / 1000);
		const part = Math.max(200_000, Math.min(5_000_000, at.size / 8));
		const acknowledged = sent >= at.size ? at.size : Math.floor(sent / part) * part;
		const moved = { ...at, sent: Math.round(sent), acknowledged: Math.max(at.acknowledged, Math.round(acknowledged)), rate };
		this.rows.set(at.id, moved);
		if (moved.acknowledged === at.size) this.#put({ ...moved, phase: 'completing', rate: 0 });
		else if (at.rank % 23 === 13 && this.#tick % 40 === 0)
			this.#put({
				...moved,
				active: false,
				rate: 0,
				hold: 'backoff',
				until: Date.now() + 8_000,
				reason: FAULTS.network.message,
				fault: FAULTS.network,
			});
		return { id: at.id, acknowledged: moved.acknowledged, sent: moved.sent, rate };
	}

	#send(progress: Progress[]): void {
		if (!this.#listener) return;
		const rows = [...this.#changed].flatMap((id) => this.rows.get(id) ?? []);
		const news = rows.length + progress.length + this.#removed.length + this.#notices.length;
		const left = this.leftoversChanged || this.#removed.length > 0 || rows.some(({ phase }) => phase === 'failed' || phase === 'canceled');
		if (news === 0 && !this.setupChanged && !this.foldersChanged && !left) return;
		this.#listener(
			this.#feed({
				rows,
				progress,
				removed: this.#removed,
				notices: this.#notices,
				totals: this.#totals(),
				setup_changed: this.setupChanged,
				folders_changed: this.foldersChanged,
				leftovers_changed: left,
			}),
		);
		this.#changed.clear();
		this.#removed = [];
		this.#notices = [];
		this.setupChanged = false;
		this.foldersChanged = false;
		this.leftoversChanged = false;
	}

	#feed(of: Partial<Feed>): Feed {
		this.#rev += 1;
		return {
			rev: this.#rev,
			reset: false,
			rows: [],
			removed: [],
			progress: [],
			totals: null,
			setup_changed: false,
			folders_changed: false,
			leftovers_changed: false,
			notices: [],
			...of,
		};
	}

	#totals(): Totals {
		const totals: Totals = {
			all: this.rows.size,
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
		for (const at of this.rows.values()) {
			const group = groupOf(at);
			if (at.hold === 'paused' && isLive(at)) totals.paused += 1;
			else totals[group === 'done' ? 'completed' : group] += 1;
			if (isLive(at)) totals.bytes_left += at.size - at.acknowledged;
			if (at.active) totals.rate += at.rate;
		}
		return totals;
	}
}
