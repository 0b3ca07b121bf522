// The pictures of rows: their names, and which state, verb and kind of file each belongs to.

import type { State } from '../standing';

/** One picture of the page's own set. */
export type GlyphName =
	| 'alert'
	| 'archive'
	| 'ban'
	| 'cancel'
	| 'check'
	| 'clock'
	| 'copy'
	| 'dashed'
	| 'failed'
	| 'file'
	| 'key'
	| 'link'
	| 'loader'
	| 'menu'
	| 'missing'
	| 'music'
	| 'next'
	| 'offline'
	| 'pause'
	| 'paused'
	| 'picture'
	| 'remove'
	| 'resume'
	| 'retry'
	| 'shield'
	| 'table'
	| 'text'
	| 'up'
	| 'video';

/** The picture of each state. Verbs have theirs by their own name; cancel and remove never look alike. */
export const STATE_GLYPHS: Record<State, GlyphName> = {
	waiting: 'dashed',
	preparing: 'loader',
	uploading: 'up',
	finishing: 'loader',
	done: 'check',
	paused: 'paused',
	retrying: 'clock',
	offline: 'offline',
	needs_key: 'alert',
	missing: 'missing',
	unfinished: 'clock',
	failed: 'failed',
	canceled: 'ban',
};

const KINDS: readonly [RegExp, GlyphName][] = [
	[/\.(png|jpe?g|gif|webp|svg|tiff?|heic|exr|raw|dng)$/i, 'picture'],
	[/\.(mp4|mov|mkv|avi|webm|mxf)$/i, 'video'],
	[/\.(wav|mp3|flac|ogg|aac|m4a)$/i, 'music'],
	[/\.(zip|tar|gz|zst|xz|7z|rar|tgz)$/i, 'archive'],
	[/\.(csv|xlsx?|ods|parquet|tsv)$/i, 'table'],
	[/\.(txt|md|pdf|docx?|odt|html?|rtf)$/i, 'text'],
];

/** The picture of a kind of file, guessed from the name's ending. */
export function fileGlyph(name: string): GlyphName {
	return KINDS.find(([ending]) => ending.test(name))?.[1] ?? 'file';
}
