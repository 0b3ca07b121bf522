// Which rows are on the screen: tab, account and filter text. Counts come from the same rows, so tabs never lie.

import type { Row } from '../backend/bindings';
import { type Dot, type Group, groupOf, type Tab } from '../standing';

const URGENCY: readonly Dot[] = ['ok', 'waiting', 'active', 'needs_you'];

/** The rows to show, out of all. */
export class Listing {
	/** The tab. */
	tab: Tab = $state('all');
	/** Only this account; `null` for all. */
	account: string | null = $state(null);
	/** Only rows whose name or account holds this text. */
	text = $state('');

	#source: { readonly rows: readonly Row[] };
	#ofAccount = $derived.by(() => {
		const account = this.account;
		return account === null ? this.#source.rows : this.#source.rows.filter((row) => row.account === account);
	});

	/** How many rows are on each tab. */
	readonly counts: Readonly<Record<Tab, number>> = $derived.by(() => {
		const counts: Record<Tab | Group, number> = {
			all: this.#ofAccount.length,
			active: 0,
			waiting: 0,
			needs_you: 0,
			failed: 0,
			done: 0,
			canceled: 0,
		};
		for (const row of this.#ofAccount) counts[groupOf(row)] += 1;
		return counts;
	});

	/** The rows of the tab that the text fits, in the order of the queue. */
	readonly shown: readonly Row[] = $derived.by(() => {
		const { tab } = this;
		const text = this.text.trim().toLocaleLowerCase();
		if (tab === 'all' && text === '') return this.#ofAccount;
		return this.#ofAccount.filter(
			(row) => (tab === 'all' || groupOf(row) === tab) && (text === '' || `${row.name}\n${row.account}`.toLocaleLowerCase().includes(text)),
		);
	});

	/** How the uploads of each account stand, the most urgent first. */
	readonly dots: ReadonlyMap<string, Dot> = $derived.by(() => {
		const dots = new Map<string, Dot>();
		for (const row of this.#source.rows) {
			const group = groupOf(row);
			if (group !== 'active' && group !== 'waiting' && group !== 'needs_you') continue;
			const before = dots.get(row.account) ?? 'ok';
			if (URGENCY.indexOf(group) > URGENCY.indexOf(before)) dots.set(row.account, group);
		}
		return dots;
	});

	constructor(source: { readonly rows: readonly Row[] }) {
		this.#source = source;
	}
}
