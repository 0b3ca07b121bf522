// Parts, attempts and the receipt of a scripted row.

import type { Details, PartView, Receipt, Row } from '../bindings';
import { FAULTS, spread } from './rows';

const hex = (seed: number): string =>
	Math.floor(spread(seed) * 0xffffffff)
		.toString(16)
		.padStart(8, '0');

function parts(of: Row, size: number): PartView[] {
	return Array.from({ length: Math.ceil(of.size / size) }, (_, n) => {
		const acknowledged = Math.min(of.size, (n + 1) * size) <= of.acknowledged;
		return {
			number: n + 1,
			size: Math.min(size, of.size - n * size),
			acknowledged,
			crc32c: acknowledged ? hex(n + of.rank) : null,
			token: acknowledged ? `"${hex(n * 3 + of.rank)}${hex(n * 5)}"` : null,
		};
	});
}

/** Proof of a completed row. */
export function receipt(of: Row): Receipt | null {
	if (of.phase !== 'completed' || of.verified === null) return null;
	return {
		id: of.id,
		account: of.account,
		service: of.service,
		path: of.path,
		name: of.name,
		size: of.size,
		mtime: new Date(of.added_at - 86_400_000).toISOString(),
		remote_id: of.remote_id,
		remote_url: of.remote_url,
		crc32c: hex(of.rank),
		sha256: null,
		verified: of.verified,
		parts: 8,
		part_size: Math.ceil(of.size / 8),
		bytes_resent: of.rank % 2 === 0 ? 0 : 5_000_000,
		attempts: of.attempts,
		added_at: new Date(of.added_at).toISOString(),
		completed_at: new Date(of.finished_at ?? of.added_at).toISOString(),
		service_reply: { status: 'uploaded', content_type: 'application/octet-stream' },
		note: of.note,
	};
}

/** Everything about a row. */
export function details(of: Row): Details {
	const size = Math.max(200_000, Math.ceil(of.size / (of.size > 100_000_000 ? 120 : 8)));
	const split = of.phase !== 'queued';
	const attempts = of.fault
		? [
				{ at: of.added_at + 4_000, step: 'part 3', fault: FAULTS.network },
				{ at: of.added_at + 9_000, step: 'create', fault: of.fault },
			]
		: [];
	return {
		row: of,
		mode: 'parts',
		part_size: split ? size : 0,
		parts: split ? parts(of, size) : [],
		attempts,
		remote: split ? { session: `ses_${of.id.slice(4, 12)}` } : {},
		receipt: receipt(of),
	};
}
