// A person at work: with the keyboard alone, with drops, with names made to deceive.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOSTILE_NAMES } from '../../src/backend/fake/rows';
import { Site, violations } from './site';

let site: Site;
beforeAll(async () => {
	site = await Site.start();
});
afterAll(async () => {
	expect(site.complaints).toEqual([]);
	await site.stop();
});

/** Where the keyboard is, for people: the label or the text of the element. */
const FOCUS = `(() => { const at = document.activeElement; return at.dataset.testid ?? at.getAttribute('aria-label') ?? at.tagName; })()`;

describe('with the keyboard alone', () => {
	it('goes through the list, pauses, resumes, opens details, cancels, removes', async () => {
		const page = await site.open({ query: 'rows=11' });
		const press = (key: string): Promise<void> => page.keyboard.press(key);
		const row = page.getByTestId('row');
		const phase = (index: number): Promise<string | null> => row.nth(index).getAttribute('data-phase');

		for (let n = 0; n < 40 && (await page.evaluate(FOCUS)) !== 'row'; n += 1) await press('Tab');
		expect(await page.evaluate(FOCUS)).toBe('row');

		await press('Space');
		await page.locator('[data-index="0"][data-hold=paused]').waitFor();
		await press('Space');
		await page.locator('[data-index="0"][data-hold=none]').waitFor();

		await press('ArrowDown');
		await press('Enter');
		await page.getByTestId('details').getByText('first cause').waitFor();
		await press('ArrowDown');
		await page.getByTestId('receipt').waitFor();
		await press('Escape');
		expect(await page.getByTestId('details').count()).toBe(0);
		expect(await page.evaluate(FOCUS)).toBe('row');

		await press('Delete');
		await expect.poll(() => row.count()).toBe(10);
		await expect.poll(() => page.evaluate(FOCUS)).toBe('row');

		await press('Home');
		await press('Delete');
		await page.getByTestId('cancel-dialog').getByText('Quarterly report.pdf').waitFor();
		await page.getByTestId('cancel-confirm').focus();
		await press('Enter');
		await expect.poll(() => phase(0)).toBe('canceled');
		await expect.poll(() => page.evaluate(FOCUS)).toBe('row');

		await press('Control+a');
		await page.getByTestId('selection').getByText('10 selected').waitFor();
		await press('Escape');
		expect(await page.getByTestId('selection').count()).toBe(0);

		await press('Shift+F10');
		await page.getByTestId('menu').waitFor();
		await press('Escape');
		await expect.poll(() => page.evaluate(FOCUS)).toBe('row');

		await press('ArrowRight');
		expect(await page.evaluate(FOCUS)).toBe('row-remove');
		await press('ArrowLeft');
		expect(await page.evaluate(FOCUS)).toBe('row');
	});

	it('opens and closes dialogs and gives the focus back', async () => {
		const page = await site.open({ query: 'rows=3' });
		await page.getByTestId('add-account').focus();
		await page.keyboard.press('Enter');
		await page.getByTestId('account-dialog').waitFor();
		await page.keyboard.press('Escape');
		await expect.poll(() => page.evaluate(FOCUS)).toBe('add-account');
		await page.keyboard.press('Shift+?');
		await page.getByTestId('keys-dialog').waitFor();
		await page.keyboard.press('Escape');
		await page.keyboard.press('Control+,');
		await page.getByTestId('settings-dialog').waitFor();
		await page.getByTestId('theme-dark').focus();
		await page.keyboard.press('Space');
		expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('dark');
		await page.keyboard.press('Escape');
		await page.keyboard.press('Control+f');
		await page.keyboard.type('quarterly');
		await expect.poll(() => page.getByTestId('row').count()).toBe(1);
		await page.getByTestId('view-accounts').click();
		await page.keyboard.press('Control+f');
		await expect.poll(() => page.evaluate(FOCUS)).toBe('filter');
	});
});

describe('files', () => {
	const drop = `(() => {
		const files = new DataTransfer();
		for (const name of ['a.bin', 'empty.txt']) files.items.add(new File(['x'], name));
		document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: files }));
	})()`;

	it('without an account wait until one is added, then upload', async () => {
		const page = await site.open({ query: 'rows=0&accounts=0' });
		await page.dispatchEvent('body', 'dragenter');
		await page.getByTestId('drop-overlay').getByText('You add an account next').waitFor();
		await page.evaluate(drop);
		await page.getByTestId('account-dialog').getByText('Your files wait').waitFor();
		await page.getByTestId('account-key').fill('bad');
		await page.getByTestId('account-save').click();
		await page.getByTestId('fault').getByText('refused the key').waitFor();
		await page.getByTestId('account-key').fill('good');
		await page.getByTestId('account-test').click();
		await page.getByTestId('findings').waitFor();
		await page.getByTestId('account-save').click();
		await page.getByTestId('skipped-dialog').getByText('empty.txt').waitFor();
		await page.keyboard.press('Escape');
		await page.getByTestId('row').getByText('a.bin').waitFor();
	});

	it('with several accounts ask where, with a chosen one do not', async () => {
		const page = await site.open({ query: 'rows=0' });
		await page.keyboard.press('Control+v');
		await page.getByTestId('choose-dialog').waitFor();
		await page.locator('[data-testid=target][data-account=lab]').check();
		await page.getByTestId('choose-upload').click();
		await page.getByTestId('choose-dialog').waitFor({ state: 'detached' });
		await page.getByTestId('row').getByText('lab · ').waitFor();
		await page.getByTestId('rail-account').nth(0).click();
		await page.getByTestId('add-folder').click();
		await page.getByTestId('row').getByText('Shoot 2026-11').waitFor();
		expect(await page.getByTestId('choose-dialog').count()).toBe(0);
	});

	it('come into view when they are added to a long list', async () => {
		const page = await site.open({ query: 'rows=10000' });
		await page.getByTestId('rail-account').nth(0).click();
		await page.getByTestId('add-folder').click();
		await page.getByTestId('row').getByText('Shoot 2026-11').waitFor();
	});
});

it('shows hostile names as the text they are', async () => {
	const page = await site.open({ query: 'rows=0&hostile=1' });
	const shown = await page.locator('[data-testid=row] .name bdi').allTextContents();
	expect(shown).toEqual(HOSTILE_NAMES);
	expect(await page.locator('[data-testid=row] img, [data-testid=row] b, [data-testid=row] script').count()).toBe(0);
	expect(await page.title()).toBe('Skylift');
	await page.getByTestId('row').nth(3).dblclick();
	await page.getByTestId('details').waitFor();
	expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
});

it('stays with files while they are added', async () => {
	const page = await site.open({ query: 'rows=0&slow=600000' });
	const upload = page.getByTestId('choose-upload');
	await page.keyboard.press('Control+v');
	await upload.click();
	await upload.getByText('Adding…').waitFor();
	expect(await upload.isDisabled()).toBe(true);
	await page.keyboard.press('Escape');
	await page.mouse.click(2, 2);
	await page.getByTestId('choose-dialog').getByText('Adding…').waitFor();
	expect(await page.getByTestId('notice').count()).toBe(0);
});

it('asks before an upload that failed half way is removed, and closes its details with it', async () => {
	const page = await site.open({ query: 'rows=3&leftovers=1' });
	const row = page.getByTestId('row').filter({ hasText: 'conference-keynote' });
	await row.dblclick();
	await page.getByTestId('details').waitFor();
	await row.getByTestId('row-remove').click();
	await page.getByTestId('remove-dialog').getByText('conference-keynote-4k.mov', { exact: true }).waitFor();
	await page.keyboard.press('Escape');
	expect(await row.count()).toBe(1);
	await row.getByTestId('row-remove').click();
	await page.getByTestId('remove-confirm').click();
	await expect.poll(() => row.count()).toBe(0);
	await expect.poll(() => page.getByTestId('details').count()).toBe(0);
});

it('forgets what a test said when the key was changed', async () => {
	const page = await site.open({ query: 'rows=11' });
	await page.getByTestId('view-accounts').click();
	await page.getByTestId('account-retest').nth(2).click();
	await page.getByTestId('fault').waitFor();
	await page.getByTestId('account-change-key').nth(2).click();
	await page.getByTestId('account-key').fill('good');
	await page.getByTestId('key-save').click();
	await expect.poll(() => page.getByTestId('fault').count()).toBe(0);
});

it('asks for a key where one is refused, and goes on with a good one', async () => {
	const page = await site.open({ query: 'rows=11' });
	await page.getByTestId('tab-needs_you').click();
	await page.getByTestId('row-key').click();
	await page.getByTestId('account-key').fill('good');
	await page.getByTestId('key-save').click();
	await page.getByTestId('notice').getByText('was replaced').waitFor();
	await expect.poll(() => page.getByTestId('row-key').count()).toBe(0);
});

it('pauses and resumes all, and says so', async () => {
	const page = await site.open({ query: 'rows=40' });
	await page.getByTestId('pause-all').click();
	await page.getByTestId('totals').getByText('paused').waitFor();
	await expect.poll(() => page.getByTestId('pause-all').count()).toBe(0);
	await expect.poll(() => page.getByTestId('live').textContent()).toMatch(/paused/);
	await page.getByTestId('resume-all').click();
	await page.getByTestId('pause-all').waitFor();
});

it.each([
	['200 % at the least window', { width: 280, height: 200 }],
	['the least window', { width: 560, height: 400 }],
])('stays usable at %s', async (_, size) => {
	const page = await site.open({ query: 'rows=11', size });
	expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
	const height = async (part: string) => (await page.getByTestId(part).first().boundingBox())?.height ?? 0;
	expect(await height('list')).toBeGreaterThan(await height('row'));
	await page.getByTestId('row').first().getByTestId('row-menu').click();
	await page.getByTestId('menu').waitFor();
	expect(await violations(page)).toEqual([]);
	await page.keyboard.press('Escape');
	await page.getByTestId('add-account').click();
	await page.getByTestId('account-save').click({ trial: true });
});
