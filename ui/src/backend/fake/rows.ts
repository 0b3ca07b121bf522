// Rows the scripted engine begins with: three that show different ends, or thousands in every state.

import type { Fault, FaultKind, Row, Verdict } from '../bindings';

/** The present of the script's beginning. */
export const START = Date.now();

const MB = 1_000_000;

const NAMES = [
	'Quarterly report.pdf',
	'drone-survey-0412.mp4',
	'sensor_log_2026-11-20.parquet',
	'Team photo.jpg',
	'interview 07.wav',
	'backup.tar.zst',
	'index.html',
	'Müller & Söhne – Rechnung.pdf',
	'年度報告.docx',
	'model-weights.bin',
	'notes.md',
	'results.csv',
];

/** Names made to deceive: markup, a right-to-left override escaped by the engine, a very long one, mixed directions. */
export const HOSTILE_NAMES = [
	'<img src=x onerror="document.title=\'owned\'">.png',
	'invoice\\u{202e}fdp.exe',
	'{@html "<b>bold</b>"} & <script>document.title="owned"</script>.txt',
	`${'very-long-name-'.repeat(16)}end.bin`,
	'تقرير السنة 2026.pdf',
];

/** A number that follows from another, evenly spread over 0 to 1. */
export function spread(seed: number): number {
	const x = Math.sin(seed * 12.9898) * 43758.5453;
	return x - Math.floor(x);
}

/** A fault in the engine's words. */
export function fault(kind: FaultKind, verdict: Verdict, message: string, hint: string, more: Partial<Fault> = {}): Fault {
	return { kind, verdict, message, hint, status: null, service_code: null, retry_after_ms: null, ...more };
}

/** The faults that scripts use. */
export const FAULTS = {
	signIn: fault('sign_in', 'sign_in', 'The service refused the key.', 'Enter a valid key for this account; the upload then goes on.', {
		status: 401,
		service_code: 'unauthorized',
	}),
	tooLarge: fault(
		'too_large',
		'reject',
		'The file is larger than the 10 MB this service takes.',
		'Make the file smaller, or use a plan or a service that takes it.',
		{ status: 413, service_code: 'file_too_large' },
	),
	unknown: fault(
		'unknown_outcome',
		'reject',
		'The answer to the last request was lost, and this service cannot be asked whether the file arrived.',
		'Look at the service; if the file is not there, retry the upload.',
	),
	rateLimited: fault(
		'rate_limited',
		'slow',
		'The service takes no more requests for now.',
		'Goes on by itself when the service allows it.',
		{ status: 429, service_code: 'rate_limited', retry_after_ms: 20_000 },
	),
	network: fault('network', 'retry', 'The connection broke while part 3 was sent.', 'Skylift tries again by itself.'),
	missing: fault('source_missing', 'reject', 'The file is not there.', 'Put the file back or plug the drive in, then retry.'),
};

/** A fresh row. */
export function row(n: number, more: Partial<Row> = {}): Row {
	const name = more.name ?? (n < NAMES.length ? NAMES[n] : `frame-${String(n).padStart(5, '0')}.exr`) ?? '';
	const id = `0193${n.toString(16).padStart(8, '0')}-7000-8000-000000000000`;
	const size = Math.round((0.4 + spread(n) * (n % 7 === 1 ? 900 : 60)) * MB);
	return {
		id,
		path: `/Users/ada/Uploads/${name}`,
		name,
		account: 'team-wiki',
		service: 'notion',
		size,
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
		rank: n,
		added_at: START - 60_000 + n,
		finished_at: null,
		remote_id: null,
		remote_url: null,
		verified: null,
		note: null,
		...more,
	};
}

/** What changes when a row is done. */
export function done(of: Row, at: number): Row {
	const { size } = of;
	const n = of.rank;
	return {
		...of,
		phase: 'completed',
		hold: 'none',
		active: false,
		acknowledged: size,
		sent: size,
		rate: 0,
		reason: null,
		until: null,
		fault: null,
		attempts: Math.max(1, of.attempts),
		finished_at: at,
		remote_id: `file_${of.id.slice(4, 12)}`,
		remote_url: n % 2 === 0 ? `https://files.example/${of.id.slice(4, 12)}` : null,
		verified: (['checksum', 'size', 'none'] as const)[n % 3] ?? 'none',
	};
}

const SHOWN: ((n: number) => Row)[] = [
	(n) => row(n, { phase: 'uploading', active: true, reason: null, size: 96 * MB, acknowledged: 2 * MB, sent: 3 * MB }),
	(n) =>
		row(n, {
			phase: 'failed',
			account: 'billing',
			service: 'rebilly',
			size: 48 * MB,
			reason: FAULTS.tooLarge.message,
			fault: FAULTS.tooLarge,
			attempts: 1,
			finished_at: START - 9_000,
		}),
	(n) => done(row(n, { account: 'lab', service: 'empirical' }), START - 30_000),
	(n) =>
		row(n, {
			phase: 'uploading',
			account: 'lab',
			service: 'empirical',
			hold: 'backoff',
			until: START + 20_000,
			reason: FAULTS.rateLimited.message,
			fault: FAULTS.rateLimited,
			size: 82 * MB,
			acknowledged: 30 * MB,
			sent: 30 * MB,
			attempts: 2,
		}),
	(n) => row(n, { account: 'billing', service: 'rebilly', hold: 'sign_in', reason: FAULTS.signIn.message, fault: FAULTS.signIn }),
	(n) => row(n, { phase: 'uploading', hold: 'paused', reason: 'You paused it.', size: 640 * MB, acknowledged: 250 * MB, sent: 250 * MB }),
	(n) =>
		row(n, {
			phase: 'uploading',
			hold: 'offline',
			reason: 'No connection; goes on by itself.',
			size: 9 * MB,
			acknowledged: 4 * MB,
			sent: 4 * MB,
		}),
	(n) => row(n, { hold: 'source_missing', reason: FAULTS.missing.message, fault: FAULTS.missing }),
	(n) => row(n, { phase: 'canceled', reason: 'The file was deleted or moved away before it was uploaded.', finished_at: START - 5_000 }),
	(n) => done(row(n), START - 40_000),
	(n) => row(n),
	(n) =>
		row(n, {
			phase: 'failed',
			account: 'billing',
			service: 'rebilly',
			reason: FAULTS.unknown.message,
			fault: FAULTS.unknown,
			attempts: 1,
			finished_at: START - 60_000,
		}),
];

/** The first rows of a script: up to twelve in different states, then mostly done and waiting ones. */
export function beginning(count: number): Row[] {
	return Array.from({ length: count }, (_, n) => {
		const shown = SHOWN[n];
		if (shown) return shown(n);
		const chance = spread(n * 3);
		const base = row(n, n % 3 === 0 ? { account: 'lab', service: 'empirical' } : {});
		if (chance < 0.55) return done(base, START - n);
		return chance < 0.57
			? { ...base, phase: 'failed', reason: FAULTS.network.message, fault: FAULTS.network, attempts: 5, finished_at: START - n }
			: base;
	});
}
