// How long moving uploads will still take. Owns the smoothing; refuses to guess in the first seconds of a run.

import type { UploadId } from '../backend/bindings';

/** No time is named before an upload has moved this long, in milliseconds. */
export const SETTLE = 5_000;

/** How much of the difference to the newest estimate is taken over each second. */
const FOLLOW = 0.25;

interface Run {
	since: number;
	at: number;
	left: number | null;
}

/** Estimates of the time left, one for each moving upload. */
export class Pace {
	#runs = new Map<UploadId, Run>();

	/** Takes a measurement in; answers seconds left, or `null` while it is too early or nothing moves. */
	measure(id: UploadId, remaining: number, rate: number, now: number): number | null {
		const run = this.#runs.get(id) ?? { since: now, at: now, left: null };
		const passed = (now - run.at) / 1000;
		if (rate > 0) {
			const fresh = remaining / rate;
			const aged = run.left === null ? fresh : Math.max(0, run.left - passed);
			run.left = aged + (fresh - aged) * Math.min(1, FOLLOW * passed);
		}
		run.at = now;
		this.#runs.set(id, run);
		return now - run.since < SETTLE || rate <= 0 ? null : run.left;
	}

	/** Forgets an upload that stopped. */
	stop(id: UploadId): void {
		this.#runs.delete(id);
	}

	/** Forgets everything. */
	clear(): void {
		this.#runs.clear();
	}
}
