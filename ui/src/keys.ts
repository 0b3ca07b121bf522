// The one table of keys: what is bound, what the help dialog lists. Refuses behavior; a view gives each key its deed.

/** What a key does. */
export type KeyId =
	| 'addFiles'
	| 'addFolder'
	| 'paste'
	| 'filter'
	| 'pauseAll'
	| 'settings'
	| 'help'
	| 'zoomIn'
	| 'zoomOut'
	| 'zoomReset'
	| 'move'
	| 'extend'
	| 'ends'
	| 'selectAll'
	| 'toggle'
	| 'retry'
	| 'next'
	| 'details'
	| 'drop'
	| 'copy'
	| 'menu'
	| 'clear';

/** One line of the table. */
export interface KeyLine {
	/** What it does. */
	id: KeyId;
	/** In tinykeys' notation; several when more than one works. */
	keys: string[];
	/** What it does, for people. */
	label: string;
	/** Where it works. */
	where: 'everywhere' | 'list';
	/** Whether the keys are a pair that the help shows together, rather than choices. */
	both?: true;
}

/** Every key, in the order of the help dialog. */
export const KEYS: readonly KeyLine[] = [
	{ id: 'addFiles', keys: ['$mod+o'], label: 'Add files', where: 'everywhere' },
	{ id: 'addFolder', keys: ['$mod+Shift+o'], label: 'Add folder', where: 'everywhere' },
	{ id: 'paste', keys: ['$mod+v'], label: 'Paste files', where: 'everywhere' },
	{ id: 'filter', keys: ['$mod+f'], label: 'Filter the list', where: 'everywhere' },
	{ id: 'pauseAll', keys: ['$mod+Shift+p'], label: 'Pause or resume all', where: 'everywhere' },
	{ id: 'settings', keys: ['$mod+,'], label: 'Settings', where: 'everywhere' },
	{ id: 'help', keys: ['Shift+?', '?', '$mod+/', '$mod+Shift+?'], label: 'Keyboard shortcuts', where: 'everywhere' },
	{ id: 'zoomIn', keys: ['$mod++', '$mod+=', '$mod+Shift++'], label: 'Larger', where: 'everywhere' },
	{ id: 'zoomOut', keys: ['$mod+-'], label: 'Smaller', where: 'everywhere' },
	{ id: 'zoomReset', keys: ['$mod+0'], label: 'Usual size', where: 'everywhere' },
	{ id: 'move', keys: ['ArrowUp', 'ArrowDown'], label: 'Move through the list', where: 'list', both: true },
	{ id: 'extend', keys: ['Shift+ArrowUp', 'Shift+ArrowDown'], label: 'Extend the selection', where: 'list', both: true },
	{ id: 'ends', keys: ['Home', 'End'], label: 'First or last upload', where: 'list', both: true },
	{ id: 'selectAll', keys: ['$mod+a'], label: 'Select all', where: 'list' },
	{ id: 'toggle', keys: ['Space'], label: 'Pause or resume', where: 'list' },
	{ id: 'retry', keys: ['r'], label: 'Retry', where: 'list' },
	{ id: 'next', keys: ['n'], label: 'Upload next', where: 'list' },
	{ id: 'details', keys: ['Enter'], label: 'Show details', where: 'list' },
	{ id: 'drop', keys: ['Delete', 'Backspace'], label: 'Cancel, or remove from list when ended', where: 'list' },
	{ id: 'copy', keys: ['$mod+c'], label: 'Copy link or ID', where: 'list' },
	{ id: 'menu', keys: ['Shift+F10', 'ContextMenu'], label: 'More actions', where: 'list' },
	{ id: 'clear', keys: ['Escape'], label: 'Close details, clear selection', where: 'list' },
];

/** Tinykeys' bindings for some lines of the table. */
export function bindings(deeds: Partial<Record<KeyId, (event: KeyboardEvent) => void>>): Record<string, (event: KeyboardEvent) => void> {
	const bound: Record<string, (event: KeyboardEvent) => void> = {};
	for (const { id, keys } of KEYS) {
		const deed = deeds[id];
		if (deed) for (const key of keys) bound[key] = deed;
	}
	return bound;
}

const NAMES: Record<string, string> = {
	ArrowUp: '↑',
	ArrowDown: '↓',
	Delete: 'Del',
	Escape: 'Esc',
	ContextMenu: 'Menu',
};

/** One key combination as it stands on the keyboard: `['Ctrl', 'Shift', 'O']`. */
export function caps(key: string, apple: boolean): string[] {
	// Split like tinykeys does: a plus sign that follows no letter is the key itself.
	return key.split(/\b\+/).map((piece) => {
		if (piece === '$mod') return apple ? '⌘' : 'Ctrl';
		if (piece === 'Shift' && apple) return '⇧';
		return NAMES[piece] ?? (piece.length === 1 ? piece.toUpperCase() : piece);
	});
}

/** Whether the keyboard has a command key. */
export const onApple = (): boolean => /Mac|iPhone|iPad/.test(navigator.platform);

/** Whether typed text goes into a field, so that plain keys are text and not commands. */
export function isTyping(event: Event): boolean {
	const target = event.target;
	return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
