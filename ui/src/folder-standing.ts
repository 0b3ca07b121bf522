// How a watched folder stands, for people: its name, its dot, its counts, what fates mean. Pure; refuses words.

import type { Fate, FolderState, FolderView } from './backend/bindings';
import { splitPath } from './format';

/** What a folder is called: the end of its path. */
export const nameOf = ({ path }: { path: string }): string => splitPath(path)[1];

/** The look of a folder's dot: full, square, ring, rotated square. */
export type FolderDotLook = 'good' | 'busy' | 'still' | 'alert';

const LOOKS: Record<FolderState, FolderDotLook> = { watching: 'good', scanning: 'busy', paused: 'still', gone: 'alert', stopped: 'alert' };

/** The look of a state. */
export const lookOf = (state: FolderState): FolderDotLook => LOOKS[state];

/** One count of a folder. */
export type CountName = 'sent' | 'queued' | 'unfinished' | 'failed' | 'excluded' | 'problems';

/** Every count, in the order they are shown. */
export const COUNTS: readonly CountName[] = ['sent', 'queued', 'unfinished', 'failed', 'excluded', 'problems'];

/** Whether a count wants to be looked at. */
export function isBad(name: CountName, folder: FolderView): boolean {
	return (name === 'failed' || name === 'problems') && folder[name] > 0;
}

/** What a fate means for a file: it goes, it is on its way or there, it stays, it cannot go. */
export type Course = 'goes' | 'there' | 'stays' | 'bad';

const COURSES: Record<Fate, Course> = {
	new: 'goes',
	changed: 'goes',
	queued: 'there',
	unfinished: 'there',
	sent: 'there',
	before: 'stays',
	canceled: 'stays',
	failed: 'bad',
	excluded: 'stays',
	refused: 'bad',
	unreadable: 'bad',
};

/** What a fate means. */
export const courseOf = (fate: Fate): Course => COURSES[fate];
