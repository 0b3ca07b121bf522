// A little of the engine's rules: enough patterns to try a tester with. Refuses the rest of the grammar.

import type { FolderRules } from '../bindings';
import { fault } from './rows';

const TEMPORARY = ['.*', '~$*', '*~', '*.part', '*.crdownload', '*.tmp', 'Thumbs.db'];

function pattern(line: string): RegExp {
	if (/\[[^\]]*$|z-a/.test(line)) {
		throw fault(
			'setup',
			'reject',
			`the pattern ${JSON.stringify(line)} cannot be read: error parsing glob`,
			'Patterns are written as in a .gitignore file, such as *.mov or raw/.',
		);
	}
	const bare = line.replace(/^!/, '').replace(/^\/|\/$/g, '');
	const text = bare
		.replace(/[.+^${}()|[\]\\]/g, '\\$&')
		.replace(/\*\*/g, '\0')
		.replace(/\*/g, '[^/]*')
		.replace(/\0/g, '.*')
		.replace(/\?/g, '[^/]');
	return new RegExp(`(^|/)${text}(/|$)`, 'i');
}

/** The rule that leaves a name out, in the engine's words; `null` when it is taken. */
export function ruleFor({ include, exclude, subfolders }: FolderRules, name: string): string | null {
	const asked = include.map(pattern);
	const said = exclude.map((line) => [line, pattern(line)] as const);
	if (!subfolders && name.includes('/')) return 'subfolders are left out';
	const last = said.findLast(([, fits]) => fits.test(name))?.[0];
	if (last !== undefined && !last.startsWith('!')) return `excluded by ${last}`;
	const temporary = last === undefined ? TEMPORARY.find((line) => pattern(line).test(name)) : undefined;
	if (temporary !== undefined) return `a temporary or hidden name (${temporary})`;
	return asked.length === 0 || asked.some((fits) => fits.test(name)) ? null : 'none of the include patterns fits it';
}
