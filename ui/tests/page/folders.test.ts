// A person with watched folders: adds one with a look at what would happen, tries rules, pauses, changes, removes.

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Site, violations } from './site';

let site: Site;
beforeAll(async () => {
	site = await Site.start();
});
afterAll(async () => {
	expect(site.complaints).toEqual([]);
	await site.stop();
});

const card = (page: Page, name: string) => page.getByTestId('folder').filter({ has: page.getByRole('heading', { name }) });

it('is watched after a preview, from the empty state', async () => {
	const page = await site.open({ query: 'rows=0' });
	await page.getByTestId('empty-watch').click();
	const dialog = page.getByTestId('folder-dialog');
	await page.getByTestId('folder-look').click();
	await dialog.getByText('Choose the folder to watch.').waitFor();
	await expect.poll(() => page.evaluate('document.activeElement.dataset.testid')).toBe('folder-pick');
	await page.getByTestId('folder-pick').click();
	await dialog.getByText('Shoots').waitFor();
	await page.locator('[data-testid=target][data-account=lab]').check();
	await page.getByTestId('more-options').click();
	await dialog.getByText('{path} for the subfolder').waitFor();
	await page.getByTestId('folder-look').click();
	await dialog.getByText('Nothing is sent.').waitFor();
	await page.getByTestId('preview-row').first().waitFor();
	expect(await page.getByTestId('preview-row').count()).toBeLessThan(40);
	await page.getByTestId('fate-unreadable').click();
	await expect.poll(() => page.getByTestId('preview-row').count()).toBe(1);
	await page.getByTestId('folder-back').click();
	expect(await page.getByTestId('folder-pick-path').textContent()).toContain('/Users/ada/Pictures/Shoots');
	await page.getByTestId('folder-save').click();
	await card(page, 'Shoots').getByText('Uploads to lab').waitFor();
	await page.getByTestId('notice').getByText('Shoots is watched.').waitFor();
	await page.getByTestId('rail-folder').getByText('Shoots').waitFor();
});

it('needs an account first', async () => {
	const page = await site.open({ query: 'rows=0&accounts=0' });
	await page.getByTestId('add-watched').click();
	await page.getByTestId('account-dialog').getByText('the files of the folder').waitFor();
	await page.getByTestId('account-key').fill('good');
	await page.getByTestId('account-save').click();
	await page.getByTestId('folder-dialog').waitFor();
});

it('says at once what rules do to a path, and what is wrong with them', async () => {
	const page = await site.open({ query: 'rows=0' });
	await page.getByTestId('add-watched').click();
	const verdict = page.getByTestId('folder-verdict');
	await page.getByTestId('folder-test').fill('raw/film.mov');
	await verdict.getByText('This is uploaded.').waitFor();
	await page.getByTestId('folder-exclude').fill('raw/');
	await verdict.getByText('excluded by raw/').waitFor();
	await page.getByTestId('folder-exclude').fill('[z-a]');
	await expect.poll(() => page.getByTestId('folder-exclude').getAttribute('aria-invalid')).toBe('true');
	expect(await page.getByTestId('folder-include').getAttribute('aria-invalid')).toBe('false');
	expect(await verdict.textContent()).toBe('');
	await page.getByTestId('folder-exclude').fill('');
	await verdict.getByText('This is uploaded.').waitFor();
});

it('tells how each folder stands, and goes on by itself', async () => {
	const page = await site.open({ query: 'rows=0&folders=6' });
	const scanning = page.getByTestId('rail-folder').nth(1);
	await expect.poll(() => scanning.getAttribute('data-state')).toBe('scanning');
	await page.getByTestId('rail-folder').nth(2).click();
	const gone = card(page, 'Interviews');
	await gone.getByText('Skylift goes on by itself when it is back.').waitFor();
	await expect.poll(() => gone.evaluate((it) => it === document.activeElement)).toBe(true);
	const before = await card(page, 'Scans').locator('[data-count=queued] dd').textContent();
	await expect.poll(() => card(page, 'Scans').locator('[data-count=queued] dd').textContent()).not.toBe(before);
	await expect.poll(() => scanning.getAttribute('data-state')).toBe('watching');
	await card(page, 'Final masters for delivery').getByText('empty.mov').waitFor();
});

it('is paused, resumed, changed and removed', async () => {
	const page = await site.open({ query: 'rows=0&folders=6' });
	await page.getByTestId('view-folders').click();
	const shoots = card(page, 'Shoots');
	await shoots.getByTestId('folder-pause').click();
	await shoots.getByTestId('folder-reason').getByText('Paused.').waitFor();
	expect(await shoots.getByTestId('folder-scan').isDisabled()).toBe(true);
	await shoots.getByTestId('folder-resume').click();
	await shoots.getByTestId('folder-pause').waitFor();

	await shoots.getByTestId('folder-edit').click();
	expect(await page.getByTestId('folder-include').inputValue()).toBe('*.mov\n*.mp4');
	expect(await page.getByTestId('folder-target-path').textContent()).toContain('Sent');
	await page.getByTestId('folder-include').fill('*.wav');
	await page.getByTestId('folder-save').click();
	await shoots.getByTestId('folder-rules').getByText('Only *.wav').waitFor();
	await shoots.getByText('moved to /Users/ada/Pictures/Sent').waitFor();

	await shoots.getByTestId('folder-remove').click();
	await page.getByTestId('remove-folder-dialog').getByText('No file is touched').waitFor();
	await page.keyboard.press('Escape');
	await shoots.getByTestId('folder-remove').click();
	await page.getByTestId('remove-folder-confirm').click();
	await expect.poll(() => page.getByTestId('folder').count()).toBe(5);
});

it('is previewed with other choices before they are saved', async () => {
	const page = await site.open({ query: 'rows=0&folders=6' });
	await page.getByTestId('view-folders').click();
	await card(page, 'Shoots').getByTestId('folder-edit').click();
	await page.getByTestId('folder-exclude').fill('new-*');
	await page.getByTestId('folder-look').click();
	const dialog = page.getByTestId('folder-dialog');
	await dialog.getByRole('heading', { name: 'Preview of Shoots' }).waitFor();
	await page.getByTestId('fate-excluded').click();
	await page.getByTestId('preview-row').getByText('Excluded by new-*.').first().waitFor();
	expect(await page.getByTestId('fate-new').count()).toBe(0);
	await page.getByTestId('folder-back').click();
	expect(await page.getByTestId('folder-exclude').inputValue()).toBe('new-*');
	await page.getByTestId('folder-look').click();
	await page.getByTestId('fate-excluded').waitFor();
	await page.getByTestId('folder-save').click();
	await card(page, 'Shoots').getByTestId('folder-rules').getByText('not new-*').waitFor();
});

it('is looked through as often as a person says', async () => {
	const page = await site.open({ query: 'rows=0&folders=6' });
	await page.getByTestId('view-folders').click();
	await card(page, 'Shoots').getByTestId('folder-edit').click();
	await page.getByTestId('folder-more').click();
	await page.getByText('Left empty: Skylift chooses.').waitFor();
	await page.getByTestId('folder-scan-every').fill('0');
	await page.getByTestId('folder-save').click();
	await page.getByText('Write a number above 0').waitFor();
	await expect.poll(() => page.evaluate('document.activeElement.dataset.testid')).toBe('folder-scan-every');
	await page.getByTestId('folder-scan-every').fill('90');
	await page.getByTestId('folder-save').click();
	await page.getByTestId('folder-dialog').waitFor({ state: 'detached' });
	await card(page, 'Shoots').getByTestId('folder-edit').click();
	await page.getByTestId('folder-more').click();
	expect(await page.getByTestId('folder-scan-every').inputValue()).toBe('90');
});

it('that is not there says so to a preview of other choices', async () => {
	const page = await site.open({ query: 'rows=0&folders=6' });
	await page.getByTestId('view-folders').click();
	await card(page, 'Interviews').getByTestId('folder-edit').click();
	await page.getByTestId('folder-look').click();
	await page.getByTestId('folder-dialog').getByTestId('fault').getByText('drive is not connected').waitFor();
	await page.getByTestId('folder-save').click({ trial: true });
});

it('that begins with what comes from now on shows what stays', async () => {
	const page = await site.open({ query: 'rows=0' });
	await page.getByTestId('add-watched').click();
	await page.getByTestId('folder-pick').click();
	await page.getByTestId('folder-pick-path').waitFor();
	await page.getByTestId('folder-start-new').check();
	await page.getByTestId('folder-look').click();
	await page.getByTestId('fate-before').click();
	expect(await page.getByTestId('fate-new').count()).toBe(0);
	await page.getByTestId('preview-row').getByText('before the folder was watched').first().waitFor();
});

it('that is not there says why it has no preview', async () => {
	const page = await site.open({ query: 'rows=0&folders=6' });
	await page.getByTestId('view-folders').click();
	await card(page, 'Interviews').getByTestId('folder-preview').click();
	await page.getByTestId('preview-dialog').getByTestId('fault').getByText('drive is not connected').waitFor();
});

it('can be watched instead of uploaded once', async () => {
	const page = await site.open({ query: 'rows=0' });
	await page.keyboard.press('Control+Shift+o');
	await page.getByTestId('choose-watch').click();
	expect(await page.getByTestId('folder-pick-path').textContent()).toContain('Shoot 2026-11');
	await page.getByTestId('folder-save').click();
	await card(page, 'Shoot 2026-11').waitFor();
	expect(await page.getByTestId('choose-dialog').count()).toBe(0);
});

it('is reached by the keyboard alone', async () => {
	const page = await site.open({ query: 'rows=0&folders=3' });
	const at = `document.activeElement.dataset.testid`;
	for (let n = 0; n < 40 && (await page.evaluate(at)) !== 'add-watched'; n += 1) await page.keyboard.press('Tab');
	await page.keyboard.press('Enter');
	await page.getByTestId('folder-dialog').waitFor();
	await page.keyboard.press('Escape');
	await expect.poll(() => page.evaluate(at)).toBe('add-watched');
	await page.keyboard.press('Tab');
	await page.keyboard.press('Enter');
	await expect.poll(() => page.evaluate(at)).toBe('folder');
	await page.keyboard.press('Tab');
	expect(await page.evaluate(at)).toBe('folder-pause');
});

it.each([
	['200 % at the least window', { width: 280, height: 200 }],
	['the least window', { width: 560, height: 400 }],
])('stays usable at %s', async (_, size) => {
	const page = await site.open({ query: 'rows=0&folders=6', size });
	const fits = (): Promise<unknown> => page.evaluate('document.documentElement.scrollWidth <= innerWidth');
	await page.getByTestId('view-folders').click();
	expect(await fits()).toBe(true);
	await page.getByTestId('folder-edit').nth(3).click();
	await page.getByTestId('folder-save').click({ trial: true });
	await page.getByTestId('folder-test').fill('a/b');
	expect(await page.getByTestId('folder-dialog').evaluate((it) => it.scrollWidth <= it.clientWidth)).toBe(true);
	expect(await violations(page)).toEqual([]);
});
