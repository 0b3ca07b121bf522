// What a person fills in for accounts and uploads: blank forms, what is wrong with them, what they become. Pure; the
// service has the last word, these are only the mistakes that need no question.

import type { NewAccount, OptionView, ServiceView } from './backend/bindings';
import { words } from './words';

/** An account while it is being filled in. */
export interface AccountDraft {
	/** The definition. */
	service: string;
	/** What the person calls it. */
	name: string;
	/** Another server; empty for the usual one. */
	baseUrl: string;
	/** The account options. */
	options: Record<string, string>;
	/** The key. */
	key: string;
}

/** Mistakes, by field: `name`, `baseUrl`, `option:NAME`. */
export type Mistakes = Readonly<Record<string, string>>;

/** Options as they are before anybody touched them. */
export function blankOptions(options: readonly OptionView[]): Record<string, string> {
	return Object.fromEntries(
		options.flatMap((option) => (option.kind === 'choice' && option.default !== null ? [[option.name, option.default]] : [])),
	);
}

/** A name for a first, second, third account of a service that nobody uses yet. */
export function freeName(service: string, taken: readonly string[]): string {
	const names = [service, ...taken.map((_, n) => `${service}-${n + 2}`)];
	return names.find((name) => !taken.includes(name)) ?? service;
}

/** A blank account of a service. */
export function blankAccount(service: ServiceView, taken: readonly string[]): AccountDraft {
	return { service: service.id, name: freeName(service.id, taken), baseUrl: '', options: blankOptions(service.account_options), key: '' };
}

/** Options that say something, as the engine takes them: a map becomes `NAME.KEY`. */
export function filled(options: Readonly<Record<string, string>>): Record<string, string> {
	const said = Object.entries(options).map(([name, value]) => [name, value.trim()] as const);
	return Object.fromEntries(said.filter(([name, value]) => value !== '' && !name.endsWith('.')));
}

/** What is wrong with options. */
export function optionMistakes(options: readonly OptionView[], values: Readonly<Record<string, string>>): Record<string, string> {
	const mistakes: Record<string, string> = {};
	for (const { name, label, kind, required, default: usual } of options) {
		const value = values[name]?.trim() ?? '';
		if (value === '' && required && usual === null) mistakes[`option:${name}`] = words.account.required(label);
		else if (value !== '' && kind === 'integer' && !/^-?\d+$/.test(value)) mistakes[`option:${name}`] = words.account.integer(label);
	}
	return mistakes;
}

function isBaseUrl(text: string): boolean {
	// `URL.parse` is newer than some of the web views we run in.
	if (!URL.canParse(text)) return false;
	const url = new URL(text);
	return url.protocol === 'https:' || (url.protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname));
}

/** What is wrong with an account. */
export function accountMistakes(draft: AccountDraft, service: ServiceView, taken: readonly string[]): Mistakes {
	const mistakes = optionMistakes(service.account_options, draft.options);
	const name = draft.name.trim();
	if (name === '') mistakes.name = words.account.required(words.account.name);
	else if (taken.includes(name)) mistakes.name = words.account.taken;
	const baseUrl = draft.baseUrl.trim();
	if (baseUrl !== '' && !isBaseUrl(baseUrl)) mistakes.baseUrl = words.account.url;
	return mistakes;
}

/** The account to add. */
export function newAccount(draft: AccountDraft, test: boolean): NewAccount {
	const [name, baseUrl, key] = [draft.name.trim(), draft.baseUrl.trim(), draft.key.trim()];
	return {
		name,
		service: draft.service,
		base_url: baseUrl === '' ? null : baseUrl,
		options: filled(draft.options),
		key: key === '' ? null : key,
		test,
	};
}
