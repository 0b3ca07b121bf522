// Every word the page says by itself, in one place, so that a translation can replace it. Refuses markup and logic
// beyond counting. What went wrong is said by the engine's faults and reasons.

import { bytes, clock, percent, spokenSpan } from './format';
import { files, some, uploads, words } from './labels';
import { isImport, isLive, type State, type Tab, type Verb } from './standing';
import type { Row } from './types';

/** What a drop holds: `3 files, 1 folder · 1.2 MB`. */
export function contents(drop: { files: number; folders: number; bytes: number | null }): string {
	const parts = [drop.files > 0 ? files(drop.files) : '', drop.folders > 0 ? some(drop.folders, 'folder', 'folders') : ''];
	const things = parts.filter(Boolean).join(', ');
	return drop.bytes === null || drop.bytes === 0 ? things : `${things} · ${bytes(drop.bytes)}`;
}

/** The size of a row's file. Of an import it is known at the end, if the service tells it at all. */
export function size(row: Row): string {
	if (row.size > 0 || !isImport(row)) return bytes(row.size);
	return isLive(row) ? words.row.unknownSize : words.row.untoldSize;
}

/** The state of a row; `until` is when it goes on by itself. */
export function state(of: State, until: number | null): string {
	return of === 'retrying' && until !== null ? `Retrying at ${clock(until)}` : STATES[of];
}

const STATES: Record<State, string> = {
	waiting: 'Waiting',
	preparing: 'Preparing',
	uploading: 'Uploading',
	finishing: 'Finishing',
	done: 'Done',
	paused: 'Paused',
	retrying: 'Retrying',
	offline: 'Waiting for network',
	needs_key: 'Needs you',
	missing: 'File missing',
	unfinished: 'Waiting for file',
	failed: 'Failed',
	canceled: 'Canceled',
};

/** The names of the tabs. */
export const tabs: Record<Tab, string> = {
	all: 'All',
	active: 'Active',
	waiting: 'Waiting',
	needs_you: 'Needs you',
	failed: 'Failed',
	done: 'Done',
};

/** What a tab says when nothing is on it. */
export const nothingOn: Record<Tab, string> = {
	all: 'No uploads here yet.',
	active: 'Nothing is uploading right now.',
	waiting: 'Nothing is waiting.',
	needs_you: 'Nothing needs you.',
	failed: 'Nothing has failed.',
	done: 'Nothing is done yet.',
};

/** The names of the verbs. */
export const verbs: Record<Verb, string> = {
	pause: 'Pause',
	resume: 'Resume',
	retry: 'Retry',
	cancel: 'Cancel upload',
	remove: 'Remove from list',
	next: 'Upload next',
};

/** What a verb did, for the live region. */
export const did: Record<Verb, (n: number) => string> = {
	pause: (n) => `${uploads(n)} paused`,
	resume: (n) => `${uploads(n)} resumed`,
	retry: (n) => `Trying ${uploads(n)} again`,
	cancel: (n) => `${uploads(n)} canceled`,
	remove: (n) => `${uploads(n)} removed from the list`,
	next: (n) => `${uploads(n)} moved to the front`,
};

/** What the service confirmed about a finished upload. */
export const verified = {
	checksum: { short: 'Checksum verified', long: 'The service confirmed the checksum of the whole file.' },
	size: { short: 'Size verified', long: 'The service confirmed the size of the file.' },
	none: { short: 'Not verified', long: 'The service accepted the file, and said nothing that could be compared with it.' },
} as const;

/** The codes of a fault, for whoever asks for them. */
export function faultCodes(fault: { status: number | null; service_code: string | null; kind: string }): string {
	return [fault.status === null ? '' : `HTTP ${fault.status}`, fault.service_code ?? '', fault.kind].filter(Boolean).join(' · ');
}

/** What a screen reader hears for a row. */
export function rowName(name: string, stateWord: string, share: number | null, left: number | null): string {
	const parts = [name, stateWord];
	if (share !== null) parts.push(`${share} percent`);
	if (left !== null) parts.push(`${spokenSpan(left)} left`);
	return parts.join(', ');
}

/** What a screen reader hears for a progress bar. */
export function progressText(acknowledged: number, size: number): string {
	return `${percent(acknowledged, size)} percent, ${bytes(acknowledged)} of ${bytes(size)} confirmed`;
}

export { folderWords } from './folder-words';
export { files, uploads, words } from './labels';
