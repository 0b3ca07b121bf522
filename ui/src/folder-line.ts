// What is done with a watched folder, in one line: which files go, what happens to them afterwards, and how often it is
// looked through where that was chosen. Pure.

import type { FolderView } from './backend/bindings';
import { afterOf } from './folder-draft';
import { folderWords } from './folder-words';
import { bytes, spokenSpan } from './format';

/** The line: `Only *.mov, not raw/, from 1.0 MB · uploaded files go to the trash`. */
export function rulesLine(folder: Pick<FolderView, 'rules' | 'after' | 'move_to' | 'scan_every'>): string {
	const { include, exclude, min_size, min_age, subfolders, links } = folder.rules;
	const say = folderWords.rules;
	const which = [
		include.length > 0 ? say.only(include.join(' ')) : '',
		exclude.length > 0 ? say.not(exclude.join(' ')) : '',
		min_size > 0 ? say.size(bytes(min_size)) : '',
		min_age > 0 ? say.age(spokenSpan(min_age)) : '',
		subfolders ? '' : say.flat,
		links === 'follow' ? say.follow : '',
	].filter(Boolean);
	const files = (include.length > 0 ? which : [say.all, ...which]).join(', ');
	const after = afterOf(folder);
	const then = after === 'move' ? folderWords.after.move(folder.move_to ?? '') : folderWords.after[after];
	const looks = folder.scan_every === null ? '' : ` · ${say.every(spokenSpan(folder.scan_every))}`;
	return `${files.charAt(0).toUpperCase()}${files.slice(1)} · ${then}${looks}`;
}
