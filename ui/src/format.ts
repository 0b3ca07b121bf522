// Bytes, speed and time as text. Pure functions; refuses clocks: the present is always an argument.

const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB', 'PB'] as const;

/** A size in decimal units: `0 bytes`, `999 bytes`, `1.2 GB`. */
export function bytes(count: number): string {
	if (count === 1) return '1 byte';
	if (count < 1000) return `${count} bytes`;
	let value = count;
	let unit = 0;
	// 999.5 would be rounded to 1000 of the same unit.
	while (value >= 999.5 && unit < UNITS.length - 1) {
		value /= 1000;
		unit += 1;
	}
	return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** A rate: `4.2 MB/s`. */
export function speed(bytesPerSecond: number): string {
	return `${bytes(Math.round(bytesPerSecond))}/s`;
}

function counted(count: number, unit: string): string {
	return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** A span of time in one or two units, for a screen: `45 s`, `3 min`, `2 h 5 min`, `3 d 4 h`. */
export function span(seconds: number): string {
	if (seconds < 59.5) return `${Math.max(1, Math.round(seconds))} s`;
	const minutes = Math.round(seconds / 60);
	if (minutes < 60) return `${minutes} min`;
	const hours = Math.floor(minutes / 60);
	if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
	const days = Math.floor(hours / 24);
	return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}

/** The same span in whole words, for a screen reader: `3 minutes`. */
export function spokenSpan(seconds: number): string {
	if (seconds < 59.5) return counted(Math.max(1, Math.round(seconds)), 'second');
	const minutes = Math.round(seconds / 60);
	if (minutes < 60) return counted(minutes, 'minute');
	const hours = Math.round(minutes / 60);
	return hours < 48 ? counted(hours, 'hour') : counted(Math.round(hours / 24), 'day');
}

/** A part of a whole in percent. Never 100 before the last byte; nothing of nothing is 0. */
export function percent(part: number, whole: number): number {
	if (whole <= 0) return 0;
	return part >= whole ? 100 : Math.min(99, Math.floor((part / whole) * 100));
}

/** How far an upload is that has not ended, in percent: bytes on the wire count, the last percent is the service's answer. */
export function underway(sent: number, size: number): number {
	return Math.min(99, percent(sent, size));
}

/** A message as a sentence: it begins with a capital and ends with a dot. */
export function sentence(message: string): string {
	const text = message.trim();
	const end = /[.!?]$/u.test(text) || text === '' ? '' : '.';
	return text.charAt(0).toUpperCase() + text.slice(1) + end;
}

/** The time of day with seconds: `14:32:10`. */
export function clock(timestamp: number): string {
	return new Date(timestamp).toLocaleTimeString('en-US', { hourCycle: 'h23', hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

/** Date and time: `Nov 21, 2026, 14:32:10`. */
export function moment(timestamp: number): string {
	const day = new Date(timestamp).toLocaleDateString('en-US', { year: 'numeric', month: 'short', day: 'numeric' });
	return `${day}, ${clock(timestamp)}`;
}

/** A count with thousands separated: `10,000`. */
export function count(value: number): string {
	return value.toLocaleString('en-US');
}

/** The name of the folder that a file is in; nothing for what is in none, such as an address. */
export function folderName(path: string): string {
	const [place] = splitPath(path);
	return place.includes('://') ? '' : splitPath(place.slice(0, -1))[1];
}

/** A path as the place and the name at its end, with the separator between them on the place: `['/home/ada/', 'Scans']`. */
export function splitPath(path: string): [place: string, name: string] {
	// Escaped characters, such as `\\u{202e}`, hold a backslash that separates nothing.
	const windows = /^([A-Za-z]:)?\\(?!u\{)/.test(path);
	const end = windows ? path.search(/\\(?!u\{)(?:(?!\\(?!u\{)).)*$/) : path.lastIndexOf('/');
	return end === -1 || end === path.length - 1 ? ['', path] : [path.slice(0, end + 1), path.slice(end + 1)];
}
