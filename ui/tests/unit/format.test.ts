import { describe, expect, it } from 'vitest';
import { bytes, clock, folderName, percent, sentence, span, speed, spokenSpan, underway } from '../../src/format';

describe('bytes', () => {
	it.each([
		[0, '0 bytes'],
		[1, '1 byte'],
		[999, '999 bytes'],
		[1000, '1.0 KB'],
		[9_949, '9.9 KB'],
		[9_951, '10 KB'],
		[999_499, '999 KB'],
		[999_500, '1.0 MB'],
		[1_240_000_000, '1.2 GB'],
		[5_000_000_000_000_000_000, '5000 PB'],
	])('%d is %s', (count, text) => expect(bytes(count)).toBe(text));

	it('makes a speed', () => expect(speed(4_200_000.4)).toBe('4.2 MB/s'));
});

describe('span', () => {
	it.each([
		[0.2, '1 s', '1 second'],
		[59.4, '59 s', '59 seconds'],
		[59.6, '1 min', '1 minute'],
		[3_570, '1 h', '1 hour'],
		[7_500, '2 h 5 min', '2 hours'],
		[90_000, '1 d 1 h', '25 hours'],
		[259_200, '3 d', '3 days'],
	])('%d seconds are %s', (seconds, shown, spoken) => {
		expect(span(seconds)).toBe(shown);
		expect(spokenSpan(seconds)).toBe(spoken);
	});
});

describe('percent', () => {
	it('is 100 only with the last byte', () => expect([percent(999_999, 1_000_000), percent(5, 5)]).toEqual([99, 100]));
	it('is 0 of nothing', () => expect(percent(0, 0)).toBe(0));
	it('is not 100 before the service answered', () => expect(underway(5, 5)).toBe(99));
});

it('tells midnight as 00', () => expect(clock(new Date(2026, 0, 1, 0, 5, 9).getTime())).toBe('00:05:09'));

describe('sentence', () => {
	it('begins with a capital and ends once', () =>
		expect(['the key is wrong', 'Busy.', ''].map(sentence)).toEqual(['The key is wrong.', 'Busy.', '']));
});

describe('the folder of a file', () => {
	it.each([
		['/home/ada/Scans/a.pdf', 'Scans'],
		['C:\\Scans\\a.pdf', 'Scans'],
		['/a.pdf', ''],
		['https://example.com/files/a.pdf', ''],
	])('of %s is %s', (path, name) => expect(folderName(path)).toBe(name));
});
