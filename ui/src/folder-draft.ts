// What a person fills in for a watched folder: a blank form, the form of a folder that is watched, what is wrong with
// it, what it becomes. Pure; the engine has the last word, these are only the mistakes that need no question.

import type { Picked } from './backend/backend';
import type { AfterChoice, Fault, FolderChoices, FolderRules, FolderView, Links, OptionView } from './backend/bindings';
import { folderWords } from './folder-words';
import { filled, type Mistakes, optionMistakes } from './forms';

/** A number with its unit while it is being filled in. */
export interface Amount {
	/** The number; empty for none. */
	count: string;
	/** How much one is. */
	unit: number;
}

/** Units by how much one is, the smallest first. */
export type Units = readonly (readonly [unit: number, name: string])[];

/** Units of a size, in bytes. */
export const SIZES: Units = [
	[1, 'bytes'],
	[1_000, 'KB'],
	[1_000_000, 'MB'],
	[1_000_000_000, 'GB'],
];

/** Units of an age, in seconds. */
export const AGES: Units = [
	[1, 'seconds'],
	[60, 'minutes'],
	[3_600, 'hours'],
	[86_400, 'days'],
];

/** What happens to a file that was uploaded. */
export type After = 'keep' | 'trash' | 'move';

/** A watched folder while it is being filled in. */
export interface FolderDraft {
	/** Which folder; nothing before it is chosen. */
	folder: Picked | null;
	/** Where its files go. */
	account: string;
	/** The upload options. */
	options: Record<string, string>;
	/** Patterns of what goes, one a line. */
	include: string;
	/** Patterns of what stays, one a line. */
	exclude: string;
	/** How large a file must be. */
	minSize: Amount;
	/** How long ago a file must have changed last. */
	minAge: Amount;
	/** Whether subfolders are watched as well. */
	subfolders: boolean;
	/** What happens with links. */
	links: Links;
	/** What happens to a file that was uploaded. */
	after: After;
	/** Where it is moved; without a number when that stays as it is. */
	target: { pick: number | null; path: string } | null;
	/** Whether only what comes from now on goes. */
	onlyNew: boolean;
	/** How long until the whole folder is looked through again; empty for what Skylift chooses. */
	scanEvery: Amount;
}

/** An amount in the largest unit that says it in whole numbers. */
export function amountOf(value: number, units: Units, usual: number): Amount {
	if (value === 0) return { count: '', unit: usual };
	const unit = units.findLast(([one]) => value % one === 0)?.[0] ?? 1;
	return { count: String(value / unit), unit };
}

/** What an amount comes to; `null` when it is no number. */
export function amountValue({ count, unit }: Amount): number | null {
	const text = count.trim().replace(',', '.');
	if (text === '') return 0;
	const value = /^\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * unit) : Number.NaN;
	return Number.isSafeInteger(value) ? value : null;
}

const [MEGABYTE, MINUTE] = [1_000_000, 60];

/** A blank form. */
export function blankFolder(folder: Picked | null, account: string, options: Record<string, string>): FolderDraft {
	return {
		folder,
		account,
		options,
		include: '',
		exclude: '',
		minSize: { count: '', unit: MEGABYTE },
		minAge: { count: '', unit: MINUTE },
		subfolders: true,
		links: 'skip',
		after: 'keep',
		target: null,
		onlyNew: false,
		scanEvery: { count: '', unit: MINUTE },
	};
}

/** The form of a folder that is watched. */
export function draftOf(view: FolderView): FolderDraft {
	const { rules } = view;
	return {
		folder: null,
		account: view.account,
		options: view.options,
		include: rules.include.join('\n'),
		exclude: rules.exclude.join('\n'),
		minSize: amountOf(rules.min_size, SIZES, MEGABYTE),
		minAge: amountOf(rules.min_age, AGES, MINUTE),
		subfolders: rules.subfolders,
		links: rules.links,
		after: afterOf(view),
		target: view.move_to === null ? null : { pick: null, path: view.move_to },
		onlyNew: false,
		scanEvery: amountOf(view.scan_every ?? 0, AGES, MINUTE),
	};
}

/** What happens to the uploaded files of a folder. */
export function afterOf({ after }: Pick<FolderView, 'after'>): After {
	return after === 'trash' || after === 'move' ? after : 'keep';
}

/** Patterns, one for each line that says something. */
export function lines(text: string): string[] {
	return text
		.split('\n')
		.map((line) => line.trim())
		.filter(Boolean);
}

/** The rules of a form; amounts that are wrong count as none. */
export function rulesOf(draft: FolderDraft): FolderRules {
	return {
		include: lines(draft.include),
		exclude: lines(draft.exclude),
		min_size: amountValue(draft.minSize) ?? 0,
		min_age: amountValue(draft.minAge) ?? 0,
		subfolders: draft.subfolders,
		links: draft.links,
	};
}

function choiceOf({ after, target }: FolderDraft): AfterChoice | null {
	if (after !== 'move') return after;
	return target === null || target.pick === null ? null : { move: target.pick };
}

/** What is asked of the engine. Files that go where they went before are not named again. */
export function choicesOf(draft: FolderDraft): FolderChoices {
	return {
		account: draft.account,
		options: filled(draft.options),
		rules: rulesOf(draft),
		after: choiceOf(draft),
		scan_every: amountValue(draft.scanEvery) || null,
	};
}

/** What is wrong with a form, by field: `folder`, `target`, `minSize`, `minAge`, `scanEvery`, `option:NAME`. */
export function folderMistakes(draft: FolderDraft, options: readonly OptionView[], isNew: boolean): Mistakes {
	const mistakes = optionMistakes(options, draft.options);
	if (isNew && draft.folder === null) mistakes.folder = folderWords.form.noFolder;
	if (draft.after === 'move' && draft.target === null) mistakes.target = folderWords.form.noTarget;
	if (amountValue(draft.minSize) === null) mistakes.minSize = folderWords.form.noNumber;
	if (amountValue(draft.minAge) === null) mistakes.minAge = folderWords.form.noNumber;
	// A pause of nothing is no pause.
	if (draft.scanEvery.count.trim() !== '' && !amountValue(draft.scanEvery)) mistakes.scanEvery = folderWords.form.noPause;
	return mistakes;
}

/** Which list holds the pattern that a fault names; `null` when it is about something else. */
export function listOf({ message }: Fault, draft: FolderDraft): 'include' | 'exclude' | null {
	const named = (text: string): boolean => lines(text).some((line) => message.includes(JSON.stringify(line)));
	if (named(draft.exclude)) return 'exclude';
	return named(draft.include) ? 'include' : null;
}
