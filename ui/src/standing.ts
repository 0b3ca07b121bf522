// What the state of a row means to a person: which tab it is on and which verbs fit it. Pure; refuses words.

import type { Progress, Row } from './backend/bindings';

/** What a row is shown as. Finer than the engine's phase: it includes what keeps the row and whether it moves. */
export type State =
	| 'waiting'
	| 'preparing'
	| 'uploading'
	| 'finishing'
	| 'done'
	| 'paused'
	| 'retrying'
	| 'offline'
	| 'needs_key'
	| 'missing'
	| 'unfinished'
	| 'failed'
	| 'canceled';

/** Where a row is counted and listed besides *All*. A canceled row is only on *All*. */
export type Group = 'active' | 'waiting' | 'needs_you' | 'failed' | 'done' | 'canceled';

/** The tabs, in order. */
export const TABS = ['all', 'active', 'waiting', 'needs_you', 'failed', 'done'] as const;

/** One tab. */
export type Tab = (typeof TABS)[number];

/** What a person can have done to uploads. */
export type Verb = 'pause' | 'resume' | 'retry' | 'cancel' | 'remove' | 'next';

/** Every verb, in the order menus show them. */
export const VERBS: readonly Verb[] = ['pause', 'resume', 'retry', 'next', 'cancel', 'remove'];

/** What the dot of an account says. */
export type Dot = 'ok' | 'active' | 'waiting' | 'needs_you';

/** The newest bytes of a row that moves. */
export interface Motion extends Progress {
	/** Seconds left; `null` while that cannot be said. */
	left: number | null;
}

/** What a row is shown as. */
export function stateOf(row: Row): State {
	switch (row.phase) {
		case 'completed':
			return 'done';
		case 'failed':
			return row.fault?.kind === 'source_missing' ? 'missing' : 'failed';
		case 'canceled':
			return 'canceled';
		default:
			return liveState(row);
	}
}

function liveState(row: Row): State {
	switch (row.hold) {
		case 'paused':
			return 'paused';
		case 'backoff':
			return row.until === null ? 'waiting' : 'retrying';
		case 'offline':
			return 'offline';
		case 'sign_in':
			return 'needs_key';
		case 'source_missing':
			return 'missing';
		case 'unfinished':
			return 'unfinished';
		case 'none':
			break;
	}
	if (!row.active) return 'waiting';
	return ({ queued: 'preparing', uploading: 'uploading', completing: 'finishing' } as const)[
		row.phase as 'queued' | 'uploading' | 'completing'
	];
}

/** Whether the upload has not ended. */
export function isLive(row: Row): boolean {
	return row.phase === 'queued' || row.phase === 'uploading' || row.phase === 'completing';
}

/** Whether the service fetches the file by itself, from the address that stands for the path. */
export function isImport(row: Row): boolean {
	return /^https?:\/\//i.test(row.path);
}

/** Whether it failed and its service holds a part of it, from which it goes on when it is retried. */
export function mayGoOn(row: Row): boolean {
	return row.phase === 'failed' && row.acknowledged > 0;
}

/** Whether its service may have it although it failed: sent again, it may be there twice. */
export function mayHaveArrived(row: Row): boolean {
	return row.phase === 'failed' && row.fault?.kind === 'unknown_outcome';
}

/** Where a row is counted. */
export function groupOf(row: Row): Group {
	switch (row.phase) {
		case 'completed':
			return 'done';
		case 'failed':
			return 'failed';
		case 'canceled':
			return 'canceled';
		default:
			if (row.hold === 'sign_in' || row.hold === 'source_missing') return 'needs_you';
			return row.active && row.hold === 'none' ? 'active' : 'waiting';
	}
}

/** Whether a verb does something to a row. */
export function fits(verb: Verb, row: Row): boolean {
	switch (verb) {
		case 'pause':
			return isLive(row) && row.hold !== 'paused';
		case 'resume':
			return isLive(row) && row.hold === 'paused';
		case 'retry':
			return row.phase === 'failed' || (isLive(row) && row.hold !== 'none' && row.hold !== 'paused');
		case 'next':
			return isLive(row) && !row.active && row.hold === 'none';
		case 'cancel':
			return isLive(row);
		case 'remove':
			return !isLive(row);
	}
}
