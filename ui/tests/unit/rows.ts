// Rows and messages for tests.

import type { Feed, FolderView, Leftover, Row } from '../../src/backend/bindings';

/** A waiting row of 1,000 bytes. */
export function row(id: string, more: Partial<Row> = {}): Row {
	return {
		id,
		path: `/files/${id}`,
		name: id,
		account: 'wiki',
		service: 'notion',
		size: 1000,
		acknowledged: 0,
		sent: 0,
		rate: 0,
		phase: 'queued',
		hold: 'none',
		active: false,
		reason: 'Waiting for its turn.',
		until: null,
		fault: null,
		attempts: 0,
		rank: 0,
		added_at: 0,
		finished_at: null,
		remote_id: null,
		remote_url: null,
		verified: null,
		note: null,
		...more,
	};
}

/** A watched folder in which nothing happens. */
export function folder(id: number, more: Partial<FolderView> = {}): FolderView {
	return {
		id,
		path: `/files/F${id}`,
		account: 'lab',
		service: 'empirical',
		options: {},
		rules: { include: [], exclude: [], min_size: 0, min_age: 0, subfolders: true, links: 'skip' },
		after: 'keep',
		move_to: null,
		scan_every: null,
		state: 'watching',
		reason: null,
		sent: 0,
		unfinished: 0,
		queued: 0,
		failed: 0,
		excluded: 0,
		problems: 0,
		first_problems: [],
		scanned_at: null,
		sent_at: null,
		idle: true,
		...more,
	};
}

/** What an upload left that is dropped only when a person says so. */
export function leftover(id: string, more: Partial<Leftover> = {}): Leftover {
	return {
		id,
		name: id,
		account: 'wiki',
		size: 1000,
		acknowledged: 400,
		begun_at: 0,
		expires_at: null,
		may_go_on: false,
		reason: 'The service refused the key.',
		until: null,
		...more,
	};
}

/** A message with nothing in it but what is given. */
export function feed(rev: number, more: Partial<Feed> = {}): Feed {
	return {
		rev,
		reset: false,
		rows: [],
		removed: [],
		progress: [],
		totals: null,
		setup_changed: false,
		folders_changed: false,
		leftovers_changed: false,
		notices: [],
		...more,
	};
}
