// Rows and messages for tests.

import type { Feed, Row } from '../../src/backend/bindings';

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
		notices: [],
		...more,
	};
}
